"""Augmentation sets of training, by name (common specification, section 7).

Each is a function of a square uint8 BGR crop, already at the network's input size, and a
generator; it gives a crop of the same size. What the sets call "resize" is therefore done
before (`training.data.operations.resized`), and normalisation after (`engine.faces.preprocessing`).
None of them turns a face upside down.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import numpy as np
from pydantic import Field

from engine.config import Share, checked, unknown
from engine.errors import ConfigError
from engine.faces.alignment import warp
from engine.types import Floats, Image
from training.data import operations as op
from training.data.camera import degrade
from training.data.operations import BORDERS, JitterConfig, Rng, jitter, mirror, occlude

Transform = Callable[[Image, Rng], Image]

SMALL_ERASING: Final = (0.02, 0.1)


def none(crop: Image, rng: Rng) -> Image:
    """Leave the crop as it is."""
    return crop


def raf_poster(crop: Image, rng: Rng) -> Image:
    """POSTER on RAF-DB: now and then a flip or noise, then a flip, then erasing."""
    if rng.random() < 0.5:
        crop = op.flipped(crop) if rng.random() < 0.5 else op.gaussian_noise(crop, rng)
    return op.erase(op.flip(crop, rng), rng, area=SMALL_ERASING)


def poster_v2_raf(crop: Image, rng: Rng) -> Image:
    """POSTER++ on RAF-DB: `raf_poster` without the noise (ARBEx specification, section 7)."""
    return op.erase(op.flip(crop, rng), rng, area=SMALL_ERASING)


def poster_v2_affectnet(crop: Image, rng: Rng) -> Image:
    """POSTER++ on AffectNet: a flip, and always a twentieth erased."""
    return op.erase(op.flip(crop, rng), rng, area=(0.05, 0.05), chance=1)


def adaface(
    crop: Image, rng: Rng, *, cropped: float = 0.2, reduced: float = 0.2, jittered: float = 0.2
) -> Image:
    """AdaFace, the paper's "w/DA": each of three ops with its own probability, in this order.

    Args:
        crop: (S, S, 3) uint8, BGR.
        rng: Source of randomness.
        cropped: Probability that only a rectangle is kept, on black.
        reduced: Probability of a loss of resolution.
        jittered: Probability of a change of brightness, contrast and saturation.
    """
    if rng.random() < cropped:
        crop = op.keep_rectangle(crop, rng)
    if rng.random() < reduced:
        crop = op.low_resolution(crop, rng)
    if rng.random() < jittered:
        crop = op.color_jitter(crop, rng, brightness=0.5, contrast=0.5, saturation=0.5)
    return crop


def arbex_heavy(crop: Image, rng: Rng) -> Image:
    """ARBEx: enlarged by 256/224, turned, jittered, noisy, cut back, flipped, erased."""
    size = len(crop)
    crop = op.resized(crop, round(size * 256 / 224))
    crop = op.affine(crop, rng, rotation_deg=15)
    crop = op.color_jitter(crop, rng, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05)
    if rng.random() < 0.3:
        crop = op.gaussian_noise(crop, rng)
    crop = op.flip(op.random_crop(crop, rng, size), rng)
    return op.erase(crop, rng, area=SMALL_ERASING, chance=0.3)


def nr_hard(crop: Image, rng: Rng) -> Image:
    """Neural Resizer, at 384: a flip, two turns, the second zooming by 1.2, and jitter."""
    crop = op.affine(op.flip(crop, rng), rng, rotation_deg=45)
    crop = op.affine(crop, rng, rotation_deg=15, scale=(1.2, 1.2))
    return op.color_jitter(crop, rng, brightness=0.4, contrast=0.4, saturation=0.4)


def dan_raf(crop: Image, rng: Rng) -> Image:
    """DAN on RAF-DB: a flip, sometimes a turn and a padded crop, erasing."""
    size = len(crop)
    crop = op.flip(crop, rng)
    if rng.random() < 0.2:
        crop = op.affine(crop, rng, rotation_deg=20)
        crop = op.random_crop(op.padded(crop, round(size * 32 / 224)), rng, size)
    return op.erase(crop, rng, area=(0.02, 0.25))


def dan_affectnet(crop: Image, rng: Rng) -> Image:
    """DAN on AffectNet: a flip, mostly a turn with zoom and shift, erasing."""
    crop = op.flip(crop, rng)
    if rng.random() < 0.7:
        crop = op.affine(crop, rng, rotation_deg=20, scale=(0.8, 1), translate=0.2)
    return op.erase(crop, rng, area=(0.02, 0.33))


def abaw_dan(crop: Image, rng: Rng) -> Image:
    """DAN at ABAW: one of jitter, crop, flip, jitter and crop, crop and flip.

    The paper gives no strengths: jitter and crop are those of `arbex_heavy`.
    """
    jittered, cropped, mirrored = ABAW[rng.integers(len(ABAW))]
    size = len(crop)
    if jittered:
        crop = op.color_jitter(crop, rng, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05)
    if cropped:
        crop = op.random_crop(op.resized(crop, round(size * 256 / 224)), rng, size)
    return op.flipped(crop) if mirrored else crop


# The five recipes of `abaw_dan`: jitter, random crop, flip.
ABAW: Final = (
    (True, False, False),
    (False, True, False),
    (False, False, True),
    (True, True, False),
    (False, True, True),
)


@checked("webcam")
class WebcamConfig:
    """The set ``webcam``: what befalls faces in front of a webcam.

    Attributes:
        rotation_deg: Largest rotation of a crop.
        scale: Largest zoom of a crop, factor.
        shift: Largest shift of a crop, fraction of its side.
        degraded: Share of crops given a webcam's faults.
        occluded: Share of crops partly covered.
        live: Cut the stray crops out of the pictures instead of the cached crops, so that what is
            around a crop comes into sight; where it is not, a border is made up.
    """

    rotation_deg: Annotated[float, Field(ge=0, le=180)] = 15.0
    scale: Annotated[float, Field(ge=1)] = 1.2
    shift: Share = 0.08
    degraded: Share = 0.5
    occluded: Share = 0.3
    live: bool = False


WEBCAM: Final = WebcamConfig()


def webcam(crop: Image, rng: Rng, config: WebcamConfig = WEBCAM) -> Image:
    """Ours: turned, zoomed and moved a little, mirrored, with a webcam's faults, partly covered.

    For crops of 24 pixels and more.
    """
    return webcam_view(crop, np.eye(2, 3, dtype=np.float32), len(crop), rng, config)


def webcam_view(image: Image, matrix: Floats, size: int, rng: Rng, config: WebcamConfig) -> Image:
    """Cut a face out as `webcam` shows it.

    Args:
        image: (H, W, 3) uint8, BGR.
        matrix: (2, 3) float32, maps the picture to the crop where it does not stray.
        size: Side of the crop, pixels.
        rng: Source of randomness.
        config: How far it strays, and what else befalls it.
    """
    limits = JitterConfig(rotation_deg=config.rotation_deg, scale=config.scale, shift=config.shift)
    matrix = jitter(matrix, size, limits, rng)
    if rng.random() < 0.5:
        matrix = mirror(matrix, size)
    crop = warp(image, matrix, size, border=BORDERS[rng.integers(len(BORDERS))])
    if rng.random() < config.degraded:
        crop = degrade(crop, rng)
    if rng.random() < config.occluded:
        crop = occlude(crop, rng)
    return crop


TRANSFORMS: Final[dict[str, Transform]] = {
    "none": none,
    "raf_poster": raf_poster,
    "poster_v2_raf": poster_v2_raf,
    "poster_v2_affectnet": poster_v2_affectnet,
    "adaface": adaface,
    "arbex_heavy": arbex_heavy,
    "nr_hard": nr_hard,
    "dan_raf": dan_raf,
    "dan_affectnet": dan_affectnet,
    "abaw_dan": abaw_dan,
    "webcam": webcam,
}


def transform(name: str, config: WebcamConfig = WEBCAM) -> Transform:
    """Give the augmentation set of that name; `config` is for ``webcam`` alone.

    Raises:
        ConfigError: There is none; the message lists those there are.
    """
    if name not in TRANSFORMS:
        raise ConfigError(f"transform: {unknown(name, TRANSFORMS)}")
    return partial(webcam, config=config) if name == "webcam" else TRANSFORMS[name]
