"""Pictures of a video file by time, decoded on a thread of their own: the newest wish counts."""

import logging
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from engine.errors import FerError
from engine.mailbox import Closed, Latest
from engine.types import Frame
from engine.video.opening import Source, SourceConfig, open_source

log = logging.getLogger(__name__)

T = TypeVar("T")

AHEAD_S: Final = 2.0  # nearer than this, reading on is quicker than opening anew
BACK_S: Final = (0.5, 3.0, 15.0, float("inf"))  # tried in turn: how long a frame may be shown
SLACK_S: Final = 1e-4  # rounding of times in containers
JOIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A file of a recording's video.

    Attributes:
        start_s: When its first frame is shown, seconds of the recording.
        path: The file.
    """

    start_s: float
    path: Path


class VideoFrames:
    """Gives the frame that a player shows at a time. Used by one thread."""

    def __init__(self, path: Path) -> None:
        """Open the file and decode its first frame.

        Raises:
            SourceError: It cannot be opened, or holds no video.
        """
        self._path = path
        self._source: Source = open_source(str(path), SourceConfig(sequence=True))
        self.info = self._source.info
        self._shown: Frame | None = None
        self._next: Frame | None = None
        self._ended = False
        self._advance()

    def _advance(self) -> None:
        """Show the next frame."""
        self._shown = self._next or self._source.read()
        self._next = self._source.read()
        self._ended = self._next is None

    def at(self, time_s: float) -> Frame | None:
        """Give the last frame at or before a time, the first one before its time.

        Returns:
            The frame, its time counted from the first one; None if the file gives no picture.

        Raises:
            SourceError: The file cannot be read any more.
        """
        time_s = max(time_s, 0.0) + SLACK_S
        if not self._is_ahead(time_s):
            self._seek(time_s)
        while self._next is not None and self._next.time_s <= time_s:
            self._advance()
        return self._shown

    def _is_ahead(self, time_s: float) -> bool:
        """Tell whether reading on leads to the time soon."""
        if self._shown is None or time_s < self._shown.time_s:
            return False
        return self._ended or time_s - self._shown.time_s < AHEAD_S

    def _seek(self, time_s: float) -> None:
        length_s = self.info.duration_s
        if length_s is not None:  # to start at the end or later would be an error
            time_s = min(time_s, length_s)
        for back_s in BACK_S:
            start_s = max(0.0, time_s - back_s)
            self._source.close()
            self._source = open_source(
                str(self._path), SourceConfig(start_s=start_s, sequence=True)
            )
            self._shown = self._next = None
            self._advance()
            if start_s == 0.0 or (self._shown is not None and self._shown.time_s <= time_s):
                return

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()


class PartedFrames:
    """Gives the frame that is shown at a time of a recording in parts. Used by one thread."""

    def __init__(self, parts: Sequence[VideoPart]) -> None:
        """Take the parts, at least one, in order of time; nothing is opened yet."""
        self._parts = parts
        self._starts = [part.start_s for part in parts]
        self._number = -1
        self._video: VideoFrames | None = None
        self._broken: set[int] = set()

    def at(self, time_s: float) -> Frame | None:
        """Give the last frame at or before a time, its time counted from the recording's start.

        Returns:
            The frame; None if its part gives no picture, or has failed before.

        Raises:
            SourceError: The part cannot be opened or read; another one may be.
        """
        number = max(0, bisect_right(self._starts, max(time_s, 0.0) + SLACK_S) - 1)
        if number in self._broken:
            return None
        try:
            frame = self.open(number).at(time_s - self._starts[number])
        except FerError:
            self._broken.add(number)
            self.close()
            raise
        start_s = self._starts[number]
        return replace(frame, time_s=frame.time_s + start_s) if frame and start_s else frame

    def open(self, number: int) -> VideoFrames:
        """Give a part, open.

        Raises:
            SourceError: It cannot be opened, or holds no video.
        """
        if self._video is None or number != self._number:
            self.close()
            self._video, self._number = VideoFrames(self._parts[number].path), number
        return self._video

    def close(self) -> None:
        """Let go of the file."""
        if self._video is not None:
            self._video.close()
            self._video = None


class FrameServer:
    """Decodes the frame of the newest wish on a thread of its own.

    A wish replaces one that nobody has taken yet, so that a cursor that is dragged is followed
    without delay.
    """

    def __init__(
        self,
        parts: Sequence[VideoPart],
        show: Callable[[Frame], object],
        failed: Callable[[str], object],
    ) -> None:
        """Start; the first file is opened on the thread.

        Args:
            parts: The video, in order of time.
            show: Gets each frame, on the thread, and must not wait.
            failed: Gets one line when no frame will come any more, or none of a part, on the
                thread.
        """
        self._parts, self._show, self._failed = parts, show, failed
        self._wishes: Latest[float] = Latest()
        self._thread = threading.Thread(target=self._run, name="fer-frames", daemon=True)
        self._thread.start()

    def ask(self, time_s: float) -> None:
        """Wish for the frame at a time; never waits."""
        try:
            self._wishes.put(time_s)
        except Closed:
            log.debug("%s: asked after the end", self._parts[0].path.name)

    def close(self) -> bool:
        """End the thread; False if it is late."""
        self._wishes.close()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.warning("thread %s is late and left behind", self._thread.name)
        return not self._thread.is_alive()

    def _run(self) -> None:
        video = PartedFrames(self._parts)
        try:
            self._try(lambda: video.open(0))
            for time_s in self._wishes:
                frame = self._try(partial(video.at, time_s))
                if frame is not None:
                    self._show(frame)
        except FerError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("frames of %s", self._parts[0].path.name)
            self._fail(f"{self._parts[0].path.name}: cannot be shown: {error}")
        finally:
            video.close()

    def _try(self, work: Callable[[], T]) -> T | None:
        """Do something with a part; where there are others, its failure is only told."""
        try:
            return work()
        except FerError as error:
            if len(self._parts) == 1:
                raise
            self._failed(str(error))
            return None

    def _fail(self, message: str) -> None:
        self._wishes.close()
        self._failed(message)
