"""How a run went: loss and validation accuracy from its ``log.csv``."""

import csv
import io
import math
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from engine.documents import read_text
from engine.errors import ModelError
from engine.wording import shown
from training.evaluation.runs import Evaluation
from training.report.drawing import COLOURS, figure_of, in_percent, label
from training.report.section import Picture, Section

LOG: Final = "log.csv"
SHARES: Final = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy"}
Rows = dict[str, list[float]]


def curve_section(evaluation: Evaluation, _: dict[str, Any]) -> Section | None:
    """Give the curves; none where the run kept no log."""
    path = evaluation.folder / LOG
    if not path.is_file():
        return None
    rows = read_log(path)
    if not rows.get("step"):
        return None
    caption = "Loss since the evaluation before, and figures of the validation split."
    return Section("Training", (), {"curves": Picture(caption, draw_curves(rows))})


def read_log(path: Path) -> Rows:
    """Read a log's columns by name; a figure that a row does not have is NaN, a gap in its curve.

    Raises:
        ModelError: It is no log, a row is cut off, or a value is no number; the line is named.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, ModelError), newline=""))
    try:
        columns: Rows = {name: [] for name in reader.fieldnames or ()}
        if missing := [name for name in ("step", "loss") if name not in columns]:
            raise ModelError(f"{path}: {', '.join(missing)}: no such column; is it a log?")
        for row in reader:
            for name, values in columns.items():
                values.append(_number(row[name], f"{path}, line {reader.line_num}: {name}"))
    except csv.Error as error:
        raise ModelError(f"{path}, line {reader.line_num}: {error}") from error
    return columns


def _number(said: str | None, place: str) -> float:
    try:
        return math.nan if said == "" else float(said or "none")
    except ValueError:
        raise ModelError(f"{place}: expected a number, got {shown(said)}") from None


def draw_curves(rows: Rows) -> Figure:
    """Draw the loss and, beside it, what was measured on validation."""
    shares = {name: text for name, text in SHARES.items() if name in rows}
    if not shares:  # valence and arousal alone
        shares = {name: name for name in ("ccc_valence", "ccc_arousal") if name in rows}
    figure, panels = figure_of(columns=2, width=4.4, height=3.2)
    marker = "o" if len(rows["step"]) < 30 else ""
    panels[0].plot(rows["step"], rows["loss"], color=COLOURS[0], marker=marker, markersize=4)
    label(panels[0], "optimiser step", "training loss")
    for (name, text), colour, style in zip(shares.items(), COLOURS, ("-", "--"), strict=False):
        panels[1].plot(
            rows["step"], rows[name], style, color=colour, marker=marker, markersize=4, label=text
        )
    percent = any(name in SHARES for name in shares)
    label(panels[1], "optimiser step", "validation (%)" if percent else "validation CCC")
    in_percent(panels[1], y=percent)
    if shares:
        panels[1].legend(frameon=False, fontsize=9)
    return figure
