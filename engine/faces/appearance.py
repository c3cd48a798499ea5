"""What a face looks like, to tell a face that went on from another one in its place.

It is compared while a face is followed and shortly after it was lost, and forgotten with it. It
would not tell who somebody is: hair, clothes and light count as much as the face.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Floats, Image

# Judged on pairs of aligned crops of `scenes`' training people, 2,117 of one film, often seconds
# apart, and 8,000 of two people. At least SAME are 87 % of the first and 0.1 % of the second, below
# OTHER 2 % and 95 %; with 0.4 to 1.4 of the light 81 % and 0.1 %, 4 % and 95 %; in black and white
# 57 % and 0.1 %, 15 % and 85 %. A face of two films stays above 0.54 from frame to frame, and
# above 0.48 from what it was a second and a half before: FADED is for these.
SAME: Final = 0.72
OTHER: Final = 0.53
FADED: Final = 0.40

_SIDE: Final = 56  # pixels that are looked at
_HEAD: Final = ((28, 25), (22, 27))  # centre and half axes: two people share what is behind them
_BRIGHT, _DARKEST = 110.0, 4.0  # gray level that heads are brought to, lowest that is trusted
_THUMBNAIL: Final = 12
_BINS: Final = (8, 16, 16)  # of lightness and the two colour axes
_RANGES: Final = (0, 256, 96, 176, 96, 176)
_COLOURS: Final = 0.7  # weight of colours against the thumbnail, which light hardly changes
_COLOURLESS: Final = 1.5  # gray levels that colour axes stray where there is no colour
# Without colour everybody is more alike; this brings likeness to the same scale.
_GRAY_SCALE: Final = (2.28, -1.42)

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
    """A face's colours and its light and shade.

    Attributes:
        colours: (2048,) float32, square roots of a histogram's shares.
        shade: (144,) float32, gray thumbnail of mean 0 and norm 1.
        gray: There is no colour.
    """

    colours: Floats
    shade: Floats
    gray: bool


def appearance_of(crop: Image) -> Appearance:
    """Describe an aligned crop.

    Args:
        crop: (S, S, 3) uint8, BGR.
    """
    small = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    bright = float(np.mean(cv2.mean(small, _MASK)[:3]))
    exposed = cv2.convertScaleAbs(small, alpha=_BRIGHT / max(bright, _DARKEST))
    # A histogram counts nothing beyond its range, such as a face in a stage's coloured light.
    lab = cv2.LUT(cv2.cvtColor(exposed, cv2.COLOR_BGR2LAB), _WITHIN)
    counts = cv2.calcHist([lab], [0, 1, 2], _MASK, list(_BINS), list(_RANGES)).ravel()
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
    return Appearance(np.sqrt(counts / counts.sum()), shade, gray)


def likeness(one: Appearance, other: Appearance) -> float:
    """Say how alike two faces look: 1 for the same crop, about 0.25 for two people; see `SAME`."""
    colours = float(one.colours @ other.colours)
    alike = _COLOURS * colours + (1 - _COLOURS) * float(one.shade @ other.shade)
    if one.gray and other.gray:
        return _GRAY_SCALE[0] * alike + _GRAY_SCALE[1]
    return alike
