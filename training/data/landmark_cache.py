"""Where the face lies in every picture, by the landmark network that serves live."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.faces.alignment import CROP_SIZE, align, invert, template, transform
from engine.faces.landmarks import MARGIN, five_points
from engine.faces.preprocessing import to_input, without_colour
from engine.types import Floats, Image
from training.data.arrays import kept
from training.data.pictures import key_of
from training.data.progress import tracked
from training.data.table import FaceTable
from training.models.landmark_net import LandmarkNet
from training.weights import file_digest, load_weights

log = logging.getLogger(__name__)

# Crops to landmarks (B, 68, 2), crop pixels, and presence (B,), 0 to 1.
Reader = Callable[[Sequence[Image]], tuple[Floats, Floats]]

BATCH = 128


class Pictures(Protocol):
    """Face pictures by row."""

    def __len__(self) -> int: ...

    def image(self, index: int) -> Image:
        """Give one picture, (H, W, 3) uint8, BGR."""
        ...


def locate(read: Reader, images: Pictures, rounds: int = 3) -> Floats:
    """Find the five points of every picture the way the engine follows faces.

    The first crop is the picture's largest square, as face datasets hold face crops already;
    each round cuts again by what the last one found, as the engine does from frame to frame.
    Where no face is present in the end, the square stays the crop.

    Returns:
        (N, 5, 2) float32, pixels of the pictures.
    """
    return located(read, images, rounds)[0]


def located(read: Reader, images: Pictures, rounds: int = 3) -> tuple[Floats, NDArray[np.bool_]]:
    """Do `locate`; say besides in which of the N pictures a face is present, (N,)."""
    whole = np.stack([_whole(images.image(row)) for row in range(len(images))])
    points = whole.copy()
    found = np.zeros(len(images), bool)
    for number in range(rounds):
        starts = range(0, len(images), BATCH)
        for first in tracked(starts, f"finding landmarks, {number + 1} of {rounds}", len(starts)):
            rows = range(first, min(first + BATCH, len(images)))
            faces = [align(images.image(row), points[row]) for row in rows]
            pixels, presence = read([face.crop for face in faces])
            for row, face, crop_points in zip(rows, faces, pixels, strict=True):
                points[row] = five_points(transform(crop_points, invert(face.matrix)))
            found[first : first + BATCH] = presence > 0.5
    points[~found] = whole[~found]
    log.info("no face in %d of %d pictures: the whole picture is used", (~found).sum(), len(found))
    return points, found


def cached_points(table: FaceTable, weights: Path, cache: Path) -> Floats:
    """Do `locate` on a dataset's faces with the network in `weights`, once.

    Raises:
        ModelError: The weights cannot be read, or are another network's.
        SinkError: The cache cannot be written.
    """
    # What the answer depends on besides the pictures: the network and its framing.
    key = f"{file_digest(weights)[:12]}-{MARGIN}"
    path = cache / "points" / f"{table.dataset}-{key_of(table)}-{key}.npy"
    return kept(path, lambda: _sought(table, weights))


def _sought(images: Pictures, weights: Path) -> Floats:
    model = LandmarkNet()
    load_weights(model, weights)
    return locate(torch_reader(model), images)


def _whole(image: Image) -> Floats:
    """Place the five points as if the picture's largest centred square were an exact crop."""
    height, width = image.shape[:2]
    side = min(height, width)
    corner = np.array([width - side, height - side], np.float32) / 2
    return np.asarray(template(side, 0.0) + corner, np.float32)


def torch_reader(model: LandmarkNet) -> Reader:
    """Adapt a landmark network to `locate`."""
    model.eval()

    @torch.no_grad()
    def read(crops: Sequence[Image]) -> tuple[Floats, Floats]:
        said = model(torch.from_numpy(to_input([without_colour(crop) for crop in crops])))
        return said.landmarks.numpy() * CROP_SIZE - 0.5, said.presence.sigmoid().numpy()

    return read
