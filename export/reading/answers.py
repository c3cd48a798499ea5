"""What a network says of spoilt pictures, found, cut and read as the engine does it."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.faces import alignment, landmarker, landmarks
from engine.faces.alignment import align
from engine.faces.landmarker import Landmarker
from engine.faces.landmarks import five_points
from engine.files import written
from engine.reading import quality
from engine.reading.fusion import landmarks_of
from engine.reading.quality import quality_of
from engine.types import Face, Floats, Image, Sighting
from export.reading import spoilt
from export.reading.spoilt import Change, Gray, Portrait
from training.data.faces import Split
from training.data.landmark_cache import locate
from training.data.registry import read_dataset
from training.evaluation.served import ServedNetwork, reader_of

PRESENCE: Final = 0.3  # where `engine.faces.tracking.TrackerConfig.presence_keep` gives a face up
BATCH: Final = 32
ROUNDS: Final = 2  # a followed face is cut where it was last seen


@dataclass(frozen=True, slots=True, eq=False)
class Portraits:
    """Labelled faces.

    Attributes:
        faces: (N) pictures with the landmarks that the landmark network sees in them.
        labels: (N,) majority classes, order of `engine.labels.Expression`.
        checked: (N,) bool, the half that nothing is fitted on; copies of a picture share a half.
        names: (N,) of the pictures.
    """

    faces: Sequence[Portrait]
    labels: NDArray[np.intp]
    checked: NDArray[np.bool_]
    names: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.faces)


def load_portraits(network: ServedNetwork, split: Split, root: Path, cache: Path) -> Portraits:
    """Load the majority-labelled faces of a split of FER+.

    Raises:
        SourceError: FER+ is missing or damaged.
        SinkError: The cache cannot be written.
    """
    table = read_dataset("ferplus", root, split, cache)
    points = locate(reader_of(network.landmarker), table)
    faces = []
    for first in range(0, len(table), BATCH):
        images = [table.image(row) for row in range(first, min(first + BATCH, len(table)))]
        cut = [align(image, at) for image, at in zip(images, points[first:], strict=False)]
        seen = network.landmarker.locate(cut)
        faces += [
            Portrait(image[..., 0], one.landmarks) for image, one in zip(images, seen, strict=True)
        ]
    checked = [zlib.crc32(face.picture.tobytes()) % 2 == 1 for face in faces]
    return Portraits(faces, table.labels, np.array(checked, bool), table.names)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a network says of spoilt faces; temperatures are put on it later.

    Attributes:
        rows: (N,) which of the portraits.
        logits: (N, 8).
        affect: (N, 2), valence and arousal.
        quality: (N, K), see `engine.reading.quality.quality_of`.
        presence: (N,) 0 to 1.
    """

    rows: NDArray[np.intp]
    logits: Floats
    affect: Floats
    quality: Floats
    presence: Floats

    @property
    def followed(self) -> NDArray[np.bool_]:
        """(N,) where the engine would go on following the face; others are not read."""
        return np.asarray(self.presence > PRESENCE, np.bool_)


def said_of(
    network: ServedNetwork,
    portraits: Portraits,
    rows: NDArray[np.intp],
    spoil: tuple[str, Change],
    cache: Path,
) -> Said:
    """Spoil faces and read them, once: answers are kept in the cache.

    Args:
        network: Reads them.
        portraits: The faces.
        rows: Which of them.
        spoil: What it is called, which is also the seed of what is drawn, and what it does.
        cache: Folder for answers.

    Raises:
        SinkError: The cache cannot be written.
    """
    name, change = spoil
    path = cache / "reading" / f"{_key(network, portraits, rows, name)}.npz"
    if not path.is_file():
        made = _said(network, portraits, rows, change, zlib.crc32(name.encode()))
        with written(path) as partial, partial.open("wb") as file:
            np.savez(file, **{one.name: getattr(made, one.name) for one in fields(Said)})
    with np.load(path) as kept:
        return Said(**{one.name: kept[one.name] for one in fields(Said)})


def _key(network: ServedNetwork, portraits: Portraits, rows: NDArray[np.intp], name: str) -> str:
    """Name everything that answers depend on: networks, faces, and what is done to them."""
    total = hashlib.sha256(f"{network.manifest.sha256} {name}".encode())
    total.update(landmarks_of(network.manifest).sha256.encode())
    for module in (spoilt, quality, alignment, landmarker, landmarks):
        total.update(Path(str(module.__file__)).read_bytes())
    for row in rows:
        total.update(portraits.names[row].encode())
    return total.hexdigest()[:24]


def _said(
    network: ServedNetwork, portraits: Portraits, rows: NDArray[np.intp], change: Change, seed: int
) -> Said:
    logits, affect, measured, presence = [], [], [], []
    faces = [portraits.faces[row] for row in rows]
    for sightings, images in sightings_of(network, faces, change, seed):
        for sighting, reading in zip(
            sightings, network.fusion.read(sightings, images), strict=True
        ):
            logits.append(reading.logits)
            affect.append(reading.valence_arousal)
            measured.append(quality_of(sighting))
            presence.append(sighting.presence)
    if not logits:
        raise SourceError("FER+: no faces to read")
    return Said(
        np.asarray(rows, np.intp),
        np.stack(logits),
        np.stack(affect),
        np.stack(measured),
        np.array(presence, np.float32),
    )


def moved_of(network: ServedNetwork, portraits: Portraits, rows: NDArray[np.intp]) -> Floats:
    """Give logits (4, N, C) of clean faces whose crop moves by a pixel, each way."""
    moves = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    said: list[list[Floats]] = [[] for _ in moves]
    faces = [portraits.faces[row] for row in rows]
    for sightings, images in sightings_of(network, faces, lambda face, _: face, 0):
        for move, logits in zip(moves, said, strict=True):
            moved = [
                _moved(one.face, image, move) for one, image in zip(sightings, images, strict=True)
            ]
            seen = network.landmarker.locate(moved)
            logits += [reading.logits for reading in network.fusion.read(seen, images)]
    return np.stack([np.stack(logits) for logits in said])


def _moved(face: Face, image: Image, move: Floats) -> Face:
    matrix = face.matrix.copy()
    matrix[:, 2] += move
    return Face(crop=alignment.warp(image, matrix, len(face.crop)), matrix=matrix)


def sightings_of(
    network: ServedNetwork, portraits: Sequence[Portrait], change: Change, seed: int
) -> Iterator[tuple[list[Sighting], list[Image]]]:
    """Spoil portraits and see the faces in them, some at a time.

    Args:
        network: Whose landmark network sees them.
        portraits: The faces.
        change: Spoils them.
        seed: With a face's place, of what is drawn.
    """
    for first in range(0, len(portraits), BATCH):
        some = [
            change(portrait, np.random.default_rng((seed, first + place)))
            for place, portrait in enumerate(portraits[first : first + BATCH])
        ]
        images = [_colour(one.picture) for one in some]
        yield _seen(network.landmarker, images, [one.landmarks for one in some]), images


def _seen(
    landmarker: Landmarker, images: Sequence[Image], landmarks: Sequence[Floats]
) -> list[Sighting]:
    points = [five_points(one) for one in landmarks]
    sightings: list[Sighting] = []
    for _ in range(ROUNDS):
        faces = [align(image, five) for image, five in zip(images, points, strict=True)]
        sightings = landmarker.locate(faces)
        points = [
            five_points(one.landmarks) if one.presence > PRESENCE else five
            for one, five in zip(sightings, points, strict=True)
        ]
    return sightings


def _colour(picture: Gray) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
