"""When to look for faces in the whole frame: as often a second as a new face may wait."""

from typing import Final, Literal

Look = Literal["whole", "glance"]

# A face that appears while others are followed is seen so soon, whatever the frame rate: one that
# is wider than a tenth of the long side by a glance, any other by a whole look.
GLANCED: Final = 0.1  # of the long side; faces that are wider need no more than a glance
GLANCE_S: Final = 0.1
WHOLE_S: Final = 0.3
USUAL: Final = 10  # frames between whole looks; whoever wants fewer lets faces wait for longer
ROUNDING_S: Final = 1e-3  # of times in files
LOST: Final = 3  # frames between whole looks while somebody is lost


class Schedule:
    """Counts frames and time since the last looks.

    Args:
        every: Frames between whole looks, at most.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._whole_s = WHOLE_S * max(1.0, every / USUAL)
        self._since = 0
        self._last_whole_s = self._last_s = 0.0

    def due(self, time_s: float, *, following: bool, lost: bool, cut: bool) -> Look | None:
        """Say how to look at this frame, and count it.

        A face that showed in the frame after the last look has waited until this one; a look is
        due where waiting for the next frame would be too long.

        Args:
            time_s: Of the frame.
            following: Somebody is; else every frame is looked at.
            lost: Somebody was followed who may soon show again, and is too small for a glance.
            cut: The frame may begin another shot.
        """
        self._since += 1
        every = min(self._every, LOST) if lost else self._every
        waited_s = time_s - self._last_whole_s
        if cut or not following or self._since >= every or waited_s > self._whole_s + ROUNDING_S:
            self._since, self._last_whole_s, self._last_s = 0, time_s, time_s
            return "whole"
        if time_s - self._last_s > GLANCE_S + ROUNDING_S:
            self._last_s = time_s
            return "glance"
        return None
