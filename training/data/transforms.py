"""Augmentation sets of training, by name (common specification, section 7).

Each is a function of a square uint8 BGR crop, already at the network's input size, and a
generator; it gives a crop of the same size. What the sets call "resize" is therefore done
before (`training.data.operations.resized`), and normalisation after (`engine.faces.preprocessing`).
None of them turns a face upside down.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Final

import cv2
import numpy as np
from pydantic import Field

from engine.config import Share, checked, unknown
from engine.errors import ConfigError
from engine.faces.alignment import chained, invert, warp
from engine.faces.alignment import transform as transform_points
from engine.faces.landmarks import MARGIN
from engine.types import Floats, Image
from training.data import operations as op
from training.data.camera import ROUGH, degrade
from training.data.camera import WEBCAM as WEBCAM_FAULTS
from training.data.operations import BORDERS, JitterConfig, Rng, jitter, mirror, occlude
from training.data.worn import Gray, wear

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
        rough: Of these, share given the worst that happens (`training.data.camera.ROUGH`).
        worn: Share of crops with glasses, a mask, a hat or a hand (`training.data.worn`).
        occluded: Share of crops partly covered.
        twins: Show every face twice in a batch: as drawn, then mirrored and, with `live`, moved a
            little, for losses that ask for the same answer to both.
        live: Cut the stray crops out of the pictures instead of the cached crops, so that what is
            around a crop comes into sight; where it is not, a border is made up.
    """

    rotation_deg: Annotated[float, Field(ge=0, le=180)] = 15.0
    scale: Annotated[float, Field(ge=1)] = 1.2
    shift: Share = 0.08
    degraded: Share = 0.5
    rough: Share = 0.0
    worn: Share = 0.0
    occluded: Share = 0.3
    live: bool = False
    twins: bool = False


WEBCAM: Final = WebcamConfig()
TWIN: Final = JitterConfig(rotation_deg=3, scale=1.03, shift=0.03)  # how far a twin strays
# A face in a crop without margin: middle and halves of the box that a detector would draw.
CENTRE: Final = np.array([0.5, 0.51], np.float32)
HALVES: Final = np.array([0.44, 0.51], np.float32)


def webcam(crop: Image, rng: Rng, config: WebcamConfig = WEBCAM) -> Image:
    """Ours: turned, zoomed and moved a little, mirrored, with a webcam's faults, partly covered.

    For crops of 24 pixels and more.
    """
    return webcam_view(crop, np.eye(2, 3, dtype=np.float32), len(crop), rng, config)


def webcam_view(
    image: Image, matrix: Floats, size: int, rng: Rng, config: WebcamConfig, *, twin: bool = False
) -> Image:
    """Cut a face out as `webcam` shows it.

    Args:
        image: (H, W, 3) uint8, BGR.
        matrix: (2, 3) float32, maps the picture to the crop where it does not stray.
        size: Side of the crop, pixels.
        rng: Source of randomness.
        config: How far it strays, and what else befalls it.
        twin: Mirror and move the crop that the same generator gives otherwise; all else alike.
    """
    limits = JitterConfig(rotation_deg=config.rotation_deg, scale=config.scale, shift=config.shift)
    strayed = jitter(matrix, size, limits, rng)
    if rng.random() < 0.5:
        strayed = mirror(strayed, size)
    if twin:
        (own,) = rng.spawn(1)  # whatever a twin draws, the rest is drawn alike
        strayed = mirror(jitter(strayed, size, TWIN, own), size)
    crop = warp(image, strayed, size, border=BORDERS[rng.integers(len(BORDERS))])
    if config.worn and rng.random() < config.worn:
        crop = _worn(crop, chained(strayed, invert(matrix)), rng)
    if rng.random() < config.degraded:
        rough = config.rough and rng.random() < config.rough
        crop = degrade(crop, rng, ROUGH if rough else WEBCAM_FAULTS)
    if rng.random() < config.occluded:
        crop = occlude(crop, rng)
    return crop


def _worn(crop: Image, moved: Floats, rng: Rng) -> Image:
    """Put something on a face; such a crop has no colour.

    Args:
        crop: (S, S, 3) uint8, BGR.
        moved: (2, 3) float32, maps a crop that does not stray to this one.
        rng: Source of randomness.
    """
    size = len(crop)
    gray = np.array(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    scale = size / (1 + MARGIN)
    centre = ((CENTRE - 0.5) * scale + size / 2 - 0.5).astype(np.float32)
    axes = (moved[:, :2] * (HALVES * scale)).astype(np.float32)
    wear(gray, transform_points(centre, moved), axes, _cloth, rng)
    return np.repeat(gray[..., None], 3, axis=2)


def _cloth(rng: Rng) -> Gray:
    """Draw a pattern of stripes or spots."""
    coarse = rng.integers(0, 256, (int(rng.integers(2, 12)), int(rng.integers(2, 12))), np.uint8)
    return np.asarray(cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_LINEAR), np.uint8)


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
