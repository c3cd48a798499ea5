"""Training of the face detector on mosaics made from the packs."""

import itertools
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from engine.config import Positive, Share, checked
from engine.errors import ConfigError, ModelError
from engine.faces.preprocessing import levelled
from engine.files import write_text, written
from training.data.packs import pack_digests
from training.data.unpacking import array_in
from training.detector.evaluate import (
    BUCKETS,
    detect,
    flat_weights,
    merge,
    tally,
    threshold_for,
    validation,
    whole,
)
from training.detector.loss import Losses, Targets, detection_loss
from training.detector.model import FaceNet, cells
from training.detector.mosaics import Sample, SceneMaker
from training.detector.packs import Pack, Packs, load_packs
from training.trainer.loop import LoopConfig, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.provenance import write_provenance
from training.trainer.recipe import Recipe
from training.trainer.task import Batches, Metrics, Task

log = logging.getLogger(__name__)

READ = ("faces_wild", "scenes", "ferplus", "teacher_labels")  # data packs
FALSE_PER_100 = 0.4  # of the one that is allowed: the engine looks twice, and at every size
HARDEST = 20.0  # how much oftener than others the worst background is drawn

Batch = tuple[Tensor, Targets]


Side = Annotated[int, Field(ge=32, multiple_of=32)]


@checked("detector")
class DetectorConfig:
    """What the batches hold.

    Attributes:
        width: Channels of the network from stride 8 on.
        side: Side of most training pictures, pixels; a multiple of 32.
        large_side: Side of the others, for faces that need the room.
        large_share: How many of the steps use `large_side`.
        check_share: Validate during training on every n-th held-out picture.
        threads: CPU threads of the trainer.
    """

    width: Positive = 64
    side: Side = 256
    large_side: Side = 416
    large_share: Share = 0.2
    check_share: Positive = 4
    threads: Positive = 2


@dataclass(frozen=True, slots=True, eq=False)
class DetectorBatches(Batches):
    """Random scenes; the batch of a step depends on (seed, step) and the hard negatives."""

    maker: SceneMaker
    batch: int
    seed: int
    config: DetectorConfig

    @property
    def per_epoch(self) -> int:
        """1: scenes are new at every step, so an epoch has no other meaning here."""
        return 1

    def shard(self, rank: int, world: int) -> Batches:
        """Refuse: a scene's faces are listed apart from its pixels."""
        raise ConfigError("loop.devices, loop.nodes: the detector trains on one device")

    def __getitem__(self, index: int) -> Batch:
        """Make images (B, 1, S, S) uint8 and their faces."""
        rng = np.random.default_rng((self.seed, index))
        large = rng.random() < self.config.large_share
        side = self.config.large_side if large else self.config.side
        count = self.batch
        if large:  # about as many pixels as other batches
            count = max(1, round(count * (self.config.side / side) ** 2))
        return collate([self.maker.make(rng, side) for _ in range(count)])


def collate(samples: list[Sample]) -> Batch:
    """Stack pictures of one size as the network takes them, and list their faces."""
    images = torch.from_numpy(np.stack([levelled(s.image) for s in samples])[:, None])
    picture = np.repeat(np.arange(len(samples)), [len(s.boxes) for s in samples])
    targets = Targets(
        boxes=torch.from_numpy(np.concatenate([s.boxes for s in samples])),
        points=torch.from_numpy(np.concatenate([s.points for s in samples])),
        picture=torch.from_numpy(picture),
        ignore=torch.from_numpy(np.concatenate([s.ignore for s in samples])),
    )
    return images, targets


class DetectorTask(Task):
    """The detector's loss, validation and search for hard negatives.

    Args:
        packs: All pictures.
        config: What to train.
        weights: How often each background is drawn, shared with the worker; written to.
        folder: Run folder, where the weights are kept for a resumed run.
    """

    def __init__(
        self, packs: Packs, config: DetectorConfig, weights: NDArray[np.float64], folder: Path
    ) -> None:
        super().__init__(FaceNet(config.width))
        self._packs = packs
        self._weights = weights
        self._hard = folder / "hard.npy"
        if self._hard.exists():
            kept = array_in(self._hard, f"{self._hard} (remove it to begin anew)")
            if kept.shape != weights.shape or not np.isfinite(kept).all():
                raise ModelError(f"{self._hard}: of other backgrounds; remove it to begin anew")
            weights[:] = kept
        self._sets = validation(packs, share=config.check_share)

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Compare with the truth."""
        images, targets = batch
        raw = model(images)
        losses = detection_loss(raw, cells(*images.shape[2:]), targets)
        return losses.total, _figures(losses)

    def evaluate(self, model: nn.Module) -> Metrics:
        """Validate, and look for backgrounds the network takes for faces."""
        self._mine(model)
        tallies = {name: tally(model, samples) for name, samples in self._sets.items()}
        clean = merge(tallies[name] for name in ("frames", "backgrounds"))
        threshold = threshold_for(clean, FALSE_PER_100)
        figures = {"threshold": threshold}
        for name, result in tallies.items():
            if len(result.sides):
                figures[f"recall_{name}"] = result.recall(threshold)
        return figures | {"false_crowds": tallies["crowds"].false_per_100(threshold)}

    def _mine(self, model: nn.Module) -> None:
        """Draw backgrounds with false positives more often, in place."""
        model.eval()
        for k, picture in enumerate(self._packs.select(Pack.BACKGROUND, held=False)):
            scores = detect(model, whole(self._packs, int(picture)).image).scores
            self._weights[k] = 1 + (HARDEST - 1) * float(scores.max(initial=0.0)) ** 2
        with written(self._hard) as partial:
            np.save(partial, self._weights)
        log.info("backgrounds drawn more than 5x: %d", int((self._weights > 5).sum()))


def _shared(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Copy an array to memory that a worker process sees changes of."""
    tensor = torch.from_numpy(values.copy())
    tensor.untyped_storage().share_memory_()
    return np.asarray(tensor.numpy())


def _figures(losses: Losses) -> Mapping[str, Tensor]:
    return {
        "score_loss": losses.score,
        "box_loss": losses.box,
        "points_loss": losses.points,
    }


def run(recipe: Recipe) -> None:
    """Train the detector; resume where the run folder holds a checkpoint."""
    recipe.check_tables({"loop", "optimizer", "detector"})
    loop = recipe.section("loop", LoopConfig)
    optimizer = recipe.section("optimizer", OptimizerConfig)
    config = recipe.section("detector", DetectorConfig)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)
    packs = load_packs(recipe.data, recipe.cache)
    weights = _shared(flat_weights(packs, held=False))
    task = DetectorTask(packs, config, weights, recipe.folder)
    maker = SceneMaker(packs, held=False, weights=weights)
    tables = {"loop": loop, "optimizer": optimizer, "detector": config}
    write_provenance(recipe, tables, pack_digests(READ, recipe.data, recipe.cache))
    batches = DetectorBatches(maker, loop.batch, loop.seed, config)
    model = fit(task, batches, loop, optimizer, recipe.folder)
    report(model, packs, recipe.folder)


def report(model: nn.Module, packs: Packs, folder: Path) -> Mapping[str, object]:
    """Choose the threshold on one half of the held-out pictures, measure on the other.

    Writes ``metrics.json``.
    """
    halves = (
        {
            name: tally(model, samples)
            for name, samples in validation(packs, share=2, skip=k).items()
        }
        for k in (0, 1)
    )
    chosen, tallies = halves
    clean = merge(chosen[name] for name in ("frames", "backgrounds"))
    threshold = threshold_for(clean, FALSE_PER_100)
    pooled = merge(tallies.values())
    result: dict[str, object] = {
        "threshold": round(threshold, 3),
        "false_per_100": {n: round(t.false_per_100(threshold), 2) for n, t in tallies.items()},
        "recall": {n: round(t.recall(threshold), 4) for n, t in tallies.items() if len(t.sides)},
        "recall_by_side": {
            f"{low}-{high}": round(pooled.recall(threshold, low, high), 4)
            for low, high in itertools.pairwise(BUCKETS)
        },
    }
    write_text(folder / "metrics.json", json.dumps(result, indent=2) + "\n")
    log.info("%s", json.dumps(result))
    return result
