"""What a webcam does to a face, as random changes of a crop; geometry by `engine`."""

from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from engine.config import Share, checked
from engine.types import Floats, Image

Rng = np.random.Generator

BORDERS = (cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101)


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


def degrade(crop: Image, rng: Rng, *, lowest_px: int = 24) -> Image:
    """Give a crop the light, colour, sharpness and compression of some webcam.

    Args:
        crop: (S, S, 3) uint8, BGR.
        rng: Source of randomness.
        lowest_px: Fewest pixels a face may be reduced to.

    Returns:
        A new crop of the same size.
    """
    if rng.random() < 0.25:
        crop = np.repeat(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    crop = _relight(crop, rng)
    if rng.random() < 0.35:
        crop = _resample(crop, rng, lowest_px)
    if rng.random() < 0.25:
        crop = _blur(crop, rng)
    if rng.random() < 0.3:
        crop = _noise(crop, rng)
    if rng.random() < 0.35:
        crop = _compress(crop, rng)
    return crop


def _relight(crop: Image, rng: Rng) -> Image:
    """Change exposure, gamma, colour balance, and light one side more than the other."""
    gamma = np.exp(rng.normal(0, 0.3))
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.12, 3) * (rng.random() < 0.7))
    ramp = np.linspace(0, 1, 256) ** gamma
    table = np.clip(ramp[:, None] * gain * 255 + rng.normal(0, 10), 0, 255).astype(np.uint8)
    lit = cv2.LUT(crop, table[:, None, :].transpose(1, 0, 2))
    if rng.random() < 0.25:
        size = crop.shape[0]
        slope = np.linspace(1, rng.uniform(0.35, 1), size, dtype=np.float32)
        angle = int(rng.integers(4))
        shade = np.rot90(np.broadcast_to(slope, (size, size)), angle)
        lit = (lit * shade[..., None]).astype(np.uint8)
    return np.asarray(lit, np.uint8)


def _resample(crop: Image, rng: Rng, lowest_px: int) -> Image:
    size = crop.shape[0]
    small = int(np.exp(rng.uniform(np.log(lowest_px), np.log(size))))
    down = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR)[rng.integers(3)]
    return np.asarray(cv2.resize(down, (size, size), interpolation=way), np.uint8)


def _blur(crop: Image, rng: Rng) -> Image:
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 2.0)), np.uint8)
    length = int(rng.integers(3, 10))  # motion along one direction
    kernel = np.zeros((length, length), np.float32)
    end = rng.uniform(0, length - 1, 2)
    cv2.line(kernel, (length // 2, length // 2), tuple(int(v) for v in end), (1.0,))
    kernel[length // 2, length // 2] = 1
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.uint8)


def _noise(crop: Image, rng: Rng) -> Image:
    shape = crop.shape if rng.random() < 0.5 else (*crop.shape[:2], 1)
    noise = rng.standard_normal(shape, np.float32) * rng.uniform(2, 14)
    return np.clip(crop + noise, 0, 255).astype(np.uint8)


def _compress(crop: Image, rng: Rng) -> Image:
    quality = int(rng.integers(25, 90))
    _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


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
