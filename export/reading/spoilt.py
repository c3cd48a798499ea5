"""The grid of bad pictures that reading is judged on: light, blur, noise, covers, sizes.

Pictures of one face each, gray, `SIDE` pixels; strengths are in pixels and gray levels of these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces.landmarks import MIRROR, box_of
from engine.types import Floats
from training.data.worn import KINDS, Worn, wear

Gray = NDArray[np.uint8]
Rng = np.random.Generator

SIDE: Final = 96  # twice a FER+ picture's


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture of one face.

    Attributes:
        picture: (H, W) uint8.
        landmarks: (68, 2) float32, pixels of the picture.
    """

    picture: Gray
    landmarks: Floats

    def resized(self, side: int) -> "Portrait":
        """Bring it to another size; areas are averaged where it shrinks."""
        factor = side / self.picture.shape[0]
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        picture = cv2.resize(self.picture, (side, side), interpolation=way)
        points = (self.landmarks + 0.5) * factor - 0.5
        return Portrait(np.asarray(picture, np.uint8), np.asarray(points, np.float32))

    @property
    def brightness(self) -> float:
        """Mean gray level between the eyes and the mouth."""
        eyes, mouth = self.landmarks[36:48], self.landmarks[[48, 54]]
        x0, x1 = eyes[:, 0].min(), eyes[:, 0].max()
        y0, y1 = eyes[:, 1].max(), mouth[:, 1].min()
        left, right, top, bottom = (max(0, round(float(edge))) for edge in (x0, x1, y0, y1))
        cheeks = self.picture[top : max(bottom, top + 1), left : max(right, left + 1)]
        return float(cheeks.mean()) if cheeks.size else float(self.picture.mean())


Change = Callable[[Portrait, Rng], Portrait]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the grid.

    Attributes:
        kind: What is wrong with the pictures.
        strength: How much, in words.
        change: Spoils a portrait.
    """

    kind: str
    strength: str
    change: Change

    @property
    def name(self) -> str:
        """Kind and strength."""
        return f"{self.kind} {self.strength}".strip()


def _bytes(values: NDArray[np.floating]) -> Gray:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _pixels(change: Callable[[Gray, Rng], Gray]) -> Change:
    """Make a change of a portrait of one of its pixels, at `SIDE`."""

    def changed(portrait: Portrait, rng: Rng) -> Portrait:
        large = portrait.resized(SIDE)
        return Portrait(change(large.picture, rng), large.landmarks)

    return changed


def mirrored(portrait: Portrait, rng: Rng) -> Portrait:
    """Turn left and right round."""
    points = portrait.landmarks[MIRROR].copy()
    points[:, 0] = portrait.picture.shape[1] - 1 - points[:, 0]
    return Portrait(np.ascontiguousarray(portrait.picture[:, ::-1]), points)


def small(portrait: Portrait, rng: Rng, *, side: int) -> Portrait:
    """Take it from so far away that the picture has so many pixels a side."""
    return portrait.resized(side)


def blurred(picture: Gray, rng: Rng, *, sigma: float) -> Gray:
    """Blur as a soft lens or upscaling does."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def defocused(picture: Gray, rng: Rng, *, radius: float) -> Gray:
    """Blur with a disc, as a lens out of focus does."""
    return _filtered(picture, lambda x, y: np.hypot(x, y) <= radius, radius)


def moved(picture: Gray, rng: Rng, *, length: float) -> Gray:
    """Blur along a line of a random direction."""
    angle = rng.uniform(0, np.pi)
    cos, sin = np.cos(angle), np.sin(angle)

    def inside(x: Floats, y: Floats) -> NDArray[np.bool_]:
        along, across = cos * x + sin * y, cos * y - sin * x
        return np.asarray((np.abs(along) <= length / 2) & (np.abs(across) <= 0.5), np.bool_)

    return _filtered(picture, inside, length / 2 + 1)


def _filtered(
    picture: Gray, inside: Callable[[Floats, Floats], NDArray[np.bool_]], reach: float
) -> Gray:
    """Average over a shape, its edge smooth."""
    finer, half = 4, int(np.ceil(reach))
    count = (2 * half + 1) * finer
    steps = ((np.arange(count) + 0.5) / finer - half - 0.5).astype(np.float32)
    shape = inside(steps[None], steps[:, None]).astype(np.float32)
    kernel = cv2.resize(shape, (2 * half + 1,) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.uint8)


def noisy(picture: Gray, rng: Rng, *, sigma: float) -> Gray:
    """Add independent noise."""
    return _bytes(picture + rng.normal(0, sigma, picture.shape))


def packed(picture: Gray, rng: Rng, *, quality: int) -> Gray:
    """Keep it as JPEG."""
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def lit(picture: Gray, rng: Rng, *, light: float, noise: float = 1.5) -> Gray:
    """Take it with another amount of light by a sensor that clips, rounds and is a little noisy."""
    return _bytes(picture * light + rng.normal(0, noise, picture.shape))


def flattened(picture: Gray, rng: Rng, *, contrast: float) -> Gray:
    """Take contrast away, as fog and backlight do."""
    middle = 128 + (picture.mean() - 128) * 0.5
    return _bytes((picture - picture.mean()) * contrast + middle + rng.normal(0, 1, picture.shape))


def worn(portrait: Portrait, rng: Rng, *, kind: Worn) -> Portrait:
    """Put on a mask or glasses, or hold a hand before the face."""
    large = portrait.resized(SIDE)
    picture, (centre, axes) = large.picture.copy(), _ellipse(large.landmarks)

    def ground(rng: Rng) -> Gray:
        return rng.integers(0, 256, (12, 12), np.uint8)

    wear(picture, centre, axes, ground, rng, kind=kind)
    return Portrait(picture, large.landmarks)


def covered(
    portrait: Portrait, rng: Rng, *, top: float, bottom: float, half: float, middle: float = 0.0
) -> Portrait:
    """Hold something flat before a part of the face.

    Args:
        portrait: The face.
        rng: Draws how bright it is.
        top: Where it begins, in halves of the face's box from its middle, down.
        bottom: Where it ends.
        half: Half of its width, in halves of the face's width.
        middle: Where its middle is, in the same, to either side.
    """
    large = portrait.resized(SIDE)
    centre, axes = _ellipse(large.landmarks)
    middle = middle if rng.random() < 0.5 else -middle
    left, right = middle - half, middle + half
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    corners = corners @ axes.T + centre
    picture = large.picture.copy()
    mask = np.zeros(picture.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 8).astype(np.int32)], 255, cv2.LINE_AA, shift=3)
    level = rng.uniform(10, 240) + rng.normal(0, 3, picture.shape)
    alpha = mask / 255
    return Portrait(_bytes(picture * (1 - alpha) + level * alpha), large.landmarks)


def _ellipse(landmarks: Floats) -> tuple[Floats, Floats]:
    """Give the centre of a face's box, and half of its width and height as columns."""
    box = box_of(landmarks)
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    return np.asarray(centre, np.float32), np.diag(half).astype(np.float32)


def tilted(portrait: Portrait, rng: Rng, *, degrees: float) -> Portrait:
    """Turn it in the picture, either way; the picture's edge is drawn out."""
    large = portrait.resized(SIDE)
    angle = degrees if rng.random() < 0.5 else -degrees
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), angle, 0.8)
    border = cv2.BORDER_REPLICATE
    picture = cv2.warpAffine(large.picture, matrix, (SIDE, SIDE), borderMode=border)
    points = large.landmarks @ matrix[:, :2].T + matrix[:, 2]
    return Portrait(np.asarray(picture, np.uint8), np.asarray(points, np.float32))


def both(first: Change, second: Callable[[Gray, Rng], Gray]) -> Change:
    """Do one change, then another of the pixels, at the size that the first leaves."""

    def changed(portrait: Portrait, rng: Rng) -> Portrait:
        done = first(portrait, rng)
        return Portrait(second(done.picture, rng), done.landmarks)

    return changed


def _same(portrait: Portrait, rng: Rng) -> Portrait:
    return portrait


CLEAN: Final = Row("clean", "", _same)
GRID: Final[tuple[Row, ...]] = (
    CLEAN,
    *(Row("small", f"{side} px", partial(small, side=side)) for side in (12, 16, 20, 24, 32)),
    *(Row("blur", f"{s} px", _pixels(partial(blurred, sigma=s))) for s in (1.0, 2.0, 3.0, 4.5)),
    *(Row("defocus", f"{r} px", _pixels(partial(defocused, radius=r))) for r in (2.0, 4.0, 6.0)),
    *(Row("motion", f"{n} px", _pixels(partial(moved, length=n))) for n in (6.0, 12.0, 20.0)),
    *(Row("noise", f"{s} levels", _pixels(partial(noisy, sigma=s))) for s in (10.0, 25.0, 45.0)),
    *(Row("JPEG", f"quality {q}", _pixels(partial(packed, quality=q))) for q in (30, 12, 5)),
    *(Row("dark", f"{x:.0%} of light", _pixels(partial(lit, light=x))) for x in (0.3, 0.1, 0.05)),
    *(Row("bright", f"{x:.0%} of light", _pixels(partial(lit, light=x))) for x in (1.8, 3.0)),
    *(Row("flat", f"{x:.0%}", _pixels(partial(flattened, contrast=x))) for x in (0.4, 0.15)),
    *(Row("worn", kind, partial(worn, kind=kind)) for kind in KINDS if kind != "hat"),
    Row("covered", "mouth", partial(covered, top=0.28, bottom=1.05, half=0.62)),
    Row("covered", "eyes", partial(covered, top=-0.5, bottom=0.0, half=0.95)),
    Row("covered", "one side", partial(covered, top=-1.1, bottom=1.1, half=0.5, middle=0.55)),
    *(Row("tilted", f"{d:.0f} deg", partial(tilted, degrees=d)) for d in (20.0, 45.0)),
    Row("far", "24 px, JPEG 30", both(partial(small, side=24), partial(packed, quality=30))),
    Row(
        "night",
        "10% of light, motion 8 px",
        both(_pixels(partial(moved, length=8.0)), partial(lit, light=0.1, noise=2.5)),
    ),
    Row(
        "webcam",
        "blur 1.5 px, noise 12, JPEG 25",
        both(
            both(_pixels(partial(blurred, sigma=1.5)), partial(noisy, sigma=12.0)),
            partial(packed, quality=25),
        ),
    ),
)


def spoilt_at_random(portrait: Portrait, rng: Rng) -> Portrait:
    """Spoil a portrait in one or two ways of random strength, between those of the grid and on.

    What the temperature is fitted on beside the grid, so that it does not know the grid alone.
    """
    if rng.random() < 0.25:
        done = portrait.resized(int(np.exp(rng.uniform(np.log(12), np.log(112)))))
    elif rng.random() < 0.35:
        done = _covers(rng)(portrait, rng)
    else:
        done = portrait.resized(int(rng.choice([48, SIDE, SIDE, 144])))
    size = done.picture.shape[0] / SIDE
    picture = done.picture
    for _ in range(int(rng.integers(1, 3))):
        picture = _pixel_change(rng, size)(picture, rng)
    return Portrait(picture, done.landmarks)


def _covers(rng: Rng) -> Change:
    changes: Mapping[int, Change] = {
        0: partial(worn, kind="mask"),
        1: partial(worn, kind="glasses"),
        2: partial(worn, kind="hand"),
        3: partial(
            covered, top=rng.uniform(0, 0.4), bottom=rng.uniform(0.7, 1.1), half=rng.uniform(0.4, 1)
        ),
        4: partial(covered, top=rng.uniform(-0.7, -0.4), bottom=rng.uniform(-0.2, 0.1), half=0.95),
        5: partial(covered, top=-1.1, bottom=1.1, half=0.5, middle=rng.uniform(0.4, 0.8)),
        6: partial(tilted, degrees=rng.uniform(0, 50)),
    }
    return changes[int(rng.integers(len(changes)))]


def _pixel_change(rng: Rng, size: float) -> Callable[[Gray, Rng], Gray]:
    """Draw a change of the pixels of a portrait that is `size` times as large as `SIDE`."""
    changes: Mapping[int, Callable[[Gray, Rng], Gray]] = {
        0: partial(blurred, sigma=max(0.3, rng.uniform(0.5, 4.5) * size)),
        1: partial(defocused, radius=max(0.5, rng.uniform(1, 6) * size)),
        2: partial(moved, length=max(1.0, rng.uniform(3, 20) * size)),
        3: partial(noisy, sigma=rng.uniform(3, 45)),
        4: partial(packed, quality=int(rng.integers(5, 60))),
        5: partial(lit, light=float(np.exp(rng.uniform(np.log(0.05), np.log(3))))),
        6: partial(flattened, contrast=rng.uniform(0.12, 0.8)),
        7: lambda picture, _: picture,
    }
    return changes[int(rng.integers(len(changes)))]
