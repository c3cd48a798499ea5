"""The small panel of class bars beside a face."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.drawing.shapes import (
    GREY,
    INK,
    WHITE,
    Colour,
    Rect,
    Sticker,
    Surface,
    Writer,
    fill,
    mixed,
    rounded,
)
from engine.types import Floats, Prediction

_OPACITY: Final = 0.78
_EMPTY: Final[Colour] = (70, 66, 62)  # the part of a bar that is not filled
_BEHIND: Final[Colour] = (128, 128, 128)  # what shines through it where it lies on the panel


class ClassBars:
    """Draws one row a class: name and probability as a bar; the winner is emphasised."""

    def __init__(self, text: int, writer: Writer, labels: Sequence[str]) -> None:
        """Prepare everything that does not change.

        Args:
            text: Pixels to the em.
            writer: Sets the names.
            labels: The classes, at least one.
        """
        self._text, self._labels = text, tuple(labels)
        self._writer = writer
        self._pad = round(0.6 * text)
        self._pitch = round(1.3 * text)
        names = max(writer.width(name, text, weight=600) for name in self._labels)
        self._bar_x = 2 * self._pad + names
        self._bar_width = round(4.5 * text)
        self.width = self._bar_x + self._bar_width + self._pad
        self.height = 2 * self._pad + self._pitch * len(self._labels)
        self._grounds: dict[int, Sticker] = {}

    def _render_ground(self, winner: int) -> Sticker:
        """Draw the panel with the winner's name in strong type and every bar empty."""
        shape = (self.height, self.width, 3)
        cover = np.zeros(shape, np.uint8)
        fill(cover, self._outline(), WHITE)
        opacity = cover[..., 0].astype(np.float32) * np.float32(_OPACITY / 255)
        ground = np.full(shape, INK, np.uint8)
        ink = np.zeros(shape, np.uint8)
        self._put_names(ground, winner)
        self._put_names(ink, winner, plain=True)
        self._put_empty(ground)
        np.maximum(opacity, ink[..., 0].astype(np.float32) / 255, out=opacity)
        return Sticker(ground, opacity)

    def _outline(self) -> Floats:
        return rounded((0, 0, self.width - 1, self.height - 1), self._pad)

    def _put_names(self, image: Surface, winner: int, *, plain: bool = False) -> None:
        for row, name in enumerate(self._labels):
            weight, colour = (600, WHITE) if row == winner else (400, GREY)
            ink, middle, size = WHITE if plain else colour, self._middle(row), self._text
            self._writer.put(image, name, self._pad, middle, size=size, weight=weight, colour=ink)

    def _put_empty(self, image: Surface, colour: Colour = _EMPTY) -> None:
        for row in range(len(self._labels)):
            fill(image, self._bar(row, 1.0), colour)

    def _middle(self, row: int) -> float:
        return self._pad + (row + 0.5) * self._pitch - 0.5

    def _bar(self, row: int, share: float) -> Floats:
        half = 0.3 * self._text
        middle = self._middle(row)
        right = self._bar_x + max(share * self._bar_width, 1.0) - 1
        return rounded((self._bar_x, middle - half, right, middle + half), half)

    def draw(self, image: Surface, rect: Rect, prediction: Prediction, colour: Colour) -> None:
        """Draw one face's bars into `image` in place.

        Args:
            image: (H, W, 3) uint8, BGR.
            rect: Where, inside the image, of this panel's size.
            prediction: Whose probabilities, of these classes.
            colour: Of the filled bars, BGR.
        """
        winner = prediction.index
        panel: Surface = image[rect.y0 : rect.y1, rect.x0 : rect.x1]
        if isinstance(image, np.ndarray):
            if winner not in self._grounds:
                self._grounds[winner] = self._render_ground(winner)
            self._grounds[winner].lay(image, rect.x0, rect.y0)
        elif not isinstance(panel, np.ndarray):
            veil = panel.veiled(_OPACITY)
            fill(veil, self._outline(), INK)
            self._put_empty(panel, mixed(_EMPTY, _BEHIND, _OPACITY))
            self._put_names(panel, winner)
        for row, share in enumerate(prediction.probabilities.tolist()):
            if share >= 0.005:
                fill(panel, self._bar(row, share), colour if row == winner else GREY)
