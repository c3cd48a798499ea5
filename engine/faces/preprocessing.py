"""Pictures and crops to network input: the only place where BGR becomes RGB or gray."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces.alignment import recut
from engine.networks.manifest import CropInput
from engine.types import Face, Floats, Gray, Image, Picture, size_of

MEAN: Final = (0.485, 0.456, 0.406)  # RGB, of pixels scaled to 0..1: the ImageNet constants
STD: Final = (0.229, 0.224, 0.225)

# Gray levels that a picture's middle 98 % shall cover at least. Of 80 faces of held-out people at
# 8 % of the light, 1 is found as it is and 79 so; at 5 %, 0 and 73; from 96 to 255 levels do alike.
SPAN: Final = 128.0
GAIN_MAX: Final = 16.0


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


def crops_for(images: Sequence[Picture], faces: Sequence[Face], form: CropInput) -> list[Image]:
    """Cut faces that were aligned once the way that a network wants them.

    Args:
        images: N pictures, (H, W, 3) uint8, BGR, or what was decoded.
        faces: The N crops out of them.
        form: What the network's manifest says of its input.

    Returns:
        N images, each (S, S, 3) uint8, BGR.
    """
    points, upright = form.template, form.align == "upright"
    return [
        recut(image, face, form.size, form.margin, points=points, upright=upright)
        for image, face in zip(images, faces, strict=True)
    ]


def batch_of(crops: Sequence[Image], form: CropInput) -> NDArray[np.generic]:
    """Stack crops into the batch that a network takes.

    Args:
        crops: N images, each (S, S, 3) uint8, BGR.
        form: What the network's manifest says of its input.

    Returns:
        uint8 (N, 1, S, S) levelled gray or (N, 3, S, S) RGB, which the network normalises itself;
        for files of before float32, see `to_input`.
    """
    if form.dtype == "float32":
        return to_input(crops, form.mean, form.std)
    if form.colour == "gray":
        return np.stack([gray_of(crop) for crop in crops])[:, None]
    return np.ascontiguousarray(np.stack(crops)[..., ::-1].transpose(0, 3, 1, 2))


def gray_of(picture: Image) -> Gray:
    """Make the gray picture that networks see, `levelled`.

    Args:
        picture: (H, W, 3) uint8, BGR.

    Returns:
        (H, W) uint8.
    """
    return levelled(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8))


def without_colour(crop: Image) -> Image:
    """Show all three channels what `gray_of` makes of a crop (S, S, 3): in training, as live."""
    return np.repeat(gray_of(crop)[..., None], 3, axis=2)


def levelled(gray: Gray) -> Gray:
    """Spread the gray levels of a dark, flat or overexposed picture; others stay as they are.

    The spread grows continuously from 1, so that a scene that gets darker does not jump.

    Args:
        gray: (H, W) uint8.

    Returns:
        (H, W) uint8; `gray` itself where its levels cover enough.
    """
    share = np.cumsum(cv2.calcHist([gray], [0], None, [256], [0, 256])) / max(gray.size, 1)
    low, high = np.searchsorted(share, (0.01, 0.99))
    gain = min(SPAN / max(float(high - low), 1.0), GAIN_MAX)
    if gain <= 1.0:
        return gray
    middle = (low + high) / 2
    target = np.clip(middle, SPAN / 2, 255 - SPAN / 2)
    levels = np.rint((np.arange(256) - middle) * gain + target)
    return np.asarray(cv2.LUT(gray, np.clip(levels, 0, 255).astype(np.uint8)), np.uint8)


def thinned(picture: Picture, least: int) -> tuple[Gray, int]:
    """Take every second, third and so on pixel of a large picture, in gray.

    Args:
        picture: (H, W, 3) uint8, BGR, or what was decoded.
        least: Pixels of the long side that stay, at least.

    Returns:
        (h, w) uint8, and how many of the given one's pixels is one of its own.
    """
    step = max(1, max(size_of(picture)) // least)
    middle = (step - 1) // 2
    if not isinstance(picture, np.ndarray):
        return np.ascontiguousarray(picture.gray()[middle::step, middle::step]), step
    thin = np.ascontiguousarray(picture[middle::step, middle::step])
    return np.asarray(cv2.cvtColor(thin, cv2.COLOR_BGR2GRAY), np.uint8), step


def padded(gray: Gray, multiple: int, pad: int) -> Gray:
    """Fill a picture up to whole blocks, at the right and below.

    Args:
        gray: (H, W) uint8.
        multiple: Side of a block, pixels.
        pad: Gray level of what is filled.
    """
    below, right = (-side % multiple for side in gray.shape)
    if not (right or below):
        return gray
    full = cv2.copyMakeBorder(gray, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(pad,))
    return np.asarray(full, np.uint8)
