"""What a running session adds up to per face, a frame at a time, in bounded memory.

statistics = SessionStatistics()
statistics.add(analysis)                  # every analysis, in order, on one thread
for face in statistics.faces():           # frozen, so that another thread may show them
    print(face.id, face.seen_s, face.shares["happiness"], face.valence, face.arousal)
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from engine.errors import ConfigError
from engine.labels import ordered
from engine.types import Analysis, Prediction

FACES: Final = 256  # kept; ids are never used again, so a day at a busy door would fill memory
GAP_S: Final = 1.0  # a longer silence (camera unplugged, file paused) counts as no time
STRETCHES: Final = 512  # of a face that are told apart; beyond, its first two count as one


@dataclass(slots=True)
class FaceSummary:
    """One face over the whole run.

    Attributes:
        id: The track's id.
        frames: Frames it was seen in.
        seconds: Time per expression that was known, whether it was shown or not.
        seen_s: Time altogether.
    """

    id: int
    frames: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    seen_s: float = 0.0
    _placed: int = 0  # frames with valence and arousal
    _valence: float = 0.0
    _arousal: float = 0.0

    @property
    def valence(self) -> float | None:
        """Mean over its frames, -1 to 1; None where they have none."""
        return self._valence / self._placed if self._placed else None

    @property
    def arousal(self) -> float | None:
        """Mean over its frames, -1 to 1; None where they have none."""
        return self._arousal / self._placed if self._placed else None

    def add(self, prediction: Prediction) -> None:
        """Count one frame."""
        self.frames += 1
        for label in prediction.labels:
            self.seconds.setdefault(label, 0.0)
        if prediction.valence is not None and prediction.arousal is not None:
            self._placed += 1
            self._valence += prediction.valence
            self._arousal += prediction.arousal

    def last(self, expression: str, seconds: float) -> None:
        """Count time in which it showed an expression, or was seen where none is known."""
        self.seen_s += seconds
        if expression:
            self.seconds[expression] += seconds

    def by_time(self) -> list[tuple[str, float]]:
        """Give the expressions that lasted, longest first, in seconds."""
        lasted = [(label, s) for label in ordered(self.seconds) if (s := self.seconds[label]) > 0]
        return sorted(lasted, key=lambda pair: -pair[1])


@dataclass(frozen=True, slots=True)
class FaceStatistics:
    """One face up to now.

    Attributes:
        id: The track's id.
        frames: Frames it was seen in.
        seen_s: Seconds it was seen.
        first_s: Time of the first frame it was seen in, seconds of the source.
        last_s: Time of the last frame.
        shares: By label that was known, in the order of `engine.labels.ordered`: share of
            `seen_s`, 0 to 1; all 0 while `seen_s` is 0.
        valence: Mean over its frames, -1 to 1; None where they have none.
        arousal: Mean over its frames, -1 to 1; None where they have none.
    """

    id: int
    frames: int
    seen_s: float
    first_s: float
    last_s: float
    shares: Mapping[str, float]
    valence: float | None
    arousal: float | None

    @property
    def label(self) -> str:
        """The label that lasted longest; the first of them in a tie; empty where none is known."""
        return max(self.shares, key=lambda label: self.shares[label], default="")


class _Counted:
    """The stretches of a source's time that were counted, in order and apart from each other."""

    def __init__(self) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []

    def holds(self, time_s: float) -> bool:
        """Say whether a time was counted."""
        at = bisect_right(self._starts, time_s) - 1
        return at >= 0 and time_s <= self._ends[at]

    def add(self, since_s: float, until_s: float) -> float:
        """Count a stretch; give how much of it was not counted before, seconds."""
        low = bisect_left(self._ends, since_s)  # those that overlap or touch it become one with it
        high = bisect_right(self._starts, until_s)
        known_s = sum(
            max(0.0, min(self._ends[at], until_s) - max(self._starts[at], since_s))
            for at in range(low, high)
        )
        new_s = until_s - since_s - known_s
        if low < high:
            since_s = min(since_s, self._starts[low])
            until_s = max(until_s, self._ends[high - 1])
        self._starts[low:high], self._ends[low:high] = [since_s], [until_s]
        if len(self._starts) > STRETCHES:
            del self._starts[1], self._ends[0]
        return new_s


@dataclass(slots=True)
class _Face:
    """A face's sums, when it was seen first and last, and what of it is counted."""

    sums: FaceSummary
    first_s: float
    last_s: float
    counted: _Counted = field(default_factory=_Counted)


class SessionStatistics:
    """Adds up label time, valence and arousal of every face.

    A frame lasts until the next one, at most `gap_s`; the newest frame counts no time yet. What of
    a face was counted is not counted again where a file is gone back in.

    Attributes:
        frames: Analyses added.
        forgotten: Faces left out because there were more than are kept; those seen for the
            shortest time go first, never one that is in the newest frame.
    """

    def __init__(self, *, faces: int = FACES, gap_s: float = GAP_S) -> None:
        """Start with nothing.

        Args:
            faces: Most faces kept.
            gap_s: Longest time that one frame may stand for, seconds.

        Raises:
            ConfigError: A limit is not above 0.
        """
        if faces < 1:
            raise ConfigError(f"statistics.faces: must be at least 1, got {faces}")
        if gap_s <= 0:
            raise ConfigError(f"statistics.gap_s: must be above 0, got {gap_s}")
        self._limit = faces
        self._gap_s = gap_s
        self._faces: dict[int, _Face] = {}
        self._last_s: float | None = None
        self._showing: list[tuple[_Face, str]] = []
        self.frames = 0
        self.forgotten = 0

    def add(self, analysis: Analysis) -> None:
        """Count one frame, the next in order."""
        now_s, last_s = analysis.frame.time_s, self._last_s
        again = {id_ for id_, face in self._faces.items() if face.counted.holds(now_s)}
        if last_s is not None and 0 < now_s - last_s <= self._gap_s:
            for face, expression in self._showing:
                face.sums.last(expression, face.counted.add(last_s, now_s))
        self._last_s = now_s
        self.frames += 1
        self._showing.clear()
        for prediction in analysis.predictions:
            face_id = prediction.track_id
            if face_id not in self._faces:
                self._faces[face_id] = _Face(FaceSummary(face_id), now_s, now_s)
            face = self._faces[face_id]
            face.first_s, face.last_s = min(face.first_s, now_s), max(face.last_s, now_s)
            face.counted.add(now_s, now_s)
            if face_id not in again:
                face.sums.add(prediction)
            self._showing.append((face, prediction.expression))
        self._forget({prediction.track_id for prediction in analysis.predictions})

    def _forget(self, present: Set[int]) -> None:
        while len(self._faces) > self._limit:
            absent = [face for face in self._faces if face not in present]
            if not absent:
                return
            del self._faces[min(absent, key=lambda face: self._faces[face].sums.seen_s)]
            self.forgotten += 1

    def face(self, face_id: int) -> FaceStatistics | None:
        """Give one face up to now; None if it is not known."""
        known = self._faces.get(face_id)
        return None if known is None else _statistics(known)

    def faces(self) -> tuple[FaceStatistics, ...]:
        """Give every face up to now, in order of id."""
        return tuple(_statistics(self._faces[face]) for face in sorted(self._faces))


def _statistics(face: _Face) -> FaceStatistics:
    sums = face.sums
    seen_s = sums.seen_s
    return FaceStatistics(
        id=sums.id,
        frames=sums.frames,
        seen_s=seen_s,
        first_s=face.first_s,
        last_s=face.last_s,
        shares={
            label: sums.seconds[label] / seen_s if seen_s else 0.0
            for label in ordered(sums.seconds)
        },
        valence=sums.valence,
        arousal=sums.arousal,
    )
