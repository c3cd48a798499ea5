"""Accuracy against cost, as a picture: parameters, multiply-accumulates, milliseconds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FuncFormatter, NullFormatter
from matplotlib.transforms import Bbox

from engine.types import Floats
from export.bench.published import ComparedSystem, Look
from training.report.drawing import COLOURS, DPI, GREY, MARKERS, figure_of, label, write_figure

LOOKS: Final[dict[Look, tuple[str, str, str]]] = {
    "measured": (COLOURS[1], MARKERS[7], "measured here, now"),
    "here": (COLOURS[0], MARKERS[0], "small versions trained here, one pass (docs/results.md)"),
    "nothing": (COLOURS[5], MARKERS[2], "published, from nothing"),
    "ImageNet": (COLOURS[2], MARKERS[3], "published, from ImageNet"),
    "faces": (COLOURS[3], MARKERS[1], "published, from a face-recognition network"),
    "not stated": (COLOURS[6], MARKERS[6], "published, start not stated"),
}
LEAST: Final = 80.0  # percent; what is below stands in the caption: else the rest is one line
# Where a label may stand, in points from its mark: near and to the right first.
Backend = Literal["left", "center", "right"]
Place = tuple[float, float, Backend]  # from a mark, and which end of the label stands there
SIDES: Final[tuple[Place, ...]] = (
    (7, -3, "left"),
    (-7, -3, "right"),
    (7, -8, "left"),
    (7, 3, "left"),
    (-7, -8, "right"),
    (-7, 3, "right"),
    (6, 6, "left"),
    (6, -12, "left"),
    (-6, 6, "right"),
    (-6, -12, "right"),
    (0, 9, "center"),
    (0, -15, "center"),
)
PLACES: Final[tuple[Place, ...]] = tuple(
    (x * far, y * far, side)
    for far in (1.0, 1.3, 1.8, 2.4, 3.0, 4.5, 6.0, 8.0)
    for x, y, side in SIDES
)
Mark = tuple[str, float, float, str]  # name, x, y and colour
Cost = Callable[[ComparedSystem], float | None]
COSTS: Final[tuple[tuple[str, Cost], ...]] = (
    ("parameters, millions", lambda system: system.parameters),
    ("multiply-accumulates of a face, thousand million", lambda system: system.gmac),
    ("milliseconds a face, this machine", lambda system: system.ms),
)


def draw_frontier(systems: Sequence[ComparedSystem], path: Path) -> None:
    """Write the plot; a panel for each cost that any system states.

    Raises:
        SinkError: It cannot be written.
    """
    panels = [(name, cost) for name, cost in COSTS if any(cost(s) is not None for s in systems)]
    figure, axes = figure_of(max(1, len(panels)), width=5.4, height=5.2)
    marks = [
        _panel(panel, systems, name, cost)
        for (name, cost), panel in zip(panels, axes, strict=False)
    ]
    looks = {said: mark for panel in axes for mark, said in _legend(panel)}
    figure.legend(
        looks.values(), looks.keys(), loc="outside upper left", ncols=3, frameon=False, fontsize=10
    )
    low = [f"{s.name} {s.accuracy:.1f} %" for s in systems if s.accuracy < LEAST]
    if low:
        said = f"Below the axes: {', '.join(low)}."
        figure.supxlabel(said, fontsize=9, color=GREY, x=0.01, ha="left")
    figure.set_dpi(DPI)  # of the file: letters are not as wide in another
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # nothing moves any more: labels can be placed
    for panel, mine in zip(axes, marks, strict=False):
        place_labels(panel, mine)
    write_figure(figure, path)


def _panel(axes: Axes, systems: Sequence[ComparedSystem], name: str, cost: Cost) -> list[Mark]:
    """Draw the marks of one panel, in place; give them."""
    shown = [(s, x) for s in systems if (x := cost(s)) is not None and s.accuracy >= LEAST]
    for look, (colour, shape, said) in LOOKS.items():
        mine = [(x, s.accuracy) for s, x in shown if s.look == look]
        if not mine:
            continue
        across, up = [x for x, _ in mine], [y for _, y in mine]
        size = 110 if shape == "*" else 38
        axes.scatter(across, up, c=colour, marker=shape, s=size, label=said, zorder=3)
    axes.set_ylim(LEAST, 95)
    _limit(axes, [x for _, x in shown])
    axes.grid(visible=True, color="#E4E4E4", linewidth=0.6)
    label(axes, name, "accuracy on FER+ test, percent")
    return [(s.name, x, s.accuracy, LOOKS[s.look][0]) for s, x in shown]


def _legend(axes: Axes) -> list[tuple[Artist, str]]:
    """Give what a panel shows and what that is called, in the order of `LOOKS`."""
    return list(zip(*axes.get_legend_handles_labels(), strict=True))


def _limit(axes: Axes, costs: Sequence[float]) -> None:
    """Show all costs, on a logarithmic axis where they are far apart, in place."""
    if not costs:
        return
    if max(costs) < 8 * min(costs):
        axes.set_xlim(0, 1.5 * max(costs))
        return
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 2.5, max(costs) * 2.5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def place_labels(axes: Axes, marks: Sequence[Mark]) -> list[Annotation]:
    """Write names beside marks where they touch no other name and no mark, in place.

    Marks that cover each other share a label. A place that is nearest to its own mark goes before
    others, then a near one before a far one.

    Args:
        axes: Of a figure that has been laid out.
        marks: What is in it.
    """
    marks = _joined(axes, marks)
    inside, taken = axes.get_window_extent(), [_around(axes, x, y) for _, x, y, _ in marks]
    centres = {mark: axes.transData.transform(mark[1:3]) for mark in marks}
    written = []
    for mark in sorted(marks, key=lambda mark: (-mark[2], mark[1])):
        name, x, y, colour = mark
        text = _text(axes, name, (x, y), colour)
        plain = extent(text)
        fitting = list[tuple[bool, int, Place]]()
        for place in PLACES:
            box = _shifted(plain, place, axes.figure.dpi / 72)
            if _fits(box, inside, taken):
                away = {other: _distance(box, at) for other, at in centres.items()}
                fitting.append((away[mark] > min(away.values()), len(fitting), place))
        _move(text, min(fitting)[2] if fitting else PLACES[0])
        taken.append(extent(text))
        written.append(text)
    return written


def _shifted(plain: Bbox, place: Place, pixels: float) -> Bbox:
    """Give where a label comes to lie; `plain` is the one that begins at its mark."""
    across, up, side = place
    back = {"left": 0.0, "center": plain.width / 2, "right": plain.width}[side]
    return plain.translated(across * pixels - back, up * pixels)


def _joined(axes: Axes, marks: Sequence[Mark]) -> list[Mark]:
    """Give one mark with all names for those of one colour that cover each other."""
    joined = list[Mark]()
    for name, x, y, colour in marks:
        here = _around(axes, x, y)
        for place, (said, x0, y0, its) in enumerate(joined):
            if its == colour and here.overlaps(_around(axes, x0, y0)):
                joined[place] = (f"{said}, {name}", x0, y0, its)
                break
        else:
            joined.append((name, x, y, colour))
    return joined


def _move(text: Annotation, place: Place) -> None:
    text.set_position(place[:2])
    text.set_horizontalalignment(place[2])


def _distance(box: Bbox, point: Floats) -> float:
    """Give the pixels between a point and the nearest point of a box."""
    return float(np.hypot(*(np.clip(point, box.min, box.max) - point)))


def extent(text: Annotation) -> Bbox:
    """Give the pixels of a label without its line."""
    text.get_window_extent()  # moves it to its place
    return Text.get_window_extent(text)


def _text(axes: Axes, name: str, at: tuple[float, float], colour: str) -> Annotation:
    line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 4}
    return axes.annotate(
        name,
        at,
        xytext=(0, 0),
        textcoords="offset points",
        fontsize=8.5,
        color="#222222",
        arrowprops=line,
        zorder=4,
    )


def _around(axes: Axes, x: float, y: float) -> Bbox:
    """Give the pixels of a mark."""
    centre = axes.transData.transform((x, y))
    half = 4.0 * axes.figure.dpi / 72
    return Bbox.from_extents(*(centre - half), *(centre + half))


def _fits(box: Bbox, inside: Bbox, taken: Sequence[Bbox]) -> bool:
    corners = (box.min, box.max)
    return all(inside.contains(*corner) for corner in corners) and not box.count_overlaps(taken)
