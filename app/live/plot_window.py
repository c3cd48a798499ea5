"""Which part of time a plot shows, and curves thinned to what its pixels can hold."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.session.history import Times
from app.session.timecode import timecode
from engine.errors import ConfigError
from engine.types import Floats

LENGTHS_S: Final = (10, 30, 60, 300, 1800)
_LEAST_S: Final = 1.0
_MOST_S: Final = 24 * 3600.0
_ZOOM: Final = 1.5
_STEPS_S: Final = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14400,
)


class PlotWindow:
    """A stretch of time that travels with the newest sample, or stands still.

    Attributes:
        length_s: Seconds shown.
        paused: It stands still; samples go on being kept.
    """

    def __init__(self, length_s: float = 30.0) -> None:
        """Start at the newest sample.

        Args:
            length_s: Seconds shown.

        Raises:
            ConfigError: The length is out of range.
        """
        if not _LEAST_S <= length_s <= _MOST_S:
            raise ConfigError(
                f"plot.length_s: must be from {_LEAST_S:g} to {_MOST_S:g}, got {length_s:g}"
            )
        self.length_s = length_s
        self.paused = False
        self._end_s = 0.0

    @property
    def since_s(self) -> float:
        """Time at the left edge."""
        return self._end_s - self.length_s

    @property
    def until_s(self) -> float:
        """Time at the right edge."""
        return self._end_s

    def follow(self, now_s: float) -> None:
        """Move to the newest sample, unless paused.

        Args:
            now_s: Its time; minus infinity if there is none.
        """
        if not self.paused and np.isfinite(now_s):
            self._end_s = now_s

    def pause(self, *, paused: bool) -> None:
        """Stand still, or travel on from the next sample."""
        self.paused = paused

    def zoom(self, steps: int) -> None:
        """Show less time (steps above 0) or more, around the newest sample; paused, the middle."""
        wanted = float(np.clip(self.length_s / _ZOOM**steps, _LEAST_S, _MOST_S))
        if self.paused:
            self._end_s -= (self.length_s - wanted) / 2
        self.length_s = wanted

    def pan(self, share: float) -> None:
        """Pause and move by a share of the length; below 0 is back in time."""
        self.paused = True
        self._end_s += share * self.length_s

    def show(self, since_s: float, until_s: float) -> None:
        """Pause at a stretch that the user chose, its length kept in range."""
        self.paused = True
        self.length_s = float(np.clip(until_s - since_s, _LEAST_S, _MOST_S))
        self._end_s = until_s


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """What to draw of one curve.

    Attributes:
        times: (N,) float64, seconds.
        values: (N,) float32.
        joined: (N,) bool, True where a point is joined with the next one.
    """

    times: Times
    values: Floats
    joined: NDArray[np.bool_]


def thinned(times: Times, values: Floats, cell_s: float) -> Line:
    """Merge points that share a cell of time into their mean.

    Cells are tied to the clock, so that a curve keeps its form while it travels.

    Args:
        times: (N,) float64, seconds, rising; NaN where the curve breaks.
        values: (N,) float32; NaN in the same places.
        cell_s: Length of a cell, above 0.
    """
    breaks = np.isnan(times)
    kept = ~breaks
    if not kept.any():
        return Line(times[:0], values[:0], np.zeros(0, bool))
    runs = np.cumsum(breaks)[kept]
    times, values = times[kept], values[kept]
    cells = np.floor_divide(times, cell_s)
    starts = np.flatnonzero(
        (np.diff(cells, prepend=np.nan) != 0) | (np.diff(runs, prepend=-1) != 0)
    )
    counts = np.diff(np.append(starts, len(times)))
    mean_times = np.add.reduceat(times, starts) / counts
    means = np.add.reduceat(values, starts) / counts
    joined = np.diff(runs[starts], append=-1) == 0
    return Line(mean_times, means.astype(np.float32), joined)


def dashed(line: Line, period_s: float) -> Line:
    """Cut a line into dashes that are tied to the clock: they travel with the curve.

    Args:
        line: A solid line.
        period_s: From dash to dash, above 0; a dash is 60 % of it.
    """
    if len(line.times) < 2:
        return line
    first, last = line.times[0], line.times[-1]
    starts = np.arange(np.floor(first / period_s), last / period_s + 1) * period_s
    edges = np.concatenate([starts, starts + 0.6 * period_s])
    edges = edges[(edges > first) & (edges < last)]
    times = np.union1d(line.times, edges)
    values = np.interp(times, line.times, line.values).astype(np.float32)
    middles = np.append((times[:-1] + times[1:]) / 2, last)
    inside = np.mod(middles, period_s) < 0.6 * period_s
    owner = np.searchsorted(line.times, times, side="right") - 1
    joined = inside & line.joined[owner]
    joined[-1] = False
    return Line(times, values, joined)


def ticks(since_s: float, until_s: float, *, spacing_s: float) -> list[tuple[float, str]]:
    """Choose round times to write under a plot, none before the start.

    Args:
        since_s: Left edge.
        until_s: Right edge.
        spacing_s: Least time from tick to tick.
    """
    step_s = next((step for step in _STEPS_S if step >= spacing_s), _STEPS_S[-1])
    first, last = int(np.ceil(max(0.0, since_s) / step_s)), int(np.floor(until_s / step_s))
    times = [step_s * index for index in range(first, last + 1)]
    return [(time_s, timecode(time_s, digits=1 if step_s < 1 else 0)) for time_s in times]
