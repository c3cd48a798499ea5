"""Put on a face, or on what is none, what people wear and hold: glasses, masks, hats, hands."""

from collections.abc import Callable
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Floats
from training.data.operations import Rng

Gray = NDArray[np.uint8]
Worn = Literal["mask", "glasses", "hat", "hand"]
KINDS: Final[tuple[Worn, ...]] = get_args(Worn)
_SHARES: Final = (0.3, 0.25, 0.2, 0.25)  # of the kinds, where none is asked for

# Corners from a face's centre, in halves of its box: x to the picture's right, y down.
Corners = tuple[tuple[float, float], ...]
_MASK: Final[Corners] = (
    (-0.85, -0.12), (0.0, -0.28), (0.85, -0.12),
    (0.8, 0.55), (0.35, 1.0), (-0.35, 1.0), (-0.8, 0.55),
)  # fmt: skip
_HAT: Final[Corners] = ((-1.15, -0.55), (1.15, -0.55), (0.95, -1.3), (0.0, -1.55), (-0.95, -1.3))
_LENSES: Final[tuple[Corners, ...]] = tuple(
    tuple((side * x, y) for x, y in ((0.1, -0.42), (0.72, -0.45), (0.68, -0.08), (0.2, -0.06)))
    for side in (-1.0, 1.0)
)
_BRIDGE: Final[Corners] = ((-0.9, -0.38), (0.9, -0.38), (0.9, -0.3), (-0.9, -0.3))
_FINGERS: Final = 4
_REACH: Final = 2.0  # halves of the face within which all of it lies


def wear(
    image: Gray,
    centre: Floats,
    axes: Floats,
    ground: Callable[[Rng], Gray],
    rng: Rng,
    *,
    kind: Worn | None = None,
) -> None:
    """Put one thing on, in place; what it leaves is still a face.

    Args:
        image: (H, W) uint8.
        centre: (2,) float32, of the face's box.
        axes: (2, 2) float32, in columns half of the face's width and half of its height, as they
            lie in the picture.
        ground: Draws a picture whose pieces things may be made of.
        rng: Draws what.
        kind: What it is; drawn by default.
    """
    reach = _REACH * np.abs(axes).sum(axis=1)
    low, high = (
        np.clip(centre + sign * reach, 0, image.shape[::-1]).astype(int) for sign in (-1, 1)
    )
    image, centre = image[low[1] : high[1], low[0] : high[0]], (centre - low).astype(np.float32)
    if not image.size:
        return
    drawn = KINDS[int(np.searchsorted(np.cumsum(_SHARES)[:-1], rng.random(), side="right"))]
    kind = kind or drawn
    if kind == "mask":
        _fill(image, centre, axes, _MASK, ground, rng)
    elif kind == "glasses":
        dark = float(rng.uniform(0, 60))
        opacity = float(rng.choice([1.0, 0.85, 0.5]))
        for corners in (*_LENSES, _BRIDGE):
            _tint(image, _corners(centre, axes, corners, rng), dark, opacity)
    elif kind == "hat":
        _fill(image, centre, axes, _HAT, ground, rng)
    else:
        _hand(image, centre, axes, rng)


def _hand(image: Gray, centre: Floats, axes: Floats, rng: Rng) -> None:
    """Lay fingers over one edge of the face, as bright as its cheeks and lit across."""
    x, y = np.clip(centre.astype(int), 0, np.array(image.shape[::-1]) - 1)
    skin = float(image[y, x])
    side = -1.0 if rng.random() < 0.5 else 1.0
    reach, low = float(rng.uniform(0.2, 0.75)), float(rng.uniform(-0.6, 0.5))
    thick = float(rng.uniform(0.1, 0.17))
    for finger in range(_FINGERS):
        top = low + 2.2 * thick * finger
        tip = 1.0 - reach * float(rng.uniform(0.8, 1.2))
        bend = float(rng.uniform(-0.15, 0.15))
        corners = tuple(
            (side * px, py)
            for px, py in (
                (1.3, top + bend), (tip, top), (tip - thick, top + thick), (tip, top + 2 * thick),
                (1.3, top + 2 * thick + bend),
            )
        )  # fmt: skip
        level = skin + float(rng.normal(0, 8))
        _tint(image, _corners(centre, axes, corners, rng), level - 22, 1.0)
        inner = tuple((px, top + thick + 0.8 * (py - top - thick)) for px, py in corners)
        _tint(image, _corners(centre, axes, inner, rng), level, 1.0)


def _corners(centre: Floats, axes: Floats, corners: Corners, rng: Rng) -> Floats:
    unit = np.array(corners, np.float32) * np.float32(rng.uniform(0.95, 1.05))
    return np.asarray(unit @ axes.T + centre, np.float32)


def _mask(image: Gray, corners: Floats) -> Gray:
    mask = np.zeros(image.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 8).astype(np.int32)], 255, cv2.LINE_AA, shift=3)
    return mask


def _tint(image: Gray, corners: Floats, level: float, opacity: float) -> None:
    _blend(image, _mask(image, corners), np.full(image.shape, level, np.float32), opacity)


def _fill(
    image: Gray,
    centre: Floats,
    axes: Floats,
    corners: Corners,
    ground: Callable[[Rng], Gray],
    rng: Rng,
) -> None:
    """Fill with cloth: one level, darker to a side, or with a pattern."""
    mask = _mask(image, _corners(centre, axes, corners, rng))
    across = np.linspace(-1, 1, image.shape[1], dtype=np.float32)[None] * rng.normal(0, 40)
    cloth = np.full(image.shape, rng.uniform(10, 250), np.float32) + across
    if rng.random() < 0.35:
        pattern = cv2.resize(ground(rng), image.shape[::-1], interpolation=cv2.INTER_AREA)
        cloth = cloth + np.float32(0.5) * (pattern.astype(np.float32) - np.float32(pattern.mean()))
    _blend(image, mask, cloth.astype(np.float32), 1.0)


def _blend(image: Gray, mask: Gray, paint: Floats, opacity: float) -> None:
    alpha = mask.astype(np.float32) * np.float32(opacity / 255)
    mixed = image + alpha * (np.clip(paint, 0, 255) - image)
    image[:] = (mixed + 0.5).astype(np.uint8)
