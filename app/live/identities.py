"""Ids of a file's faces that last, however the file is moved in.

The engine knows faces again by their looks where the time does not run on, and takes those that
look alike for each other. A file shows the same faces at the same time and place whenever one comes
there: they are remembered by both, which counts first.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from engine.types import Analysis, Floats, Track

CELL_S: Final = 0.1  # remembered ten times a second
CELLS_MAX: Final = 100_000  # almost three hours of film
FRAMES_MAX: Final = 3000  # that are remembered one by one, the last ones
NEAR_S: Final = 0.5  # how far in time a face is looked for
JUMP_S: Final = 1.0  # a longer step is no playing on
SAME: Final = 0.3  # overlap from which a face at a time near by is the same
SURE: Final = 0.4  # overlap from which it is so at the same time

_Seen = tuple[tuple[int, Floats], ...]  # id and box (4,)


class Identities:
    """Names the faces of one file; used by one thread."""

    def __init__(self) -> None:
        """Know nobody."""
        self._next = 1
        self._names: dict[int, int] = {}  # the engine's id, the lasting one
        self._cells: dict[int, tuple[int, _Seen]] = {}  # with the run that saw them
        self._frames: dict[int, _Seen] = {}  # by milliseconds
        self._run = 0  # how often the file was moved
        self._before_s: float | None = None

    def named(self, analysis: Analysis) -> Analysis:
        """Give the analysis with lasting ids."""
        now_s = analysis.frame.time_s
        moved = self._before_s is not None and not 0 <= now_s - self._before_s <= JUMP_S
        self._before_s = now_s
        self._run += moved
        names = self._choose(analysis.tracks, now_s, moved=moved)
        for track in analysis.tracks:
            self._call(track.id, names[track.id])
        tracks = tuple(replace(track, id=names[track.id]) for track in analysis.tracks)
        predictions = tuple(
            replace(face, track_id=names[face.track_id]) for face in analysis.predictions
        )
        self._remember(now_s, tuple((track.id, track.box) for track in tracks))
        return replace(analysis, tracks=tracks, predictions=predictions)

    def _remember(self, now_s: float, seen: _Seen) -> None:
        if len(self._cells) < CELLS_MAX:
            self._cells[round(now_s / CELL_S)] = self._run, seen
        self._frames[round(1000 * now_s)] = seen
        if len(self._frames) > FRAMES_MAX:
            del self._frames[next(iter(self._frames))]

    def _choose(self, tracks: Sequence[Track], now_s: float, *, moved: bool) -> dict[int, int]:
        """Give each of the engine's ids a lasting one, no two the same."""
        names: dict[int, int] = {}
        unknown = []
        for track in tracks:
            known = self._names.get(track.id)
            if known is not None and not moved and known not in names.values():
                names[track.id] = known
            else:
                unknown.append(track)
        for track in list(unknown):
            name = self._remembered(track.box, now_s, set(names.values()), moved=moved)
            if name is not None:
                names[track.id] = name
                unknown.remove(track)
        for track in unknown:
            names[track.id] = self._left_for(track, tracks, set(names.values()))
        return names

    def _call(self, track_id: int, name: int) -> None:
        """Remember a name; whom the engine took for that one gets the name that is left."""
        before = self._names.get(track_id)
        if before is not None and before != name:
            others = [other for other, called in self._names.items() if called == name]
            self._names.update(dict.fromkeys(others, before))
        self._names[track_id] = name

    def _left_for(self, track: Track, tracks: Sequence[Track], taken: set[int]) -> int:
        """Give a face that no place tells its name by looks, or a new one.

        Where its own is given to another face of this frame, by place, the engine took the two for
        each other: it gets what that one was called.
        """
        own = self._names.get(track.id)
        others = [self._names.get(other.id) for other in tracks] if own in taken else []
        for name in (own, *others):
            if name is not None and name not in taken:
                return name
        self._next += 1
        return self._next - 1

    def _remembered(self, box: Floats, now_s: float, taken: set[int], *, moved: bool) -> int | None:
        """Give who was seen at about this time and place; None if nobody was.

        While the film plays on, whom the engine takes for somebody new is new, as after a cut: only
        what was seen before the film was moved counts then.
        """
        frame = self._frames.get(round(1000 * now_s))
        if frame is not None:  # this very one
            return _nearest(box, frame, taken, SURE)
        here, reach = round(now_s / CELL_S), round(NEAR_S / CELL_S) if moved else 1
        for away in sorted(range(-reach, reach + 1), key=abs):
            run, seen = self._cells.get(here + away, (self._run, ()))
            if moved or run < self._run:
                best = _nearest(box, seen, taken, SURE if abs(away) <= 1 else SAME)
                if best is not None:
                    return best
        return None


def _nearest(box: Floats, seen: _Seen, taken: set[int], least: float) -> int | None:
    """Give who of those who are not taken overlaps a box most, and no less than so much."""
    best, best_overlap = None, least
    for name, other in seen:
        overlap = _overlap(box, other)
        if name not in taken and overlap >= best_overlap:
            best, best_overlap = name, overlap
    return best


def _overlap(one: Floats, other: Floats) -> float:
    """Give what two boxes share of what they cover together, 0 to 1."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    both = sum(float(np.prod(np.maximum(box[2:] - box[:2], 0))) for box in (one, other))
    return shared / (both - shared) if both > shared else 0.0
