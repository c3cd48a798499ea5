"""How pictures that were trained on unaligned show a face, so that the engine cuts it so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.landmarker import Landmarker
from engine.networks.manifest import load_manifest
from engine.types import Floats
from export.graph import LANDMARK_NET
from training.data.landmark_cache import located
from training.data.samples import read_table
from training.evaluation.served import reader_of
from training.systems.saved import SavedSystem

FACES: Final = 256  # looked at
ALIGNED_DEG: Final = 4.0  # of tilt; pictures that stray less were turned upright by somebody
# Deviation of a point from its mean, shares of a picture's side: FER+ has up to 0.11, at the tip of
# the nose. Above, faces lie anywhere, and no crop of one face is like the pictures.
ANYWHERE: Final = 0.15
FOUND: Final = 0.8  # share of pictures that hold a face where the network looks for one


def framing_of(
    saved: SavedSystem, checkpoint: Path, data: Path, cache: Path
) -> Mapping[str, Any] | None:
    """Measure how faces lie in the pictures that a system saw as they are.

    Args:
        saved: The system.
        checkpoint: What messages call it.
        data: Folder with the datasets.
        cache: Folder for decoded data.

    Returns:
        Keys of `engine.networks.manifest.CropInput`; None where it saw what the engine aligns.

    Raises:
        ModelError: Its faces lie anywhere in the pictures: the engine cannot cut the like.
        SourceError: The validation split is missing.
    """
    if saved.data.align == "landmarks":
        return None
    table = read_table(saved.data, "valid", data, cache)
    chosen = table.at(np.unique(np.linspace(0, len(table) - 1, FACES).astype(np.intp)))
    landmarker = Landmarker(load_manifest(asset_path(LANDMARK_NET)), "cpu", 1)
    try:
        points, found = located(reader_of(landmarker), chosen)
    finally:
        landmarker.close()
    sizes = np.array([chosen.read(row).shape[1::-1] for row in range(len(chosen))], np.float32)
    unit = in_middle(points, sizes)
    if found.mean() < FOUND:
        raise ModelError(
            f"{checkpoint}: trained on pictures of {table.dataset} as they are, and a face is "
            f"found in {found.sum()} of {len(found)} only: the engine cannot cut such crops; "
            "train with data.align = landmarks"
        )
    unit = unit[found]
    mean, strays = unit.mean(axis=0), float(unit.std(axis=0).max())
    if strays > ANYWHERE:
        raise ModelError(
            f"{checkpoint}: trained on pictures of {table.dataset} as they are, in which faces lie "
            f"anywhere ({strays:.2f} of a side from their mean): the engine cannot cut such crops; "
            "train with data.align = landmarks"
        )
    tilted = tilt_deg(unit).std() > ALIGNED_DEG
    return {
        "align": "upright" if tilted else "landmarks",
        "template": [[round(value, 4) for value in point] for point in mean.tolist()],
    }


def in_middle(points: Floats, sizes: Floats) -> Floats:
    """Place points in the crops that training made, see `engine.faces.alignment.middle`.

    Args:
        points: (N, K, 2), pixels of N pictures.
        sizes: (N, 2), width and height of each.

    Returns:
        (N, K, 2) float32, shares of each crop's side.
    """
    sides = sizes.min(axis=1)[:, None, None]
    corners = (sizes[:, None] - sides) / 2
    return np.asarray((points + 0.5 - corners) / sides, np.float32)


def tilt_deg(points: Floats) -> Floats:
    """Give the tilt of the line through the eyes, degrees.

    Args:
        points: (..., 5, 2).
    """
    across = points[..., 1, :] - points[..., 0, :]
    return np.asarray(np.degrees(np.arctan2(across[..., 1], across[..., 0])), np.float32)
