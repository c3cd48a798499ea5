"""What somebody looks like, to tell a face that went on from another one in its place.

It is compared while a face is followed and for as long as its id is kept after it was lost, and
forgotten with it. It would not tell who somebody is: hair, clothes and light count as much as the
face.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Floats, Image, Picture, patch_of, size_of

# Judged on crops of `scenes`' training people: 2,107 pairs of one film, often seconds apart, and
# 4.6 million of two people. At least SAME are 95 % of the first and 0.09 % of the second, below
# OTHER 2 % and 99 %; with 0.4 to 1.4 of the light 93 % and 0.08 %, 3 % and 99 %; in black and white
# 72 % and 0.04 %, 13 % and 99 %. FADED is for what changes slowly: one who dissolves into another
# stays above 0.54 from frame to frame; a head that turns stays above FADED in the films at hand.
SAME: Final = 0.75
OTHER: Final = 0.65
FADED: Final = 0.60

_SIDE: Final = 56  # pixels that are looked at
_HEAD: Final = ((28, 25), (22, 27))  # centre and half axes: two people share what is behind them
_BRIGHT, _DARKEST = 110.0, 4.0  # gray level that heads are brought to, lowest that is trusted
_THUMBNAIL: Final = 12
_BINS: Final = (8, 16, 16)  # of lightness and the two colour axes
_RANGES: Final = (0, 256, 96, 176, 96, 176)
_COLOURS: Final = 0.7  # weight of colours against the thumbnail, which light hardly changes
_COLOURLESS: Final = 1.5  # gray levels that colour axes stray where there is no colour
# Where clothes are, from the chin down and to both sides of the face, in sides of its box.
_BELOW: Final = (0.1, 0.8)
_ACROSS: Final = 0.8
_CLOTHES_SIZE: Final = (32, 14)  # pixels that are looked at, across and down
_CLOTHES: Final = 0.3  # their weight
# Of the histogram over lightness: a plain shirt is all in one bin, and soon all in the next.
_BLUR: Final = np.array([[0.25], [0.5], [0.25]], np.float32)
_CLOTHES_SEEN: Final = 0.3  # share of them that must be in the frame
# What brings likeness without clothes, or without colour, to one scale: as many pairs of two
# people lie above a value.
_SCALE: Final = {
    (False, False): (1.0, 0.0),
    (False, True): (1.07, 0.036),
    (True, False): (2.28, -1.42),
    (True, True): (2.52, -1.64),
}

_WITHIN: Final = np.dstack(
    [
        np.clip(np.arange(256, dtype=np.uint8), *limits)
        for limits in ((0, 255), (96, 175), (96, 175))
    ]
)


def _head() -> NDArray[np.uint8]:
    mask = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.ellipse(mask, *_HEAD, 0, 0, 360, 255, -1)
    return mask


_MASK: Final = _head()


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """A head's colours, its light and shade, and the colours of the clothes.

    Attributes:
        colours: (2048,) float32, square roots of a histogram's shares.
        shade: (144,) float32, gray thumbnail of mean 0 and norm 1.
        clothes: As `colours`; None where too little of them is in the frame.
        gray: There is no colour.
    """

    colours: Floats
    shade: Floats
    clothes: Floats | None
    gray: bool


def appearance_of(crop: Image, clothes: Image | None = None) -> Appearance:
    """Describe somebody.

    Args:
        crop: (S, S, 3) uint8, BGR, the aligned face.
        clothes: (H, W, 3) uint8, BGR, see `clothes_of`.
    """
    small = np.asarray(cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    bright = float(np.mean(cv2.mean(small, _MASK)[:3]))
    gain = _BRIGHT / max(bright, _DARKEST)
    lab = _lab(small, gain)
    light = np.ascontiguousarray(lab[6:50, 8:48, 0])
    thumbnail = cv2.resize(light, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA)
    shade: Floats = thumbnail.astype(np.float32).ravel()
    shade -= shade.mean()
    contrast = float(np.linalg.norm(shade))
    if contrast > 1e-3:
        shade /= contrast
    else:
        shade[:] = 1 / _THUMBNAIL  # all flat crops are alike, and like no other
    _, strays = cv2.meanStdDev(lab)
    gray = float(strays[1:].max()) < _COLOURLESS
    worn = None if clothes is None else _histogram(_lab(clothes, gain), blur=_BLUR)
    return Appearance(_histogram(lab, _MASK), shade, worn, gray)


def clothes_of(picture: Picture, box: Floats) -> Image | None:
    """Cut out what is below a face, shrunk; None where too little of it is in the frame.

    Args:
        picture: (H, W, 3) uint8, BGR, or what was decoded.
        box: (4,) float32, of the face, see `engine.faces.landmarks.box_of`.
    """
    side = float(np.sqrt(np.prod(np.maximum(box[2:] - box[:2], 0))))
    middle, chin = float(box[0] + box[2]) / 2, float(box[3])
    width, height = size_of(picture)
    x0, x1 = (round(middle + sign * _ACROSS * side) for sign in (-1, 1))
    y0, y1 = (round(chin + share * side) for share in _BELOW)
    left, right = max(0, x0), max(0, min(width, x1))
    top, bottom = max(0, y0), max(0, min(height, y1))
    there = max(0, right - left) * max(0, bottom - top)
    if there < max(_CLOTHES_SEEN * (x1 - x0) * (y1 - y0), 1):
        return None
    seen = patch_of(picture, left, top, right, bottom)
    across, down = _CLOTHES_SIZE
    step = max(1, (x1 - x0) // (3 * across))  # averaging a close-up would take long
    return np.asarray(
        cv2.resize(seen[::step, ::step], (across, down), interpolation=cv2.INTER_AREA), np.uint8
    )


def _lab(image: Image, gain: float) -> Image:
    exposed = cv2.convertScaleAbs(image, alpha=gain)
    # A histogram counts nothing beyond its range, such as a face in a stage's coloured light.
    return np.asarray(cv2.LUT(cv2.cvtColor(exposed, cv2.COLOR_BGR2LAB), _WITHIN), np.uint8)


def _histogram(
    lab: Image, mask: NDArray[np.uint8] | None = None, *, blur: Floats | None = None
) -> Floats:
    counts = cv2.calcHist([lab], [0, 1, 2], mask, list(_BINS), list(_RANGES))
    if blur is not None:
        by_lightness = counts.reshape(_BINS[0], -1)
        counts = cv2.filter2D(by_lightness, -1, blur, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.sqrt(counts.ravel() / counts.sum()), np.float32)


def likeness(one: Appearance, other: Appearance) -> float:
    """Say how alike two look: 1 for the same picture, about 0.25 for two people; see `SAME`."""
    alike = _COLOURS * float(one.colours @ other.colours)
    alike += (1 - _COLOURS) * float(one.shade @ other.shade)
    gray, dressed = one.gray and other.gray, False
    if one.clothes is not None and other.clothes is not None:
        dressed = True
        alike += _CLOTHES * (float(one.clothes @ other.clothes) - alike)
    scale, offset = _SCALE[gray, dressed]
    return scale * alike + offset
