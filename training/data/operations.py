"""Random changes of one crop, from which the augmentation sets are built; `camera` has more.

All take and give uint8 BGR crops and never write into their argument. What is random is drawn
from the generator handed in. Turned or moved crops are sampled bilinearly, and black where they
leave the picture.
"""

from typing import Annotated, Final

import cv2
import numpy as np
from pydantic import Field

from engine.config import Share, checked
from engine.faces.preprocessing import MEAN
from engine.types import Floats, Image

Rng = np.random.Generator
Range = tuple[float, float]

BORDERS: Final = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)
# RandomErasing after normalisation writes 0, which is the mean colour before it.
MEAN_BGR: Final = tuple(round(255 * value) for value in reversed(MEAN))
WAYS: Final = (
    cv2.INTER_NEAREST,
    cv2.INTER_LINEAR,
    cv2.INTER_AREA,
    cv2.INTER_CUBIC,
    cv2.INTER_LANCZOS4,
)


@checked("jitter")
class JitterConfig:
    """How far a crop strays from the template.

    Attributes:
        rotation_deg: Largest rotation either way.
        scale: Largest zoom either way, as a factor above 1.
        shift: Largest shift along each axis, fraction of the crop's side.
    """

    rotation_deg: Annotated[float, Field(ge=0, le=180)]
    scale: Annotated[float, Field(ge=1)]
    shift: Share


def jitter(
    matrix: Floats, size: int, config: JitterConfig, rng: Rng, spread: float = 1.0
) -> Floats:
    """Rotate, zoom and shift a source-to-crop matrix about the crop's centre.

    Args:
        matrix: (2, 3) float32, source pixels to crop pixels.
        size: Side of the crop, pixels.
        config: Limits; values are triangular, so that small changes are the most frequent.
        rng: Source of randomness.
        spread: Factor on the limits.
    """
    angle, zoom, dx, dy = rng.triangular(-1, 0, 1, size=4) * spread
    theta = np.deg2rad(angle * config.rotation_deg)
    factor = config.scale**zoom
    cos, sin = factor * np.cos(theta), factor * np.sin(theta)
    linear = np.array([[cos, -sin], [sin, cos]])
    centre = np.full(2, (size - 1) / 2)
    shift = centre - linear @ centre + np.array([dx, dy]) * config.shift * size
    moved = linear @ matrix
    moved[:, 2] += shift
    return moved.astype(np.float32)


def mirror(matrix: Floats, size: int) -> Floats:
    """Flip a source-to-crop matrix left to right."""
    flipped = matrix.copy()
    flipped[0] = -flipped[0]
    flipped[0, 2] += size - 1
    return flipped


def resized(crop: Image, size: int) -> Image:
    """Scale a crop to (size, size, 3): area averaging where it shrinks, else bilinear.

    This alone is the evaluation transform.
    """
    if crop.shape[:2] == (size, size):
        return crop
    way = cv2.INTER_AREA if min(crop.shape[:2]) >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (size, size), interpolation=way), np.uint8)


def flipped(crop: Image) -> Image:
    """Mirror left to right."""
    return np.asarray(cv2.flip(crop, 1), np.uint8)


def flip(crop: Image, rng: Rng) -> Image:
    """Mirror left to right with probability 0.5."""
    return flipped(crop) if rng.random() < 0.5 else crop


def affine(
    crop: Image, rng: Rng, *, rotation_deg: float, scale: Range = (1, 1), translate: float = 0
) -> Image:
    """Turn, zoom and move a crop about its centre.

    Args:
        crop: (S, S, 3) uint8, BGR.
        rng: Source of randomness; all values are uniform.
        rotation_deg: Largest rotation either way.
        scale: Smallest and largest zoom.
        translate: Largest shift along each axis, fraction of the side.
    """
    height, width = crop.shape[:2]
    centre = (width - 1) / 2, (height - 1) / 2
    angle = rng.uniform(-rotation_deg, rotation_deg)
    matrix = cv2.getRotationMatrix2D(centre, angle, rng.uniform(*scale))
    shift = rng.uniform(-translate, translate, 2) * np.array([width, height])
    matrix[:, 2] = matrix[:, 2] + shift
    return np.asarray(cv2.warpAffine(crop, matrix, (width, height)), np.uint8)


def gaussian_noise(crop: Image, rng: Rng, *, variance: float = 30) -> Image:
    """Add independent noise to every value; `variance` is on the scale 0..255."""
    noise = rng.standard_normal(crop.shape, np.float32) * np.float32(variance**0.5)
    return _bytes(crop + noise)


def color_jitter(
    crop: Image,
    rng: Rng,
    *,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float = 0,
) -> Image:
    """Change brightness, contrast, saturation and hue, in random order, each rounded to bytes.

    Args:
        crop: (H, W, 3) uint8, BGR.
        rng: Source of randomness; all values are uniform.
        brightness: Largest deviation of the factor from 1; so for contrast and saturation.
        contrast: Blends with the mean grey level.
        saturation: Blends with the grey picture.
        hue: Largest shift either way, as a fraction of the colour circle.
    """
    strengths = brightness, contrast, saturation, hue
    for kind in rng.permutation(4):
        change = rng.uniform(-strengths[kind], strengths[kind])
        if kind == 3:
            crop = _hue_turned(crop, change) if hue else crop
            continue
        gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
        if kind < 2:
            gray[:] = 0 if kind == 0 else round(float(gray.mean()))
        other = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
        crop = np.asarray(cv2.addWeighted(crop, 1 + change, other, -change, 0), np.uint8)
    return crop


def _hue_turned(crop: Image, change: float) -> Image:
    """Turn the colour circle by a fraction of a full turn."""
    hsv = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0] + np.float32(360 * change)) % 360
    return _bytes(np.asarray(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.float32))


def erase(
    crop: Image, rng: Rng, *, area: Range, chance: float = 0.5, ratio: Range = (0.3, 3.3)
) -> Image:
    """Paint a random rectangle in the mean colour of ImageNet.

    The sets' RandomErasing comes after normalisation and writes 0, which is that colour.

    Args:
        crop: (H, W, 3) uint8, BGR.
        rng: Source of randomness.
        area: Smallest and largest part of the picture, fraction.
        chance: That anything is painted.
        ratio: Smallest and largest aspect ratio, drawn uniformly in its logarithm.

    Source: Zhong et al. (2020), "Random erasing data augmentation".
    """
    if rng.random() >= chance:
        return crop
    rectangle = _rectangle(crop, rng, area, ratio)
    if rectangle is None:
        return crop
    erased = crop.copy()
    erased[rectangle] = MEAN_BGR
    return erased


def keep_rectangle(
    crop: Image, rng: Rng, *, area: Range = (0.2, 1), ratio: Range = (3 / 4, 4 / 3)
) -> Image:
    """Paint black all but a random rectangle, which stays where it is."""
    rectangle = _rectangle(crop, rng, area, ratio)
    if rectangle is None:
        return crop
    kept = np.zeros_like(crop)
    kept[rectangle] = crop[rectangle]
    return kept


def _rectangle(crop: Image, rng: Rng, area: Range, ratio: Range) -> tuple[slice, slice] | None:
    """Draw a rectangle inside the picture; none if ten tries do not fit."""
    height, width = crop.shape[:2]
    for _ in range(10):
        size = height * width * rng.uniform(*area)
        aspect = np.exp(rng.uniform(*np.log(ratio)))
        rows, columns = round(np.sqrt(size * aspect)), round(np.sqrt(size / aspect))
        if 0 < rows <= height and 0 < columns <= width:
            y, x = rng.integers(0, (height - rows + 1, width - columns + 1))
            return slice(y, y + rows), slice(x, x + columns)
    return None


def occlude(crop: Image, rng: Rng, *, largest: float = 0.35) -> Image:
    """Cover a random part with a flat, noisy or shuffled patch; returns a new crop."""
    size = crop.shape[0]
    height, width = (rng.uniform(0.1, largest, 2) * size).astype(int)
    y, x = rng.integers(0, size - height), rng.integers(0, size - width)
    covered = crop.copy()
    if rng.random() < 0.5:
        v, u = rng.integers(0, size - height), rng.integers(0, size - width)
        covered[y : y + height, x : x + width] = crop[v : v + height, u : u + width]
    else:
        covered[y : y + height, x : x + width] = rng.integers(0, 256, 3)
    return covered


def cover_half(crop: Image, filling: Image, rng: Rng) -> Image:
    """Cover a crop from about its middle to one of its sides; returns a new crop.

    Args:
        crop: (S, S, 3) uint8, BGR.
        filling: (H, W, 3) uint8, BGR, what is seen there instead.
        rng: Source of randomness.
    """
    size = len(crop)
    edge = int(size * rng.uniform(0.4, 0.65))
    part = cv2.resize(filling, (size, size - edge), interpolation=cv2.INTER_AREA)
    quarters = int(rng.choice(4, p=(0.4, 0.25, 0.1, 0.25)))  # below, beside, above, beside
    covered = np.rot90(crop, quarters).copy()
    covered[edge:] = part
    return np.ascontiguousarray(np.rot90(covered, -quarters))


def low_resolution(crop: Image, rng: Rng, *, ratio: Range = (0.2, 1)) -> Image:
    """Shrink a crop to a random part of its side and back, each in a random way."""
    height, width = crop.shape[:2]
    part = rng.uniform(*ratio)
    small = max(1, round(part * width)), max(1, round(part * height))
    down, up = (WAYS[index] for index in rng.integers(len(WAYS), size=2))
    reduced = cv2.resize(crop, small, interpolation=down)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=up), np.uint8)


def random_crop(crop: Image, rng: Rng, size: int) -> Image:
    """Cut a (size, size) square out of a larger crop, at a random place."""
    y, x = rng.integers(0, np.array(crop.shape[:2]) - size + 1)
    return crop[y : y + size, x : x + size]


def padded(crop: Image, border: int) -> Image:
    """Put a black border of so many pixels around a crop."""
    sides = (border,) * 4
    return np.asarray(cv2.copyMakeBorder(crop, *sides, cv2.BORDER_CONSTANT), np.uint8)


def _bytes(image: Floats) -> Image:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
