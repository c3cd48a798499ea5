"""Read the data packs once and keep them as flat arrays that a worker can map."""

import io
import logging
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.faces.landmarks import five_points
from engine.files import written
from engine.types import Floats
from training.data.files import Files, open_files
from training.data.packs import Row, TeacherLabels, parse_table
from training.data.unpacking import arrays_in

log = logging.getLogger(__name__)

Gray = NDArray[np.uint8]

HIT_MAX: Final = 0.7  # backgrounds with a teacher's hit above it may hold a face
FORMAT: Final = 3  # of the cache; a cache of another format is made again
HELD_OUT: Final = 10  # one name in ten is kept for validation


class Pack(IntEnum):
    """Where a picture comes from."""

    PORTRAIT = 0  # faces_wild: tight crops of one face
    FRAME = 1  # scenes: head and shoulders, with a background
    BACKGROUND = 2  # scenes: no face
    STAMP = 3  # FER+: 48 x 48 pixels


@dataclass(frozen=True, slots=True, eq=False)
class Packs:
    """Every picture and every face in it, gray.

    Attributes:
        pixels: Flat uint8, pictures one after another; mapped from the cache.
        start: (N + 1,) int64, where each picture begins in `pixels`.
        size: (N, 2) int32, height and width.
        pack: (N,) uint8, see `Pack`.
        held: (N,) bool, kept for validation, never trained on.
        face_start: (N + 1,) int64, where each picture's faces begin below.
        boxes: (F, 4) float32, x0 y0 x1 y1, pixels; may leave the picture.
        points: (F, 5, 2) float32, NaN where no teacher gives them.
        landmarks: (F, 68, 2) float32, NaN where no teacher gives them.
        ignore: (F,) bool, one teacher alone saw it: neither face nor background.
    """

    pixels: Gray
    start: NDArray[np.int64]
    size: NDArray[np.int32]
    pack: NDArray[np.uint8]
    held: NDArray[np.bool_]
    face_start: NDArray[np.int64]
    boxes: Floats
    points: Floats
    landmarks: Floats
    ignore: NDArray[np.bool_]

    def picture(self, index: int) -> Gray:
        """Give one picture, (H, W) uint8, read-only."""
        height, width = self.size[index]
        return self.pixels[self.start[index] : self.start[index + 1]].reshape(height, width)

    def faces(self, index: int) -> slice:
        """Give the rows of `boxes` and its like that belong to a picture."""
        return slice(int(self.face_start[index]), int(self.face_start[index + 1]))

    def select(self, pack: Pack, *, held: bool) -> NDArray[np.int64]:
        """List the pictures of one pack on one side of the split."""
        return np.flatnonzero((self.pack == pack) & (self.held == held))


@dataclass(slots=True)
class _Entry:
    """One picture on its way into the cache."""

    pack: Pack
    held: bool
    image: Gray
    boxes: Floats
    points: Floats
    landmarks: Floats
    ignore: NDArray[np.bool_]


def _open(data: Path, name: str) -> Files:
    """Open one pack, unpacked as a folder or still a zip file."""
    for path in (data / name, data / f"{name}.zip"):
        if path.exists():
            return open_files(path)
    raise SourceError(f"data pack {name}: neither {name}/ nor {name}.zip in {data}")


def _rows(pack: Files, name: str) -> list[Row]:
    """Read a CSV with a header."""
    return parse_table(pack.lines(name), pack.place(name))


def load_packs(data: Path, cache: Path) -> Packs:
    """Open the cached packs; make the cache first where there is none.

    Args:
        data: Folder that holds the packs, unpacked or as zip files.
        cache: Folder for the arrays, about 1 GB.

    Raises:
        SourceError: A pack is missing or damaged.
        SinkError: The cache cannot be written.
    """
    index = cache / f"detector-{FORMAT}.npz"
    pixels = cache / f"detector-{FORMAT}.bin"
    if not index.is_file():
        _write(data, index, pixels)
    arrays = arrays_in(index, f"{index} (remove it to make it again)")
    try:
        return Packs(pixels=np.memmap(pixels, np.uint8, "r"), **arrays)
    except (OSError, TypeError, ValueError) as error:
        raise SourceError(f"{pixels}: cannot be read; remove {index} to make it again") from error


def _write(data: Path, index: Path, pixels: Path) -> None:
    start, size, pack, held, face_start = [0], [], [], [], [0]
    boxes, points, landmarks, ignore = [], [], [], []
    with written(pixels) as partial, partial.open("wb") as file:
        for entry in _entries(data):
            file.write(entry.image.tobytes())
            start.append(start[-1] + entry.image.size)
            size.append(entry.image.shape)
            pack.append(int(entry.pack))
            held.append(entry.held)
            face_start.append(face_start[-1] + len(entry.boxes))
            boxes.append(entry.boxes)
            points.append(entry.points)
            landmarks.append(entry.landmarks)
            ignore.append(entry.ignore)
    log.info("cached %d pictures with %d faces in %s", len(size), face_start[-1], pixels)
    with written(index) as partial:
        np.savez(
            partial,
            start=np.array(start, np.int64),
            size=np.array(size, np.int32),
            pack=np.array(pack, np.uint8),
            held=np.array(held, bool),
            face_start=np.array(face_start, np.int64),
            boxes=np.concatenate(boxes),
            points=np.concatenate(points),
            landmarks=np.concatenate(landmarks),
            ignore=np.concatenate(ignore),
        )


def _entries(data: Path) -> Iterator[_Entry]:
    labels = _open(data, "teacher_labels")
    boxes = _teacher_boxes(labels)
    scenes = _open(data, "scenes")
    yield from _portraits(_open(data, "faces_wild"), labels, boxes["faces_wild"])
    yield from _frames(scenes, labels, boxes["scenes"])
    yield from _backgrounds(scenes, labels)
    frame = _box_frame(labels, boxes["faces_wild"])
    yield from _stamps(_open(data, "ferplus"), labels, frame)


def _teacher_boxes(labels: Files) -> dict[str, dict[str, list[dict[str, str]]]]:
    """Group the rows of boxes.csv by pack and picture."""
    grouped: dict[str, dict[str, list[dict[str, str]]]] = {"faces_wild": {}, "scenes": {}}
    for row in _rows(labels, "boxes.csv"):
        grouped.setdefault(row["pack"], {}).setdefault(row["image"], []).append(row)
    return grouped


def _faces(rows: list[dict[str, str]]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Turn rows of boxes.csv into boxes, points and whether to ignore them."""
    boxes = np.zeros((len(rows), 4), np.float32)
    points = np.full((len(rows), 5, 2), np.nan, np.float32)
    for k, row in enumerate(rows):
        x, y, w, h = (float(row[key]) for key in "xywh")
        boxes[k] = x, y, x + w, y + h
        if row["x0"]:
            points[k] = [(float(row[f"x{i}"]), float(row[f"y{i}"])) for i in range(5)]
    return boxes, points, np.array([row["agree"] != "1" for row in rows], bool)


def _landmarks(labels: Files, pack: str) -> dict[str, Floats]:
    """Map picture names to 68 points in pixels; doubtful ones are left out."""
    name = f"landmarks_{pack}.npz"
    table = TeacherLabels(labels.place(name), io.BytesIO(labels.read(name)))
    good = table.trusted()
    points = table.points * table["size"].astype(np.float32)[:, None, :] - 0.5
    names = [name.removeprefix("images/") for name in table.names]
    return {name: points[k] for k, name in enumerate(names) if good[k]}


def _match(boxes: Floats, landmarks: Floats | None) -> Floats:
    """Give the landmarks to the box around them; (n, 68, 2), NaN for the others."""
    matched = np.full((len(boxes), 68, 2), np.nan, np.float32)
    if landmarks is not None and len(boxes):
        centre = landmarks.mean(axis=0)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        side = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        distance = np.linalg.norm(middles - centre, axis=1) / side
        if distance.min() < 0.4:
            matched[distance.argmin()] = landmarks
    return matched


def _entry(
    pack: Pack, held: bool, image: Gray, rows: list[dict[str, str]], landmarks: Floats | None
) -> _Entry:
    boxes, points, ignore = _faces(rows)
    matched = _match(boxes, landmarks)
    sure = ~np.isnan(matched[:, 0, 0])
    points[sure] = five_points(matched[sure])  # eye centres as alignment wants them, not YuNet's
    return _Entry(pack, held, image, boxes, points, matched, ignore)


def _held(name: str) -> bool:
    return zlib.crc32(name.encode()) % HELD_OUT == 0


def _portraits(
    pack: Files, labels: Files, boxes: dict[str, list[dict[str, str]]]
) -> Iterator[_Entry]:
    landmarks = _landmarks(labels, "faces_wild")
    for row in _rows(pack, "legend.csv"):
        name = row["image"]
        person = re.sub(r"_\d+\.jpg$", "", name)
        image = pack.gray(f"images/{name}")
        rows = boxes.get(name, [])
        yield _entry(Pack.PORTRAIT, _held(person), image, rows, landmarks.get(name))


def _frames(pack: Files, labels: Files, boxes: dict[str, list[dict[str, str]]]) -> Iterator[_Entry]:
    landmarks = _landmarks(labels, "scenes")
    for row in _rows(pack, "scenes.csv"):
        if row["person"] != "1":
            continue
        name = row["image"]
        image = pack.gray(f"images/{name}")
        held = row["split"] == "test"
        yield _entry(Pack.FRAME, held, image, boxes.get(name, []), landmarks.get(name))


def _backgrounds(pack: Files, labels: Files) -> Iterator[_Entry]:
    doubtful = {
        row["image"]
        for row in _rows(labels, "background_hits.csv")
        if float(row["score"]) > HIT_MAX
    }
    for row in _rows(pack, "scenes.csv"):
        name = row["image"]
        if row["source"] == "background" and name not in doubtful:
            held = row["split"] == "test" or _held(name)
            yield _entry(Pack.BACKGROUND, held, pack.gray(f"images/{name}"), [], None)


def _box_frame(labels: Files, boxes: dict[str, list[dict[str, str]]]) -> Floats:
    """Measure where the detectors' box lies relative to the extent of the 68 points.

    Returns:
        (4,) float32: shifts of x0 y0 x1 y1, as fractions of the extent's width and height.
    """
    shifts = []
    for name, points in _landmarks(labels, "faces_wild").items():
        agreed, _, ignore = _faces(boxes.get(name, []))
        if len(agreed) != 1 or ignore[0]:
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        shifts.append((agreed[0] - np.concatenate([low, high])) / np.tile(high - low, 2))
    if not shifts:
        raise SourceError("data packs: no face of faces_wild has one box and landmarks; complete?")
    return np.median(np.array(shifts, np.float32), axis=0).astype(np.float32)


def _stamps(pack: Files, labels: Files, frame: Floats) -> Iterator[_Entry]:
    """Yield FER+ pictures whose landmarks are sure; the test split is left out."""
    for name, points in _landmarks(labels, "ferplus").items():
        if name.startswith("FER2013Test"):
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        box = np.concatenate([low, high]) + frame * np.tile(high - low, 2)
        yield _Entry(
            Pack.STAMP,
            name.startswith("FER2013Valid"),
            pack.gray(name),
            box[None].astype(np.float32),
            five_points(points)[None],
            points[None],
            np.zeros(1, bool),
        )
