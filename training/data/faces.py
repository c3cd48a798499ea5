"""Faces with teacher landmarks from all packs, decoded once into memory-mapped arrays."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import box_of
from engine.files import written_folder
from engine.types import Floats, Image
from training.data.packs import (
    TeacherLabels,
    is_held_out,
    pack_folder,
    person_of,
    read_image,
    read_table,
)
from training.data.unpacking import array_in

log = logging.getLogger(__name__)

PackName = Literal["faces_wild", "scenes", "ferplus"]
Split = Literal["train", "valid", "test"]
SIDE = 208  # pixels; the longest side of the packs' sharpest faces
FORMAT = 2  # of the cache; a cache of another format is made again
FAR_JAW_YAW = 30.0  # degrees; beyond it the teacher's far jaw lies inside the face


@dataclass(frozen=True, slots=True, eq=False)
class FaceBank:
    """Pictures of one face each, with landmarks.

    Attributes:
        images: (N, S, S, 3) uint8, BGR, memory-mapped; the picture fills the top left.
        sizes: (N, 2) int32, width and height of the part that is picture.
        landmarks: (N, 68, 2) float32, pixels of `images`.
        visible: (N, 68) bool, False where the teacher's point is known to be wrong.
        names: (N,) file names inside the pack.
    """

    images: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    landmarks: Floats
    visible: NDArray[np.bool_]
    names: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image:
        """Give one picture without padding."""
        width, height = self.sizes[index]
        return self.images[index, :height, :width]


def open_bank(pack: PackName, split: Split, root: Path, cache: Path) -> FaceBank:
    """Open the faces of a pack, decoding them into the cache the first time.

    Faces without trustworthy teacher landmarks are left out. Of `faces_wild` and `scenes`, whose
    own two sides show the same people, the people who are held out are ``valid``; they are the
    same in both, and nothing here is trained on them. FER+ knows no people, and has its own split.

    Raises:
        SourceError: The pack is not there, or damaged.
        SinkError: The cache cannot be written.
    """
    folder = cache / "faces" / f"{pack}-{split}-{FORMAT}"
    if not folder.is_dir():
        with written_folder(folder) as partial:
            _decode(pack, split, root, cache, partial)
    places = {name: folder / f"{name}.npy" for name in FaceBank.__dataclass_fields__}
    arrays = {
        name: array_in(path, f"{path} (remove {folder} to make it again)", mapped=name == "images")
        for name, path in places.items()
    }
    return FaceBank(**arrays)


def _decode(pack: PackName, split: Split, root: Path, cache: Path, target: Path) -> None:
    path = pack_folder(root, "teacher_labels", cache) / f"landmarks_{pack}.npz"
    labels = TeacherLabels(str(path), path)
    chosen = np.flatnonzero(labels.trusted() & (_splits(pack, labels) == split))
    names, unit_points = labels.names, labels.points
    folder = pack_folder(root, pack, cache)
    side = 48 if pack == "ferplus" else SIDE
    images = np.lib.format.open_memmap(
        target / "images.npy", mode="w+", dtype=np.uint8, shape=(len(chosen), side, side, 3)
    )
    sizes = np.zeros((len(chosen), 2), np.int32)
    points = np.zeros((len(chosen), 68, 2), np.float32)
    log.info("decoding %d pictures of %s/%s", len(chosen), pack, split)
    for row, index in enumerate(chosen):
        image = read_image(folder / names[index])
        scale = np.array([image.shape[1], image.shape[0]], np.float32)
        landmarks = unit_points[index] * scale - 0.5
        image, points[row] = _face_region(image, landmarks, side)
        sizes[row] = image.shape[1], image.shape[0]
        images[row, : image.shape[0], : image.shape[1]] = image
    images.flush()
    np.save(target / "sizes.npy", sizes)
    np.save(target / "landmarks.npy", points)
    np.save(target / "names.npy", labels["names"][chosen])
    np.save(target / "visible.npy", _visible(labels["yaw_pitch_roll"][chosen, 0]))


def _splits(pack: PackName, labels: TeacherLabels) -> NDArray[np.str_]:
    if pack == "ferplus":
        return labels["split"]
    held_out = [is_held_out(person_of(name)) for name in labels.names]
    return np.where(held_out, "valid", "train")


def _face_region(image: Image, landmarks: Floats, side: int) -> tuple[Image, Floats]:
    """Cut twice the face's box out and shrink it to at most `side` pixels."""
    x0, y0, x1, y1 = box_of(landmarks)
    reach = max(x1 - x0, y1 - y0)
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    limit = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.floor(centre - reach), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(centre + reach), low + 1, limit).astype(int)
    image, landmarks = image[low[1] : high[1], low[0] : high[0]], landmarks - low
    scale = side / max(image.shape[:2])
    if scale < 1:
        width, height = (max(1, round(length * scale)) for length in image.shape[1::-1])
        factors = np.array([width / image.shape[1], height / image.shape[0]])
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
        landmarks = (landmarks + 0.5) * factors - 0.5
    return image, landmarks.astype(np.float32)


def _visible(yaw: Floats) -> NDArray[np.bool_]:
    """Mask the far half of the jaw; positive yaw is the nose to the picture's right."""
    visible = np.ones((len(yaw), 68), bool)
    visible[yaw > FAR_JAW_YAW, 10:17] = False
    visible[yaw < -FAR_JAW_YAW, 0:7] = False
    return visible


def background_names(root: Path, cache: Path, *, held_out: bool) -> list[Path]:
    """List the face-free pictures of `scenes`, without those a teacher saw a face in.

    Args:
        root: Folder of the packs.
        cache: Folder for unpacked data.
        held_out: Those that nothing is trained on, or all others.
    """
    scenes = pack_folder(root, "scenes", cache)
    labels = pack_folder(root, "teacher_labels", cache)
    hits = read_table(labels / "background_hits.csv")
    doubtful = {row["image"] for row in hits if float(row["score"]) > 0.7}
    return [
        scenes / "images" / Path(row["image"]).name
        for row in read_table(scenes / "scenes.csv")
        if row["source"] == "background"
        and row["image"] not in doubtful
        and held_out == (row["split"] == "test" or is_held_out(row["image"]))
    ]
