"""How fast a running session is: rate, latency and what was left out, over the last seconds."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

WINDOW_S: Final = 5.0
MOST: Final = 4096  # samples kept whatever the rate: 800 frames a second over the window


class Performance:
    """Counts what arrives at the screen; used by one thread.

    Attributes:
        frames: Analyses shown.
        dropped: Frames of the source that were not analysed.
    """

    def __init__(
        self, *, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with nothing.

        Args:
            window_s: Seconds that rate and latencies look back.
            clock: Gives seconds.
        """
        self._window_s, self._clock = window_s, clock
        self._samples: deque[tuple[float, float]] = deque(maxlen=MOST)  # when, milliseconds
        self.frames = 0
        self.dropped = 0

    @property
    def samples(self) -> int:
        """Analyses that are kept to look back on; bounded at any rate."""
        return len(self._samples)

    def add(self, latency_ms: float, dropped: int) -> None:
        """Count one analysis that is shown now.

        Args:
            latency_ms: From the capture of its frame to now.
            dropped: Frames of the source left out so far, all together.
        """
        self._samples.append((self._clock(), latency_ms))
        self.frames += 1
        self.dropped = dropped

    @property
    def fps(self) -> float:
        """Analyses a second lately; 0 while there are fewer than two."""
        times = [at for at, _ in self._recent()]
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        return (len(times) - 1) / (times[-1] - times[0])

    def latency_ms(self, share: float) -> float | None:
        """Give a percentile of the latency lately; None if nothing arrived.

        Args:
            share: 0 to 1; 0.5 is the median.
        """
        recent = self._recent()
        return float(np.quantile([ms for _, ms in recent], share)) if recent else None

    @property
    def p50_ms(self) -> float | None:
        """Median latency lately, milliseconds."""
        return self.latency_ms(0.5)

    @property
    def p95_ms(self) -> float | None:
        """Latency that 19 of 20 frames stay below, milliseconds."""
        return self.latency_ms(0.95)

    def _recent(self) -> deque[tuple[float, float]]:
        oldest = self._clock() - self._window_s
        while self._samples and self._samples[0][0] < oldest:
            self._samples.popleft()
        return self._samples

    def reset(self) -> None:
        """Start anew."""
        self._samples.clear()
        self.frames = self.dropped = 0
