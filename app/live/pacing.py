"""Whether the picture may wait for its faces."""

from collections import deque
from typing import Final

FRAMES: Final = 20  # looked back over
SHARE_MIN: Final = 0.7  # of them analysed; half of them would be seen as a jerky picture
LATENCY_MAX_MS: Final = 100.0


class Pace:
    """Decides between two ways to show a live picture.

    While the analysis keeps up, each frame is shown together with its own faces, a few
    hundredths of a second late: boxes sit on the faces however fast these move. Where it does
    not, frames are shown at once, at the source's rate, and the boxes lag.
    """

    def __init__(self) -> None:
        """Start out of step."""
        self._frames: deque[int] = deque(maxlen=FRAMES)
        self._analysed: deque[int] = deque(maxlen=FRAMES)
        self._latency_ms = 0.0

    def frame(self, index: int) -> None:
        """Count a captured frame."""
        self._frames.append(index)

    def analysed(self, index: int, latency_ms: float) -> None:
        """Count an analysed frame."""
        self._analysed.append(index)
        self._latency_ms += 0.2 * (latency_ms - self._latency_ms)

    @property
    def in_step(self) -> bool:
        """True while a frame may wait for its analysis."""
        if len(self._frames) < FRAMES or self._latency_ms > LATENCY_MAX_MS:
            return False
        # The newest three may still be on their way.
        due = list(self._frames)[:-3]
        known = set(self._analysed)
        return sum(index in known for index in due) >= SHARE_MIN * len(due)
