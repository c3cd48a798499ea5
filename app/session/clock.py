"""The time of a recording: rises from 0, whatever the source's own time does."""

import time
from collections.abc import Callable
from typing import Final

JUMP_S: Final = 5.0  # a source that is further ahead of the clock than this was moved
FRAME_S: Final = 0.04  # from the last frame before a pause to the first after it
STEP_S: Final = 1.0  # most that a file which was paused and moved adds


class RecordingClock:
    """Turns the time of a source's frames into the time of a recording.

    A frame's own time counts, so that rows and video keep the camera's or the file's intervals.
    Where the source starts anew (a camera came back) or is moved (a file's seek bar), the time that
    really passed counts instead. Used under its owner's lock.

    Attributes:
        jumped: True if the last frame did not follow the one before.
        last_s: The recording's time at the last frame; 0 before the first.
    """

    def __init__(self, *, live: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Start at 0 with the first frame.

        Args:
            live: The source goes on whether or not anybody reads it.
            clock: Gives seconds.
        """
        self._live = live
        self._clock = clock
        self._source_s: float | None = None
        self._seen_s = 0.0
        self._held_s: float | None = None  # since when it stands still
        self.jumped = False
        self.last_s = 0.0

    def frame(self, time_s: float) -> float | None:
        """Give the recording's time of a frame; None if it is the last one again.

        Args:
            time_s: The frame's time in its source.
        """
        now_s = self._clock()
        if self._held_s is not None:
            return None
        if self._source_s is None and self._seen_s:  # it stood still
            self.last_s += FRAME_S
            self.jumped = True
        elif self._source_s is not None:
            step_s, passed_s = time_s - self._source_s, max(now_s - self._seen_s, 0.001)
            if step_s == 0:
                return None
            self.jumped = step_s < 0 or step_s > passed_s + JUMP_S
            if self.jumped:
                step_s = passed_s if self._live else min(passed_s, STEP_S)
            self.last_s += step_s
        self._source_s, self._seen_s = time_s, now_s
        return self.last_s

    def hold(self) -> None:
        """Stand still: what the source shows from now on has no time of the recording."""
        if self._held_s is None:
            self._held_s = self._clock()

    def go_on(self) -> float:
        """Run on with the next frame; give how long it stood still, seconds."""
        held_s, self._held_s = self._held_s, None
        self._source_s = None
        return 0.0 if held_s is None else self._clock() - held_s

    def now(self) -> float:
        """Give the recording's time at this moment, for a marker.

        The last frame's time and, if the source is live, what passed since that frame arrived: the
        time of the picture that is on the screen.
        """
        return max(self.last_s, self.at(self._clock()))

    def at(self, moment_s: float) -> float:
        """Give the recording's time at a moment of the clock, which may lie before the last frame.

        Where the source is a file, whose time does not pass like the clock's, it is `now`.
        """
        if not self._live or self._source_s is None or self._held_s is not None:
            return self.last_s
        return max(0.0, self.last_s + moment_s - self._seen_s)
