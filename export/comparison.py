"""Whether two forms of a network answer alike, on real faces and on adversarial pictures."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.assets import asset_path
from engine.errors import ModelError, SourceError
from engine.faces.landmarker import Landmarker
from engine.faces.preprocessing import crops_for
from engine.labels import EXPRESSIONS
from engine.networks.manifest import load_manifest
from engine.reading.reliability import probabilities_of
from engine.types import Floats, Image
from export.adversarial import adversarial_pictures
from export.backends import Answers, Backend, exported_backend
from export.calibration import aligned, validation_faces
from export.graph import LANDMARK_NET
from export.parity import ADVERSARIAL, BOUNDS, REAL, TAIL, Deviation, Report

log = logging.getLogger(__name__)

BATCHES: Final = (1, 2, 7)  # and the largest one
FACES: Final = 512  # real ones, unless told otherwise
PROOF_FACES: Final = 128  # that an export is proved on
LIKELY: Final = 0.1  # score from which a detector's box may become a face
LARGE: Final = 10  # value of an output above which errors count relative to it
SHAPES: Final = ((32, 32), (96, 160), (256, 64), (288, 512))  # of a detector's pictures, pixels


@dataclass(frozen=True, slots=True, eq=False)
class RealFaces:
    """Real pictures in the form that the networks take.

    Attributes:
        pictures: BGR.
        labels: (N,) their classes, order of `engine.labels.Expression`; empty where unknown.
    """

    pictures: Sequence[Image]
    labels: NDArray[np.intp]


def prove(truth: Backend, made: Path, data: Path | None, cache: Path) -> Report:
    """Compare what was just written with what it was made of; log the figures.

    Args:
        truth: What it was made of.
        made: ONNX file or engine.
        data: Folder with the data packs; adversarial pictures alone where it has no FER+, which
            the log says, and where it is None.
        cache: Folder for decoded data.

    Raises:
        ModelError: It is no sound network, or answers otherwise.
    """
    other = replace(exported_backend(made), path=Path(made.name))  # where it lies now says nothing
    check_alike(truth, other)
    faces = None
    try:
        faces = None if data is None else real_faces(truth, data, cache, PROOF_FACES)
    except SourceError as error:
        log.warning("compared on adversarial pictures only, not on faces of FER+: %s", error)
    report = compare(truth, other, faces)
    log.info("%s", "\n".join(report.lines()))
    report.require()
    return report


def check_alike(truth: Backend, other: Backend) -> None:
    """Raise ModelError unless two backends take the same pictures and mean the same by answers."""
    for what, mine, theirs in (
        ("kind", truth.kind, other.kind),
        ("input", truth.form, other.form),
        ("labels", truth.labels, other.labels),
    ):
        if mine != theirs:
            raise ModelError(
                f"{other.path}: is no form of {truth.path}: {what}: {theirs}, not {mine}"
            )
    if other.precision not in BOUNDS:
        raise ModelError(f"{other.path}: no bounds are stated for precision {other.precision}")


def compare(truth: Backend, other: Backend, real: RealFaces | None = None) -> Report:
    """Compare two backends that are alike, on adversarial pictures and on real ones."""
    batches = batches_of(other)
    calls: dict[str, list[Sequence[Image]]] = {ADVERSARIAL: _adversarial_calls(truth, batches)}
    if real is not None:
        calls[REAL] = _real_calls(truth, real.pictures, batches)
    errors: list[Deviation] = []
    agreement: dict[str, float] = {}
    said: tuple[Answers, Answers] = ({}, {})
    for on, pictures in calls.items():
        said = _asked(truth, other, pictures)
        errors += _errors(on, *said)
        if truth.labels and len(said[0]["logits"]):
            agreement[on] = float(np.mean(_winners(said[0]) == _winners(said[1])))
    accuracy = None if real is None else _accuracies(real, truth.labels, *said)
    count = 0 if real is None else sum(map(len, calls[REAL]))
    return Report(
        truth.path, other.path, other.precision, batches, tuple(errors), agreement, accuracy, count
    )


def batches_of(side: Backend) -> tuple[int, ...]:
    """Give the numbers of pictures that a side is asked about at once."""
    if side.batch:
        return (side.batch,)
    return tuple(sorted({size for size in (*BATCHES, side.most) if size <= side.most}))


def _adversarial_calls(side: Backend, batches: Sequence[int]) -> list[Sequence[Image]]:
    if side.form is None:
        return [
            [_resized(picture, shape)]
            for number, shape in enumerate(SHAPES)
            for picture in adversarial_pictures(12, max(shape), number)
        ]
    # Small batches first go through all kinds: each starts where the one before ended.
    pool = adversarial_pictures(sum(batches), side.form.size)
    starts = np.cumsum([0, *batches])
    return [pool[first : first + size] for first, size in zip(starts, batches, strict=False)]


def _resized(picture: Image, shape: tuple[int, int]) -> Image:
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def _real_calls(
    side: Backend, pictures: Sequence[Image], batches: Sequence[int]
) -> list[Sequence[Image]]:
    """Cut pictures into batches of every size in turn; what fills none is left out."""
    if side.kind == "detector":
        return [[picture] for picture in pictures]
    calls, first, number = [], 0, 0
    while first < len(pictures):
        size = batches[min(number, len(batches) - 1)]
        size = size if len(batches) == 1 else min(size, len(pictures) - first)
        if first + size > len(pictures):
            break
        calls.append(pictures[first : first + size])
        first, number = first + size, number + 1
    return calls


def _asked(
    truth: Backend, other: Backend, calls: Sequence[Sequence[Image]]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Give all answers of both backends, probabilities included, a row for each picture."""
    pairs = [(truth.answer(pictures), other.answer(pictures)) for pictures in calls]
    if missing := sorted(set(pairs[0][0]) ^ set(pairs[0][1])):
        raise ModelError(
            f"{other.path}: is no form of {truth.path}: only one has {', '.join(missing)}"
        )
    temperature = truth.temperature or other.temperature or 1.0
    mine, theirs = (
        {name: np.concatenate([pair[at][name] for pair in pairs]) for name in pairs[0][at]}
        for at in (0, 1)
    )
    for said in (mine, theirs):
        if "logits" in said:
            said["probabilities"] = probabilities_of(said["logits"], temperature)
    return mine, theirs


def _errors(on: str, mine: Answers, theirs: Answers) -> Iterator[Deviation]:
    for name, truth in mine.items():
        if truth.shape != theirs[name].shape:
            raise ModelError(f"{name}: has shape {theirs[name].shape}, expected {truth.shape}")
        off = np.abs(truth - theirs[name])
        off, truth = off.reshape(len(off), -1), truth.reshape(len(off), -1)
        if name == "geometry":  # of what is no face it means nothing
            likely = mine["scores"] >= LIKELY
            off, truth = off[likely], truth[likely]
        if off.size == 0:
            yield Deviation(name, on, 0.0, 0.0, 0.0, 0)
            continue
        largest = np.abs(truth).max(axis=1) / LARGE
        counted = float(np.max(off.max(axis=1) / np.maximum(largest, 1)))
        tail = float(np.percentile(off, TAIL))
        yield Deviation(name, on, float(off.max()), counted, tail, off.size)


def _winners(said: Answers) -> NDArray[np.intp]:
    return np.asarray(said["logits"].argmax(axis=1), np.intp)


def _accuracies(
    real: RealFaces, labels: Sequence[str], mine: Answers, theirs: Answers
) -> tuple[float, float] | None:
    """Give the share of right labels of both backends; None where their labels are not FER+'s."""
    if not labels or not set(labels) <= set(EXPRESSIONS) or not len(real.labels):
        return None
    places = np.array([EXPRESSIONS.index(label) for label in labels])
    first, second = (places[_winners(said)] for said in (mine, theirs))
    known = real.labels[: len(first)]
    return float(np.mean(first == known)), float(np.mean(second == known))


def real_faces(side: Backend, data: Path, cache: Path, count: int = FACES) -> RealFaces:
    """Cut validation faces of FER+ as a network takes them; for a detector, boards of faces.

    The faces are found by the shipped landmark network, whatever is compared.

    Raises:
        SourceError, SinkError: As `validation_faces`.
    """
    found = validation_faces(data, cache, count)
    labels = found.labels
    images = [found.image(row) for row in range(len(found))]
    form = side.form
    if form is None:
        return RealFaces(list(_boards(images)), np.empty(0, np.intp))
    landmarker = Landmarker(load_manifest(asset_path(LANDMARK_NET)), "cpu")
    there = aligned(landmarker, found)
    pictures, faces = [crop.image for crop in there], [crop.face for crop in there]
    return RealFaces(crops_for(pictures, faces, form), labels)


def _boards(images: Sequence[Image], rows: int = 3, columns: int = 4) -> Iterator[Image]:
    """Put pictures beside each other at twice their size; the last board is left out if short."""
    for first in range(0, len(images) - rows * columns + 1, rows * columns):
        grid = [
            np.concatenate(images[start : start + columns], axis=1)
            for start in range(first, first + rows * columns, columns)
        ]
        board = cv2.resize(np.concatenate(grid), None, fx=2, fy=2)
        height, width = (size - size % 32 for size in board.shape[:2])
        yield np.asarray(board[:height, :width], np.uint8)
