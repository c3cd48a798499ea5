"""Which tracks of a recording are probably one person, judged by what its rows hold.

A recording keeps no looks: one face left, another came soon after, at the same place and of the
same size, and no frame shows both. That is a guess, which a person accepts or declines.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from math import hypot
from typing import Final, NamedTuple

import numpy as np

from app.session.people import Pair
from app.session.records import Integers, RecordTable

AWAY_S: Final = 10.0  # from one face's last frame to the other's first, at most
NEAR: Final = 1.0  # from middle to middle, in sides of the larger box, at most
LARGER: Final = 1.5  # sides of the larger box to those of the smaller, at most


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two tracks that are probably one person.

    Attributes:
        into: The face that left.
        face: The one that came.
        left_s: Time of the last frame that shows the first before the other came.
        came_s: Time of the other's first frame.
    """

    into: int
    face: int
    left_s: float
    came_s: float


class _Sight(NamedTuple):
    """A face in one frame: its first, or the last before a silence."""

    time_s: float
    x: float  # of its middle
    y: float
    side: float
    face: int


def suggestions(
    table: RecordTable,
    faces: Iterable[int],
    rows_of: Callable[[int], Integers],
    *,
    gap_s: float,
    apart: Set[Pair] = frozenset(),
) -> list[Suggestion]:
    """Suggest for each face who it was before, in order of time.

    Args:
        table: The rows.
        faces: Ids of the tracks.
        rows_of: Gives where a face's rows are, in order of time.
        gap_s: A longer silence means that a face was away.
        apart: Pairs that are two people.
    """
    rows = {face: rows_of(face) for face in faces}
    ends = sorted(_sights(table, [_lasts(table, own, gap_s) for own in rows.values()]))
    times = [end.time_s for end in ends]
    found = []
    for first in sorted(_sights(table, [own[:1] for own in rows.values()])):
        before = ends[bisect_left(times, first.time_s - AWAY_S) : bisect_left(times, first.time_s)]
        for end in reversed(before):  # who left last
            likely = end.face != first.face and _same_place(end, first)
            if (
                likely
                and frozenset((end.face, first.face)) not in apart
                and not _meet(table, rows[end.face], rows[first.face])
            ):
                found.append(Suggestion(end.face, first.face, end.time_s, first.time_s))
                break
    return found


def _lasts(table: RecordTable, rows: Integers, gap_s: float) -> Integers:
    """Give those rows of a face that a silence follows, and its last one."""
    found: Integers = rows[np.append(np.diff(table.times[rows]) > gap_s, True)]
    return found


def _sights(table: RecordTable, rows: Sequence[Integers]) -> list[_Sight]:
    if not rows:
        return []
    which = np.concatenate(rows)
    x, y, width, height = (table.numbers[name][which] for name in ("x", "y", "width", "height"))
    values = table.times[which], x + width / 2, y + height / 2, (width + height) / 2
    faces = table.faces[which].tolist()
    return list(map(_Sight, *(each.tolist() for each in values), faces))


def _same_place(one: _Sight, other: _Sight) -> bool:
    """Whether two faces are close to each other, and about as large."""
    small, large = sorted((one.side, other.side))
    far = hypot(one.x - other.x, one.y - other.y)
    return far <= NEAR * large and large <= LARGER * small


def _meet(table: RecordTable, one: Integers, other: Integers) -> bool:
    """Whether a frame shows both."""
    frames = table.numbers["frame"]
    return bool(np.intersect1d(frames[one], frames[other]).size)
