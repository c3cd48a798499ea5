"""Time series of every face for long plots, in bounded memory.

    history = History()                       # 2048 points a face, for a session of any length
    history.add(analysis)                     # every analysis, in order
    curve = history.curve(face_id, "valence", since_s=now_s - 60)
    plot.setData(curve.times, curve.mean, connect="finite")
    fill.setData(curve.times, curve.low, ...) # with `high`: no peak is lost by thinning

Every sample is a point of its own until a face has more than the budget; then points are
merged into cells of time that double in length as the session grows. A merged point keeps its
smallest and largest value and the mean. Where the face was away, curves hold NaN. Used by one
thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.types import Analysis, Floats

# Seconds since the start of a session: float32 would be off by a frame after an hour.
Times = NDArray[np.float64]

SERIES: Final = ("valence", "arousal", "reliability")
POINTS: Final = 2048
FACES: Final = 64  # kept; the one silent for longest goes first
GAP_S: Final = 0.5  # a longer silence breaks the curve
_FIRST_CELL_S: Final = 1 / 64  # cells grow from here by doubling, so that their edges nest


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One face's series; breaks are rows of NaN.

    Attributes:
        times: (N,) float64, seconds of the source, rising.
        low: (N,) float32, smallest value around each time.
        high: (N,) float32, largest value.
        mean: (N,) float32.
    """

    times: Times
    low: Floats
    high: Floats
    mean: Floats


class FaceHistory:
    """Some series of one face, sampled at the same times."""

    def __init__(self, columns: int, *, points: int = POINTS, gap_s: float = GAP_S) -> None:
        """Start empty.

        Args:
            columns: Values of a sample.
            points: Most points kept.
            gap_s: A longer silence breaks the curve, seconds.
        """
        self._budget = points
        self._gap_s = gap_s
        self._cell_s = 0.0  # no cells yet: every sample is a point
        self._count = 0
        self._first = np.zeros(points)  # time of a point's first sample
        self._last = np.zeros(points)
        self._samples = np.zeros(points, np.int64)
        self._breaks = np.zeros(points, bool)  # True where the point follows a silence
        self._low = np.zeros((points, columns), np.float32)
        self._high = np.zeros((points, columns), np.float32)
        self._sum = np.zeros((points, columns))

    def __len__(self) -> int:
        return self._count

    @property
    def counts(self) -> NDArray[np.int64]:
        """(N,) how many samples each point stands for."""
        return self._samples[: self._count]

    @property
    def last_s(self) -> float:
        """Time of the newest sample; minus infinity if there is none."""
        return float(self._last[self._count - 1]) if self._count else -np.inf

    def add(self, time_s: float, values: Floats) -> None:
        """Append one sample; one that is not later than the newest starts the history anew.

        Args:
            time_s: Of the sample.
            values: (columns,) float32.
        """
        if self._count and time_s <= self.last_s:  # the file was rewound
            self._count, self._cell_s = 0, 0.0
        broken = self._count > 0 and time_s - self.last_s > self._gap_s
        newest = self._count - 1
        if self._count and not broken and self._same_cell(self._first[newest], time_s):
            self._last[newest] = time_s
            self._samples[newest] += 1
            np.minimum(self._low[newest], values, out=self._low[newest])
            np.maximum(self._high[newest], values, out=self._high[newest])
            self._sum[newest] += values
            return
        while self._count == self._budget:
            self._thin()
        at = self._count
        self._first[at] = self._last[at] = time_s
        self._samples[at], self._breaks[at] = 1, broken
        self._low[at] = self._high[at] = self._sum[at] = values
        self._count += 1

    def _same_cell(self, first_s: float, time_s: float) -> bool:
        cell = self._cell_s
        return cell > 0 and first_s // cell == time_s // cell

    def _thin(self) -> None:
        """Double the cells, and merge the points that now share one."""
        self._cell_s = 2 * self._cell_s if self._cell_s else _FIRST_CELL_S
        cells = self._first[: self._count] // self._cell_s
        starts = np.flatnonzero(np.diff(cells, prepend=-np.inf))
        ends = np.append(starts[1:], self._count) - 1
        count = len(starts)
        self._last[:count] = self._last[ends]
        self._first[:count] = self._first[starts]
        self._breaks[:count] = self._breaks[starts]
        self._samples[:count] = np.add.reduceat(self._samples[: self._count], starts)
        self._low[:count] = np.minimum.reduceat(self._low[: self._count], starts)
        self._high[:count] = np.maximum.reduceat(self._high[: self._count], starts)
        self._sum[:count] = np.add.reduceat(self._sum[: self._count], starts)
        self._count = count

    def curve(self, column: int, since_s: float = -np.inf, until_s: float = np.inf) -> Curve:
        """Give one series.

        Args:
            column: Which value of the samples.
            since_s: Start of the window; the point before it is kept, so that a line runs up to
                the edge.
            until_s: End of the window; the point after it is kept.
        """
        count = self._count
        begin = max(0, int(np.searchsorted(self._last[:count], since_s)) - 1)
        end = min(count, int(np.searchsorted(self._first[:count], until_s, side="right")) + 1)
        part = slice(begin, max(begin, end))
        times = (self._first[part] + self._last[part]) / 2
        mean = (self._sum[part, column] / self._samples[part]).astype(np.float32)
        at = np.flatnonzero(self._breaks[part])
        at = at[at > 0]
        return Curve(
            np.insert(times, at, np.nan),
            np.insert(self._low[part, column], at, np.nan),
            np.insert(self._high[part, column], at, np.nan),
            np.insert(mean, at, np.nan),
        )


class History:
    """Valence, arousal and reliability of every face of a session."""

    def __init__(self, *, points: int = POINTS, faces: int = FACES, gap_s: float = GAP_S) -> None:
        """Start empty.

        Args:
            points: Most points kept per face, at least 16.
            faces: Most faces kept.
            gap_s: A longer silence breaks a curve, seconds.

        Raises:
            ConfigError: A limit is too small.
        """
        if points < 16:
            raise ConfigError(f"history.points: must be at least 16, got {points}")
        if faces < 1:
            raise ConfigError(f"history.faces: must be at least 1, got {faces}")
        self._points, self._limit, self._gap_s = points, faces, gap_s
        self._faces: dict[int, FaceHistory] = {}

    @property
    def faces(self) -> Mapping[int, FaceHistory]:
        """By face id, in the order they were first seen."""
        return self._faces

    @property
    def last_s(self) -> float:
        """Time of the newest sample of any face; minus infinity if there is none."""
        return max((history.last_s for history in self._faces.values()), default=-np.inf)

    def add(self, analysis: Analysis) -> None:
        """Append what one frame shows."""
        for prediction in analysis.predictions:
            history = self._faces.get(prediction.track_id)
            if history is None:
                history = FaceHistory(len(SERIES), points=self._points, gap_s=self._gap_s)
                self._faces[prediction.track_id] = history
            values = [getattr(prediction, name) for name in SERIES]
            history.add(analysis.frame.time_s, np.array(values, np.float32))
        while len(self._faces) > self._limit:
            del self._faces[min(self._faces, key=lambda face: self._faces[face].last_s)]

    def curve(
        self, face_id: int, series: str, since_s: float = -np.inf, until_s: float = np.inf
    ) -> Curve:
        """Give one series of one face, empty if the face is not known.

        Args:
            face_id: The track's id.
            series: One of `SERIES`.
            since_s: Start of the window, seconds of the source.
            until_s: End of the window.
        """
        history = self._faces.get(face_id) or FaceHistory(len(SERIES), points=16)
        return history.curve(SERIES.index(series), since_s, until_s)
