"""Neural Resizer: what it makes of a face beside plain bilinear interpolation."""

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from engine.faces.preprocessing import MEAN, STD
from engine.types import Floats
from training.data.epochs import images_of
from training.data.operations import resized
from training.evaluation.runs import Evaluation
from training.evaluation.tables import table
from training.models.neural_resizer import NeuralResizer
from training.models.resizer import LearnedResizer
from training.report.drawing import bare, figure_of
from training.report.section import Picture, Section
from training.systems.neural_resizer import NeuralResizerSystem

FACES: Final = 6
GRAY: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601, RGB


class Reduced(NamedTuple):
    """Faces made small, in two ways.

    Attributes:
        bilinear: (N, S, S, 3) RGB, 0 to 255.
        learned: As `bilinear`, by the Neural Resizer, which may leave 0 to 255.
    """

    bilinear: Floats
    learned: Floats

    @property
    def difference(self) -> Floats:
        """(N, S, S) gray levels, learned minus bilinear."""
        return np.asarray((self.learned - self.bilinear) @ np.array(GRAY, np.float32), np.float32)


def resizer_section(evaluation: Evaluation, _: dict[str, Any]) -> Section | None:
    """Show the difference on a few faces; none without a learned resizer."""
    system = evaluation.saved.system
    if not isinstance(system, NeuralResizerSystem):
        return None
    if not isinstance(system.network.resizer, LearnedResizer):
        return None
    faces = reduced(system.network, _first_faces(evaluation))
    difference = faces.difference
    values = {
        "mean absolute difference": float(np.abs(difference).mean()),
        "largest absolute difference": float(np.abs(difference).max()),
        "contrast, learned over bilinear": float(faces.learned.std() / faces.bilinear.std()),
    }
    lines = [
        f"Of the first {len(difference)} faces, in gray levels of 0 to 255.",
        "",
        *table(("figure", "value"), [(name, f"{value:.3f}") for name, value in values.items()]),
    ]
    caption = "Plain bilinear reduction, the Neural Resizer's, and the difference of both."
    picture = Picture(caption, draw_differences(faces))
    return Section("Neural Resizer", lines, {"resizer": picture}, values)


@torch.no_grad()
def reduced(network: NeuralResizer, images: Tensor) -> Reduced:
    """Make normalised RGB (B, 3, S, S) small as the network does, and by interpolation alone.

    Where the network straightens faces, both show the straightened one.
    """
    large = network.stn(network.upscaled(images))
    learned = network.resizer(large)
    bilinear = functional.interpolate(large, size=learned.shape[2:], mode="bilinear")
    return Reduced(_pixels(bilinear), _pixels(learned))


def draw_differences(faces: Reduced) -> Figure:
    """Draw one face a column: bilinear, learned, difference."""
    count = len(faces.bilinear)
    figure, panels = figure_of(columns=count, rows=3, width=1.5, height=1.5)
    limit = max(1.0, float(np.percentile(np.abs(faces.difference), 99.5)))
    rows = (faces.bilinear, faces.learned, faces.difference)
    for axes, picture in zip(panels, (one for row in rows for one in row), strict=True):
        bare(axes)
        if picture.ndim == 3:
            axes.imshow(np.clip(picture, 0, 255).astype(np.uint8))
        else:
            shown = axes.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for place, name in enumerate(("bilinear", "learned", "difference")):
        panels[place * count].set_ylabel(name)
    bar = figure.colorbar(shown, ax=panels[2 * count :], shrink=0.9)
    bar.set_label("gray levels")
    bar.outline.set_visible(False)
    return figure


def _first_faces(evaluation: Evaluation) -> Tensor:
    crops, side = evaluation.faces.crops, evaluation.saved.system.input_size
    first = [resized(crops[row], side) for row in range(min(FACES, len(crops)))]
    images = images_of(first, evaluation.saved.data.channel_order)
    return images.to(next(evaluation.saved.system.parameters()).device)


def _pixels(images: Tensor) -> Floats:
    """Turn normalised (B, 3, S, S) into (B, S, S, 3), 0 to 255."""
    mean, std = (np.array(values, np.float32) for values in (MEAN, STD))
    rows = images.float().cpu().permute(0, 2, 3, 1).numpy()
    return np.asarray(255 * (rows * std + mean), np.float32)
