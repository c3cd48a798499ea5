"""How good the picture of a face is: what the temperature of its reading follows."""

from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces.alignment import transform
from engine.faces.landmarks import five_points
from engine.types import Floats, Sighting

Picture = TypeVar("Picture", NDArray[np.uint8], Floats)

MEASURED: Final = 23
SIDE: Final = 88  # of the middle of a crop, pixels: what is beyond is often not in the picture
FLOOR: Final = 0.5  # levels; below it a band is nothing but rounding
BLACK: Final = 16  # levels from here down are black
WHITE: Final = 239  # from here up, white
LOGIT_MAX: Final = 8.0
# Where eyes, nose and mouth are in the middle of a crop, parts of its side: x0 y0 x1 y1.
PARTS: Final = (
    (0.08, 0.18, 0.46, 0.46), (0.54, 0.18, 0.92, 0.46), (0.3, 0.42, 0.7, 0.7),
    (0.22, 0.72, 0.78, 1.0),
)  # fmt: skip


def quality_of(sighting: Sighting) -> Floats:
    """Measure a face's picture.

    Args:
        sighting: The face.

    Returns:
        (23,) float32: the logarithm of how many times the face was enlarged; those of the
        deviation of its gray levels in four octaves, the finest first, and of both eyes, nose and
        mouth in the middle two; the mean; how much is black and how much white; the logit of its
        presence; how much lighter or darker than the whole eyes, nose and mouth are; and how far
        the nose is from the middle, to either side and down.
    """
    crop = sighting.face.crop
    gray = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    border = max(0, (gray.shape[0] - SIDE) // 2)
    inner = gray[border : gray.shape[0] - border, border : gray.shape[1] - border]
    counts = cv2.calcHist([inner], [0], None, [256], [0, 256]).ravel() / inner.size
    zoom = float(np.hypot(*sighting.face.matrix[0, :2]))
    presence = float(np.clip(sighting.presence, 1e-6, 1 - 1e-6))
    return np.array(
        [
            -np.log2(max(zoom, 1.0)),
            *_octaves(inner.astype(np.float32)),
            counts @ np.arange(256) / 255,
            counts[:BLACK].sum(),
            counts[WHITE:].sum(),
            np.clip(np.log(presence / (1 - presence)), -LOGIT_MAX, LOGIT_MAX),
            *_strange(inner),
            *_turn(transform(sighting.landmarks, sighting.face.matrix)),
        ],
        np.float32,
    )


def _octaves(gray: Floats) -> list[float]:
    """Give the logarithm of the deviation in each octave, of what is left, and of the parts."""
    whole, parts = [], []
    for octave in range(3):
        lower = np.asarray(cv2.pyrDown(gray), np.float32)
        upper = cv2.pyrUp(lower, dstsize=gray.shape[::-1])
        detail = np.asarray(cv2.subtract(gray, upper), np.float32)
        whole.append(float(cv2.meanStdDev(detail)[1][0, 0]))
        if octave:
            side = gray.shape[0]
            for box in PARTS:
                parts.append(float(cv2.meanStdDev(_part(detail, side, box))[1][0, 0]))
        gray = lower
    whole.append(float(cv2.meanStdDev(gray)[1][0, 0]))
    return [float(np.log2(deviation + FLOOR)) for deviation in (*whole, *parts)]


def _strange(gray: NDArray[np.uint8]) -> list[float]:
    """Say how far the light of each part is from that of the whole, in parts of the range."""
    side, mean = gray.shape[0], cv2.mean(gray)[0]
    return [abs(cv2.mean(_part(gray, side, box))[0] - mean) / 128 for box in PARTS]


def _part(values: Picture, side: int, box: tuple[float, ...]) -> Picture:
    x0, y0, x1, y1 = (round(side * edge) for edge in box)
    return values[y0:y1, x0:x1]


def _turn(landmarks: Floats) -> tuple[float, float]:
    """Say where the nose is between the eyes, to a side, and between eyes and mouth, up."""
    right, left, nose, *corners = five_points(landmarks)
    mouth, eyes = (corners[0] + corners[1]) / 2, (right + left) / 2
    wide = max(float(np.hypot(*(left - right))), 1.0)
    tall = max(float(mouth[1] - eyes[1]), 1.0)
    aside = abs(float(nose[0] - (eyes[0] + mouth[0]) / 2)) / wide
    return min(aside, 2.0), float(np.clip((nose[1] - eyes[1]) / tall, -1, 2))
