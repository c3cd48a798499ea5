"""Drawing an analysis over its frame: boxes, labels, class bars and the timeline strip."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
from av.video.frame import VideoFrame
from pydantic import Field

from engine.config import Share, checked
from engine.drawing.bars import ClassBars
from engine.drawing.captions import Caption, captions_of, is_uncertain
from engine.drawing.layout import Placer
from engine.drawing.shapes import (
    GREY,
    INK,
    PALETTE,
    WHITE,
    Colour,
    Rect,
    Surface,
    Writer,
    dashes,
    dot,
    fill,
    lines,
    rounded,
    text_on,
)
from engine.drawing.sheet import Sheet
from engine.drawing.timeline import Timeline
from engine.faces.landmarks import BROWS, JAW, LEFT_EYE, MOUTH, NOSE, RIGHT_EYE
from engine.types import UNCERTAIN_BELOW, Analysis, Floats, Image, Prediction, Track
from engine.video.planes import Copied, Planes

_STRIP_MIN_PX: Final = 32  # a lower strip would not hold its keys; it is left out
_LETTERS: Final = 16  # of a face's name


@checked("overlay")
class OverlayConfig:
    """What is drawn.

    Attributes:
        timeline: Draw the valence-arousal strip.
        bars: Draw each face's class bars where there is room.
        labels: Write the label beside each face's id.
        landmarks: Draw the 68 points.
        uncertain_below: Reliability, 0 to 1, below which a label is drawn as uncertain.
        timeline_s: Seconds the strip looks back.
    """

    timeline: bool = True
    bars: bool = True
    labels: bool = True
    landmarks: bool = False
    uncertain_below: Share = UNCERTAIN_BELOW
    timeline_s: Annotated[float, Field(gt=0, le=3600)] = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """One face to draw."""

    track: Track
    prediction: Prediction
    called: str
    colour: Colour
    uncertain: bool
    core: Rect  # what other faces' labels keep off


class Overlay:
    """Draws one video's analyses; keeps the timeline's short history, in constant memory.

    All sizes follow from the frame's shorter side, so that the picture looks the same at
    every resolution from which text can be read.
    """

    def __init__(self, width: int, height: int, config: OverlayConfig | None = None) -> None:
        """Prepare for frames of one size.

        Args:
            width: Of every frame, pixels.
            height: Of every frame, pixels.
            config: What is drawn; everything but landmarks if left out.
        """
        self._config = config or OverlayConfig()
        self._size = (height, width)
        short = min(width, height)
        self._text = max(11, round(0.023 * short))
        self._small = max(9, round(0.019 * short))
        self._line = max(1, round(short / 320))
        self._writer = Writer()
        self._placer = Placer()
        self._colours: dict[int, int] = {}
        self._names: Mapping[int, str] = {}
        self._chosen: Mapping[int, int] = {}
        self._timeline = self._make_timeline(width, height, short)
        bottom = self._timeline.rect.y0 if self._timeline else height
        margin = self._line
        self._area = Rect(margin, margin, width - margin, bottom - margin)
        self._bars: dict[tuple[str, ...], ClassBars] = {}
        self._sheet: Sheet | None = None
        self._touched: list[Rect] = []
        self._spare: deque[VideoFrame] = deque()

    def _make_timeline(self, width: int, height: int, short: int) -> Timeline | None:
        strip = round(min(max(40, 0.15 * short), 0.2 * height))
        if not self._config.timeline or strip < _STRIP_MIN_PX:
            return None
        rect = Rect(0, height - strip, width, height)
        line = max(1.0, 0.6 + short / 450)
        return Timeline(rect, self._config.timeline_s, text=self._small, line=line)

    def name_faces(self, names: Mapping[int, str], colours: Mapping[int, int]) -> None:
        """Say what faces are called, and in which colours they are drawn, from the next frame on.

        Args:
            names: By id; in place of the number, and shortened where they are long.
            colours: By id, the place in `PALETTE`; others have that of their number.
        """
        for face in self._colours.keys() & {*self._chosen, *colours}:
            self._colours[face] = colours.get(face, (face - 1) % len(PALETTE))
        self._names, self._chosen = dict(names), dict(colours)

    def draw(self, analysis: Analysis) -> Image:
        """Draw one frame; frames are to come in order.

        Args:
            analysis: Of a frame of the size given at the start; never written to.

        Returns:
            (H, W, 3) uint8, BGR, a new array of the frame's size.

        Raises:
            ValueError: The frame has another size.
        """
        self._check(analysis)
        picture = analysis.frame.image.copy()
        self.lay(picture, analysis)
        return picture

    def over(self, analysis: Analysis) -> Copied:
        """Draw one frame on a copy of its planes; frames are to come in order.

        Args:
            analysis: Of a frame that keeps its planes, of the size given at the start.

        Raises:
            ValueError: The frame has another size, or keeps no planes.
        """
        self._check(analysis)
        planes = analysis.frame.picture
        if not isinstance(planes, Planes):
            raise ValueError("frame: keeps no planes")  # noqa: TRY004 - as for the size
        if self._sheet is None:
            self._sheet = Sheet(planes.width, planes.height, planes.form)
        self._touched.clear()
        self.lay(self._sheet.pixels, analysis)
        copied = Copied(planes, self._spare)
        self._sheet.lay(copied.samples, self._touched)
        copied.finish()
        return copied

    def _check(self, analysis: Analysis) -> None:
        width, height = analysis.frame.size
        if (height, width) != self._size:
            raise ValueError(f"frame: expected {self._size}, got {(height, width)}")

    def lay(self, picture: Surface, analysis: Analysis) -> None:
        """Draw one frame's overlay over `picture` in place; frames are to come in order.

        Args:
            picture: Pixels, a sheet, or what takes shapes, of the size given at the start.
            analysis: What is drawn; its picture is not looked at.
        """
        if self._timeline:
            doubt = self._config.uncertain_below
            self._timeline.update(analysis.frame.time_s, analysis.predictions, doubt)
        items = self._items(analysis)
        for item in items:
            if self._config.landmarks:
                self._draw_landmarks(picture, item)
            self._draw_box(picture, item)
        if self._timeline:
            colours = {face: PALETTE[index] for face, index in self._colours.items()}
            self._timeline.draw(picture, colours, self._names)
            self._touched.append(self._timeline.rect)
        self._draw_captions(picture, items)

    def colour_of(self, face: int) -> Colour:
        """Give the colour (BGR) of a face that the last drawing had."""
        return PALETTE[self._colours[face]]

    def _items(self, analysis: Analysis) -> list[_Item]:
        self._assign_colours([track.id for track in analysis.tracks])
        height, width = self._size
        items = []
        for track, prediction in zip(analysis.tracks, analysis.predictions, strict=True):
            x0, y0, x1, y1 = (float(value) for value in track.box)
            if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
                continue  # wholly outside: nothing to point at
            inset_x, inset_y = 0.06 * (x1 - x0), 0.06 * (y1 - y0)
            core = Rect(
                round(x0 + inset_x), round(y0 + inset_y), round(x1 - inset_x), round(y1 - inset_y)
            )
            colour = PALETTE[self._colours[track.id]]
            uncertain = is_uncertain(prediction, self._config.uncertain_below)
            called = self._called(track.id)
            items.append(_Item(track, prediction, called, colour, uncertain, core))
        return items

    def _called(self, face: int) -> str:
        name = self._names.get(face) or str(face)
        return name if len(name) <= _LETTERS else name[: _LETTERS - 1].rstrip() + "…"

    def _assign_colours(self, present: Sequence[int]) -> None:
        """Give each new id the chosen colour, its own of the palette, or the next not in use."""
        shown = {*present, *(self._timeline.face_ids if self._timeline else ())}
        self._colours = {face: index for face, index in self._colours.items() if face in shown}
        count = len(PALETTE)
        for face in present:
            if face not in self._colours:
                used = set(self._colours.values())
                wishes = [(face - 1 + step) % count for step in range(count)]
                free = next((w for w in wishes if w not in used), wishes[0])
                self._colours[face] = self._chosen.get(face, free)

    def _draw_box(self, picture: Surface, item: _Item) -> None:
        """Outline a face on a dark rim; thin and dashed where the label is uncertain."""
        box = item.track.box
        radius = min(0.08 * float(box[2] - box[0]), 1.2 * self._text)
        outline = rounded(box, radius)
        slender = max(1, round(float(box[2] - box[0]) / 24))
        strength = 0.7 if item.uncertain else 1.1
        thick = min(max(2, round(strength * self._line)), slender)
        paths = [outline]
        if item.uncertain:
            paths = dashes(outline, 1.2 * self._text)
        for colour, width in ((INK, thick + 2 * self._rim), (item.colour, thick)):
            lines(picture, paths, colour, width, closed=not item.uncertain)
        self._touch_outline(box, radius, thick + 2 * self._rim)

    def _touch_outline(self, box: Floats, radius: float, width: int) -> None:
        """Note the four sides of an outline, and not what is inside."""
        around = width // 2 + 2
        x0, y0 = (math.floor(value) - around for value in box[:2].tolist())
        x1, y1 = (math.ceil(value) + 1 + around for value in box[2:].tolist())
        high = math.ceil(max(radius, 0.0)) + 2 * around
        self._touched += [Rect(x0, y0, x1, y0 + high), Rect(x0, y1 - high, x1, y1)]
        wide = 2 * around + 1
        self._touched += [Rect(x0, y0, x0 + wide, y1), Rect(x1 - wide, y0, x1, y1)]

    @property
    def _rim(self) -> int:
        return max(1, self._line // 2)

    def _draw_landmarks(self, picture: Surface, item: _Item) -> None:
        points = item.track.landmarks
        closed = [points[part] for part in (RIGHT_EYE, LEFT_EYE)]
        mouth = points[MOUTH]
        closed += [mouth[:12], mouth[12:]]
        brows, nose = points[BROWS], points[NOSE]
        thin = max(1, self._line // 2)
        lines(picture, [points[JAW], brows[:5], brows[5:], nose[:4], nose[4:]], item.colour, thin)
        lines(picture, closed, item.colour, thin, closed=True)
        radius = min(0.6 * self._line, 0.008 * float(np.ptp(points[:, 0])))
        if radius > 0.5:  # smaller dots would run together
            for x, y in points.tolist():
                dot(picture, x, y, radius, WHITE)
        around = math.ceil(max(radius, thin)) + 2
        low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        self._touched.append(
            Rect(
                math.floor(low[0]) - around,
                math.floor(low[1]) - around,
                math.ceil(high[0]) + around + 1,
                math.ceil(high[1]) + around + 1,
            )
        )

    def _draw_captions(self, picture: Surface, items: Sequence[_Item]) -> None:
        """Place and draw labels, then the class bars where room is left."""
        self._placer.begin()
        taken: list[Rect] = []
        for item in items:
            others = [other.core for other in items if other is not item]
            found = self._place_label(item, others + taken)
            if found is None:  # no plate covers a face or another plate: the box tells
                continue
            rect, caption = found
            self._draw_label(picture, rect, item, caption)
            self._touched.append(_around(rect))
            taken.append(rect)
        cores = [item.core for item in items]
        for item in items if self._config.bars else ():
            bars = self._bars_of(item.prediction.labels)
            if bars is None:
                continue
            candidates = self._bars_places(item.track.box, bars)
            choice = self._placer.place((item.track.id, "bars"), candidates, cores + taken)
            place = None if choice is None else candidates[choice]
            if place is not None:
                bars.draw(picture, place, item.prediction, item.colour)
                self._touched.append(_around(place))
                taken.append(place)

    def _bars_of(self, labels: tuple[str, ...]) -> ClassBars | None:
        """Give the panel for these classes; None where there are none."""
        if labels and labels not in self._bars:
            self._bars[labels] = ClassBars(self._small, self._writer, labels)
        return self._bars.get(labels)

    def _captions(self, item: _Item) -> list[Caption]:
        if not self._config.labels:
            return [Caption("", "")]
        return captions_of(item.prediction, uncertain=item.uncertain)

    def _place_label(self, item: _Item, taken: Sequence[Rect]) -> tuple[Rect, Caption] | None:
        """Find room around or in the top of the box; shorten the label if there is none."""
        captions = self._captions(item)
        offers = [
            (rect, caption) for caption in captions for rect in self._label_places(item, caption)
        ]
        offers += [(rect, captions[-1]) for rect in self._corners(item, captions[-1])]
        candidates = [rect for rect, _ in offers]
        choice = self._placer.place((item.track.id, "label"), candidates, taken)
        if choice is None:
            return None
        rect, caption = offers[choice]
        return None if rect is None else (rect, caption)

    def _label_places(self, item: _Item, caption: Caption) -> tuple[Rect | None, ...]:
        """Offer rows above, below and in the top of a box, then its right end and its sides."""
        x0, y0, x1, y1 = item.track.box.tolist()
        width, height = self._label_size(item, caption)
        gap = 1.5 * self._line
        inside_too = y1 - y0 > 5 * height
        # Of a face behind the strip, or half outside, the label stays where it can be seen.
        above = min(y0 - gap - height, self._area.y1 - height)
        below = max(y1 + gap, self._area.y0)
        top = min(max(y0, self._area.y0), self._area.y1 - height)
        places: list[tuple[float, float | None]] = [
            (x0, above),
            (x0, below),
            (x0, max(y0, 0) + 2 * gap if inside_too else None),
            (x1 - width, above),
            (x1 - width, below),
        ]
        sides = (x1 + gap, x0 - gap - width)
        return (
            *(self._beside(x, row, width, height) for x, row in places),
            *(self._within(x, top, width, height) for x in sides),
        )

    def _corners(self, item: _Item, caption: Caption) -> list[Rect | None]:
        """Offer the corners of a box, off the middle of its face; nothing in a small one."""
        x0, y0, x1, y1 = item.track.box.tolist()
        width, height = self._label_size(item, caption)
        if x1 - x0 < 3 * width or y1 - y0 < 3 * height:
            return []
        columns, rows = (x0, x1 - width), (y0, y1 - height)
        return [self._within(x, y, width, height) for y in rows for x in columns]

    def _within(self, x: float, y: float, width: int, height: int) -> Rect | None:
        rect = Rect.at(x, y, width, height)
        return rect if rect.within(self._area) else None

    def _beside(self, x: float, row: float | None, width: int, height: int) -> Rect | None:
        """Shift sideways into the area; None if it does not fit there."""
        if row is None:
            return None
        rect = Rect.at(x, row, width, height)
        moved = rect.moved_into(self._area)
        return moved if moved.y0 == rect.y0 and moved.within(self._area) else None

    def _label_size(self, item: _Item, caption: Caption) -> tuple[int, int]:
        """Measure a label: width and height, pixels."""
        pad, text = round(0.5 * self._text), self._text
        width = self._chip_width(item)
        if caption.name:
            width += 2 * pad + self._name_width(item, caption)
        if caption.note:
            width += pad + self._writer.width(caption.note, text)
        return width, round(1.5 * text)

    def _name_width(self, item: _Item, caption: Caption) -> int:
        return self._writer.width(caption.name, self._text, weight=600, italic=item.uncertain)

    def _chip_width(self, item: _Item) -> int:
        called = self._writer.width(item.called, self._text, weight=700)
        return max(round(1.5 * self._text), called + round(0.8 * self._text))

    def _draw_label(self, picture: Surface, rect: Rect, item: _Item, caption: Caption) -> None:
        """Draw what it is called on the face's colour, then the words on a dark ground."""
        text, pad = self._text, round(0.5 * self._text)
        x0, y0, x1, y1 = rect
        middle = (y0 + y1 - 1) / 2
        radius = 0.3 * text
        fill(picture, rounded((x0, y0, x1 - 1, y1 - 1), radius), INK)
        chip = self._chip_width(item)
        outline = rounded((x0, y0, x0 + chip - 1, y1 - 1), radius)
        inset = (chip - self._writer.width(item.called, text, weight=700)) / 2
        put = self._writer.put
        fill(picture, outline, item.colour)
        ink = text_on(item.colour)
        if item.uncertain:  # a hollow chip
            hollow = max(1, self._line)
            inner = (x0 + hollow, y0 + hollow, x0 + chip - 1 - hollow, y1 - 1 - hollow)
            fill(picture, rounded(inner, radius - hollow / 2), INK)
            ink = item.colour
        put(picture, item.called, x0 + inset, middle, size=text, weight=700, colour=ink)
        if not caption.name:
            return
        x = x0 + chip + pad
        put(picture, caption.name, x, middle, size=text, weight=600, italic=item.uncertain)
        if caption.note:
            x += self._name_width(item, caption) + pad
            put(picture, caption.note, x, middle, size=text, colour=GREY)

    def _bars_places(self, box: Floats, bars: ClassBars) -> list[Rect | None]:
        """Offer both sides of a box, then the upper corners; nothing for a small face."""
        x0, y0, x1, y1 = box.tolist()
        width, height = bars.width, bars.height
        if y1 - y0 < 5 * self._text or height > 0.75 * self._area.height:
            return []
        gap = 0.6 * self._text
        row = min(max(y0, self._area.y0), self._area.y1 - height)
        places = [(x1 + gap, row), (x0 - gap - width, row)]
        if x1 - x0 > 0.5 * self._area.width:  # a face that leaves no side: beside its eyes
            top = self._area.y0 + gap
            places += [(self._area.x1 - gap - width, top), (self._area.x0 + gap, top)]
        rects = [Rect.at(x, y, width, height) for x, y in places]
        return [rect if rect.within(self._area) else None for rect in rects]


def _around(rect: Rect) -> Rect:
    """Give a region with what letters and smooth edges may reach beyond it."""
    return Rect(rect.x0 - 2, rect.y0 - 2, rect.x1 + 2, rect.y1 + 2)
