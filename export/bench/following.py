"""How well ids last: staged films through the pipeline, scored by TrackEval."""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.analyze import AnalyzerConfig, open_finder, open_reader
from engine.errors import ConfigError
from engine.networks.runtime import Device
from engine.pipeline import Pipeline
from engine.types import Floats, Frame, Track
from export.bench.staged import Clip, Shown, draw

SAME_PLACE: Final = 0.4  # overlap (IoU) from which a track is on a face
EVERY: Final = "all"
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """What the pipeline made of one frame.

    Attributes:
        shown: The faces that are in it.
        tracks: Those that were followed.
    """

    shown: Sequence[Shown]
    tracks: Sequence[Track]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowingScore:
    """Ids in the films of one kind, or in all.

    Attributes:
        name: Of the kind.
        films: How many.
        people: In each, together.
        faces: To be found, in all frames.
        missed: Of these.
        ids: People's ids, together; as many as people where everybody has one.
        split: People with more than one id.
        wrong: Rows of one person under another's id.
        idf1: IDF1 (Ristani et al. 2016), 0 to 1.
        hota: HOTA (Luiten et al. 2020), 0 to 1.
    """

    name: str
    films: int
    people: int
    faces: int
    missed: int
    ids: int
    split: int
    wrong: int
    idf1: float
    hota: float

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


def follow(clip: Clip, device: Device = "auto") -> list[Followed]:
    """Run a film through finder and reader at their defaults, as `fer-video` does.

    Raises:
        ModelError: Inference failed.
    """
    truth: list[list[Shown]] = []

    def frames() -> Iterator[Frame]:
        for index, (image, shown) in enumerate(draw(clip)):
            truth.append(shown)
            yield Frame(index, index / clip.fps, image)

    config = AnalyzerConfig(device=device)
    finder, reader = partial(open_finder, config), partial(open_reader, config)
    with Pipeline(frames(), finder, reader) as pipeline:
        tracks = [analysis.tracks for analysis, _ in pipeline]
    return [Followed(shown, found) for shown, found in zip(truth, tracks, strict=True)]


def measure_following(clips: Iterable[Clip], device: Device = "auto") -> list[FollowingScore]:
    """Score films, by kind; the last row is of all.

    Raises:
        ConfigError: TrackEval is not installed.
        ModelError: Inference failed.
    """
    check_trackeval()
    by_kind: dict[str, list[Ids]] = defaultdict(list)
    for clip in clips:
        by_kind[clip.name].append(ids_of(follow(clip, device)))
    rows = [score_of(name, films) for name, films in by_kind.items()]
    return [*rows, score_of(EVERY, [film for films in by_kind.values() for film in films])]


def check_trackeval() -> None:
    """Make sure of what scores, before minutes are spent.

    Raises:
        ConfigError: TrackEval is not installed.
    """
    if find_spec("trackeval") is None:
        # It asks for the OpenCV wheel that this project must not have.
        raise ConfigError("trackeval: not installed; pip install --no-deps 'trackeval>=1.3'")


@dataclass(frozen=True, slots=True, eq=False)
class Ids:
    """The ids in one film, counted.

    Attributes:
        people: In it.
        faces: To be found.
        missed: Of these.
        ids: By person, in the order of their first frames.
        wrong: Frame, person and id of each row of one person under another's id; an id is of
            whom it first was on.
        idf1: TrackEval's counts.
        hota: TrackEval's counts.
    """

    people: int
    faces: int
    missed: int
    ids: Mapping[str, Sequence[int]]
    wrong: Sequence[tuple[int, str, int]]
    idf1: Mapping[str, Any]
    hota: Mapping[str, Any]


def ids_of(film: Sequence[Followed]) -> Ids:
    """Count what became of the ids of one film, and score them."""
    ids: dict[str, list[int]] = {}
    owners: dict[int, str] = {}
    wrong: list[tuple[int, str, int]] = []
    faces = missed = 0
    for at, frame in enumerate(film):
        seen = [shown for shown in frame.shown if shown.visible]
        faces += len(seen)
        overlap = overlaps(seen, frame.tracks)
        for shown, row in zip(seen, overlap, strict=True):
            known = ids.setdefault(shown.person, [])
            if not len(row) or row.max() < SAME_PLACE:
                missed += 1
                continue
            number = frame.tracks[int(row.argmax())].id
            if number not in known:
                known.append(number)
            if owners.setdefault(number, shown.person) != shown.person:
                wrong.append((at, shown.person, number))
    idf1, hota = _scored(film)
    return Ids(len(ids), faces, missed, ids, wrong, idf1, hota)


def overlaps(shown: Sequence[Shown], tracks: Sequence[Track]) -> Floats:
    """Give the overlap (IoU) of each face with each track, (faces, tracks)."""
    one = np.array([face.box for face in shown], np.float32).reshape(-1, 1, 4)
    two = np.array([track.box for track in tracks], np.float32).reshape(1, -1, 4)
    low, high = np.maximum(one[..., :2], two[..., :2]), np.minimum(one[..., 2:], two[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], axis=2) for boxes in (one, two)]
    return np.asarray(shared / np.maximum(areas[0] + areas[1] - shared, 1e-6), np.float32)


def _scored(film: Sequence[Followed]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Score one film by TrackEval; tracks on faces that need not be found do not count."""
    identity, hota = _metrics()
    people: dict[str, int] = {}
    numbers: dict[int, int] = {}
    truth, found, likenesses = [], [], []
    for frame in film:
        overlap = overlaps(frame.shown, frame.tracks)
        must = np.array([shown.visible for shown in frame.shown], bool)
        on = overlap.argmax(axis=0) if len(must) else np.zeros(len(frame.tracks), int)
        counts = [
            not len(must) or must[face] or overlap[face, track] < SAME_PLACE
            for track, face in enumerate(on)
        ]
        tracks = [track for track, kept in zip(frame.tracks, counts, strict=True) if kept]
        names = [shown.person for shown in frame.shown if shown.visible]
        truth.append(np.array([people.setdefault(name, len(people)) for name in names], int))
        found.append(np.array([numbers.setdefault(t.id, len(numbers)) for t in tracks], int))
        likenesses.append(overlap[must][:, np.array(counts, bool)])
    data = {
        "gt_ids": truth,
        "tracker_ids": found,
        "similarity_scores": likenesses,
        "num_gt_ids": len(people),
        "num_tracker_ids": len(numbers),
        "num_gt_dets": sum(map(len, truth)),
        "num_tracker_dets": sum(map(len, found)),
        "num_timesteps": len(film),
    }
    return identity.eval_sequence(data), hota.eval_sequence(data)


def _metrics() -> tuple[Any, Any]:
    with redirect_stdout(io.StringIO()):  # it prints what its readers of datasets lack
        from trackeval.metrics import HOTA, Identity
    return Identity({"THRESHOLD": SAME_PLACE, "PRINT_CONFIG": False}), HOTA()


def score_of(name: str, films: Sequence[Ids]) -> FollowingScore:
    """Add films up."""
    identity, hota = _metrics()
    counts = [len(known) for film in films for known in film.ids.values()]
    return FollowingScore(
        name=name,
        films=len(films),
        people=sum(film.people for film in films),
        faces=sum(film.faces for film in films),
        missed=sum(film.missed for film in films),
        ids=sum(counts),
        split=sum(count > 1 for count in counts),
        wrong=sum(len(film.wrong) for film in films),
        idf1=_combined(identity, [film.idf1 for film in films], "IDF1"),
        hota=_combined(hota, [film.hota for film in films], "HOTA"),
    )


def _combined(metric: Any, films: Sequence[Mapping[str, Any]], name: str) -> float:  # noqa: ANN401 - no types
    return float(np.mean(metric.combine_sequences(dict(enumerate(films)))[name]))
