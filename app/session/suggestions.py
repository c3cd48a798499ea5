"""Which tracks of a recording are probably one person, judged by what its rows hold.

A recording keeps no looks: one face left, another came soon after, at the same place and of the
same size, and no frame shows both. That is a guess, which a person accepts or declines.
"""

from bisect import bisect_left
from collections.abc import Callable, Set
from dataclasses import dataclass
from math import hypot
from typing import Final, NamedTuple

import numpy as np

from app.session.people import Pair
from app.session.records import Integers, RecordTable

AWAY_S: Final = 10.0  # from one face's last frame to the other's first, at most
NEAR: Final = 1.0  # from middle to middle, in sides of the larger box, at most
MOST: Final = 100  # suggestions at a time: with tens of thousands of tracks all take half a second
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
    order: Integers,
    rows_of: Callable[[int], Integers],
    *,
    gap_s: float,
    apart: Set[Pair] = frozenset(),
) -> list[Suggestion]:
    """Suggest for each face who it was before, in order of time; the first `MOST` of them.

    Args:
        table: The rows.
        order: Where the rows are, face by face, each in order of time.
        rows_of: Gives those of one face.
        gap_s: A longer silence means that a face was away.
        apart: Pairs that are two people.
    """
    faces, times = table.faces[order], table.times[order]
    new = np.diff(faces, prepend=-1, append=-1) != 0  # where another face begins, and at the end
    away = np.append(np.diff(times) > gap_s, True)
    ends = sorted(_sights(table, order[new[1:] | away]))
    left_s = [end.time_s for end in ends]
    found = []
    for first in sorted(_sights(table, order[new[:-1]])):
        since, until = (bisect_left(left_s, first.time_s - ago_s) for ago_s in (AWAY_S, 0.0))
        for end in reversed(ends[since:until]):  # who left last
            likely = end.face != first.face and _same_place(end, first)
            if (
                likely
                and frozenset((end.face, first.face)) not in apart
                and not _meet(table, rows_of(end.face), rows_of(first.face))
            ):
                found.append(Suggestion(end.face, first.face, end.time_s, first.time_s))
                break
        if len(found) == MOST:
            break
    return found


def _sights(table: RecordTable, which: Integers) -> list[_Sight]:
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
    """Whether a frame shows both; the second came while the first was away, or for good."""
    if table.times[one[-1]] < table.times[other[0]]:
        return False
    frames = table.numbers["frame"]
    return bool(np.intersect1d(frames[one], frames[other]).size)
