"""How often labels flip while people talk, how late they follow, and how many are withheld."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from engine.analyze import AnalyzerConfig, open_finder
from engine.faces.alignment import align
from engine.faces.landmarks import box_of, five_points
from engine.reading.fusion import Fusion, Reading
from engine.reading.reader import Reader
from engine.types import Found, Frame, Image, Prediction, Sighting, Track
from engine.video.opening import open_source
from export.reading.answers import PRESENCE
from export.reading.talk import CHANGE_S, TalkingClip
from training.evaluation.served import ServedNetwork

SETTLED_S: Final = 0.4  # after a change, before what the network says counts as its answer
SHORTEST_S: Final = 0.5  # of a track whose flips are counted


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What is shown of one face.

    Attributes:
        times_s: (N,) of the frames.
        labels: (N,) most probable classes.
        reliability: (N,) 0 to 1.
    """

    times_s: NDArray[np.float64]
    labels: NDArray[np.intp]
    reliability: NDArray[np.float64]

    def since(self, time_s: float) -> "Shown":
        """Keep what is shown from a time on."""
        later = self.times_s >= time_s
        return Shown(self.times_s[later], self.labels[later], self.reliability[later])

    @property
    def lasts_s(self) -> float:
        """From the first frame to the last."""
        return float(np.ptp(self.times_s)) if len(self.times_s) else 0.0

    @property
    def flips(self) -> int:
        """Changes of the label."""
        return int(np.count_nonzero(np.diff(self.labels)))


class _Replayed:
    """A network that says again what one said."""

    def __init__(self, fusion: Fusion, readings: Iterable[Reading]) -> None:
        self._fusion, self._readings = fusion, iter(readings)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the network has
        return getattr(self._fusion, name)

    def read(self, sightings: Sequence[Sighting], images: Sequence[Image]) -> list[Reading]:
        return [next(self._readings) for _ in sightings]


def shown_of(
    network: ServedNetwork, seen: Sequence[Found], smooths: Sequence[float]
) -> list[dict[int, Shown]]:
    """Read found faces once and show them with several smoothings: by track, for each."""
    readings = [
        network.fusion.read(found.sightings, [found.frame.image] * len(found.sightings))
        for found in seen
    ]
    flat = [reading for some in readings for reading in some]
    return [
        _tracks(Reader(cast(Fusion, _Replayed(network.fusion, flat)), smooth), seen)
        for smooth in smooths
    ]


def _tracks(reader: Reader, seen: Sequence[Found]) -> dict[int, Shown]:
    told: dict[int, list[tuple[float, Prediction]]] = {}
    for found in seen:
        (analysis,) = reader.read([found])
        for prediction in analysis.predictions:
            told.setdefault(prediction.track_id, []).append((found.frame.time_s, prediction))
    return {
        number: Shown(
            np.array([time_s for time_s, _ in said]),
            np.array([one.index for _, one in said]),
            np.array([one.reliability for _, one in said]),
        )
        for number, said in told.items()
    }


def film_of(path: Path) -> list[Found]:
    """Find and follow the faces of a film.

    Raises:
        SourceError: It cannot be read.
        ModelError: The shipped networks cannot be opened.
    """
    with (
        open_source(str(path)) as source,
        closing(open_finder(AnalyzerConfig(threads=1))) as finder,
    ):
        return [finder.find(frame) for frame in source]


def followed(network: ServedNetwork, clip: TalkingClip) -> Iterator[Found]:
    """Follow the face of a generated clip, cut each time where it was last seen."""
    last = None
    for index, (time_s, image, marks) in enumerate(clip.frames()):
        five = five_points(marks if last is None else last)
        (sighting,) = network.landmarker.locate([align(image, five)])
        if sighting.presence > PRESENCE:
            last = sighting.landmarks
        track = Track(1, box_of(sighting.landmarks), sighting.landmarks, sighting.presence)
        yield Found(Frame(index, time_s, image), (track,), (sighting,), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipFigures:
    """How steady and how prompt labels are.

    Attributes:
        what: Was shown.
        smooth: Seconds of smoothing, 0 for none.
        seconds: Of faces.
        flips_per_s: Changes of labels a second that no change of expression asks for.
        withheld: Share of rows whose reliability is below the threshold.
        changes: Of expression that the network itself follows; none in films without truth.
        lag_s: Median time from the change until the label follows; None without changes.
        lag_p90_s: Nine in ten follow within.
    """

    what: str
    smooth: float
    seconds: float
    flips_per_s: float
    withheld: float
    changes: int = 0
    lag_s: float | None = None
    lag_p90_s: float | None = None


def film_figures(what: str, faces: Iterable[Shown], smooth: float, threshold: float) -> FlipFigures:
    """Judge what is shown of a film's faces, none of which changes for a known reason."""
    faces = list(faces)
    long = [one for one in faces if one.lasts_s >= SHORTEST_S]
    rows = np.concatenate([one.reliability for one in faces] or [np.zeros(0)])
    seconds = sum(one.lasts_s for one in long)
    return FlipFigures(
        what=what,
        smooth=smooth,
        seconds=seconds,
        flips_per_s=sum(one.flips for one in long) / max(seconds, 1e-9),
        withheld=float((rows < threshold).mean()) if len(rows) else 0.0,
    )


def talk_figures(
    raw: Sequence[Shown], shown: Sequence[Shown], smooth: float, threshold: float
) -> FlipFigures:
    """Judge what is shown of talking faces that change their expression once.

    Args:
        raw: What the network says of every frame of each clip.
        shown: What is shown of it.
        smooth: Seconds of smoothing.
        threshold: Below it a label is withheld.
    """
    flips, lags = 0, []
    for said, one in zip(raw, shown, strict=True):
        before = _usual(said.labels[said.times_s < CHANGE_S])
        after = _usual(said.labels[said.times_s >= CHANGE_S + SETTLED_S])
        flips += max(0, one.flips - (before != after))
        if before != after:
            late = one.since(CHANGE_S)
            hits = np.flatnonzero(late.labels == after)
            lags.append(late.times_s[hits[0]] - CHANGE_S if len(hits) else np.inf)
    seconds = sum(one.lasts_s for one in shown)
    rows = np.concatenate([one.reliability for one in shown])
    return FlipFigures(
        what=f"{len(shown)} generated clips",
        smooth=smooth,
        seconds=seconds,
        flips_per_s=flips / seconds,
        withheld=float((rows < threshold).mean()),
        changes=len(lags),
        lag_s=float(np.quantile(lags, 0.5, method="higher")) if lags else None,
        lag_p90_s=float(np.quantile(lags, 0.9, method="higher")) if lags else None,
    )


def _usual(labels: NDArray[np.intp]) -> int:
    return int(np.bincount(labels).argmax())
