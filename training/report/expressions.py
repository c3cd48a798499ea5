"""How well a system tells expressions apart, class by class, and how honest its confidence is."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from engine.types import Floats
from training.evaluation.calibration import BINS
from training.evaluation.metrics import Labels, shares_of_truth
from training.evaluation.runs import Evaluation
from training.evaluation.tables import confusion_table, table
from training.report.drawing import COLOURS, GREY, figure_of, in_percent, label
from training.report.section import Picture, Section


class Bins(NamedTuple):
    """Faces by the probability of what was said, empty bins left out.

    Attributes:
        confidence: (K,) mean top probability of the bin, 0 to 1.
        accuracy: (K,) share told right, 0 to 1.
        share: (K,) of all faces.
    """

    confidence: Floats
    accuracy: Floats
    share: Floats


def per_class_section(evaluation: Evaluation, figures: dict[str, Any]) -> Section | None:
    """Give the table of the classes and their confusion matrix."""
    if not evaluation.has_expressions:
        return None
    rows = [
        (name, str(one["images"]), *(f"{one[key]:.3f}" for key in ("recall", "precision")))
        for name, one in figures["per_class"].items()
    ]
    lines = table(("class", "images", "recall", "precision"), rows)
    drawn = draw_confusion(figures["confusion"], evaluation.saved.classes)
    return Section(
        "Expressions",
        [*lines, "", *confusion_table(figures)],
        {"confusion": Picture("Share of each true class by what was said; rows sum to 1.", drawn)},
    )


def calibration_section(evaluation: Evaluation, figures: dict[str, Any]) -> Section | None:
    """Give the reliability diagram, raw and with the temperature."""
    if evaluation.temperature is None or not evaluation.has_expressions:
        return None
    raw = reliability(evaluation.probabilities(), evaluation.labels)
    calibrated = reliability(evaluation.probabilities(evaluation.temperature), evaluation.labels)
    rows = [
        (name, shown, *(f"{figures[key + suffix]:.4f}" for key in ("ece", "nll", "brier")))
        for name, shown, suffix in (
            ("raw", "1", "_raw"),
            ("calibrated", f"{evaluation.temperature:.3f}", ""),
        )
    ]
    caption = f"Accuracy over confidence in {BINS} bins, and how many faces are in each."
    picture = Picture(caption, draw_reliability({"raw": raw, "calibrated": calibrated}))
    lines = [
        "The temperature was fitted on the validation split"
        + (", which is the split judged here." if evaluation.split == "valid" else "."),
        "",
        *table(("probabilities", "temperature", "ECE", "NLL", "Brier"), rows),
    ]
    return Section("Calibration", lines, {"reliability": picture})


def reliability(probabilities: Floats, labels: Labels) -> Bins:
    """Sort labelled faces into equal bins of the top probability.

    Source: common specification, section 5; the bins of the expected calibration error.
    """
    known = labels >= 0
    probabilities, labels = probabilities[known], labels[known]
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    rows = [
        (confidence[bins == b].mean(), right[bins == b].mean(), (bins == b).mean())
        for b in np.unique(bins)
    ]
    return Bins(*np.array(rows, np.float32).T)


def draw_confusion(confusion: list[list[int]], classes: tuple[str, ...]) -> Figure:
    """Draw shares of each true class, with counts' shares written into the cells."""
    shares = shares_of_truth(tuple(map(tuple, confusion)))
    side = 1.6 + 0.55 * len(classes)
    figure, (axes,) = figure_of(width=side + 1.0, height=side)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*shares.shape):
        share = float(shares[row, column])
        colour = "white" if share > 0.55 else "black" if share >= 0.005 else GREY
        text = f"{100 * share:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, classes)
    axes.spines[:].set_visible(False)
    label(axes, "said", "true")
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("share of the true class (%)")
    bar.outline.set_visible(False)
    in_percent(bar.ax, y=True)
    return figure


def draw_reliability(series: dict[str, Bins]) -> Figure:
    """Draw accuracy over confidence above the number of faces."""
    figure, (above, below) = figure_of(rows=2, width=5.4, height=2.9)
    above.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="honest")
    for (name, bins), colour, marker in zip(series.items(), COLOURS, "os", strict=False):
        x, y = bins.confidence, bins.accuracy
        above.plot(x, y, color=colour, marker=marker, label=name, clip_on=False)
        _steps(below, bins, colour, name)
    above.legend(frameon=False, fontsize=9, loc="upper left")
    label(above, "", "accuracy (%)")
    label(below, "top probability (%)", "faces (%)")
    for axes in (above, below):
        axes.set_xlim(0, 1)
        in_percent(axes, x=True, y=True)
    above.set_ylim(0, 1)
    return figure


def _steps(axes: Axes, bins: Bins, colour: str, name: str) -> None:
    edges = np.linspace(0, 1, BINS + 1)
    places = np.clip((bins.confidence * BINS).astype(int), 0, BINS - 1)
    shares = np.zeros(BINS)
    np.add.at(shares, places, bins.share)
    axes.stairs(shares, edges, color=colour, linewidth=1.6, label=name)
