"""A file that behaves as a camera: live, at its own rate, without an end."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from engine.errors import SourceError
from engine.types import Frame
from engine.video.opening import Frames, SourceConfig, SourceInfo, open_source

_FILM: Final = SourceConfig(sequence=True)
_LATE_S: Final = 0.25  # later than this, the frames go on from now


class LoopedFile(Frames):
    """Plays a file again and again, for demonstrations and for tests without a camera."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float] = time.monotonic,
        closing: threading.Event | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: The file.
            clock: Gives seconds.
            closing: What a reader waits on until a frame is due; set by `close`.

        Raises:
            SourceError: It cannot be opened.
        """
        self._path, self._clock = str(path), clock
        self._closing = closing or threading.Event()
        self._source = open_source(self._path, _FILM)
        self.info: SourceInfo = replace(
            self._source.info, live=True, frame_count=None, duration_s=None
        )
        self.warnings: list[str] = self._source.warnings
        self._frame_s = float(1 / (self.info.fps or 25))
        self._count, self._base_s, self._last_s = 0, 0.0, 0.0
        self._start: float | None = None

    def read(self) -> Frame | None:
        """Wait for the next frame; None after `close`.

        Raises:
            SourceError: The file holds no frame any more.
        """
        frame = self._next()
        if frame is None:
            return None
        time_s = self._base_s + frame.time_s
        self._last_s = time_s
        now = self._clock()
        if self._start is None or now - (self._start + time_s) > _LATE_S:
            self._start = now - time_s
        if self._closing.wait(max(0.0, self._start + time_s - now)):
            return None
        self._count += 1
        return Frame(self._count - 1, time_s, frame.picture)

    def _next(self) -> Frame | None:
        frame = self._source.read()
        if frame is not None or self._closing.is_set():
            return frame
        self._source.close()
        self._source = open_source(self._path, _FILM)
        self._base_s = self._last_s + self._frame_s
        frame = self._source.read()
        if frame is None and not self._closing.is_set():
            raise SourceError(f"{self.info.name}: holds no frame any more")
        return frame

    def close(self) -> None:
        """Let go of the file; from any thread, any number of times."""
        self._closing.set()
        self._source.close()
