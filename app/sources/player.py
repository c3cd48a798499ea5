"""A file as a live source: shown at its own pace, paused, stepped, moved in, faster or slower."""

import threading
import time
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Final

from engine.types import Frame
from engine.video.opening import Frames, Source, SourceConfig, SourceInfo

KEPT_BYTES: Final = 96_000_000  # of frames that can be stepped back to without decoding
KEPT_FRAMES: Final = 48
SPEEDS: Final = (0.25, 0.5, 1.0, 1.5, 2.0, 4.0)
LATE_S: Final = 0.25  # a reader that is this late is not hurried to catch up
_SAME_S: Final = 1e-4  # times of one frame are no further apart
_LOOK_S: Final = 0.2  # how often a waiting reader looks up

Opener = Callable[[SourceConfig], Source]


class Player(Frames):
    """Plays a file for a pipeline that drops what it has no time for.

    It never ends by itself: at the end it waits to be moved or closed. One thread reads; any
    thread plays, pauses, moves and closes.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        start_s: float = 0.0,
        playing: bool = True,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        changed: threading.Condition | None = None,
    ) -> None:
        """Open the file.

        Args:
            opener: Opens it from a place on, as `engine.video.opening.open_source` does.
            start_s: Where to begin, seconds of the file.
            playing: False shows the frame there, and waits.
            speed: 1 is the file's own.
            clock: Gives seconds.
            changed: What a reader waits on until a frame is due.

        Raises:
            SourceError: It cannot be opened.
        """
        self._opener, self._clock = opener, clock
        self._source = opener(SourceConfig(sequence=True))
        self.info: SourceInfo = self._source.info
        self.warnings: list[str] = []
        self._changed = changed or threading.Condition()
        self._playing, self._closed, self._ended = playing, False, False
        self._speed = speed
        self._wanted_s: float | None = start_s if start_s > 0 or not playing else None
        self._heading_s: float | None = None  # where it was told to go, until a frame is there
        self._steps = 0  # wanted, back where negative; presses add up
        self._count = 0
        self._kept: deque[Frame] = deque()  # the last frames of the file, in order
        self._at = -1  # which of them was shown last, from the newest: -1 is the newest
        self._position_s = 0.0
        self._times = array("d")  # of the file's frames, without a gap from its first one on
        self._gapless = start_s == 0 and playing  # the source is read from the file's beginning
        self._anchor: tuple[float, float] | None = None  # clock and file time that belong together

    @property
    def position_s(self) -> float:
        """Time of the frame that was read last, seconds of the file."""
        return self._position_s

    @property
    def heading_s(self) -> float:
        """Where it was told to go and is not yet; else `position_s`."""
        heading_s = self._heading_s
        return self._position_s if heading_s is None else heading_s

    @property
    def duration_s(self) -> float | None:
        """Length of the file, seconds; None if unknown."""
        return self.info.duration_s

    @property
    def frame_s(self) -> float:
        """How long a frame lasts, seconds."""
        return float(1 / (self.info.fps or Fraction(25)))

    @property
    def frame_number(self) -> int:
        """Number of the frame that was read last, from 1; see `frame_counted`."""
        at = bisect_right(self._times, self._position_s + _SAME_S)
        return at if self.frame_counted else round(self._position_s / self.frame_s) + 1

    @property
    def frame_counted(self) -> bool:
        """True if all frames before were read once; else the number is as in a file of one rate."""
        return bool(self._times) and self._position_s <= self._times[-1] + _SAME_S

    @property
    def playing(self) -> bool:
        """False while it is paused or at its end."""
        return self._playing and not self._ended

    @property
    def speed(self) -> float:
        """How fast it plays; 1 is the file's own."""
        return self._speed

    @property
    def ended(self) -> bool:
        """True once the last frame was read, until it is moved."""
        return self._ended

    def play(self) -> None:
        """Go on; from the beginning if it is at its end."""
        with self._changed:
            if self._ended:
                self._wanted_s, self._ended = 0.0, False
            self._playing, self._anchor = True, None
            self._changed.notify_all()

    def pause(self) -> None:
        """Hold the picture."""
        with self._changed:
            self._playing = False
            self._changed.notify_all()

    def step(self, frames: int = 1) -> None:
        """Pause, and show the frame so many later, or earlier where negative."""
        with self._changed:
            self._playing = False
            self._steps += frames
            self._changed.notify_all()

    def seek(self, time_s: float) -> None:
        """Show the frame at a time, paused or playing as before."""
        with self._changed:
            limit_s = self.info.duration_s
            time_s = max(0.0, time_s)
            if limit_s is not None:
                time_s = min(time_s, max(0.0, limit_s - self.frame_s))
            self._wanted_s, self._steps = time_s, 0
            self._heading_s = time_s
            self._changed.notify_all()

    def set_speed(self, speed: float) -> None:
        """Play faster (above 1) or slower."""
        with self._changed:
            self._speed, self._anchor = speed, None
            self._changed.notify_all()

    def read(self) -> Frame | None:
        """Wait for the next frame's time and give it; None after `close`."""
        while True:
            moved, back = self._wait_for_turn()
            if self._closed:
                return None
            if moved is not None:
                self._move(moved)
            frame = self._back(back) if back else self._following()
            if frame is None:
                with self._changed:
                    self._ended, self._steps = not self._closed, 0
                    self._arrive()
                continue
            at_once = moved is not None or back > 0
            if not self._wait_until_due(frame.time_s, at_once=at_once):
                continue  # moved or closed meanwhile: this frame is of the place before
            with self._changed:
                self._position_s = frame.time_s
                self._arrive()
            self._count += 1
            return replace(frame, index=self._count - 1)

    def _arrive(self) -> None:
        """Be where it was told to go, unless it was told anew."""
        if self._wanted_s is None:
            self._heading_s = None

    def _wait_for_turn(self) -> tuple[float | None, int]:
        """Wait until a frame is wanted.

        Returns:
            Where to go on from, if elsewhere, and how many frames to go back; None and 0 for the
            next one.
        """
        with self._changed:
            while not self._closed:
                if self._wanted_s is not None:
                    wanted, self._wanted_s = self._wanted_s, None
                    self._ended, self._anchor = False, None
                    return wanted, 0
                if self._steps < 0:
                    back, self._steps = -self._steps, 0
                    self._ended, self._anchor = False, None
                    return None, back
                if not self._ended and (self._playing or self._steps):
                    self._steps = max(0, self._steps - 1)
                    return None, 0
                self._changed.wait(_LOOK_S)
            return None, 0

    def _following(self) -> Frame | None:
        """Give the frame after the one shown last."""
        if self._at < -1:
            self._at += 1
            return self._kept[self._at]
        frame = self._source.read()
        if frame is not None:
            self._keep(frame)
        return frame

    def _keep(self, frame: Frame) -> None:
        self._count_in(frame.time_s)
        self._kept.append(frame)
        self._at = -1
        while len(self._kept) > self._room(frame):
            self._kept.popleft()

    def _count_in(self, time_s: float) -> None:
        """Note a frame's time, if all before it are; where it was noted, those after it go on."""
        times = self._times
        if self._gapless and (not times or time_s > times[-1] + _SAME_S):
            times.append(time_s)
        self._gapless = self._gapless or (bool(times) and abs(time_s - times[-1]) <= _SAME_S)

    def _room(self, frame: Frame) -> int:
        """Say how many frames of this size are kept."""
        return max(2, min(KEPT_FRAMES, KEPT_BYTES // frame.nbytes))

    def _back(self, frames: int) -> Frame | None:
        """Give the frame so many before the one shown last; the first one where there are fewer."""
        if not self._kept:
            return self._following()
        at = self._at - frames
        missing = -at - len(self._kept)
        if missing > 0 and self._kept[0].time_s > 0:
            self._decode_before(self._kept[0], missing)
            at = -1 - missing
        self._at = max(-len(self._kept), at)
        return self._kept[self._at] if self._kept else None

    def _decode_before(self, first: Frame, missing: int) -> None:
        """Decode what comes before the oldest frame that is kept, up to that one."""
        span = missing + self._room(first) // 2
        while True:
            start_s = max(0.0, first.time_s - (span + 0.5) * self.frame_s)
            self._move(start_s)
            while not self._closed and (frame := self._source.read()) is not None:
                self._keep(frame)
                if frame.time_s >= first.time_s:
                    break
            if len(self._kept) > missing or start_s == 0 or self._closed:
                return
            span *= 2  # the rate is not the same everywhere

    def _move(self, time_s: float) -> None:
        before = self._source
        self._gapless = time_s <= 0
        self._source = self._opener(SourceConfig(start_s=time_s, sequence=True))
        self._kept.clear()
        self._at = -1
        before.close()

    def _wait_until_due(self, time_s: float, *, at_once: bool) -> bool:
        with self._changed:
            if at_once or not self._playing:
                self._anchor = None
                return not self._closed
            now = self._clock()
            if self._anchor is None:
                self._anchor = (now, time_s)
            due = self._anchor[0] + (time_s - self._anchor[1]) / self._speed
            if now > due + LATE_S:
                self._anchor = (now, time_s)
            while (left := due - self._clock()) > 0 and self._playing:
                self._changed.wait(min(left, _LOOK_S))
                if self._closed or self._wanted_s is not None:
                    return False
                if self._anchor is None:  # another speed
                    break
            return not self._closed

    def close(self) -> None:
        """Let go of the file; from any thread, any number of times."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._source.close()
