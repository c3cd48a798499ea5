"""Read the data packs once and keep them as flat arrays that a worker can map."""

import io
import logging
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
from training.data.packs import (
    FLIP_ERROR_MAX,
    Row,
    TeacherLabels,
    is_held_out,
    parse_table,
    person_of,
)
from training.data.unpacking import arrays_in

log = logging.getLogger(__name__)

Gray = NDArray[np.uint8]

HIT_MAX: Final = 0.7  # backgrounds with a teacher's hit above it may hold a face
BOX_ERROR_MAX: Final = 0.2  # up to it they still say where the face is: profiles, covered mouths
FORMAT: Final = 4  # of the cache; a cache of another format is made again


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
        held: (N,) bool, kept for validation, never trained on. By person, who is on the same side
            in portraits and in frames; all of a person's frames are of that person's films.
        face_start: (N + 1,) int64, where each picture's faces begin below.
        boxes: (F, 4) float32, x0 y0 x1 y1, pixels; may leave the picture.
        points: (F, 5, 2) float32, NaN where no teacher gives them.
        landmarks: (F, 68, 2) float32, NaN where no teacher gives them.
        pose: (F, 2) float32, yaw and pitch in degrees, + is to the picture's right and up; NaN
            where unknown.
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
    pose: Floats
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
    pose: Floats
    ignore: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Mesh:
    """What the landmark teacher says of one picture."""

    points: Floats  # (68, 2), pixels
    pose: Floats  # (2,), yaw and pitch in degrees
    flip_err: float


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
    boxes, points, landmarks, pose, ignore = [], [], [], [], []
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
            pose.append(entry.pose)
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
            pose=np.concatenate(pose),
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


def _meshes(labels: Files, pack: str) -> dict[str, _Mesh]:
    """Map picture names to what the teacher says; what may be no face is left out."""
    name = f"landmarks_{pack}.npz"
    table = TeacherLabels(labels.place(name), io.BytesIO(labels.read(name)))
    good = table.trusted(BOX_ERROR_MAX)
    points = table.points * table["size"].astype(np.float32)[:, None, :] - 0.5
    pose = table["yaw_pitch_roll"].astype(np.float32)[:, :2]
    error = table["flip_err"].astype(np.float32)
    return {
        name.removeprefix("images/"): _Mesh(points[k], pose[k], float(error[k]))
        for k, name in enumerate(table.names)
        if good[k]
    }


def _matched(boxes: Floats, mesh: _Mesh | None) -> int | None:
    """Say which box the landmarks lie in."""
    if mesh is None or not len(boxes):
        return None
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    distance = np.linalg.norm(middles - mesh.points.mean(axis=0), axis=1) / side
    return int(distance.argmin()) if distance.min() < 0.4 else None


def _entry(
    pack: Pack,
    held: bool,
    image: Gray,
    faces: tuple[Floats, Floats, NDArray[np.bool_]],
    mesh: _Mesh | None,
) -> _Entry:
    boxes, points, ignore = faces
    landmarks = np.full((len(boxes), 68, 2), np.nan, np.float32)
    pose = np.full((len(boxes), 2), np.nan, np.float32)
    at = _matched(boxes, mesh)
    if mesh is not None and at is not None:
        pose[at] = mesh.pose
        if mesh.flip_err <= FLIP_ERROR_MAX:
            landmarks[at] = mesh.points
            # Eye centres as alignment wants them, not YuNet's.
            points[at] = five_points(mesh.points)
    return _Entry(pack, held, image, boxes, points, landmarks, pose, ignore)


def _portraits(
    pack: Files, labels: Files, boxes: dict[str, list[dict[str, str]]]
) -> Iterator[_Entry]:
    meshes = _meshes(labels, "faces_wild")
    for row in _rows(pack, "legend.csv"):
        name = row["image"]
        image = pack.gray(f"images/{name}")
        faces = _faces(boxes.get(name, []))
        yield _entry(Pack.PORTRAIT, is_held_out(person_of(name)), image, faces, meshes.get(name))


def _frames(pack: Files, labels: Files, boxes: dict[str, list[dict[str, str]]]) -> Iterator[_Entry]:
    meshes = _meshes(labels, "scenes")
    for row in _rows(pack, "scenes.csv"):
        if row["person"] != "1":
            continue
        name = row["image"]
        image = pack.gray(f"images/{name}")
        faces = _faces(boxes.get(name, []))
        # The pack's own two sides show the same people.
        yield _entry(Pack.FRAME, is_held_out(person_of(name)), image, faces, meshes.get(name))


def _backgrounds(pack: Files, labels: Files) -> Iterator[_Entry]:
    doubtful = {
        row["image"]
        for row in _rows(labels, "background_hits.csv")
        if float(row["score"]) > HIT_MAX
    }
    for row in _rows(pack, "scenes.csv"):
        name = row["image"]
        if row["source"] == "background" and name not in doubtful:
            held = row["split"] == "test" or is_held_out(name)
            yield _entry(Pack.BACKGROUND, held, pack.gray(f"images/{name}"), _faces([]), None)


def _box_frame(labels: Files, boxes: dict[str, list[dict[str, str]]]) -> Floats:
    """Measure where the detectors' box lies relative to the extent of the 68 points.

    Returns:
        (4,) float32: shifts of x0 y0 x1 y1, as fractions of the extent's width and height.
    """
    shifts = []
    for name, mesh in _meshes(labels, "faces_wild").items():
        agreed, _, ignore = _faces(boxes.get(name, []))
        if len(agreed) != 1 or ignore[0] or mesh.flip_err > FLIP_ERROR_MAX:
            continue
        low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
        shifts.append((agreed[0] - np.concatenate([low, high])) / np.tile(high - low, 2))
    if not shifts:
        raise SourceError("data packs: no face of faces_wild has one box and landmarks; complete?")
    return np.median(np.array(shifts, np.float32), axis=0).astype(np.float32)


def _stamps(pack: Files, labels: Files, frame: Floats) -> Iterator[_Entry]:
    """Yield FER+ pictures whose face's place is sure; the test split is left out."""
    for name, mesh in _meshes(labels, "ferplus").items():
        if name.startswith("FER2013Test"):
            continue
        low, high = mesh.points.min(axis=0), mesh.points.max(axis=0)
        box = np.concatenate([low, high]) + frame * np.tile(high - low, 2)
        nowhere = np.full((1, 5, 2), np.nan, np.float32)
        faces = box[None].astype(np.float32), nowhere, np.zeros(1, bool)
        held = name.startswith("FER2013Valid")
        yield _entry(Pack.STAMP, held, pack.gray(name), faces, mesh)
