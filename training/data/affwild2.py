"""Aff-Wild2: annotations per video frame of expression, or valence and arousal.

A frame is valid where its annotation is valid AND its picture is there; annotation line i (from
0, below the header) belongs to picture i + 1. Lines and pictures are joined on that number.

Source: Kollias (2022), arXiv 2202.10659; common specification, section 4.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.types import Floats
from training.data.classes import AFF_WILD2
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of

Task = Literal["expression", "affect"]

PARTS = ("Train_Set", "Validation_Set")
PICTURES = "cropped_aligned"
FOLDERS: Final[dict[Task, tuple[str, ...]]] = {
    # The name changed between the challenge's editions.
    "expression": ("EXPR_Classification_Challenge", "EXPR_Recognition_Challenge"),
    "affect": ("VA_Estimation_Challenge",),
}
HEADERS: Final[dict[Task, str]] = {
    "expression": "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other",
    "affect": "valence,arousal",
}
EXPECTED: Final[dict[Task, str]] = {
    "expression": "one integer, 0 to 7 or -1",
    "affect": "two numbers, -1 to 1 or -5",
}
COLUMNS: Final[dict[Task, int]] = {"expression": 1, "affect": 2}


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedTrack:
    """One subject of one video.

    Attributes:
        name: ``VIDEO``, ``VIDEO_left`` or ``VIDEO_right``; each is a track of its own.
        values: (L, K) float32, one row per annotation line.
        annotated: (L,) bool, the annotation is valid.
        pictured: (L,) bool, the picture of that line is there.
    """

    name: str
    values: Floats
    annotated: NDArray[np.bool_]
    pictured: NDArray[np.bool_]

    @property
    def valid(self) -> NDArray[np.intp]:
        """Lines, from 0, of the valid frames."""
        return np.flatnonzero(self.annotated & self.pictured)

    @property
    def video(self) -> str:
        """Name of the video, which the tracks of its subjects share."""
        return self.name.removesuffix("_left").removesuffix("_right")

    def picture(self, line: int) -> str:
        """Path of a line's picture from the dataset's top."""
        return f"{PICTURES}/{self.name}/{line + 1:05d}.jpg"

    def stand_ins(self) -> NDArray[np.intp]:
        """Give, for each annotated line, the line whose prediction a submission copies.

        That is itself where it has a picture, else the nearest earlier line with one, else the
        nearest later one; -1 where the track has no picture at all.
        """
        lines, there = np.flatnonzero(self.annotated), np.flatnonzero(self.pictured)
        if not len(there):
            return np.full(len(lines), -1, np.intp)
        return there[np.maximum(np.searchsorted(there, lines, side="right") - 1, 0)]


def read_expressions(files: Files, part: str) -> DatasetReading:
    """Read the valid frames of ``Train_Set`` or ``Validation_Set`` with their expressions.

    Raises:
        SourceError: The folder is missing, or a file is malformed, with its line.
    """
    return _reading(files, part, "expression", lambda values: (int(values[0]), NO_AFFECT))


def read_affect(files: Files, part: str) -> DatasetReading:
    """Read the valid frames with their valence and arousal; none has a label.

    Raises:
        SourceError: As `read_expressions`.
    """
    return _reading(files, part, "affect", lambda values: (-1, (values[0], values[1])))


def read_tracks(files: Files, part: str, task: Task) -> list[AnnotatedTrack]:
    """Read every annotation file of a part, sorted by name.

    Raises:
        SourceError: As `read_expressions`.
    """
    folder = _folder(files, part, task)
    names = sorted(name for name in files.listed(folder) if name.endswith(".txt"))
    if not names:
        raise SourceError(f"{files.place(folder)}: expected one .txt per track, found none")
    return [_track(files, f"{folder}/{name}", task) for name in names]


NO_AFFECT: Final = (float("nan"), float("nan"))


def _reading(
    files: Files,
    part: str,
    task: Task,
    meaning: Callable[[Floats], tuple[int, tuple[float, float]]],
) -> DatasetReading:
    rows, left_out = [], Counter[str]()
    for track in read_tracks(files, part, task):
        left_out["not annotated"] += int((~track.annotated).sum())
        left_out["annotated, no picture"] += int((track.annotated & ~track.pictured).sum())
        for line in track.valid.tolist():
            label, affect = meaning(track.values[line])
            rows.append(FaceRow(track.picture(line), label, track.video, affect=affect))
    dataset = "aff-wild2-expr" if task == "expression" else "aff-wild2-va"
    folder = _folder(files, part, task)
    return reading_of(files, dataset, AFF_WILD2, rows, labels_from=folder, left_out=left_out)


def _folder(files: Files, part: str, task: Task) -> str:
    """Find a part's annotations, at the top or inside an ``Annotations`` style folder."""
    for top in ("", *(f"{name}/" for name in files.folders(""))):
        for name in FOLDERS[task]:
            if part in files.folders(f"{top}{name}"):
                return f"{top}{name}/{part}"
    raise SourceError(
        f"{files.where}: expected {' or '.join(f'{name}/{part}' for name in FOLDERS[task])}"
    )


def _track(files: Files, path: str, task: Task) -> AnnotatedTrack:
    name = PurePosixPath(path).stem
    lines = files.lines(path)
    if not lines or lines[0].replace(" ", "") != HEADERS[task]:
        raise SourceError(f"{files.place(path)}, line 1: expected the header {HEADERS[task]}")
    while lines and not lines[-1].strip():
        lines.pop()
    values = np.empty((len(lines) - 1, COLUMNS[task]), np.float32)
    for index, line in enumerate(lines[1:]):
        row = _values(line, task)
        if row is None:
            raise SourceError(
                f"{files.place(path)}, line {index + 2}: expected {EXPECTED[task]}, got {line!r}"
            )
        values[index] = row
    missing = -5 if task == "affect" else -1
    there = files.listed(f"{PICTURES}/{name}")
    pictured = [f"{index + 1:05d}.jpg" in there for index in range(len(values))]
    annotated = (values != missing).all(axis=1)
    return AnnotatedTrack(name, values, annotated, np.array(pictured, bool))


def _values(line: str, task: Task) -> list[float] | None:
    """Parse one annotation line; None where it is malformed."""
    try:
        values = [float(value) for value in line.split(",")]
    except ValueError:
        return None
    if task == "affect":
        fits = all(-1 <= value <= 1 or value == -5 for value in values)
    else:
        fits = all(value in range(-1, 8) for value in values)
    return values if fits and len(values) == COLUMNS[task] else None
