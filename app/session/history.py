"""Time series of every face for long plots, in bounded memory.

    history = History()                       # 2048 points a face, for a session of any length
    history.add(analysis)                     # every analysis, in order
    curve = history.curve(face_id, "valence", since_s=now_s - 60)
    plot.setData(curve.times, curve.mean, connect="finite")
    fill.setData(curve.times, curve.low, ...) # with `high`: no peak is lost by thinning

Every sample is a point of its own until a face has more than the budget; then points are
merged into cells of time that double in length as the session grows. A merged point keeps its
smallest and largest value and the mean. Where the face was away, curves hold NaN. Where a file is
gone back in, what is played again takes the place of that stretch alone. Used by one thread.
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
        """Time of the latest sample; minus infinity if there is none."""
        return float(self._last[self._count - 1]) if self._count else -np.inf

    def seen_s(self, until_s: float) -> float:
        """Give the time of the latest sample up to a time; minus infinity if there is none."""
        at = self._after(until_s) - 1
        return min(float(self._last[at]), until_s) if at >= 0 else -np.inf

    def add(self, time_s: float, values: Floats) -> None:
        """Take one sample; one before the latest, of a file that was gone back in, between others.

        Args:
            time_s: Of the sample.
            values: (columns,) float32.
        """
        at = self._after(time_s)
        before = at - 1
        broken = at > 0 and time_s - self._last[before] > self._gap_s
        if at > 0 and not broken and self._same_cell(self._first[before], time_s):
            self._last[before] = max(self._last[before], time_s)
            self._samples[before] += 1
            np.minimum(self._low[before], values, out=self._low[before])
            np.maximum(self._high[before], values, out=self._high[before])
            self._sum[before] += values
            return
        while self._count == self._budget:
            self._thin()
            at = self._after(time_s)
        if at < self._count:
            for kept in self._arrays:
                kept[at + 1 : self._count + 1] = kept[at : self._count]
        self._first[at] = self._last[at] = time_s
        self._samples[at], self._breaks[at] = 1, broken
        self._low[at] = self._high[at] = self._sum[at] = values
        self._count += 1
        self._break_before(at + 1)

    def forget(self, after_s: float, until_s: float) -> None:
        """Drop the points that begin in a stretch which is played again.

        Args:
            after_s: Its start, which does not belong to it.
            until_s: Its end, which does.
        """
        low, high = self._after(after_s), self._after(until_s)
        if low == high:
            return
        for kept in self._arrays:
            kept[low : self._count - high + low] = kept[high : self._count]
        self._count -= high - low
        self._break_before(low)

    @property
    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        ends = self._first, self._last
        return (*ends, self._samples, self._breaks, self._low, self._high, self._sum)

    def _after(self, time_s: float) -> int:
        """Give the place of the first point that begins later."""
        if not self._count or time_s >= self._first[self._count - 1]:
            return self._count
        return int(np.searchsorted(self._first[: self._count], time_s, side="right"))

    def _break_before(self, at: int) -> None:
        """Say whether a point follows a silence; its neighbour is another one."""
        if 0 < at < self._count:
            self._breaks[at] = self._first[at] - self._last[at - 1] > self._gap_s
        elif at < self._count:
            self._breaks[at] = False

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
        self._before_s = -np.inf

    @property
    def faces(self) -> Mapping[int, FaceHistory]:
        """By face id, in the order they were first seen."""
        return self._faces

    @property
    def last_s(self) -> float:
        """Time of the newest sample of any face; minus infinity if there is none."""
        return max((history.last_s for history in self._faces.values()), default=-np.inf)

    def add(self, analysis: Analysis) -> None:
        """Take what one frame shows; of a stretch that is played again, instead of before."""
        now_s, before_s = analysis.frame.time_s, self._before_s
        self._before_s = now_s
        moved = not before_s < now_s <= before_s + self._gap_s
        since_s = float(np.nextafter(now_s, -np.inf)) if moved else before_s
        for known in self._faces.values():
            if known.last_s >= now_s:
                known.forget(since_s, now_s)
        for prediction in analysis.predictions:
            history = self._faces.get(prediction.track_id)
            if history is None:
                history = FaceHistory(len(SERIES), points=self._points, gap_s=self._gap_s)
                self._faces[prediction.track_id] = history
            values = [getattr(prediction, name) for name in SERIES]
            history.add(now_s, np.array(values, np.float32))
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
