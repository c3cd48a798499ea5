"""Anti-aliased primitives of the overlay: text, rounded shapes, strokes, dashes, palette."""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Floats, Image

Colour = tuple[int, int, int]

# Okabe & Ito (2008), "Color universal design", as BGR. Everything is drawn on dark panels:
# their black is a near-white here and their blue a little lighter.
PALETTE: Final[tuple[Colour, ...]] = (
    (233, 180, 86),  # sky blue
    (0, 159, 230),  # orange
    (115, 158, 0),  # bluish green
    (167, 121, 204),  # reddish purple
    (66, 228, 240),  # yellow
    (0, 94, 213),  # vermillion
    (205, 132, 30),  # blue
    (235, 235, 235),
)
INK: Final[Colour] = (22, 18, 16)
BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (255, 255, 255)
GREY: Final[Colour] = (186, 182, 178)

_MASKS: Final = 512  # texts kept as they were set; labels say much the same from frame to frame
HAIR: Final = 1.4  # pixels, of OpenCV's thinnest line
_SHIFT: Final = 4  # fractional bits of the coordinates handed to OpenCV
_TURN: Final = np.pi + np.add.outer(np.arange(4), np.linspace(0, 1, 6)).ravel() * (np.pi / 2)
_ARCS: Final = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1).astype(np.float32)
_CORNERS: Final = np.repeat(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32), 6, axis=0)


class Rect(NamedTuple):
    """A region of whole pixels; the right and bottom edges are outside it."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns covered."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Rows covered."""
        return self.y1 - self.y0

    @classmethod
    def at(cls, x: float, y: float, width: int, height: int) -> Self:
        """Make a region from its top left corner, rounded, and its size."""
        left, top = round(x), round(y)
        return cls(left, top, left + width, top + height)

    def overlaps(self, other: "Rect") -> bool:
        """Tell whether the two share a pixel."""
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )

    def within(self, area: "Rect") -> bool:
        """Tell whether `area` holds all of this region."""
        return (
            area.x0 <= self.x0 and area.y0 <= self.y0 and self.x1 <= area.x1 and self.y1 <= area.y1
        )

    def moved_into(self, area: "Rect") -> "Rect":
        """Shift by the least that brings it into `area`, top left first if it is too large."""
        x = max(area.x0, min(self.x0, area.x1 - self.width))
        y = max(area.y0, min(self.y0, area.y1 - self.height))
        return Rect(x, y, x + self.width, y + self.height)


class Sketch(Protocol):
    """What takes shapes as they are, in the place of pixels; like a picture it has parts.

    All functions here that draw take one. A part's coordinates begin at its own corner.
    """

    def __getitem__(self, part: tuple[slice, slice], /) -> "Sketch":
        """Give a region of it, rows and columns, beyond which nothing is drawn."""

    def polygon(self, outline: Floats, colour: Colour) -> None:
        """Take a filled outline, (N, 2) pixels."""

    def strokes(
        self, paths: Sequence[Floats], colour: Colour, width: float, *, closed: bool
    ) -> None:
        """Take paths of a width, each (N, 2) pixels."""

    def text(
        self, text: str, at: tuple[int, int], size: int, colour: Colour, *, bold: bool, italic: bool
    ) -> None:
        """Take a line of text by the left end of its baseline."""

    def veiled(self, opacity: float) -> "Sketch":
        """Give the same with what is drawn through it translucent, 0 to 1."""

    def moving(self, speed: float) -> "Sketch":
        """Give the same with what is drawn through it going right, pixels a second."""

    def sheet(self, name: str, time_s: float) -> "Sketch | None":
        """Give the same for what is drawn now and then only; None while what is there stays."""


Surface = Image | Sketch


class Writer:
    """Sets text in the TrueType faces that OpenCV carries (Rubik)."""

    def __init__(self) -> None:
        self._upright = cv2.FontFace("sans")
        self._italic = cv2.FontFace("italic")
        self._widths: dict[tuple[str, int, int, bool], int] = {}
        self._masks: dict[tuple[str, int, int, bool, Colour], tuple[Sticker, int, int]] = {}

    def width(self, text: str, size: int, *, weight: int = 400, italic: bool = False) -> int:
        """Measure a text's advance in pixels at `size` pixels to the em."""
        key = (text, size, weight, italic)
        if key not in self._widths:
            if len(self._widths) >= _MASKS:
                self._widths.clear()
            face = self._italic if italic else self._upright
            self._widths[key] = int(cv2.getTextSize((0, 0), text, (0, 0), face, size, weight)[2])
        return self._widths[key]

    def put(
        self,
        image: Surface,
        text: str,
        x: float,
        middle: float,
        *,
        size: int,
        colour: Colour = WHITE,
        weight: int = 400,
        italic: bool = False,
    ) -> None:
        """Write one line into `image` in place.

        Args:
            image: (H, W, 3) uint8, BGR, or a sheet (H, W, 4).
            text: What to write.
            x: Left edge, pixels.
            middle: Height of the middle of a digit, pixels.
            size: Pixels to the em.
            colour: BGR.
            weight: 300 (light) to 900 (black); 400 is regular.
            italic: Use the slanted face.
        """
        face = self._italic if italic else self._upright
        baseline = round(middle + 0.35 * size)  # Rubik's capitals and digits are 0.7 em high
        if not isinstance(image, np.ndarray):
            at = (round(x), baseline)
            image.text(text, at, size, colour, bold=weight >= 600, italic=italic)
            return
        if image.shape[2] == 3:
            cv2.putText(image, text, (round(x), baseline), colour, face, size, weight)
            return
        key = (text, size, weight, italic, colour)
        if key not in self._masks:
            if len(self._masks) >= _MASKS:
                self._masks.clear()
            mask, left, top = _mask_of(text, face, size, weight)
            ink = np.full((*mask.shape, 3), colour, np.uint8)
            self._masks[key] = Sticker(ink, mask.astype(np.float32) / np.float32(255)), left, top
        sticker, left, top = self._masks[key]
        sticker.lay(image, round(x) + left, baseline + top)


def _mask_of(text: str, face: cv2.FontFace, size: int, weight: int) -> tuple[Image, int, int]:
    """Set a text white on black, (h, w) uint8, and say where that lies from where it begins.

    OpenCV's text knows no opacity.
    """
    width = int(cv2.getTextSize((0, 0), text, (0, 0), face, size, weight)[2])
    room = np.zeros((3 * size, width + 2 * size), np.uint8)
    cv2.putText(room, text, (size, 2 * size), (255,), face, size, weight)
    rows, columns = np.flatnonzero(room.any(axis=1)), np.flatnonzero(room.any(axis=0))
    if not len(rows):
        return room[:0, :0], 0, 0
    top, left = int(rows[0]), int(columns[0])
    mask = room[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1].copy()
    return mask, left - size, top - 2 * size


def contrast(one: Colour, other: Colour) -> float:
    """Give the contrast of two colours (BGR), 1 to 21.

    Source: WCAG 2.2, relative luminance and contrast ratio.
    """
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    blue, green, red = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def text_on(colour: Colour) -> Colour:
    """Give the ink, black or white, that reads best on a colour (BGR): at least 4.5:1 on any."""
    return max((BLACK, WHITE), key=lambda ink: contrast(ink, colour))


def inked(image: Image, colour: Colour) -> Sequence[int]:
    """Give a colour as OpenCV draws it: on a sheet (H, W, 4) its opacity comes last."""
    return colour if image.shape[2] == 3 else (*colour, 255)


def opaque(image: Image, like: Image) -> Image:
    """Give (H, W, 3) uint8, BGR, as it lies on a picture, or on a sheet (H, W, 4)."""
    if like.shape[2] == 3:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), np.uint8)


def fixed(points: Floats) -> NDArray[np.int32]:
    """Turn (N, 2) pixels into OpenCV's fixed-point coordinates."""
    return np.rint(points * (1 << _SHIFT)).astype(np.int32)


def rounded(box: Sequence[float] | Floats, radius: float) -> Floats:
    """Outline a box with rounded corners.

    Args:
        box: x0 y0 x1 y1, pixels.
        radius: Of the corners, pixels; at most half the shorter side is used.

    Returns:
        (24, 2) float32, clockwise from the left end of the top left corner.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    r = max(0.0, min(radius, (x1 - x0) / 2, (y1 - y0) / 2))
    inner = np.array([x1 - x0 - 2 * r, y1 - y0 - 2 * r], np.float32)
    return _ARCS * np.float32(r) + (_CORNERS * inner + np.array([x0 + r, y0 + r], np.float32))


def corners(box: Sequence[float] | Floats) -> Floats:
    """Outline a box, x0 y0 x1 y1, with its four corners."""
    x0, y0, x1, y1 = (float(value) for value in box)
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


def fill(image: Surface, outline: Floats, colour: Colour) -> None:
    """Fill a convex outline, (N, 2) float32 pixels, in place."""
    if not isinstance(image, np.ndarray):
        image.polygon(outline, colour)
        return
    cv2.fillConvexPoly(image, fixed(outline), inked(image, colour), cv2.LINE_AA, _SHIFT)


def dot(image: Surface, x: float, y: float, radius: float, colour: Colour) -> None:
    """Fill a disc in place; centre and radius in pixels."""
    fill(image, _ARCS * np.float32(radius) + np.array([x, y], np.float32), colour)


def lines(
    image: Surface, paths: Sequence[Floats], colour: Colour, thickness: int, *, closed: bool = False
) -> None:
    """Draw paths of few points, each (N, 2) float32 pixels, in place."""
    if not isinstance(image, np.ndarray):
        # As wide as OpenCV's anti-aliased lines come out.
        width = HAIR if thickness == 1 else 2 * ((thickness + 1) // 2) + HAIR
        image.strokes(paths, colour, width, closed=closed)
        return
    ready = [fixed(path) for path in paths]
    cv2.polylines(image, ready, closed, inked(image, colour), thickness, cv2.LINE_AA, _SHIFT)


def curve(
    image: Surface,
    path: Floats,
    colour: Colour,
    width: float,
    cuts: Sequence[slice] = (slice(None),),
) -> None:
    """Draw a path of many points in place, as hairlines side by side.

    OpenCV draws a thick segment with two discs at its ends, ten times slower than a hairline.

    Args:
        image: (H, W, 3) uint8, BGR, or a sheet (H, W, 4).
        path: (N, 2) float32, pixels, N at least 2.
        colour: BGR.
        width: Of the stroke, pixels, at least 1.
        cuts: The parts of the path to draw.
    """
    if not isinstance(image, np.ndarray):
        image.strokes([path[cut] for cut in cuts], colour, width - 1 + HAIR, closed=False)
        return
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1).astype(np.float32)
    for offset in np.linspace(-(width - 1) / 2, (width - 1) / 2, int(np.ceil(width))):
        strand = fixed(path + np.float32(offset) * across)
        parts = [strand[cut] for cut in cuts]
        cv2.polylines(image, parts, False, inked(image, colour), 1, cv2.LINE_AA, _SHIFT)


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; `share` of the first, 0 to 1."""
    blue, green, red = (
        round(share * a + (1 - share) * b) for a, b in zip(colour, other, strict=True)
    )
    return blue, green, red


def dashes(outline: Floats, period: float) -> list[Floats]:
    """Cut a closed outline into dashes; with their round ends they are as long as the gaps.

    Args:
        outline: (N, 2) float32, pixels; the last point joins the first.
        period: From dash to dash, pixels; adapted so that a whole number of them fits.

    Returns:
        Open paths, at least four.
    """
    ring = np.concatenate([outline, outline[:1]])
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(ring, axis=0).T))])
    count = max(4, round(float(reach[-1]) / period))
    period = float(reach[-1]) / count
    paths = []
    for start in np.arange(count) * period:
        stop = start + 0.4 * period
        at = np.concatenate([[start], reach[(reach > start) & (reach < stop)], [stop]])
        path = [np.interp(at, reach, ring[:, 0]), np.interp(at, reach, ring[:, 1])]
        paths.append(np.stack(path, axis=1).astype(np.float32))
    return paths


class Sticker:
    """A picture with per-pixel opacity, laid over others many times."""

    def __init__(self, image: Image, opacity: Floats) -> None:
        """Keep both.

        Args:
            image: (h, w, 3) uint8, BGR.
            opacity: (h, w) float32, 0 to 1.
        """
        self._images = {3: image, 4: np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), np.uint8)}
        self._opacity = opacity
        self._rest = 1 - opacity

    def lay(self, image: Image, x: int, y: int) -> None:
        """Blend over `image`, a picture or a sheet, in place, as far as it lies inside."""
        height, width = image.shape[:2]
        x0, y0 = max(x, 0), max(y, 0)
        x1 = min(x + self._opacity.shape[1], width)
        y1 = min(y + self._opacity.shape[0], height)
        if x0 >= x1 or y0 >= y1:
            return
        inside = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
        region = image[y0:y1, x0:x1]
        own = self._images[image.shape[2]]
        region[:] = cv2.blendLinear(region, own[inside], self._rest[inside], self._opacity[inside])
