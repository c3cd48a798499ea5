"""Runs one source after the other, each on a thread of its own."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from PyQt6.QtCore import QObject, Qt, QThread, pyqtSignal

from app.live.presentation import Viewport
from app.sources.choice import Choice
from app.window.texts import without_options
from app.window.worker import Worker
from engine.analyze import AnalyzerConfig
from engine.types import Analysis

log = logging.getLogger(__name__)

CLOSE_MS: Final = 900  # a window may take a second to close

MakeWorker = Callable[[Choice, AnalyzerConfig, Callable[[Analysis], object]], Worker]


def make_worker(
    choice: Choice, config: AnalyzerConfig, keep: Callable[[Analysis], object]
) -> Worker:
    """Make the worker that really runs."""
    return Worker(choice.opener(), config, lasting=choice.returns, keep=keep)


class Runner(QObject):
    """Owns the worker and its thread; its signals are of the current source only."""

    started = pyqtSignal()  # a source is being opened
    opened = pyqtSignal()  # it is open, again if it was lost
    ready = pyqtSignal()
    frame_shown = pyqtSignal()
    analysed = pyqtSignal()
    failed = pyqtSignal(str, bool)  # why, and whether it is tried again
    ended = pyqtSignal()

    def __init__(
        self,
        keep: Callable[[Analysis], object],
        make: MakeWorker = make_worker,
        parent: QObject | None = None,
    ) -> None:
        """Run nothing yet.

        Args:
            keep: Called with every analysis on the worker's thread; must not wait.
            make: Makes workers.
            parent: Qt's.
        """
        super().__init__(parent)
        self._keep, self._make = keep, make
        self._threads: list[tuple[QThread, Worker]] = []
        self._target = Viewport()
        self._over = False
        self.worker: Worker | None = None
        self.choice: Choice | None = None

    @property
    def running(self) -> bool:
        """True while a thread of any source has not ended."""
        return any(not thread.isFinished() for thread, _ in self._threads)

    def start(self, choice: Choice, config: AnalyzerConfig) -> None:
        """Leave what runs and open another source."""
        self.stop()
        self.choice = choice
        self._begin(choice, config)

    def aim(self, target: Viewport) -> None:
        """Say what pictures the window wants, now and from sources to come."""
        self._target = target
        if self.worker is not None:
            self.worker.aim(target)

    def stop(self) -> None:
        """Leave the source; returns at once, its thread ends soon."""
        if self.worker is not None:
            worker, self.worker = self.worker, None
            worker.stop()
        self.choice = None

    def close(self) -> bool:
        """Leave the source and wait for all threads; False if one is late."""
        workers = [worker for _, worker in self._threads]
        if self.worker is not None and self.worker not in workers:  # it had failed
            workers.append(self.worker)
        self.stop()
        deadline = time.monotonic() + CLOSE_MS / 1000
        ended = [thread.wait(_left_ms(deadline)) for thread, _ in self._threads]
        ended += [worker.join(_left_ms(deadline) / 1000) for worker in workers]
        if not all(ended):
            log.warning("%d threads are late and left behind", ended.count(False))
        return all(ended)

    def _begin(self, choice: Choice, config: AnalyzerConfig) -> None:
        worker, thread = self._make(choice, config, self._keep), QThread()
        thread.setObjectName("fer-worker")
        self.worker, self._over = worker, False
        self._threads.append((thread, worker))
        worker.aim(self._target)
        worker.moveToThread(thread)
        thread.started.connect(worker.run)
        for name in ("opened", "ready", "frame_shown", "analysed"):
            getattr(worker, name).connect(partial(self._pass_on, worker, name))
        worker.lost.connect(partial(self._failed, worker, again=True))
        worker.failed.connect(partial(self._failed, worker, again=False))
        # Direct: the window's thread, which is waiting in `close`, could not hand it on.
        direct = Qt.ConnectionType.DirectConnection
        worker.ended.connect(thread.quit, direct)  # type: ignore[call-arg] # missing in PyQt's stub
        thread.finished.connect(partial(self._finished, thread, worker))
        self.started.emit()
        thread.start()

    def _pass_on(self, worker: Worker, name: str) -> None:
        if worker is self.worker:
            getattr(self, name).emit()

    def _failed(self, worker: Worker, message: str, *, again: bool) -> None:
        if worker is self.worker:
            self._over = not again
            self.failed.emit(without_options(message), again)

    def _finished(self, thread: QThread, worker: Worker) -> None:
        self._threads = [pair for pair in self._threads if pair[0] is not thread]
        thread.deleteLater()
        if worker is self.worker and not self._over:
            self.ended.emit()


def _left_ms(deadline: float) -> int:
    return max(0, round(1000 * (deadline - time.monotonic())))
