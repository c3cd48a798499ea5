"""ARBEx: what reliability balancing does to the primary distribution.

Source: ARBEx (Wasi et al. 2023), section 4.7.1.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from engine.types import Floats
from training.evaluation.metrics import expression_metrics
from training.evaluation.runs import Evaluation
from training.evaluation.tables import table
from training.report.drawing import COLOURS, figure_of, in_percent, label
from training.report.section import Picture, Section

NAMES = ("primary", "corrected")
PAPER = {"primary": 0.1316, "corrected": 0.0881}  # on 60 images nobody can name
BINS = 40


def reliability_section(evaluation: Evaluation, _: dict[str, Any]) -> Section | None:
    """Compare primary and corrected probabilities; none for systems without both."""
    extras = evaluation.answers.extras
    if not all(name in extras for name in NAMES):
        return None
    both = {name: np.exp(extras[name]) for name in NAMES}
    sure = {
        "primary": extras["primary_confidence"],
        "corrected": extras["confidence"],
    }
    values = {name: spread_of(both[name], sure[name]) for name in NAMES}
    for name in NAMES if evaluation.has_expressions else ():
        metrics = expression_metrics(both[name], evaluation.labels)
        values[name] |= {"accuracy": metrics.accuracy, "ece": metrics.ece}
    rows = [
        (figure, *(f"{values[name][figure]:.4f}" for name in NAMES)) for figure in values["primary"]
    ]
    lines = [
        "Uncalibrated probabilities of all classes over all faces. The paper gives a standard "
        f"deviation of {PAPER['primary']} before and {PAPER['corrected']} after correction, on "
        "60 images.",
        "",
        *table(("figure", *NAMES), rows),
    ]
    caption = "Top probability, probabilities of all classes, and confidence 1 - H / ln C."
    drawn = Picture(caption, draw_confidences(both, sure))
    return Section("Primary and corrected confidence", lines, {"confidence": drawn}, values)


def spread_of(probabilities: Floats, confidence: Floats) -> dict[str, float]:
    """Describe (N, C) distributions and their confidence (N,)."""
    top = probabilities.max(axis=1)
    return {
        "std of probabilities": float(probabilities.std()),
        "largest probability": float(probabilities.max()),
        "smallest probability": float(probabilities.min()),
        "mean top probability": float(top.mean()),
        "std of top probability": float(top.std()),
        "mean confidence": float(confidence.mean()),
        "std of confidence": float(confidence.std()),
    }


def draw_confidences(both: dict[str, Floats], sure: dict[str, Floats]) -> Figure:
    """Draw how top probabilities, all probabilities and confidences are distributed."""
    figure, panels = figure_of(columns=3, width=3.8, height=3.2)
    edges = np.linspace(0, 1, BINS + 1)
    for name, colour, style in zip(NAMES, COLOURS, ("-", "--"), strict=False):
        shown = (both[name].max(axis=1), both[name].ravel(), sure[name])
        for axes, values in zip(panels, shown, strict=True):
            counts = np.histogram(values, edges)[0] / values.size
            text = f"{name}, std {values.std():.3f}"
            axes.stairs(counts, edges, color=colour, linestyle=style, linewidth=1.6, label=text)
    panels[1].set_yscale("log")
    label(panels[0], "top probability (%)", "share of faces (%)")
    label(panels[1], "probability of a class (%)", "share of all (%)")
    label(panels[2], "confidence, 0 to 1", "share of faces (%)")
    for axes in panels:
        axes.set_xlim(0, 1)
        in_percent(axes, x=axes is not panels[2], y=True)
        axes.legend(frameon=False, fontsize=9)
    return figure
