"""Where the face lies in every FER+ picture, by the landmark network that serves live."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from engine.align import CROP_SIZE, align, invert, template, transform
from engine.landmarks import five_points
from engine.preprocess import to_input
from engine.types import Floats, Image
from training.data.ferplus import SIDE, FerPlus
from training.loop import load_weights
from training.models.landmark_net import LandmarkNet

log = logging.getLogger(__name__)

# Crops to landmarks (B, 68, 2), crop pixels, and presence (B,), 0 to 1.
Reader = Callable[[Sequence[Image]], tuple[Floats, Floats]]

BATCH = 128


def locate(read: Reader, images: FerPlus, rounds: int = 3) -> Floats:
    """Find the five points of every picture the way the engine follows faces.

    The first crop is the whole picture, as FER+ pictures are face crops already; each round
    cuts again by what the last one found, as the engine does from frame to frame. Where no
    face is present in the end, the whole picture stays the crop.

    Returns:
        (N, 5, 2) float32, pixels of the 48 pixel pictures.
    """
    whole = template(SIDE, 0.0)
    points = np.repeat(whole[None], len(images), axis=0)
    found = np.zeros(len(images), bool)
    for _ in range(rounds):
        for first in range(0, len(images), BATCH):
            rows = range(first, min(first + BATCH, len(images)))
            faces = [align(images.image(row), points[row]) for row in rows]
            pixels, presence = read([face.crop for face in faces])
            for row, face, crop_points in zip(rows, faces, pixels, strict=True):
                points[row] = five_points(transform(crop_points, invert(face.matrix)))
            found[first : first + BATCH] = presence > 0.5
    points[~found] = whole
    log.info("no face in %d of %d pictures: the whole picture is used", (~found).sum(), len(found))
    return points


def located(split: str, images: FerPlus, weights: Path, cache: Path) -> Floats:
    """Do `locate` with the network in `weights`, once; keep the answer in the cache."""
    key = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    path = cache / "ferplus" / f"points-{split}-{len(images)}-{key}.npy"
    if not path.is_file():
        model = LandmarkNet()
        load_weights(model, weights)
        np.save(path, locate(torch_reader(model), images))
    return np.asarray(np.load(path), np.float32)


def torch_reader(model: LandmarkNet) -> Reader:
    """Adapt a landmark network to `locate`."""
    model.eval()

    @torch.no_grad()
    def read(crops: Sequence[Image]) -> tuple[Floats, Floats]:
        said = model(torch.from_numpy(to_input(crops)))
        return said.landmarks.numpy() * CROP_SIZE - 0.5, said.presence.sigmoid().numpy()

    return read
