"""The one bridge between the engine's threads and the window's."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from PyQt6.QtCore import QObject, pyqtSignal

from engine.analyze import AnalyzerConfig, open_finder, open_reader
from engine.errors import FerError
from engine.pipeline import Finder, Pipeline, Reader
from engine.source import Source, SourceInfo
from engine.types import Analysis, Frame

log = logging.getLogger(__name__)

_REMEMBERED: Final = 256  # frames whose moment of capture is known


class Newest:
    """The newest frame and analysis, and when frames were captured; any thread may ask.

    Signals only say that something is new: what is new lies here, once, however late the
    window is.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty."""
        self._clock = clock
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self._analysis: Analysis | None = None
        self._captured: OrderedDict[int, float] = OrderedDict()
        self._told = {"frame": False, "analysis": False}

    def put_frame(self, frame: Frame) -> bool:
        """Store a frame; True if the one before was taken, so that a notice is due."""
        with self._lock:
            self._frame = frame
            self._captured[frame.index] = self._clock()
            while len(self._captured) > _REMEMBERED:
                self._captured.popitem(last=False)
            return self._tell("frame")

    def put_analysis(self, analysis: Analysis) -> bool:
        """Store an analysis; True if the one before was taken, so that a notice is due."""
        with self._lock:
            self._analysis = analysis
            return self._tell("analysis")

    def _tell(self, what: str) -> bool:
        told, self._told[what] = self._told[what], True
        return not told

    def take_frame(self) -> Frame | None:
        """Give the newest frame."""
        with self._lock:
            self._told["frame"] = False
            return self._frame

    def take_analysis(self) -> Analysis | None:
        """Give the newest analysis."""
        with self._lock:
            self._told["analysis"] = False
            return self._analysis

    def latency_ms(self, index: int) -> float:
        """Give the time since a frame was captured, milliseconds; 0 if that is forgotten."""
        with self._lock:
            at = self._captured.get(index)
        return 0.0 if at is None else 1000 * (self._clock() - at)


class Worker(QObject):
    """Opens a source and runs it through the engine; moved to a `QThread` and run there.

    Attributes:
        newest: What the window shows.
        source: The open source; None before and after.
    """

    opened = pyqtSignal()  # the source is open, the networks are being loaded
    ready = pyqtSignal()  # the networks are loaded
    frame_shown = pyqtSignal()  # a new frame is in `newest`
    analysed = pyqtSignal()  # a new analysis is in `newest`
    failed = pyqtSignal(str)  # it ended because of this
    ended = pyqtSignal()  # it ended, in whatever way; the last signal

    def __init__(
        self,
        open_source: Callable[[], Source],
        config: AnalyzerConfig,
        *,
        keep: Callable[[Analysis], object] | None = None,
        make_finder: Callable[[AnalyzerConfig], Finder] = open_finder,
        make_reader: Callable[[AnalyzerConfig], Reader] = open_reader,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            open_source: Opens the source, on the worker's thread.
            config: What to run.
            keep: Called with every analysis, on the worker's thread, and must not wait.
            make_finder: Makes what finds faces, on its own thread.
            make_reader: Makes what reads them, on its own thread.
        """
        super().__init__()
        self._open, self._config, self._keep = open_source, config, keep
        self._make_finder, self._make_reader = make_finder, make_reader
        self._stopping = threading.Event()
        self._pipeline: Pipeline | None = None
        self.newest = Newest()
        self.source: Source | None = None
        self.device = ""

    @property
    def info(self) -> SourceInfo | None:
        """Facts about the open source."""
        return None if self.source is None else self.source.info

    @property
    def dropped(self) -> int:
        """Frames that were never analysed."""
        return 0 if self._pipeline is None else self._pipeline.dropped

    def run(self) -> None:
        """Open the source and follow it until it ends or `stop` is called."""
        try:
            self._run()
        except FerError as error:
            log.info("%s", error)
            if not self._stopping.is_set():
                self.failed.emit(str(error))
        except Exception as error:
            log.exception("analysis failed")
            self.failed.emit(f"analysis failed: {error}")
        finally:
            self.ended.emit()

    def _run(self) -> None:
        with self._open() as source:
            self.source = source
            if self._stopping.is_set():
                return
            self.opened.emit()
            self._pipeline = Pipeline(self._tapped(source), self._finder, self._reader, live=True)
            with self._pipeline as pipeline:
                if self._stopping.is_set():
                    return
                for analysis, _ in pipeline:
                    if self._keep is not None:
                        self._keep(analysis)
                    if self.newest.put_analysis(analysis):
                        self.analysed.emit()

    def _tapped(self, source: Source) -> Iterator[Frame]:
        """Show each frame at once, whether or not there is time to analyse it."""
        for frame in source:
            frame.image.flags.writeable = False
            if self.newest.put_frame(frame):
                self.frame_shown.emit()
            yield frame

    def _finder(self) -> Finder:
        return self._make_finder(self._config)

    def _reader(self) -> Reader:
        reader = self._make_reader(self._config)
        self.device = str(getattr(reader, "device", ""))
        self.ready.emit()
        return reader

    def stop(self) -> None:
        """End soon; called directly, from any thread, any number of times."""
        self._stopping.set()
        if self.source is not None:
            self.source.close()
        if self._pipeline is not None:
            self._pipeline.stop()
