"""What cameras and files do to a picture, gray or in colour: light, blur, noise, compression.

All take and give uint8 and never write into their argument.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.operations import Range, Rng

Picture = NDArray[np.uint8]  # (H, W) gray or (H, W, 3) BGR

WAYS_UP: Final = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LINEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How far light strays; deviations are of normal distributions.

    Attributes:
        gamma: Deviation of the exponent's logarithm.
        gain: Deviation of the gain's logarithm; of gray it stands for tint and white balance too.
        offset: Deviation, gray levels.
        pivot: Level that the gain leaves alone, 0 to 1.
        tint: Deviation of each channel's own gain, of its logarithm; seven in ten have one.
        shaded: Share that is lit from one side.
        depth: How much darker it gets from there to the middle, smallest and largest part.
        lit: How much brighter the lit side is than it was, as a part of that.
    """

    gamma: float
    gain: float
    offset: float
    pivot: float = 0.0
    tint: float = 0.0
    shaded: float
    depth: Range
    lit: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFaults:
    """How often a camera and its file spoil a picture, and how much.

    Attributes:
        light: See there.
        gray: Share of pictures without colour.
        relit: Share in another light.
        exposed: Share taken with too little light or too much.
        exposure: Of these, how much light compared with what it should be, smallest and largest;
            drawn evenly in its logarithm.
        coarse: Share that is shrunk and enlarged again.
        factor: By how much, smallest and largest; drawn evenly in its logarithm.
        lowest_px: Shorter side that a picture is shrunk to at most.
        blurred: Share out of focus or moved.
        still: Share of these that is out of focus.
        focus_px: Deviation of the blur, smallest and largest.
        motion_px: Shortest and longest way.
        noisy: Share with noise.
        noise: Draws its deviation, gray levels.
        packed: Share that was a JPEG file.
        quality: Of these, lowest and highest.
    """

    light: Light
    gray: float = 0.0
    relit: float
    exposed: float = 0.0
    exposure: Range = (1.0, 1.0)
    coarse: float
    factor: Range
    lowest_px: int = 1
    blurred: float
    still: float
    focus_px: Range
    motion_px: tuple[int, int]
    noisy: float
    noise: Callable[[Rng], float]
    packed: float
    quality: tuple[int, int]


WEBCAM: Final = CameraFaults(
    light=Light(gamma=0.3, gain=0.2, offset=10, tint=0.12, shaded=0.25, depth=(0, 0.325)),
    gray=0.25,
    relit=1.0,
    coarse=0.35,
    factor=(1, np.inf),
    lowest_px=24,
    blurred=0.25,
    still=0.5,
    focus_px=(0.5, 2.0),
    motion_px=(3, 9),
    noisy=0.3,
    noise=lambda rng: rng.uniform(2, 14),
    packed=0.35,
    quality=(25, 89),
)


# The worst that an application meets: too dark, out of focus, far away, over a bad connection. Of a
# face as large as its crop; lengths are pixels of a crop of 112.
ROUGH: Final = CameraFaults(
    light=WEBCAM.light,
    gray=0.25,
    relit=1.0,
    exposed=0.4,
    exposure=(0.05, 3.0),
    coarse=0.5,
    factor=(1.5, 9.0),
    lowest_px=12,
    blurred=0.5,
    still=0.5,
    focus_px=(1.0, 5.0),
    motion_px=(5, 17),
    noisy=0.5,
    noise=lambda rng: np.exp(rng.uniform(np.log(4), np.log(40))),
    packed=0.5,
    quality=(5, 40),
)


def degrade(picture: Picture, rng: Rng, camera: CameraFaults = WEBCAM) -> Picture:
    """Give a picture the light, colour, sharpness and compression of some camera."""
    if picture.ndim == 3 and rng.random() < camera.gray:
        picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    if rng.random() < camera.relit:
        picture = relight(picture, rng, camera.light)
    if camera.exposed and rng.random() < camera.exposed:
        light = np.exp(rng.uniform(*np.log(camera.exposure)))
        picture = np.clip(np.rint(picture * np.float32(light)), 0, 255).astype(np.uint8)
    if rng.random() < camera.coarse:
        picture = _coarse(picture, rng, camera)
    if rng.random() < camera.blurred:
        picture = _blur(picture, rng, camera)
    if rng.random() < camera.noisy:
        picture = _noise(picture, rng, camera.noise(rng))
    if rng.random() < camera.packed:
        picture = _pack(picture, int(rng.integers(camera.quality[0], camera.quality[1] + 1)))
    return picture


def relight(picture: Picture, rng: Rng, light: Light) -> Picture:
    """Change exposure, gamma and colour balance; sometimes light one side more than the other."""
    channels = picture.shape[2] if picture.ndim == 3 else 1
    gain = np.full(channels, np.exp(rng.normal(0, light.gain)))
    if light.tint and channels > 1:
        gain *= np.exp(rng.normal(0, light.tint, channels) * (rng.random() < 0.7))
    ramp = np.linspace(0, 1, 256) ** np.exp(rng.normal(0, light.gamma))
    levels = ((ramp[:, None] - light.pivot) * gain + light.pivot) * 255
    table = np.rint(np.clip(levels + rng.normal(0, light.offset), 0, 255)).astype(np.uint8)
    lit = np.asarray(cv2.LUT(picture, table[:, None]), np.uint8)
    return _shade(lit, rng, light) if rng.random() < light.shaded else lit


def _shade(picture: Picture, rng: Rng, light: Light) -> Picture:
    height, width = picture.shape[:2]
    angle, depth = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(*light.depth))
    across = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(np.cos(angle))
    down = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(np.sin(angle))
    gain = 1 + depth * (np.clip(across + down[:, None], -1, 1) - np.float32(1 - light.lit))
    shaded = picture * gain.reshape(height, width, *[1] * (picture.ndim - 2))
    return np.clip(shaded, 0, 255).astype(np.uint8)


def _coarse(picture: Picture, rng: Rng, camera: CameraFaults) -> Picture:
    height, width = picture.shape[:2]
    largest = max(1.0, min(camera.factor[1], min(height, width) / camera.lowest_px))
    factor = np.exp(rng.uniform(*np.log([min(camera.factor[0], largest), largest])))
    small = max(1, int(width / factor)), max(1, int(height / factor))
    down = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    way = WAYS_UP[rng.integers(len(WAYS_UP))]
    return np.asarray(cv2.resize(down, (width, height), interpolation=way), np.uint8)


def _blur(picture: Picture, rng: Rng, camera: CameraFaults) -> Picture:
    if rng.random() < camera.still:
        sigma = rng.uniform(*camera.focus_px)
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    length = int(rng.integers(camera.motion_px[0], camera.motion_px[1] + 1))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    middle = ((length - 1) / 2, (length - 1) / 2)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(0, 180), 1.0)
    turned = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(picture, -1, turned / max(turned.sum(), 1e-6)), np.uint8)


def _noise(picture: Picture, rng: Rng, sigma: float) -> Picture:
    """Add independent noise to every pixel; of a colour picture half the time to all channels."""
    alike = picture.ndim == 3 and rng.random() < 0.5
    shape = (*picture.shape[:2], 1) if alike else picture.shape
    noise = rng.standard_normal(shape, np.float32) * np.float32(sigma)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def _pack(picture: Picture, quality: int) -> Picture:
    way = cv2.IMREAD_COLOR if picture.ndim == 3 else cv2.IMREAD_GRAYSCALE
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, way), np.uint8)
