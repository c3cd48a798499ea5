"""The look of every figure: colours that colour-blind readers tell apart, few lines.

Figures are objects of their own; nothing goes through pyplot's global state.
"""

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from engine.files import written

# Okabe and Ito (2008), "Color universal design"; wine of Tol (2021) in place of their pale yellow.
COLOURS: Final = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#882255",
)
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")  # so that colour alone says nothing
GREY: Final = "#767676"
DPI: Final = 150


def figure_of(
    columns: int = 1, rows: int = 1, *, width: float = 5.0, height: float = 3.8
) -> tuple[Figure, list[Axes]]:
    """Make a figure with plain axes, row by row; sizes of one of them in inches."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    every = [axes for row in grid for axes in row]
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
        axes.tick_params(color=GREY, labelsize=9)
    return figure, every


def label(axes: Axes, x: str, y: str, title: str = "") -> None:
    """Name axes with their units, in place."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(title, fontsize=11, loc="left")


def in_percent(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Write shares from 0 to 1 as percent, in place."""
    for axis, chosen in ((axes.xaxis, x), (axes.yaxis, y)):
        if chosen:
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}"))


def bare(axes: Axes) -> None:
    """Take away frame and ticks, for pictures, in place."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def class_look(index: int) -> tuple[str, str]:
    """Give colour and marker of a class; no two of the first 64 are alike in both."""
    return COLOURS[index % len(COLOURS)], MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]


def legend(axes: Axes, columns: int = 1) -> None:
    """Put a legend beside the axes, in place."""
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9, ncols=columns
    )


def write_figure(figure: Figure, path: Path) -> None:
    """Write a PNG.

    Raises:
        SinkError: It cannot be written.
    """
    with written(path) as partial:
        figure.savefig(partial, format="png", dpi=DPI, metadata={"Software": None})
