"""Move a piece of one gray picture onto another, and say where its face went."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Floats
from training.detector.packs import Gray

Rng = np.random.Generator


def overlap(boxes: Floats, others: Floats) -> Floats:
    """Share of each box's area inside each other box, (n, m) float32."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[:, None]
    return np.asarray(inside / np.maximum(area, 1e-6), np.float32)


def turn_box(box: Floats, matrix: Floats) -> Floats:
    """Move a box by a similarity: the extent of the turned ellipse inscribed in it."""
    centre = matrix[:, :2] @ ((box[:2] + box[2:]) / 2) + matrix[:, 2]
    half = (box[2:] - box[:2]) / 2
    reach = np.sqrt((matrix[:, :2] * half) ** 2 @ np.ones(2, np.float32))
    return np.concatenate([centre - reach, centre + reach]).astype(np.float32)


def place(
    scale: float,
    angle_deg: float,
    source: NDArray[Any],
    target: NDArray[Any],
    flip: bool,
    stretch: float = 1.0,
) -> Floats:
    """Give the (2, 3) map that scales, turns and mirrors about `source` and puts it at `target`.

    With `stretch` it is first made so many times as wide for its height; its area stays.
    """
    turn = np.deg2rad(angle_deg)
    linear = scale * np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32
    )
    wide = np.sqrt(stretch)
    linear = linear @ np.diag([-wide if flip else wide, 1 / wide]).astype(np.float32)
    return np.hstack([linear, (target - linear @ source)[:, None]]).astype(np.float32)


def shrink(picture: Gray, matrix: Floats) -> tuple[Gray, Floats]:
    """Average pixels first where `matrix` shrinks a lot: bilinear sampling alone would alias."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale > 0.7:
        return picture, matrix
    height, width = picture.shape
    small = (max(2, round(width * scale * 1.2)), max(2, round(height * scale * 1.2)))
    ratio = np.array([width / small[0], height / small[1]], np.float32)
    linear = matrix[:, :2] * ratio
    shift = matrix[:, 2] + matrix[:, :2] @ ((ratio - 1) / 2)
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8), np.hstack([linear, shift[:, None]]).astype(np.float32)


def paste(image: Gray, source: Gray, matrix: Floats, outline: Floats, rng: Rng) -> Gray:
    """Blend the part of `source` inside `outline` (k, 2) onto `image`, in place.

    Returns:
        Like `image`: 255 where it was painted over, 0 where it was left.
    """
    painted = np.zeros_like(image)
    turned = outline @ matrix[:, :2].T + matrix[:, 2]
    extent = float(np.ptp(turned, axis=0).max())
    soft = extent * float(rng.choice([0.0, 0.02, 0.05], p=[0.3, 0.4, 0.3]))
    height, width = image.shape
    low = np.clip(np.floor(turned.min(axis=0) - 2 * soft - 1), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(turned.max(axis=0) + 2 * soft + 2), 0, [width, height]).astype(int)
    if (high - low < 2).any():
        return painted
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    shifted = matrix.copy()
    shifted[:, 2] -= low
    small, warp = shrink(source, shifted)
    fresh = cv2.warpAffine(small, warp, size, borderMode=cv2.BORDER_REPLICATE)
    inner = np.full(small.shape, 255, np.uint8)
    mask = np.zeros(size[::-1], np.uint8)
    cv2.fillPoly(mask, [np.round((turned - low) * 8).astype(np.int32)], 255, cv2.LINE_AA, shift=3)
    mask = cv2.min(mask, cv2.warpAffine(inner, warp, size))
    if soft > 0.5:
        mask = cv2.GaussianBlur(mask, (0, 0), soft)
    region = image[low[1] : high[1], low[0] : high[0]]
    alpha = mask.astype(np.float32) / 255
    region[:] = (region + alpha * (fresh.astype(np.float32) - region) + 0.5).astype(np.uint8)
    painted[low[1] : high[1], low[0] : high[0]] = mask
    return painted


def outline_of(landmarks: Floats, box: Floats, rng: Rng) -> Floats:
    """Draw a head's outline: jaw and skull, an ellipse, a bust, or the box with a margin."""
    kind = rng.random()
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    if kind < 0.15:
        grow = rng.uniform(1.0, 1.5)
        return rectangle(np.concatenate([centre - half * grow, centre + half * grow]))
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    wobble = 1 + 0.06 * np.sin(angles * rng.integers(2, 5) + rng.uniform(0, 6))[:, None]
    if kind < 0.55 and not np.isnan(landmarks[0, 0]):
        jaw = landmarks[:17]
        middle = (jaw[0] + jaw[16]) / 2
        skull = middle + (jaw[::-1] - middle) * np.array([1.05, -rng.uniform(0.6, 1.0)])
        points = np.concatenate([jaw, skull])
        middle = points.mean(axis=0)
        grown = middle + (points - middle) * rng.uniform(1.02, 1.25)
        return np.asarray(grown, np.float32)
    head = centre + circle * half * wobble * rng.uniform((1.05, 1.1), (1.45, 1.5))
    if kind > 0.8:  # a bust: shoulders below the head
        down = np.array([[1.2, 1.2], [2.2, 1.6], [2.4, 3.2], [-2.4, 3.2], [-2.2, 1.6], [-1.2, 1.2]])
        shoulders = centre + down * half
        order = np.concatenate([head[(angles > np.pi)], shoulders])
        return order.astype(np.float32)
    return head.astype(np.float32)


def rectangle(box: Floats) -> Floats:
    """List a box's corners, (4, 2)."""
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
