"""What one system says of one face: its label, a bar for each class, and curves over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np

from engine.drawing.captions import Caption, captions_of
from engine.drawing.shapes import (
    GREY,
    WHITE,
    Colour,
    Rect,
    Writer,
    corners,
    fill,
    lines,
    mixed,
    rounded,
)
from engine.drawing.timeline import Curves, Trace
from engine.types import Image, Prediction

EMPTY: Final[Colour] = (60, 56, 52)  # the part of a bar that is not filled
GRID: Final[Colour] = (72, 68, 64)
SHORT: Final = 3  # letters of a class where there is no room for all
_SHOWN: Final = 0.005  # of a probability; what is below has no bar


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in pixels, all from a film's shorter side.

    Attributes:
        text: To the em.
        small: To the em of what is beside it.
        line: Width of a curve.
        pad: Around things.
    """

    text: int
    small: int
    line: float
    pad: int

    @classmethod
    def of(cls, short: int) -> Self:
        """Take the sizes that the overlay has as well."""
        text = max(11, round(0.023 * short))
        return cls(text, max(9, round(0.019 * short)), max(1.0, 0.6 + short / 450), text // 2)

    @property
    def label(self) -> int:
        """Height of the line with a label."""
        return round(1.5 * self.text)

    @property
    def dash(self) -> int:
        """Length of a dash."""
        return max(4, round(0.45 * self.small))


class Places(NamedTuple):
    """Where bars and curves lie in a cell; None where there is no room, or nothing to draw."""

    bars: Rect | None
    curves: Rect | None
    upright: bool  # bars stand on their short names


class Cell:
    """Draws into regions of one column; the layout follows from a region's size."""

    def __init__(self, style: Style, seconds: float, writer: Writer) -> None:
        """Prepare.

        Args:
            style: Sizes.
            seconds: Length of the time axis.
            writer: Sets the words.
        """
        self._style, self._seconds, self._writer = style, seconds, writer
        self._curves: dict[Rect, Curves] = {}

    def draw(
        self,
        image: Image,
        rect: Rect,
        said: tuple[Prediction | None, bool],
        history: tuple[Trace, float, bool],
        colour: Colour,
    ) -> None:
        """Draw one face's cell into `image` in place.

        Args:
            image: (H, W, 3) uint8, BGR.
            rect: Where.
            said: The prediction, None where the face is not there now, and whether it is uncertain.
            history: What the curves show, until when, seconds, and whether they are valence and
                arousal; else the share of the label from 0 below to 1 above.
            colour: Of the face.
        """
        prediction, uncertain = said
        labels = () if prediction is None else prediction.labels
        body = Rect(rect.x0, rect.y0 + self._style.label, rect.x1, rect.y1)
        if prediction is not None:
            self._label(image, rect, prediction, uncertain)
        places = self.places(body, labels)
        if places.bars is not None and prediction is not None:
            draw = self._standing if places.upright else self._lying
            draw(image, places.bars, prediction, colour)
        if places.curves is not None:
            self._plot(image, places.curves, history, colour)

    def places(self, body: Rect, labels: Sequence[str]) -> Places:
        """Lay bars and curves out: one above the other, side by side, or bars upright."""
        if not labels:
            return Places(None, body if body.height > self._style.small else None, False)
        small, gap, count = self._style.small, self._style.pad, len(labels)
        named = self._names(labels) + 5 * small
        tall = round(1.3 * small * count)
        if body.height >= tall + gap + 4 * small and body.width >= named:
            bars = Rect(body.x0, body.y0, body.x1, body.y0 + tall)
            return Places(bars, Rect(body.x0, bars.y1 + gap, body.x1, body.y1), False)
        upright = body.height < 1.05 * small * count or body.width < named + gap + 7 * small
        width = min(round(2.4 * small * count), round(0.65 * body.width))
        if not upright:
            width = max(named, body.width // 2)
        low = min(body.y1, body.y0 + tall)
        bars = Rect(body.x0, body.y0, body.x0 + width, body.y1 if upright else low)
        beside = Rect(bars.x1 + gap, body.y0, body.x1, body.y1)
        return Places(bars, beside if beside.width > 2 * small else None, upright)

    def _names(self, labels: Sequence[str]) -> int:
        widest = max(self._writer.width(x, self._style.small, weight=600) for x in labels)
        return widest + self._style.pad

    def _label(self, image: Image, rect: Rect, prediction: Prediction, uncertain: bool) -> None:
        """Write the fullest label that there is room for."""
        text, put = self._style.text, self._writer.put
        captions = captions_of(prediction, uncertain=uncertain)
        caption = next((c for c in captions if self._width(c, uncertain) <= rect.width), None)
        if caption is None or not caption.name:
            return
        middle = rect.y0 + self._style.label / 2
        put(image, caption.name, rect.x0, middle, size=text, weight=600, italic=uncertain)
        x = rect.x0 + self._width(Caption(caption.name, ""), uncertain) + self._style.pad
        put(image, caption.note, x, middle, size=text, colour=GREY)

    def _width(self, caption: Caption, uncertain: bool) -> int:
        text = self._style.text
        width = self._writer.width(caption.name, text, weight=600, italic=uncertain)
        if caption.note:
            width += self._style.pad + self._writer.width(caption.note, text)
        return width

    def _lying(self, image: Image, rect: Rect, prediction: Prediction, colour: Colour) -> None:
        """Draw a line a class: its name, then its bar."""
        small, names = self._style.small, self._names(prediction.labels)
        pitch = rect.height / len(prediction.labels)
        half = 0.3 * min(small, pitch)
        left, width = rect.x0 + names, rect.width - names
        for row, share in enumerate(prediction.probabilities.tolist()):
            middle = rect.y0 + (row + 0.5) * pitch
            self._name(image, prediction, row, (rect.x0, middle))
            for part, ink in ((1.0, EMPTY), (share, self._ink(prediction, row, colour))):
                if part >= _SHOWN:
                    right = left + max(part * width, 1.0) - 1
                    bar = rounded((left, middle - half, right, middle + half), half)
                    fill(image, bar, ink)

    def _standing(self, image: Image, rect: Rect, prediction: Prediction, colour: Colour) -> None:
        """Draw an upright bar a class, with the first letters of its name below where they fit."""
        small, count = self._style.small, len(prediction.labels)
        pitch = rect.width / count
        short = [label[:SHORT] for label in prediction.labels]
        widths = [self._writer.width(x, small, weight=600) for x in short]
        named = max(widths) < pitch and rect.height > 3 * small
        floor = rect.y1 - (1.2 * small if named else 0)
        half = 0.32 * pitch
        for row, share in enumerate(prediction.probabilities.tolist()):
            middle = rect.x0 + (row + 0.5) * pitch
            for part, ink in ((1.0, EMPTY), (share, self._ink(prediction, row, colour))):
                if part >= _SHOWN:
                    top = floor - max(part * (floor - rect.y0), 1.0)
                    fill(image, corners((middle - half, top, middle + half, floor - 1)), ink)
            if named:
                at = (middle - widths[row] / 2, rect.y1 - 0.5 * small)
                self._name(image, prediction, row, at, short=True)

    def _ink(self, prediction: Prediction, row: int, colour: Colour) -> Colour:
        return colour if row == prediction.index else GREY

    def _name(
        self,
        image: Image,
        prediction: Prediction,
        row: int,
        at: tuple[float, float],
        *,
        short: bool = False,
    ) -> None:
        label = prediction.labels[row]
        weight, ink = (600, WHITE) if row == prediction.index else (400, GREY)
        words = label[:SHORT] if short else label
        self._writer.put(image, words, *at, size=self._style.small, weight=weight, colour=ink)

    def _plot(
        self, image: Image, rect: Rect, history: tuple[Trace, float, bool], colour: Colour
    ) -> None:
        """Draw the curves with their zero, or the line between likely and not."""
        trace, now_s, affect = history
        if rect not in self._curves:
            self._curves[rect] = Curves(
                rect, self._seconds, line=self._style.line, dash_px=self._style.dash
            )
        middle = (rect.y0 + rect.y1 - 1) / 2
        hair = max(1, round(self._style.line / 2))
        for row, ink in ((rect.y0, GRID), (middle, mixed(GREY, GRID, 0.4)), (rect.y1 - 1, GRID)):
            path = np.array([[rect.x0, row], [rect.x1 - 1, row]], np.float32)
            lines(image, [path], ink, hair)
        self._curves[rect].draw(image, trace, now_s, colour, dashed=affect)
