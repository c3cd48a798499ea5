"""What trained systems say of the training pictures, as targets for a smaller network.

Source: Hinton et al. (2015), "Distilling the knowledge in a neural network"; temperature 1, as
the targets are mixed with vote shares, which are soft already.
"""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from engine.errors import ConfigError
from engine.faces.alignment import align
from engine.faces.preprocessing import to_input
from engine.labels import EXPRESSIONS
from engine.types import Floats
from training.data.arrays import kept
from training.data.located import Pictures
from training.data.progress import tracked
from training.systems.saved import open_run, weights_of
from training.systems.types import System
from training.trainer.loop import device_of

log = logging.getLogger(__name__)

BATCH = 64


def soft_targets(runs: Sequence[Path], images: Pictures, points: Floats, cache: Path) -> Floats:
    """Average the distributions of several systems, each asked once and kept in the cache.

    Args:
        runs: Run folders of the task ``system``, trained on the eight classes of FER+.
        images: N face pictures.
        points: (N, 5, 2) float32, where the face lies in each.
        cache: Folder for what is computed once.

    Returns:
        (N, 8) float32, rows summing to 1.

    Raises:
        ConfigError: A run has other classes.
        ModelError: A folder holds no finished run.
    """
    said = np.stack([_targets(run, images, points, cache) for run in runs])
    return np.asarray(said.mean(axis=0), np.float32)


def _targets(run: Path, images: Pictures, points: Floats, cache: Path) -> Floats:
    key = hashlib.sha256(weights_of(run).read_bytes() + points.tobytes()).hexdigest()
    path = cache / "distil" / f"{run.name}-{key[:16]}.npy"
    return kept(path, lambda: _asked(run, images, points))


def _asked(run: Path, images: Pictures, points: Floats) -> Floats:
    saved = open_run(run)
    if saved.classes != EXPRESSIONS:
        raise ConfigError(
            f"expression.teachers: {run} knows {', '.join(saved.classes)}; "
            f"expected {', '.join(EXPRESSIONS)}"
        )
    log.info("asking %s about %d pictures", run, len(images))
    return ask(saved.system, images, points)


@torch.no_grad()
def ask(system: System, images: Pictures, points: Floats) -> Floats:
    """Give a system's distributions (N, C), each the mean over the crop and its mirror image."""
    system.eval()
    where, rows = device_of(system), []
    starts = range(0, len(images), BATCH)
    for first in tracked(starts, "asking the teacher", len(starts)):
        crops = [
            align(images.image(row), points[row], system.input_size).crop
            for row in range(first, min(first + BATCH, len(images)))
        ]
        batch = torch.from_numpy(to_input(crops)).to(where)
        both = [system(view).logits.softmax(1) for view in (batch, batch.flip(3))]
        rows.append(torch.stack(both).mean(0).float().cpu())
    return torch.cat(rows).numpy()
