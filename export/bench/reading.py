"""`--parts reading`: how well faces are read where pictures are bad, heads turn and people talk."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.networks.manifest import ExpressionFacts
from engine.networks.models import choose
from engine.reading.reliability import Temperature, probabilities_of
from engine.types import UNCERTAIN_BELOW, Floats
from export.bench.tabulated import table
from export.reading.answers import (
    Portraits,
    Said,
    load_portraits,
    moved_of,
    said_of,
)
from export.reading.figures import (
    Answers,
    CurvePoint,
    RowFigures,
    curve_of,
    figures_of,
    threshold_of,
)
from export.reading.films import (
    FlipFigures,
    Shown,
    film_figures,
    film_of,
    followed,
    shown_of,
    talk_figures,
)
from export.reading.spoilt import CLEAN, GRID, mirrored
from export.reading.talk import talking_clips
from training.data.faces import Split
from training.data.packs import TeacherLabels, pack_folder
from training.evaluation.served import ServedNetwork, open_network

CLIPS: Final = 60
SEED: Final = 2
FILM: Final = "short_hamilton_clip.mp4"  # whose second half shows people who talk
SMOOTH: Final = (0.0, 0.25)  # none, and what `--smooth` is by default
Bar = Callable[[int, str], Iterable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingFigures:
    """What reading came to.

    Attributes:
        model: Name of the network, its precision in it.
        split: Of FER+.
        faces: Of the clean row.
        threshold: Below it a label counts as uncertain.
        rows: With the temperature that follows the picture.
        before: With one temperature for all pictures.
        curve: Risk and coverage on the grid.
        lowest: The lowest threshold of the curve at which four in five of what is shown is right.
        changed: Share of labels that changes when the picture is mirrored, and when the crop is
            moved by a pixel, by name.
        groups: Accuracy and coverage by what the faces are like.
        flips: Labels over time.
    """

    model: str
    split: str
    faces: int
    threshold: float
    rows: tuple[RowFigures, ...]
    before: tuple[RowFigures, ...]
    curve: tuple[CurvePoint, ...]
    lowest: float | None
    changed: dict[str, float] = field(default_factory=dict)
    groups: tuple[RowFigures, ...] = ()
    flips: tuple[FlipFigures, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingJob:
    """What to judge, and on what.

    Attributes:
        model: ONNX file of an expression network; None is what the engine would choose here.
        split: ``valid``, of which only the half is judged that nothing was fitted on, or ``test``.
        faces: At most, evenly spread; 0 is all.
        data: Folder with the data packs.
        cache: Folder for decoded data and answers.
        films: To count flips in; the second half of `FILM`, all of others.
    """

    model: Path | None
    split: Split
    faces: int
    data: Path
    cache: Path
    films: tuple[Path, ...]


def measure_reading(config: ReadingJob, bar: Bar) -> ReadingFigures:
    """Judge a network through the engine's alignment and crops.

    Raises:
        ModelError: It cannot be opened.
        SourceError: FER+, the teacher's labels or a film is missing.
        SinkError: The cache cannot be written.
    """
    model = config.model or choose("poster-rt").expression.path
    network = open_network(model, threads=1)
    try:
        portraits = load_portraits(network, config.split, config.data, config.cache)
        rows = _judged(portraits, config)
        steps = bar(len(GRID), "spoiling faces")
        said = {
            row.name: said_of(network, portraits, rows, (row.name, row.change), config.cache)
            for row, _ in zip(GRID, steps, strict=True)
        }
        return _figures(network, portraits, said, config)
    finally:
        network.close()


def _judged(portraits: Portraits, config: ReadingJob) -> NDArray[np.intp]:
    rows = np.flatnonzero(portraits.checked | (config.split == "test"))
    if config.faces and config.faces < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, config.faces).astype(int)]
    return rows


def _figures(
    network: ServedNetwork, portraits: Portraits, said: dict[str, Said], config: ReadingJob
) -> ReadingFigures:
    facts = network.manifest.read(ExpressionFacts)
    usual = facts.temperature or 1.0
    follows = Temperature(network.manifest.name, usual, facts.picture_quality)
    clean = said[CLEAN.name]

    def answered(temperatures: Callable[[Said], Floats]) -> list[Answers]:
        every = {name: (one, one.followed) for name, one in said.items()}
        turned = _turned(portraits, clean, config)
        every |= {name: (clean, clean.followed & chosen) for name, chosen in turned.items()}
        return [
            _answers(name, portraits, one, chosen, temperatures(one))
            for name, (one, chosen) in every.items()
            if chosen.any()
        ]

    steady = answered(lambda one: np.full(len(one.rows), usual, np.float32))
    answers = answered(lambda one: follows.of_quality(one.quality))
    grid, whole = answers[: len(said)], answers[0]
    curve = curve_of(grid, whole)
    return ReadingFigures(
        model=f"{network.manifest.name} {network.manifest.precision}",
        split=config.split,
        faces=len(whole.labels),
        threshold=UNCERTAIN_BELOW,
        rows=tuple(figures_of(one, UNCERTAIN_BELOW) for one in answers),
        before=tuple(figures_of(one, UNCERTAIN_BELOW) for one in steady),
        curve=tuple(curve),
        lowest=threshold_of(curve),
        changed=_changed(network, portraits, clean, config),
        groups=tuple(figures_of(one, UNCERTAIN_BELOW) for one in _groups(portraits, clean, whole)),
        flips=tuple(_flips(network, portraits, clean, config)),
    )


def _answers(
    name: str,
    portraits: Portraits,
    said: Said,
    chosen: NDArray[np.bool_],
    temperatures: Floats,
) -> Answers:
    probabilities = probabilities_of(said.logits[chosen], temperatures[chosen])
    lost = float(1 - said.followed.mean())
    return Answers(name, probabilities, portraits.labels[said.rows[chosen]], lost)


def _turned(portraits: Portraits, clean: Said, config: ReadingJob) -> dict[str, NDArray[np.bool_]]:
    """Mark clean faces by where the teacher says they look: their labels are people's."""
    path = pack_folder(config.data, "teacher_labels", config.cache) / "landmarks_ferplus.npz"
    teacher = TeacherLabels(str(path), path)
    places = {name: row for row, name in enumerate(teacher.names)}
    rows = np.array([places[name] for name in portraits.names[clean.rows]])
    yaw, pitch = (teacher["yaw_pitch_roll"][rows, axis].astype(np.float32) for axis in (0, 1))
    yaw = np.abs(np.where(teacher["found"][rows], yaw, np.nan))
    return {
        "turned 20 to 30 deg": (yaw >= 20) & (yaw < 30),
        "turned 30 to 40 deg": (yaw >= 30) & (yaw < 40),
        "turned over 40 deg": yaw >= 40,
        "raised over 15 deg": pitch > 15,
        "lowered over 20 deg": pitch < -20,
    }


def _changed(
    network: ServedNetwork, portraits: Portraits, clean: Said, config: ReadingJob
) -> dict[str, float]:
    """Give the share of labels that changes with the picture's mirror image, and with a pixel."""
    said = clean.logits.argmax(axis=1)
    turned = said_of(network, portraits, clean.rows, ("mirrored", mirrored), config.cache)
    moved = moved_of(network, portraits, clean.rows)
    both = clean.followed & turned.followed
    return {
        "mirrored": float((turned.logits.argmax(axis=1) != said)[both].mean()),
        "moved by a pixel": float((moved.argmax(axis=2) != said)[:, clean.followed].mean()),
    }


def _groups(portraits: Portraits, clean: Said, whole: Answers) -> list[Answers]:
    """Split clean faces by the brightness of the face, in thirds."""
    rows = clean.rows[clean.followed]
    light = np.array([portraits.faces[row].brightness for row in rows])
    low, high = np.quantile(light, (1 / 3, 2 / 3))
    parts = {
        f"face darker than {low:.0f} levels": light < low,
        f"{low:.0f} to {high:.0f} levels": (light >= low) & (light < high),
        f"brighter than {high:.0f} levels": light >= high,
    }
    return [
        Answers(name, whole.probabilities[part], whole.labels[part], 0.0)
        for name, part in parts.items()
    ]


def _flips(
    network: ServedNetwork, portraits: Portraits, clean: Said, config: ReadingJob
) -> list[FlipFigures]:
    said = np.full(len(portraits), -1)
    said[clean.rows] = clean.logits.argmax(axis=1)
    rng = np.random.default_rng(SEED)
    clips = talking_clips(portraits, said, CLIPS, rng)
    talk: list[list[Shown]] = [[] for _ in SMOOTH]
    for clip in clips:
        shown = shown_of(network, list(followed(network, clip)), SMOOTH)
        for told, one in zip(talk, shown, strict=True):
            told.append(one[1])
    figures = [
        talk_figures(talk[0], told, smooth, UNCERTAIN_BELOW)
        for smooth, told in zip(SMOOTH, talk, strict=True)
    ]
    for film in config.films:
        seen = film_of(film)
        half_s = seen[-1].frame.time_s / 2 if film.name == FILM and seen else 0.0
        name = f"{film.name}, second half" if half_s else film.name
        for smooth, tracks in zip(SMOOTH, shown_of(network, seen, SMOOTH), strict=True):
            faces = [one.since(half_s) for one in tracks.values()]
            figures.append(film_figures(name, faces, smooth, UNCERTAIN_BELOW))
    return figures


def reading_tables(found: ReadingFigures) -> list[str]:
    """Give the tables for a reader."""
    half = " of the half that nothing is fitted on" if found.split == "valid" else ""
    changed = "; ".join(f"{_percent(share)} % when {how}" for how, share in found.changed.items())
    lowest = "none of these" if found.lowest is None else f"{found.lowest:.2f}"
    return [
        "## Reading",
        f"{found.model} on FER+ {found.split}, {found.faces} clean faces{half}. Uncertain is what "
        f'has a reliability below {found.threshold:.2f}. "Before" is one temperature for all '
        "pictures. Rows by pose are clean pictures with people's labels and a teacher's pose.",
        _grid(found),
        f"Labels that change: {changed}.",
        "Faces by the brightness of the face. FER+ has no labels of glasses or apparent age.",
        table(
            ("faces", "number", "right, %", "95 % interval", "shown, %"),
            [
                (one.name, str(one.images), _percent(one.accuracy), _interval(one),
                 _percent(1 - one.withheld))
                for one in found.groups
            ],
        ),
        "Risk and coverage, rows of the grid weighing the same; the lowest threshold at which "
        f"what is shown is right four times in five: {lowest}.",
        table(
            ("threshold", "shown, %", "right, %", "clean withheld, %", "clean right, %"),
            [
                (f"{p.threshold:.2f}", _percent(p.coverage), _percent(p.accuracy),
                 _percent(p.clean_withheld), _percent(p.clean_accuracy))
                for p in found.curve
            ],
        ),
        "Labels over time. A change of expression is one that the network itself follows.",
        table(
            ("film", "smoothing, s", "seconds of faces", "flips a second", "changes",
             "median lag, s", "90 % within, s", "withheld, %"),
            [
                (f.what, f"{f.smooth:g}", f"{f.seconds:.1f}", f"{f.flips_per_s:.2f}",
                 str(f.changes or "-"), _seconds(f.lag_s), _seconds(f.lag_p90_s),
                 _percent(f.withheld))
                for f in found.flips
            ],
        ),
    ]  # fmt: skip


def _grid(found: ReadingFigures) -> str:
    head = (
        "row", "faces", "not followed, %", "right, %", "95 % interval", "sure, %", "ECE",
        "sure before, %", "ECE before", "withheld, %", "right of the others, %",
    )  # fmt: skip
    return table(
        head,
        [
            (
                row.name,
                str(row.images),
                _percent(row.lost),
                _percent(row.accuracy),
                _interval(row),
                _percent(row.confidence),
                f"{row.ece:.3f}",
                _percent(old.confidence),
                f"{old.ece:.3f}",
                _percent(row.withheld),
                _percent(row.shown_accuracy),
            )
            for row, old in zip(found.rows, found.before, strict=True)
        ],
    )


def _interval(row: RowFigures) -> str:
    return f"{100 * row.low:.1f} to {100 * row.high:.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if np.isfinite(value) else "never"
