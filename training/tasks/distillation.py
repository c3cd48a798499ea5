"""What trained systems say of the training pictures, mixed into what another is to learn.

Source: Hinton et al. (2015), "Distilling the knowledge in a neural network"; temperature 1, as
the targets are mixed with labels or with shares of votes, which are soft already.
"""

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch

from engine.config import Share, Text, checked
from engine.errors import ConfigError
from engine.types import Floats
from training.data.arrays import kept
from training.data.crops import Crops, FaceCrops
from training.data.epochs import ChannelOrder, images_of
from training.data.pictures import key_of
from training.data.progress import tracked
from training.data.samples import points_of
from training.data.table import FaceTable
from training.systems.saved import SavedSystem, open_run, weights_of
from training.trainer.loop import device_of
from training.types import System

log = logging.getLogger(__name__)

BATCH = 64


@checked("distillation")
class DistillationConfig:
    """Whom a system learns from besides the data.

    Attributes:
        teachers: Run folders of systems that know the same classes.
        distilled: Share of the target that is their mean answer; the rest are labels or votes.
    """

    teachers: tuple[Text, ...] = ()
    distilled: Share = 0.0

    def __post_init__(self) -> None:
        if bool(self.teachers) != (self.distilled > 0):
            raise ConfigError("distillation.teachers, distillation.distilled: give both or none")


def soft_targets(config: DistillationConfig, table: FaceTable, cache: Path) -> Floats | None:
    """Average the teachers' distributions, each asked once and kept in the cache.

    Args:
        config: Who they are.
        table: N faces.
        cache: Folder for what is computed once.

    Returns:
        (N, C) float32, rows summing to 1; None without teachers.

    Raises:
        ConfigError: A teacher has other classes.
        ModelError: A folder holds no finished run.
    """
    if not config.teachers:
        return None
    said = np.stack([_targets(Path(run), table, cache) for run in config.teachers])
    return np.asarray(said.mean(axis=0), np.float32)


def _targets(run: Path, table: FaceTable, cache: Path) -> Floats:
    saved = open_run(run)
    if saved.classes != table.classes:
        raise ConfigError(
            f"distillation.teachers: {run} knows {', '.join(saved.classes)}; "
            f"expected {', '.join(table.classes)}"
        )
    points = points_of(saved.data, table, cache)
    total = hashlib.sha256(weights_of(run).read_bytes() + key_of(table).encode())
    total.update(b"" if points is None else points.tobytes())
    path = cache / "distil" / f"{run.name}-{total.hexdigest()[:16]}.npy"
    return kept(path, lambda: _asked(run, saved, table, points))


def _asked(run: Path, saved: SavedSystem, table: FaceTable, points: Floats | None) -> Floats:
    log.info("asking %s about %d pictures", run, len(table))
    crops = FaceCrops(table, points, saved.system.input_size)
    return ask(saved.system, crops, saved.data.channel_order)


@torch.no_grad()
def ask(system: System, crops: Crops, channel_order: ChannelOrder = "rgb") -> Floats:
    """Give a system's distributions (N, C), each the mean over the crop and its mirror image."""
    system.eval()
    where, rows = device_of(system), []
    starts = range(0, len(crops), BATCH)
    for first in tracked(starts, "asking the teacher", len(starts)):
        part = [crops[row] for row in range(first, min(first + BATCH, len(crops)))]
        batch = images_of(part, channel_order).to(where)
        both = [system(view).logits.softmax(1) for view in (batch, batch.flip(3))]
        rows.append(torch.stack(both).mean(0).float().cpu())
    return torch.cat(rows).numpy()
