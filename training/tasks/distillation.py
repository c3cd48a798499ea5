"""What trained systems say of the training pictures, mixed into what another is to learn.

Source: Hinton et al. (2015), "Distilling the knowledge in a neural network"; temperature 1, as
the targets are mixed with labels or with shares of votes, which are soft already.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine.config import Natural, Share, Text, checked
from engine.errors import ConfigError
from engine.types import Floats, Image
from training.data.arrays import kept
from training.data.crops import Crops, FaceCrops
from training.data.epochs import ChannelOrder, RoundCrops, Views, images_of
from training.data.operations import resized
from training.data.pictures import key_of
from training.data.progress import tracked
from training.data.samples import points_of
from training.data.table import FaceTable
from training.systems.saved import SavedSystem, open_run, weights_of
from training.trainer.loop import device_of
from training.types import System

log = logging.getLogger(__name__)

BATCH = 64
PROBED: Final = 16  # views


@checked("distillation")
class DistillationConfig:
    """Whom a system learns from besides the data.

    Attributes:
        teachers: Run folders of systems that know the same classes.
        distilled: Share of the target that is their mean answer; the rest are labels or votes.
        rounds: Views of each face that the teachers judge, and that the system is then shown again
            and again, so that what it learns is the answer to the very crop it sees (Beyer et al.
            2022, "Knowledge distillation: a good teacher is patient and consistent"). 0: they judge
            the face as it is served, once, and every view of it shares that answer.
    """

    teachers: tuple[Text, ...] = ()
    distilled: Share = 0.0
    rounds: Natural = 0

    def __post_init__(self) -> None:
        if bool(self.teachers) != (self.distilled > 0):
            raise ConfigError("distillation.teachers, distillation.distilled: give both or none")
        if self.rounds and not self.teachers:
            raise ConfigError("distillation.rounds: needs distillation.teachers")


def soft_targets(
    config: DistillationConfig, table: FaceTable, cache: Path, views: Views, seed: int
) -> Floats | None:
    """Average the teachers' distributions, each asked once and kept in the cache.

    Args:
        config: Who they are.
        table: N faces.
        cache: Folder for what is computed once.
        views: Of the faces, as the system is shown them.
        seed: Of the run.

    Returns:
        (K, N, C) float32, rows summing to 1, of K rounds, at least one; None without teachers.

    Raises:
        ConfigError: A teacher has other classes.
        ModelError: A folder holds no finished run.
    """
    if not config.teachers:
        return None
    shown: list[RoundCrops | None] = [
        RoundCrops(views, seed, number) for number in range(config.rounds)
    ]
    said = np.stack([_targets(Path(run), table, cache, shown or [None]) for run in config.teachers])
    return np.asarray(said.mean(axis=0), np.float32)


def _targets(
    run: Path, table: FaceTable, cache: Path, shown: Sequence[RoundCrops | None]
) -> Floats:
    """Give what a teacher says (K, N, C) of each round, or of the faces as they are served."""
    saved = open_run(run)
    if saved.classes != table.classes:
        raise ConfigError(
            f"distillation.teachers: {run} knows {', '.join(saved.classes)}; "
            f"expected {', '.join(table.classes)}"
        )
    points = points_of(saved.data, table, cache)
    total = hashlib.sha256(weights_of(run).read_bytes() + key_of(table).encode())
    total.update(b"" if points is None else points.tobytes())
    served = FaceCrops(table, points, saved.system.input_size)
    answers = []
    for views in shown:
        crops: Crops = served if views is None else _Sized(views, saved.system.input_size)
        own = total.copy()
        if views is not None:  # a few of them stand for all, and for the code that draws them
            for row in range(min(len(table), PROBED)):
                own.update(crops[row].tobytes())
        path = cache / "distil" / f"{run.name}-{own.hexdigest()[:16]}.npy"
        answers.append(kept(path, partial(_asked, run, saved, crops)))
    return np.stack(answers)


@dataclass(frozen=True, slots=True, eq=False)
class _Sized:
    """Views at another network's size."""

    views: RoundCrops
    size: int

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, row: int, /) -> Image:
        return resized(self.views[row], self.size)


def _asked(run: Path, saved: SavedSystem, crops: Crops) -> Floats:
    log.info("asking %s about %d pictures", run, len(crops))
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
