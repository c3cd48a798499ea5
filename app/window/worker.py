"""The one bridge between the engine's threads and the window's."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from PyQt6.QtCore import QObject, pyqtSignal

from app.live.identities import Identities
from app.live.pacing import Pace
from app.live.presentation import CaptureTimes, Presenter, ScaledPicture, Viewport
from app.sources.connection import PAUSE_S, Connection, ConnectionState, ConnectionStatus
from engine.analyze import AnalyzerConfig, open_finder, open_reader
from engine.errors import FerError
from engine.mailbox import Closed, Latest
from engine.pipeline import FindStage, Pipeline, ReadStage
from engine.types import Analysis, Found, Frame
from engine.video.opening import Source, SourceInfo

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_UP_S: Final = 0.2
STOP_S: Final = 0.6  # for the threads to end: a window is to close within a second


class Worker(QObject):
    """Runs a source through the engine; moved to a `QThread` and run there.

    The source is opened and read on the capture thread, pictures are brought to the window's size
    on another: neither a camera that hangs nor a large screen holds anybody up. A source that
    lasts is waited for after it was lost, with networks and identities kept.

    After its end the last picture still follows the window's size, until `stop` is called.

    Attributes:
        captured: When frames arrived.
        device: What the networks run on; empty until they are loaded.
        info: Facts about the source; None until it was open.
    """

    opened = pyqtSignal()  # the source is open, again if it was lost
    lost = pyqtSignal(str)  # why; it is tried again
    ready = pyqtSignal()  # the networks are loaded
    frame_shown = pyqtSignal()  # a new picture can be taken
    analysed = pyqtSignal()  # a new analysis can be taken
    failed = pyqtSignal(str)  # it ended because of this
    ended = pyqtSignal()  # it ended, in whatever way; the last signal

    def __init__(
        self,
        open_source: Callable[[], Source],
        config: AnalyzerConfig,
        *,
        lasting: bool = False,
        pause_s: float = PAUSE_S,
        keep: Callable[[Analysis], object] | None = None,
        make_finder: Callable[[AnalyzerConfig], FindStage] = open_finder,
        make_reader: Callable[[AnalyzerConfig], ReadStage] = open_reader,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            open_source: Opens the source, on the capture thread.
            config: What to run.
            lasting: Open the source again whenever it is lost.
            pause_s: Between two tries, seconds.
            keep: Called with every analysis, on the worker's thread, and must not wait.
            make_finder: Makes what finds faces, on its own thread.
            make_reader: Makes what reads them, on its own thread.
        """
        super().__init__()
        self._config, self._keep = config, keep
        self._make_finder, self._make_reader = make_finder, make_reader
        self._stopping = threading.Event()
        self._presenter = Presenter(self.frame_shown.emit)
        self._analyses: Latest[Analysis] = Latest()
        self._connection = Connection(open_source, self._tell, lasting=lasting, pause_s=pause_s)
        self._pipeline = Pipeline(
            self._tapped(), self._finder, self._reader, live=True, join_s=STOP_S
        )
        self._pace, self._pace_lock = Pace(), threading.Lock()
        self._identities = Identities()  # of a file, which can be moved in
        self._whole = threading.Event()
        self._handed = threading.Condition()
        self._captured = self._found = self._kept = -1  # index of the last frame that came so far
        self.captured = CaptureTimes()
        self._came_s: float | None = None  # when the last frame did, by `time.monotonic`
        self.device = ""
        self.info: SourceInfo | None = None

    @property
    def source(self) -> Source | None:
        """What is open now."""
        return self._connection.source

    @property
    def dropped(self) -> int:
        """Frames that were never analysed."""
        return self._pipeline.dropped

    @property
    def silent_s(self) -> float | None:
        """Seconds since a live source's last frame; None before the first, and of a file."""
        if self._came_s is None or self.info is None or not self.info.live:
            return None
        return time.monotonic() - self._came_s

    @property
    def in_step(self) -> bool:
        """True while frames are shown together with their own faces."""
        with self._pace_lock:
            return self._pace.in_step

    def keep_every(self, *, on: bool) -> int:
        """Analyse every frame of a file from now on, however long that takes, or keep its pace.

        What is live cannot wait: nothing changes there.

        Returns:
            Index of the first frame from which on none is left out.
        """
        if on:
            self._whole.set()
        else:
            self._whole.clear()
        with self._handed:
            self._handed.notify_all()
            return self._captured + 1

    @property
    def settled(self) -> bool:
        """True while every frame that came, but those that were left out, was handed on."""
        with self._handed:
            return self._kept == self._captured

    def run(self) -> None:
        """Follow the source until it ends or `stop` is called."""
        try:
            self._presenter.start()
            with self._pipeline as results:
                for analysis, _ in results:
                    self._hand_on(analysis)
        except Closed:
            log.debug("stopped while handing on")
        except FerError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("analysis failed")
            self._fail(f"analysis failed: {error}")
        finally:
            self.ended.emit()

    def _hand_on(self, analysis: Analysis) -> None:
        if self.info is not None and not self.info.live:
            analysis = self._identities.named(analysis)
        if self._keep is not None:
            self._keep(analysis)
        index = analysis.frame.index
        with self._handed:
            self._kept = index
        with self._pace_lock:
            self._pace.analysed(index, self.captured.age_ms(index) or 0.0)
        if self.in_step:
            self._presenter.show(analysis.frame, analysis)
        if self._analyses.put(analysis):
            self.analysed.emit()

    def _fail(self, message: str) -> None:
        if not self._stopping.is_set():
            log.info("%s", message)
            self.failed.emit(message)

    def _tapped(self) -> Iterator[Frame]:
        """Show each frame at once, unless it may wait for its faces."""
        for frame in self._connection:
            frame.lock()
            self.captured.note(frame.index)
            self._came_s = time.monotonic()
            with self._handed:
                self._captured = frame.index
            with self._pace_lock:
                self._pace.frame(frame.index)
            if not self.in_step:
                self._presenter.show(frame)
            yield frame
            self._await_finder(frame.index)

    def _await_finder(self, index: int) -> None:
        """Where every frame counts, wait until this one is taken up: the next would replace it."""
        if self.info is None or self.info.live:
            return
        with self._handed:
            while self._whole.is_set() and self._found < index and not self._stopping.is_set():
                self._handed.wait(_LOOK_UP_S)

    def _taken_up(self, index: int) -> None:
        with self._handed:
            self._found = index
            self._handed.notify_all()

    def _tell(self, status: ConnectionStatus) -> None:
        if self._stopping.is_set():
            return
        if status.state is ConnectionState.RUNNING:
            self.info = status.info
            self.opened.emit()
        elif status.state is ConnectionState.LOST:
            log.info("%s", status.message)
            self.lost.emit(status.message)

    def _finder(self) -> FindStage:
        return _Told(self._make_finder(self._config), self._taken_up)

    def _reader(self) -> ReadStage:
        reader = self._make_reader(self._config)
        self.device = str(getattr(reader, "device", ""))
        self.ready.emit()
        return reader

    def take_picture(self) -> ScaledPicture | None:
        """Give the newest picture, once for each `frame_shown`; None after `stop`."""
        return _taken(self._presenter.pictures)

    def take_analysis(self) -> Analysis | None:
        """Give the newest analysis, once for each `analysed`; None after `stop`."""
        return _taken(self._analyses)

    def aim(self, target: Viewport) -> None:
        """Say what pictures the window wants."""
        self._presenter.aim(target)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread that renders pictures, after `stop`; False if it is late."""
        return self._presenter.join(timeout_s)

    def stop(self) -> None:
        """End soon; called directly, from any thread, any number of times."""
        self._stopping.set()
        with self._handed:
            self._handed.notify_all()
        self._connection.close()
        self._pipeline.stop()
        self._presenter.close()
        self._analyses.close()


class _Told:
    """A finder that says which frame it takes up."""

    def __init__(self, finder: FindStage, taken_up: Callable[[int], None]) -> None:
        self._finder, self._taken_up = finder, taken_up

    def find(self, frame: Frame) -> Found:
        self._taken_up(frame.index)
        return self._finder.find(frame)

    def close(self) -> None:
        self._finder.close()


def _taken(mailbox: Latest[T]) -> T | None:
    try:
        return mailbox.take()
    except Closed:
        return None
