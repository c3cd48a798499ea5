"""Warp a face upright and centred: the one crop that training and the live engine share."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from engine.faces.landmarks import MARGIN, TEMPLATE
from engine.types import Face, Floats, Image, Picture, patch_of, size_of

CROP_SIZE: Final = 112


@lru_cache
def template(size: int, margin: float = MARGIN) -> Floats:
    """Place the five template points in a square crop.

    Args:
        size: Side of the crop, pixels.
        margin: Extra picture around the training framing, as a fraction of the side.

    Returns:
        (5, 2) float32, crop pixels; not to be written to.
    """
    unit = (TEMPLATE - 0.5) / (1.0 + margin) + 0.5
    points: Floats = (unit * size - 0.5).astype(np.float32)
    points.flags.writeable = False
    return points


def similarity(points: Floats, target: Floats) -> Floats:
    """Fit scale, rotation and shift (no mirroring) that bring `points` nearest to `target`.

    Args:
        points: (K, 2).
        target: (K, 2).

    Returns:
        (2, 3) float32, maps `points` to `target` with the least squared error.

    Raises:
        ValueError: All points coincide, so that no scale or rotation is defined.

    Source: Umeyama (1991), "Least-squares estimation of transformation parameters between
    two point patterns"; in two dimensions the solution is one complex number.
    """
    source_mean, target_mean = points.mean(axis=0), target.mean(axis=0)
    p, q = (points - source_mean).astype(np.float64), (target - target_mean).astype(np.float64)
    spread = float((p * p).sum())
    if not spread > 1e-12:
        raise ValueError("points: all coincide; a similarity needs two distinct points")
    cos = float((p * q).sum()) / spread
    sin = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = target_mean - linear @ source_mean
    return np.hstack([linear, shift[:, None]]).astype(np.float32)


def transform(points: Floats, matrix: Floats) -> Floats:
    """Apply a (2, 3) affine matrix to (..., 2) points."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def invert(matrix: Floats) -> Floats:
    """Invert a (2, 3) affine matrix."""
    return cv2.invertAffineTransform(matrix).astype(np.float32)


def warp(
    picture: Picture, matrix: Floats, size: int = CROP_SIZE, border: int = cv2.BORDER_CONSTANT
) -> Image:
    """Cut a square crop out of a picture, averaging where it shrinks.

    Args:
        picture: (H, W, 3) uint8, BGR, or what was decoded, of which the region is converted.
        matrix: (2, 3) float32, source pixels to crop pixels.
        size: Side of the crop, pixels.
        border: OpenCV border mode where the crop leaves the image; black by default.

    Returns:
        (size, size, 3) uint8, BGR.
    """
    shrink = int(1.0 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6))
    # Blocks larger than the picture would be filled up with gigabytes of its border.
    shrink = min(shrink, max(size_of(picture)))
    if shrink >= 2:  # bilinear sampling alone would alias: a big face would look unlike training
        image, matrix = _shrunk(picture, matrix, size, shrink)
    elif isinstance(picture, np.ndarray):
        image = picture
    else:
        (x0, y0), (x1, y1) = _covered(picture, matrix, size, 1)
        # Memory of the whole, of which but the region is used: another matrix would round anew.
        image = np.empty((picture.height, picture.width, 3), np.uint8)
        image[y0:y1, x0:x1] = picture.patch(x0, y0, x1, y1)
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(crop, np.uint8)


def _covered(
    picture: Picture, matrix: Floats, size: int, factor: int
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Say which region a crop is made of, from where to where, x and y, in blocks of `factor`."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
    covered = transform(corners, invert(matrix))
    limit = np.array(size_of(picture))
    # Blocks start at multiples of `factor`, so that a face's crop does not depend on its region.
    low = (
        np.clip(np.floor(covered.min(axis=0)) - factor, 0, limit - 1).astype(int) // factor * factor
    )
    high = np.clip(np.ceil(covered.max(axis=0)) + factor, low + 1, limit).astype(int)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def _shrunk(picture: Picture, matrix: Floats, size: int, factor: int) -> tuple[Image, Floats]:
    """Average `factor` x `factor` blocks of the region the crop covers; adapt the matrix."""
    low, high = _covered(picture, matrix, size, factor)
    region = patch_of(picture, *low, *high)
    whole = -(-np.array(region.shape[:2]) // factor) * factor
    pad = whole - region.shape[:2]
    if pad.any():
        padded = cv2.copyMakeBorder(region, 0, int(pad[0]), 0, int(pad[1]), cv2.BORDER_REPLICATE)
        region = np.asarray(padded, np.uint8)
    small = cv2.resize(
        region, (int(whole[1]) // factor, int(whole[0]) // factor), interpolation=cv2.INTER_AREA
    )
    # x = low + factor * (x_small + 0.5) - 0.5, in both axes.
    linear = matrix[:, :2]
    shift = linear @ (np.array(low) + (factor - 1) / 2) + matrix[:, 2]
    adapted = np.hstack([linear * factor, shift[:, None]]).astype(np.float32)
    return np.asarray(small, np.uint8), adapted


def align(picture: Picture, points: Floats, size: int = CROP_SIZE, margin: float = MARGIN) -> Face:
    """Cut one face out, upright and centred on the training template.

    Args:
        picture: (H, W, 3) uint8, BGR, or what was decoded.
        points: (5, 2) float32, pixels of the picture, see `engine.faces.landmarks.five_points`.
        size: Side of the crop, pixels.
        margin: Extra picture around the training framing, as the model's manifest states it.

    Returns:
        The crop, black where it leaves the image, and the map that made it.

    Raises:
        ValueError: The points coincide, so that no rotation is defined.
    """
    matrix = similarity(points, template(size, margin))
    return Face(crop=warp(picture, matrix, size), matrix=matrix)


def recut(
    picture: Picture,
    face: Face,
    size: int,
    margin: float = MARGIN,
    *,
    points: Sequence[Sequence[float]] | None = None,
    upright: bool = False,
) -> Image:
    """Cut a face that `align` has cut again, for a network with another input.

    Args:
        picture: (H, W, 3) uint8, BGR, or what was decoded, which it was cut from.
        face: The crop, `MARGIN` around it.
        size: Side of the new crop, pixels.
        margin: Of the new crop.
        points: (5, 2) where the points shall lie, shares of the new crop's side; None is the
            template's place with the margin.
        upright: Move and scale only: the face keeps its tilt, as in pictures nobody aligned.

    Returns:
        (size, size, 3) uint8, BGR; the face's own crop where nothing differs.
    """
    own = (size, margin) == (face.crop.shape[0], MARGIN) and points is None
    if own and not upright:
        return face.crop
    aligned, target = template(face.crop.shape[0]), template(size, margin)
    second = similarity(aligned, target)
    if points is not None:
        # Another shape than the template's: what brought such a face there is undone, as two fits
        # in a row would make it smaller by the square of how alike the shapes are.
        target = (np.asarray(points, np.float32) * size - 0.5).astype(np.float32)
        second = invert(similarity(target, aligned))
    matrix = chained(second, face.matrix)
    return warp(picture, untilted(matrix, target) if upright else matrix, size)


def middle(image: Image, size: int) -> Image:
    """Cut the largest square in the middle of a picture: crops of pictures that hold one face.

    A face of such a picture that is cut by `recut`, with `points` where they lie in that square,
    gives the same crop.

    Args:
        image: (H, W, 3) uint8, BGR.
        size: Side of the crop, pixels.

    Returns:
        (size, size, 3) uint8, BGR; the picture itself where it has that side.
    """
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    side = min(height, width)
    corner = (np.array([width, height], np.float32) - side) / 2
    linear = np.eye(2, dtype=np.float32) * np.float32(size / side)
    shift = linear @ (0.5 - corner) - 0.5  # integers are the middles of pixels
    matrix = np.hstack([linear, shift[:, None]]).astype(np.float32)
    return warp(image, matrix, size, cv2.BORDER_REPLICATE)


def untilted(matrix: Floats, target: Floats) -> Floats:
    """Take the rotation out of a similarity; what it brought to the middle of `target` stays."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    middle = target.mean(axis=0)
    source = transform(middle, invert(matrix))
    linear = np.eye(2, dtype=np.float32) * np.float32(scale)
    return np.hstack([linear, (middle - scale * source)[:, None]]).astype(np.float32)


def chained(second: Floats, first: Floats) -> Floats:
    """Give the (2, 3) affine matrix that applies `first`, then `second`."""
    linear = second[:, :2] @ first[:, :2]
    shift = second[:, :2] @ first[:, 2] + second[:, 2]
    return np.hstack([linear, shift[:, None]]).astype(np.float32)
