"""Slow work off the window's thread, its end told on it."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any, Final

from PyQt6.QtCore import QObject, pyqtSignal

from engine.errors import FerError

log = logging.getLogger(__name__)

CLOSE_S: Final = 5.0

Done = Callable[[Any], None]
Failed = Callable[[str], None]


class Jobs(QObject):
    """Runs one job after the other on a thread of its own."""

    _ended = pyqtSignal(int)

    def __init__(self, parent: QObject) -> None:
        """Start idle; `close` ends the thread."""
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="fer-review")
        self._jobs: dict[int, tuple[Future[Any], Done, Failed]] = {}
        self._count = 0
        self._telling, self._closed = Lock(), False
        self._ended.connect(self._finish)

    @property
    def busy(self) -> bool:
        """True while something runs or waits."""
        return bool(self._jobs)

    def run(self, work: Callable[[], Any], done: Done, failed: Failed) -> None:
        """Do `work`, then call `done` with its result or `failed` with a line, on this thread."""
        self._count += 1
        number = self._count
        future = self._pool.submit(work)
        self._jobs[number] = (future, done, failed)
        # The signal crosses to this object's thread; it carries no result.
        future.add_done_callback(lambda _: self._tell(number))

    def _tell(self, number: int) -> None:
        """Say that a job has ended; on its thread, which may be late: Qt's object may be gone."""
        with self._telling:
            if not self._closed:
                self._ended.emit(number)

    def _finish(self, number: int) -> None:
        if number not in self._jobs:
            return
        future, done, failed = self._jobs.pop(number)
        error = future.exception()
        if error is None:
            done(future.result())
            return
        if not isinstance(error, FerError):
            log.error("review", exc_info=error)
        failed(str(error) or type(error).__name__)

    def close(self) -> None:
        """Forget what waits, and give what runs a moment; what is being written is finished."""
        with self._telling:
            self._closed = True
        running = [future for future, _, _ in self._jobs.values()]
        self._jobs.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if wait(running, CLOSE_S).not_done:
            log.warning("review: a file is still being written; the program ends after it")
