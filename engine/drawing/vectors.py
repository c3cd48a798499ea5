"""Shapes as ASS drawings: polygons, strokes and text in the place of pixels.

A drawing is written from its own corner on, in quarters of a pixel, so that numbers are short and
a shape that merely went somewhere else has the same ones.

Source: the ASS format, https://github.com/libass/libass/wiki/ASS-File-Format-Guide
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.drawing.shapes import Colour, Rect, corners
from engine.types import Floats

Due = Callable[[str, float], "Marks | None"]

SHAPE, REGULAR, STRONG, SLANTED = "Shape", "Regular", "Strong", "Slanted"  # styles
EM: Final = 1.07  # of what OpenCV takes for a font's size; measured on its letters
LINE: Final = 1.185 * EM  # ASS counts a line's height: our fonts' ascent and descent
ASCENT: Final = 0.935 * EM
MOVE_S: Final = 60.0  # so long a shape goes on moving; none lasts as long
_GRID: Final = 4  # parts of a pixel in which drawings are written: \p3
_SLACK: Final = 0.25  # pixels by which a simplified outline may be off
_MITRE: Final = 2.0  # how many times the width a corner of a stroke may reach out
_TAGS: Final = re.compile(r"[{}]")
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_CAP: Final = 0.8  # half widths by which a stroke goes on at its ends, in place of a round end
_SIDE: Final = np.float32(0.5)  # a pixel's centre is half a pixel from its corner


class Mark(NamedTuple):
    """One line of a subtitle, without its times: a drawing or a text."""

    style: str
    text: str


class _Pen(NamedTuple):
    """What shapes of one drawing have in common."""

    colour: Colour
    opacity: float
    clip: Rect | None
    speed: float


@dataclass(slots=True)
class Marks:
    """What was drawn, in order; shapes of the same kind that follow each other are one drawing."""

    _parts: list[tuple[_Pen, list[Floats]] | Mark] = field(default_factory=list)

    def add(self, pen: _Pen, outlines: Sequence[Floats]) -> None:
        """Take shapes."""
        last = self._parts[-1] if self._parts else None
        if last is not None and not isinstance(last, Mark) and last[0] == pen:
            last[1].extend(outlines)
        else:
            self._parts.append((pen, list(outlines)))

    def write(self, mark: Mark) -> None:
        """Take a text."""
        self._parts.append(mark)

    def all(self) -> list[Mark]:
        """Give them as lines."""
        return [part if isinstance(part, Mark) else _drawing(*part) for part in self._parts]


@dataclass(frozen=True, slots=True)
class Vectors:
    """A `Sketch` that becomes lines of a subtitle.

    Attributes:
        marks: Where shapes go.
        due: Gives where those of a sheet go; None while what is there stays.
        corner: Of this part, pixels of the whole.
        clip: Beyond which nothing is drawn, pixels of the whole.
        opacity: Of what is drawn, 0 to 1.
        speed: Of what is drawn, pixels a second to the right.
    """

    marks: Marks
    due: Due
    corner: tuple[int, int] = (0, 0)
    clip: Rect | None = None
    opacity: float = 1.0
    speed: float = 0.0

    def __getitem__(self, part: tuple[slice, slice], /) -> "Vectors":
        """Give a region of it, rows and columns, beyond which nothing is drawn."""
        (x, y), (rows, columns) = self.corner, part
        left, top = x + (columns.start or 0), y + (rows.start or 0)
        far = 1 << 15
        right = x + (far if columns.stop is None else columns.stop)
        bottom = y + (far if rows.stop is None else rows.stop)
        old = self.clip or Rect(-far, -far, far, far)
        clip = Rect(*(max(old.x0, left), max(old.y0, top), min(old.x1, right), min(old.y1, bottom)))
        return replace(self, corner=(left, top), clip=clip)

    def polygon(self, outline: Floats, colour: Colour) -> None:
        """Take a filled outline, (N, 2) pixels."""
        self._put(colour, [_turned(_grown(outline) + _SIDE)])

    def strokes(
        self, paths: Sequence[Floats], colour: Colour, width: float, *, closed: bool
    ) -> None:
        """Take paths of a width, each (N, 2) pixels."""
        outlines = [
            (outline + _SIDE).astype(np.float32)
            for path in paths
            for outline in _ribbon(path, width / 2, closed=closed, cap=0.0 if self.speed else _CAP)
        ]
        self._put(colour, outlines)

    def text(
        self, text: str, at: tuple[int, int], size: int, colour: Colour, *, bold: bool, italic: bool
    ) -> None:
        """Take a line of text by the left end of its baseline."""
        said = escaped(text)
        if not said:
            return
        x, y = at[0] + self.corner[0], at[1] + self.corner[1] - ASCENT * size
        style = SLANTED if italic else STRONG if bold else REGULAR
        paint = _paint(colour, self.opacity)
        self.marks.write(
            Mark(style, f"{{\\pos({_n(x)},{_n(y)})\\fs{_n(LINE * size)}{paint}}}{said}")
        )

    def veiled(self, opacity: float) -> "Vectors":
        """Give the same with what is drawn through it translucent, 0 to 1."""
        return replace(self, opacity=self.opacity * opacity)

    def moving(self, speed: float) -> "Vectors":
        """Give the same with what is drawn through it going right, pixels a second."""
        return replace(self, speed=speed)

    def sheet(self, name: str, time_s: float) -> "Vectors | None":
        """Give the same for what is drawn now and then only; None while what is there stays."""
        marks = self.due(name, time_s)
        return None if marks is None else replace(self, marks=marks)

    def _put(self, colour: Colour, outlines: Sequence[Floats]) -> None:
        place = np.array(self.corner, np.float32)
        placed = [outline + place for outline in outlines if len(outline)]
        clip = self.clip
        if clip is not None and self.speed == 0 and all(_inside(part, clip) for part in placed):
            clip = None
        if placed:
            self.marks.add(_Pen(colour, self.opacity, clip, self.speed), placed)


def escaped(text: str) -> str:
    """Write a text so that none of it is taken for ASS's own signs.

    A backslash has no way to be written; an invisible sign (word joiner) after it parts it from
    the letter with which it would mean something.
    """
    plain = _BREAKS.sub(" ", text).replace("\\", "\\\N{WORD JOINER}")
    return _TAGS.sub(r"\\\g<0>", plain)


def _drawing(pen: _Pen, outlines: Sequence[Floats]) -> Mark:
    low = np.floor(np.min([outline.min(axis=0) for outline in outlines], axis=0) * _GRID) / _GRID
    x, y = low.tolist()
    path = " ".join(_path(np.rint((outline - low) * _GRID).astype(int)) for outline in outlines)
    if pen.speed:
        end = f"{_n(x + pen.speed * MOVE_S)},{_n(y)},0,{1000 * MOVE_S:.0f}"
        place = f"\\move({_n(x)},{_n(y)},{end})"
    else:
        place = f"\\pos({_n(x)},{_n(y)})"
    clip = "" if pen.clip is None else "\\clip({},{},{},{})".format(*pen.clip)
    return Mark(SHAPE, f"{{{place}{clip}{_paint(pen.colour, pen.opacity)}\\p3}}{path}")


def _path(points: NDArray[np.int_]) -> str:
    first, *rest = (f"{x} {y}" for x, y in points.tolist())
    return f"m {first} l {' '.join(rest)}" if rest else ""


def _paint(colour: Colour, opacity: float) -> str:
    blue, green, red = colour
    tags = "" if colour == (255, 255, 255) else f"\\c&H{blue:02X}{green:02X}{red:02X}&"
    return tags if opacity >= 1 else f"{tags}\\1a&H{round(255 * (1 - opacity)):02X}&"


def _n(value: float) -> str:
    """Write a number in quarters, as short as it can be."""
    return f"{round(value * _GRID) / _GRID:.10g}"


def _inside(points: Floats, clip: Rect) -> bool:
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return bool(clip.x0 <= x0 and clip.y0 <= y0 and x1 <= clip.x1 and y1 <= clip.y1)


def _grown(outline: Floats) -> Floats:
    """Make a convex outline larger by half a pixel a side, as OpenCV fills it; simplify it."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    if (high - low).min() < 1:
        outline = corners((*low, *high))
        thin: Floats = np.where(outline == low, outline - _SIDE, outline + _SIDE)
        return thin
    outline = _simple(outline, closed=True)
    grown: Floats = (outline - low) * ((high - low + 1) / (high - low)) + low - _SIDE
    return grown


def _simple(path: Floats, *, closed: bool) -> Floats:
    """Leave points out without which a path is the same."""
    if len(path) < 3:
        return path
    line = cv2.approxPolyDP(np.ascontiguousarray(path, np.float32), _SLACK, closed)
    plain: Floats = np.asarray(line, np.float32).reshape(-1, 2)
    return plain


def _turned(outline: Floats, *, hole: bool = False) -> Floats:
    """Turn an outline the way in which shapes add up, and holes take away."""
    x, y = outline[:, 0], outline[:, 1]
    area = float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0])
    return outline if (area <= 0) != hole else outline[::-1]


def _ribbon(path: Floats, half: float, *, closed: bool, cap: float) -> list[Floats]:
    """Outline a stroke: one outline, or of a closed path two, the second one a hole."""
    steps = np.hypot(*_steps(path).T) > 1e-3
    path = path[steps] if closed else path[np.concatenate([steps[:-1], [True]])]
    path = _simple(path, closed=closed)
    if len(path) < 2:
        x, y = path[0].tolist() if len(path) else (0.0, 0.0)
        return [_turned(corners((x - half, y - half, x + half, y + half)))]
    closed = closed and len(path) > 2
    along = _steps(path)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    before = np.concatenate([across[-1:], across[:-1]])
    if not closed:
        before[0], across[-1] = across[0], across[-2]
        path = path.copy()
        path[0] -= cap * half * along[0]
        path[-1] += cap * half * along[-2]
    middle = before + across
    reach = np.maximum((middle * across).sum(axis=1), 2 / _MITRE)[:, None]
    side = (middle / reach * half).astype(np.float32)
    left, right = path + side, path - side
    if closed:
        outer, inner = (left, right) if _size(left) > _size(right) else (right, left)
        return [_turned(outer), _turned(inner, hole=True)]
    return [_turned(np.concatenate([left, right[::-1]]))]


def _steps(path: Floats) -> Floats:
    """Give the way from each point to the next, and from the last to the first."""
    steps: Floats = np.concatenate([path[1:], path[:1]]) - path
    return steps


def _size(outline: Floats) -> float:
    width, height = np.ptp(outline, axis=0).tolist()
    return float(width * height)
