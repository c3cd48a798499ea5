"""Crops to network input: the only place where BGR becomes RGB."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.types import Floats, Image

MEAN: Final = (0.485, 0.456, 0.406)  # RGB, of pixels scaled to 0..1: the ImageNet constants
STD: Final = (0.229, 0.224, 0.225)


def to_input(
    crops: Sequence[Image],
    mean: tuple[float, float, float] = MEAN,
    std: tuple[float, float, float] = STD,
) -> Floats:
    """Stack crops into one normalised batch.

    Args:
        crops: N images, each (S, S, 3) uint8, BGR.
        mean: Per channel, RGB, of pixels scaled to 0..1.
        std: As `mean`.

    Returns:
        (N, 3, S, S) float32, RGB, contiguous.
    """
    centre: Floats = np.asarray(mean, np.float32).reshape(1, 3, 1, 1)
    spread: Floats = np.asarray(std, np.float32).reshape(1, 3, 1, 1)
    stacked = np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2)
    batch: Floats = np.empty(stacked.shape, np.float32)
    np.multiply(stacked, 1.0 / (255.0 * spread), out=batch)
    batch -= centre / spread
    return batch
