"""AdaFace: whether the feature's norm, taken for quality, has to do with sharpness.

Source: POSTER specification, section 8.
"""

from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from engine.types import Floats, Image
from training.data.operations import resized
from training.evaluation.runs import Evaluation
from training.evaluation.tables import table
from training.report.drawing import COLOURS, figure_of, label
from training.report.section import Picture, Section

POINTS_MAX = 5000


def norm_section(evaluation: Evaluation, _: dict[str, Any]) -> Section | None:
    """Correlate norm and sharpness; none for systems that have no norm."""
    extras = evaluation.answers.extras
    if "norm" not in extras:
        return None
    side = evaluation.saved.system.input_size
    crops = evaluation.faces.crops
    every = (resized(crops[row], side) for row in range(len(crops)))
    sharp = np.array([sharpness(crop) for crop in every], np.float32)
    norms = extras["norm"]
    values = {
        "mean norm": float(norms.mean()),
        "std of the norm": float(norms.std()),
        "coefficient of variation": float(norms.std() / norms.mean()),
        "Spearman correlation with sharpness": spearman(norms, sharp),
    }
    if "quality" in extras:
        values["clipped fraction of the quality"] = clipped(extras["quality"])
    lines = [
        "Sharpness is the variance of the Laplacian of the gray crop at the network's input size.",
        "",
        *table(("figure", "value"), [(name, f"{value:.4g}") for name, value in values.items()]),
    ]
    caption = "Norm of the feature over the sharpness of the crop, one point per face."
    drawn = Picture(caption, draw_norms(sharp, norms))
    return Section("Feature norm and sharpness", lines, {"norm": drawn}, values)


def sharpness(crop: Image) -> float:
    """Variance of the Laplacian of a BGR picture's gray levels (0 to 255)."""
    gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(gray, cv2.CV_64F).var())


def spearman(x: Floats, y: Floats) -> float:
    """Rank correlation of two (N,) series, -1 to 1; 0 where one of them is constant."""
    a, b = (ranks(series) - (len(series) - 1) / 2 for series in (x, y))
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length else 0.0


def ranks(series: Floats) -> Floats:
    """Rank (N,) numbers from 0; equal ones share the mean of their ranks."""
    _, where, counts = np.unique(series, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    return np.asarray((last - (counts - 1) / 2)[where], np.float64)


def clipped(quality: Floats) -> float:
    """Share of quality indicators at -1 or 1, where the margin no longer follows the norm."""
    return float((np.abs(quality) >= 1).mean())


def draw_norms(sharp: Floats, norms: Floats) -> Figure:
    """Draw norms over sharpness."""
    figure, (axes,) = figure_of(width=5.6, height=4.0)
    rows = np.random.default_rng(0).permutation(len(norms))[:POINTS_MAX]
    axes.scatter(sharp[rows], norms[rows], s=9, color=COLOURS[0], alpha=0.35, lw=0)
    axes.set_xscale("log")
    label(axes, "variance of the Laplacian (squared gray levels)", "norm of the feature")
    return figure
