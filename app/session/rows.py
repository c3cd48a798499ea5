"""What follows from the rows of a recording, whatever their labels."""

from functools import cached_property
from typing import Final

import numpy as np

from app.session.people import Pair
from app.session.records import Integers, Numbers, RecordTable
from app.session.suggestions import Suggestion, suggestions

GAP_S: Final = 0.5  # a longer silence ends a span
FRAME_S: Final = 1 / 25  # what a frame lasts where there is only one


class Rows:
    """What follows from the rows that are left, whatever their labels; each worked out once."""

    def __init__(self, table: RecordTable) -> None:
        """Take the rows."""
        self.table = table
        face_ids = table.faces
        self._order = np.argsort(face_ids, kind="stable")
        self._sorted = face_ids[self._order]
        self._series: dict[tuple[int, str], tuple[Numbers, Numbers]] = {}
        self._suggested: dict[frozenset[Pair], list[Suggestion]] = {}

    @cached_property
    def faces(self) -> tuple[int, ...]:
        """Ids of the tracks, in order."""
        return tuple(np.unique(self._sorted).tolist())

    @cached_property
    def frame_s(self) -> float:
        """Seconds that a frame lasts, the median."""
        steps = np.diff(self.table.times)  # in order; faces of one frame have one time
        steps = steps[steps > 0]
        return float(np.median(steps)) if steps.size else FRAME_S

    @cached_property
    def gap_s(self) -> float:
        """A longer silence ends a span, and breaks a curve."""
        return max(GAP_S, 3 * self.frame_s)

    def of(self, face: int) -> Integers:
        """Give where a face's rows are, in order of time."""
        first, last = np.searchsorted(self._sorted, (face, face + 1))
        return self._order[first:last]

    def met(self, face: int) -> dict[int, float]:
        """Give the faces that a frame shows beside this one, each with the time of the first."""
        frames, rows = self.table.numbers["frame"], self.of(face)
        beside = np.flatnonzero(np.isin(frames, frames[rows]))  # in order of time
        faces, first = np.unique(self.table.faces[beside], return_index=True)
        times = self.table.times[beside[first]]
        met = dict(zip(faces.tolist(), times.tolist(), strict=True))
        return {other: time_s for other, time_s in met.items() if other != face}

    def suggested(self, apart: frozenset[Pair]) -> list[Suggestion]:
        """Give tracks that are probably one person, but no pair that is two."""
        if apart not in self._suggested:
            self._suggested = {
                apart: suggestions(self.table, self._order, self.of, gap_s=self.gap_s, apart=apart)
            }
        return self._suggested[apart]

    def series(self, face: int, column: str) -> tuple[Numbers, Numbers]:
        """Give times and values of a column for one face; NaN where it is away."""
        if (face, column) not in self._series:
            rows = self.of(face)
            times, values = self.table.times[rows], self.table.numbers[column][rows]
            breaks = np.flatnonzero(np.diff(times) > self.gap_s) + 1
            found = np.insert(times, breaks, np.nan), np.insert(values, breaks, np.nan)
            self._series[face, column] = found
        return self._series[face, column]
