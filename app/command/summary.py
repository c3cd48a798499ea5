"""What a run adds up to: seconds per expression and face, and the time each stage took."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.session.statistics import FaceSummary
from engine.types import Analysis, Prediction
from engine.wording import counted

_SHOWN_FACES: Final = 10


class Quantiles:
    """Quantiles of positive numbers within 1 %, in constant memory: bins 2 % apart."""

    _STEP: Final = math.log(1.02)
    _LOW: Final = 1e-3

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()

    def add(self, value: float) -> None:
        """Count one number."""
        self._bins[round(math.log(max(value, self._LOW)) / self._STEP)] += 1

    def at(self, share: float) -> float:
        """Give the number that `share` (0 to 1) of all numbers do not exceed; NaN if none."""
        wanted, seen = share * self._bins.total(), 0
        for index in sorted(self._bins):
            seen += self._bins[index]
            if seen >= wanted:
                return math.exp(index * self._STEP)
        return math.nan


@dataclass(frozen=True, slots=True)
class PictureFace:
    """One face in one picture, which has no past and no time.

    Attributes:
        file: The picture's name.
        prediction: What the face shows.
    """

    file: str
    prediction: Prediction

    @property
    def expression(self) -> str:
        """The most probable one."""
        return self.prediction.expression

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values, those of a film's face among them."""
        return {
            "id": self.prediction.track_id,
            "frames": 1,
            "seconds": {},
            "valence": _rounded(self.prediction.valence),
            "arousal": _rounded(self.prediction.arousal),
            "file": self.file,
            "expression": self.expression,
        }


class Summary:
    """Adds analyses up; memory grows with faces, not with frames.

    A frame lasts until the next one: n frames make n - 1 intervals, and the last frame's
    expressions count no time. Pictures that stand for themselves have no time at all.

    Attributes:
        frames: Analyses added, with faces and without.
        dropped: Frames of a live source that were left out for lack of time.
        faceless: Frames added that had no face.
        faces: Of films, by track id.
        picture_faces: Of pictures, in their order.
        left_out: Faces that were detected and not followed, the most at once.
    """

    def __init__(self) -> None:
        self.frames = self.dropped = self.faceless = 0
        self.faces: dict[int, FaceSummary] = {}
        self.picture_faces: list[PictureFace] = []
        self.left_out = 0
        self._pictures = 0
        self._first_s = self._last_s = 0.0
        self._showing: list[tuple[FaceSummary, str]] = []
        self._times: defaultdict[str, Quantiles] = defaultdict(Quantiles)

    @property
    def video_s(self) -> float:
        """Seconds between the first frame and the last."""
        return self._last_s - self._first_s

    def add(self, analysis: Analysis, times_ms: Mapping[str, float]) -> None:
        """Count one frame.

        Args:
            analysis: The next one, in order of time.
            times_ms: Milliseconds per stage, the writing stages included.
        """
        self.add_times(times_ms)
        self.left_out = max(self.left_out, analysis.left_out)
        self.faceless += not analysis.tracks
        file = analysis.frame.file
        if file is not None:
            self.frames += 1
            self._pictures += 1
            self.picture_faces += [PictureFace(file, face) for face in analysis.predictions]
            return
        now_s = analysis.frame.time_s
        if self.frames == 0:
            self._first_s = self._last_s = now_s
        for face, expression in self._showing:
            face.last(expression, now_s - self._last_s)
        self._last_s = now_s
        self.frames += 1
        self._showing.clear()
        for prediction in analysis.predictions:
            face = self.faces.setdefault(prediction.track_id, FaceSummary(prediction.track_id))
            face.add(prediction)
            self._showing.append((face, prediction.expression))

    @property
    def counts(self) -> dict[str, int]:
        """How many frames were ``seen``, ``analysed``, ``faceless`` and ``dropped``."""
        return {
            "seen": self.frames + self.dropped,
            "analysed": self.frames,
            "faceless": self.faceless,
            "dropped": self.dropped,
        }

    def add_times(self, times_ms: Mapping[str, float]) -> None:
        """Count what stages took, milliseconds each, for a frame that is counted already."""
        for stage, ms in times_ms.items():
            self._times[stage].add(ms)

    def to_json(self, elapsed_s: float) -> dict[str, Any]:
        """Give everything as plain values, ready for `json.dumps`."""
        return {
            "frames": self.frames,
            "dropped": self.dropped,
            "frames_seen": self.frames + self.dropped,
            "frames_analysed": self.frames,
            "frames_dropped": self.dropped,
            "video_s": _seconds(self.video_s),
            "elapsed_s": _seconds(elapsed_s),
            "fps": round(self.frames / elapsed_s, 2) if self.frames else 0.0,
            "faces": [
                {
                    "id": face.id,
                    "frames": face.frames,
                    "seconds": {name: _seconds(s) for name, s in face.by_time()},
                    "valence": _rounded(face.valence),
                    "arousal": _rounded(face.arousal),
                }
                for face in self.faces.values()
            ]
            + [face.to_json() for face in self.picture_faces],
            "faces_left_out": self.left_out,
            "times_ms": {
                stage: {"p50": round(times.at(0.5), 3), "p95": round(times.at(0.95), 3)}
                for stage, times in self._times.items()
            },
        }

    def to_text(self, elapsed_s: float) -> str:
        """Give a few lines for a reader; of many faces, those seen longest."""
        lines = self._picture_lines(elapsed_s) if self._pictures else self._film_lines(elapsed_s)
        times = ", ".join(
            f"{stage} {times.at(0.5):.1f}/{times.at(0.95):.1f}"
            for stage, times in self._times.items()
        )
        if times:
            lines.append(f"ms per frame, p50/p95: {times}")
        return "\n".join(lines)

    def _film_lines(self, elapsed_s: float) -> list[str]:
        lines = [
            f"{counted(self.frames, 'frame')}, {_seconds(self.video_s)} s of video in"
            f" {elapsed_s:.1f} s ({self.frames / elapsed_s:.1f} frames a second);"
            f" {_counted(len(self.faces), 'face')}"
        ]
        if self.dropped:
            dropped = counted(self.dropped, "more frame was", "more frames were")
            lines.append(f"{dropped} left out: there was no time for {_them(self.dropped)}")
        return lines + self.face_lines()

    def face_lines(self) -> list[str]:
        """Give a line for each face, of many for those seen longest; of pictures, the labels."""
        if self._pictures:
            counts = Counter(face.expression for face in self.picture_faces if face.expression)
            said = ", ".join(f"{name} {count}" for name, count in counts.most_common())
            return [said] if said else []
        lines = []
        faces = sorted(self.faces.values(), key=lambda face: -face.frames)
        for face in faces[:_SHOWN_FACES]:
            lasted = ", ".join(f"{name} {_seconds(s)} s" for name, s in face.by_time())
            seen = f"seen {_seconds(face.seen_s)} s" if face.seen_s else "one frame"
            lines.append(f"face {face.id}: {lasted or seen}{_means(face)}")
        if len(faces) > _SHOWN_FACES:
            more = counted(len(faces) - _SHOWN_FACES, "more face", "more faces")
            lines.append(f"and {more}, seen no longer")
        return lines

    def _picture_lines(self, elapsed_s: float) -> list[str]:
        faces = self.picture_faces
        lines = [
            f"{_counted(self._pictures, 'picture')} in {elapsed_s:.1f} s"
            f" ({self._pictures / elapsed_s:.1f} a second); {_counted(len(faces), 'face')}"
        ]
        return lines + self.face_lines()


def _seconds(seconds: float) -> float:
    """Give a time of the film as text and JSON both write it."""
    return round(seconds, 3)


def _counted(number: int, noun: str) -> str:
    return counted(number, noun) if number else f"no {noun}s"


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _means(face: FaceSummary) -> str:
    """Say the means of valence and arousal, if there are any."""
    if face.valence is None or face.arousal is None:
        return ""
    return f"; mean valence {face.valence:+.2f}, arousal {face.arousal:+.2f}"
