"""A film of several systems: the picture, untouched, and a column for each of them beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np

from engine.drawing.captions import is_uncertain
from engine.drawing.cell import GRID, Cell, Style
from engine.drawing.overlay import Overlay, OverlayConfig
from engine.drawing.shapes import (
    GREY,
    INK,
    WHITE,
    Colour,
    Rect,
    Writer,
    fill,
    lines,
    rounded,
    text_on,
)
from engine.drawing.timeline import SAMPLES, Trace
from engine.types import Analysis, Compared, Image, Prediction

ROWS: Final = 4  # faces shown at once
KEPT_S: Final = 2.0  # so long a row waits for a face that is gone
_SHARE: Final = 0.55  # of the picture's height that the panel has at least
_HEAD: Final = 3.0  # lines of text above the rows
_COLUMN: Final = 26.0  # ems of small text that a column needs
_GUTTER: Final = 7.5  # ems of text left of the columns
_ROW: Final = 5.2  # ems of small text below a label


@dataclass(slots=True)
class _Row:
    """What is known of one face."""

    crop: Image
    colour: Colour
    seen_s: float
    said: tuple[Prediction, ...]
    traces: list[Trace] = field(default_factory=list)


class Comparison:
    """Draws one film's comparisons; keeps the curves' short history, in constant memory.

    Boxes and ids are drawn into the picture; all words and numbers are beside it, so that
    nothing covers a face. Below a picture that is wider than high, else at its right.

    Attributes:
        size: Width and height of what is drawn, pixels.
    """

    def __init__(
        self, width: int, height: int, systems: Sequence[str], config: OverlayConfig | None = None
    ) -> None:
        """Prepare for frames of one size.

        Args:
            width: Of every frame, pixels.
            height: Of every frame, pixels.
            systems: Names, in the order of the columns.
            config: What is drawn; its labels and bars are in the columns.
        """
        self._config = config or OverlayConfig()
        # No box is drawn as uncertain: systems need not agree on that.
        plain = replace(self._config, timeline=False, bars=False, labels=False, uncertain_below=0.0)
        self._overlay = Overlay(width, height, plain)
        self._style = style = Style.of(min(width, height))
        self._systems, self._writer = tuple(systems), Writer()
        gutter = round(_GUTTER * style.text)
        column = round(_COLUMN * style.small) + 2 * style.pad
        head, row = round(_HEAD * style.text), style.label + round(_ROW * style.small) + style.pad
        wide, high = gutter + len(self._systems) * column, head + ROWS * row
        if width >= height:
            wide, high = max(wide, width), max(high, round(_SHARE * height))
            self._picture = Rect.at((wide - width) // 2, 0, width, height)
            self._panel = Rect.at(0, height, wide, high + (height + high) % 2)
        else:
            tall = max(high, height)
            self._picture = Rect.at(0, (tall - height) // 2, width, height)
            self._panel = Rect.at(width, 0, wide + (width + wide) % 2, tall + tall % 2)
        self.size = (max(self._panel.x1, self._picture.x1), max(self._panel.y1, self._picture.y1))
        self._left, self._top = self._panel.x0 + gutter, self._panel.y0 + head
        self._cell = Cell(style, self._config.timeline_s, self._writer)
        self._rows: dict[int, _Row] = {}
        self._updates, self._now_s = 0, -np.inf
        self._notes: tuple[str, ...] = ("",) * len(self._systems)
        self._ground = self._render_ground()

    def draw(self, analysis: Analysis) -> Image:
        """Draw one frame; frames are to come in order.

        Args:
            analysis: Of a frame of the size given at the start; never written to.

        Returns:
            (H, W, 3) uint8, BGR, a new array of `size`.

        Raises:
            ValueError: The frame has another size, or is no comparison.
        """
        if not isinstance(analysis, Compared):
            raise ValueError("draw: expected a comparison")  # noqa: TRY004 - as for the size
        sure = tuple(replace(prediction, shown=None) for prediction in analysis.predictions)
        picture = self._overlay.draw(replace(analysis, predictions=sure))
        self._update(analysis)
        canvas = self._ground.copy()
        x0, y0, x1, y1 = self._picture
        canvas[y0:y1, x0:x1] = picture
        shown = self._shown()
        height = (self._panel.y1 - self._top) / max(1, len(shown))
        for place, face in enumerate(shown):
            top, bottom = (round(self._top + at * height) for at in (place, place + 1))
            hidden = len(self._rows) - len(shown) if place == len(shown) - 1 else 0
            self._draw_row(canvas, face, top, bottom, hidden)
        return canvas

    def _update(self, analysis: Compared) -> None:
        """Take in what the systems say."""
        now_s = analysis.frame.time_s
        if now_s < self._now_s:
            self._rows.clear()
        self._now_s, self._updates = now_s, self._updates + 1
        for place, track in enumerate(analysis.tracks):
            said = tuple(readings[place] for readings in analysis.readings)
            colour = self._overlay.colour_of(track.id)
            row = self._rows.get(track.id)
            if row is None:
                spacing = self._config.timeline_s / (SAMPLES - 1)
                traces = [Trace(spacing) for _ in self._systems]
                row = self._rows[track.id] = _Row(
                    analysis.crops[place], colour, now_s, said, traces
                )
            row.crop, row.colour, row.seen_s, row.said = analysis.crops[place], colour, now_s, said
            for trace, prediction in zip(row.traces, said, strict=True):
                self._add(trace, prediction)
        gone = [face for face, row in self._rows.items() if now_s - row.seen_s > KEPT_S]
        for face in gone:
            del self._rows[face]
        notes = (
            tuple(map(_note, next(iter(self._rows.values())).said)) if self._rows else self._notes
        )
        if notes != self._notes:
            self._notes = notes
            self._ground = self._render_ground()

    def _add(self, trace: Trace, prediction: Prediction) -> None:
        reliability = prediction.reliability or 0.0
        doubted = prediction.derived and reliability < self._config.uncertain_below
        valence, arousal = prediction.valence, prediction.arousal
        if valence is None or arousal is None:  # a curve of the label's share, 0 to 1
            valence, arousal, doubted = 2 * prediction.share - 1, 0.0, False
        trace.add(self._updates, self._now_s, valence, arousal, doubted=doubted)

    def _shown(self) -> list[int]:
        """Choose whose rows are drawn: who is there, the longest there first."""
        order = sorted(self._rows, key=lambda face: (self._rows[face].seen_s < self._now_s, face))
        return sorted(order[:ROWS])

    def _draw_row(self, canvas: Image, face: int, top: int, bottom: int, hidden: int) -> None:
        row, pad, style = self._rows[face], self._style.pad, self._style
        edge = np.array([[self._panel.x0, top], [self._panel.x1 - 1, top]], np.float32)
        lines(canvas, [edge], GRID, 1)
        x = self._panel.x0 + pad
        self._draw_id(canvas, x, top, face, row.colour)
        if hidden:
            at = (x + 2.2 * style.text, top + style.label / 2)
            self._writer.put(canvas, f"+{hidden} more", *at, size=style.small, colour=GREY)
        side = min(self._left - 2 * pad - self._panel.x0, bottom - top - style.label - pad)
        y = top + style.label
        canvas[y : y + side, x : x + side] = cv2.resize(
            row.crop, (side, side), interpolation=cv2.INTER_AREA
        )
        there = row.seen_s == self._now_s
        for place, (prediction, trace) in enumerate(zip(row.said, row.traces, strict=True)):
            column = self._column(place)
            rect = Rect(column.x0 + pad, top, column.x1 - pad, bottom - pad)
            doubt = is_uncertain(prediction, self._config.uncertain_below)
            history = (trace, self._now_s, prediction.valence is not None)
            said = (prediction if there else None, doubt)
            self._cell.draw(canvas, rect, said, history, row.colour)

    def _draw_id(self, canvas: Image, x: int, top: int, face: int, colour: Colour) -> None:
        text = self._style.text
        number = self._writer.width(str(face), text, weight=700)
        width, height = max(round(1.5 * text), number + round(0.8 * text)), round(1.3 * text)
        y = top + 1 + round(0.1 * text)
        fill(canvas, rounded((x, y, x + width - 1, y + height - 1), 0.3 * text), colour)
        inset, middle = (width - number) / 2, y + (height - 1) / 2
        ink = text_on(colour)
        self._writer.put(canvas, str(face), x + inset, middle, size=text, weight=700, colour=ink)

    def _column(self, place: int) -> Rect:
        width = (self._panel.x1 - self._left) / len(self._systems)
        x0, x1 = (round(self._left + at * width) for at in (place, place + 1))
        return Rect(x0, self._panel.y0, x1, self._panel.y1)

    def _render_ground(self) -> Image:
        """Draw what seldom changes: names, what curves are, lines between columns."""
        width, height = self.size
        ground = np.full((height, width, 3), INK, np.uint8)
        style, put = self._style, self._writer.put
        first, second = (self._panel.y0 + at * style.text for at in (0.9, 2.1))
        for place, (name, note) in enumerate(zip(self._systems, self._notes, strict=True)):
            column = self._column(place)
            x = column.x0 + style.pad
            room = column.width - 2 * style.pad
            put(ground, self._cut(name, room), x, first, size=style.text, weight=600, colour=WHITE)
            put(ground, note, x, second, size=style.small, colour=GREY)
            edge = np.array([[column.x0, column.y0], [column.x0, column.y1 - 1]], np.float32)
            lines(ground, [edge], GRID, 1)
        self._draw_keys(ground, first, second)
        return ground

    def _cut(self, name: str, room: int) -> str:
        """Shorten a name that is wider than its column."""
        while len(name) > 1 and self._writer.width(name, self._style.text, weight=600) > room:
            name = f"{name[:-2]}\N{HORIZONTAL ELLIPSIS}"
        return name

    def _draw_keys(self, ground: Image, *middles: float) -> None:
        style, x = self._style, self._panel.x0 + self._style.pad
        for name, middle in zip(("valence", "arousal"), middles, strict=True):
            solid = name == "valence"
            ends = x + style.dash * np.array([[0, 5]] if solid else [[0, 1], [2, 3], [4, 5]])
            paths = [np.array([[a, middle], [b, middle]], np.float32) for a, b in ends]
            width = max(1, round((1.0 if solid else 0.6) * style.line))
            lines(ground, paths, WHITE, width)
            self._writer.put(ground, name, x + 6 * style.dash, middle, size=style.small)


def _note(prediction: Prediction) -> str:
    """Say what a system's curves are."""
    if prediction.valence is None:
        return "probability of the label"
    alone = "" if prediction.labels else " alone"
    return f"valence and arousal{alone}{', derived' if prediction.derived else ''}"
