"""Training of poster-rt on FER+ vote distributions, on the crops the engine serves."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from engine.config import NonNegative, Share, ShareBelowOne, Text, checked
from engine.errors import ConfigError
from engine.faces.alignment import CROP_SIZE, align, similarity, template, warp
from engine.faces.landmarks import MARGIN
from engine.faces.preprocessing import to_input
from engine.types import Floats, Image
from training.data.augment import BORDERS, JitterConfig, Rng, degrade, jitter, mirror, occlude
from training.data.ferplus import (
    CLASSES,
    FerPlus,
    distribution,
    majority,
    read_ferplus,
    valence_arousal,
    without_duplicates,
)
from training.data.located import located
from training.distil import soft_targets
from training.losses.ccc import ccc, ccc_loss
from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import PosterRT, start_from_landmarks
from training.trainer.loop import LoopConfig, device_of, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.provenance import pack_digests, write_provenance
from training.trainer.recipe import Recipe
from training.trainer.task import Batches, Task
from training.weights import load_weights

log = logging.getLogger(__name__)

# Index in the ten votes of "unknown" and "not a face".
NO_EXPRESSION = slice(CLASSES, CLASSES + 2)


@checked("expression")
class ExpressionConfig:
    """Data and loss of poster-rt.

    Attributes:
        landmarks: Weights of the landmark network, safetensors.
        start: Weights of poster-rt to go on from; empty for none.
        teachers: Run folders of systems whose answers are mixed into the targets.
        distilled: Share of the target that is the teachers' answer; the rest are the votes.
        balance: 0 draws pictures as they come, 1 draws every class equally often.
        affect_weight: Weight of the valence-arousal loss.
        rotation_deg: Largest rotation of a crop.
        scale: Largest zoom of a crop, factor.
        shift: Largest shift of a crop, fraction of its side.
        degraded: Share of crops given a webcam's faults.
        occluded: Share of crops partly covered.
        mixed: Share of batches blended pairwise (Zhang et al. 2018, "mixup").
        dropout: Before the heads.
        drop_path: Stochastic depth of the cross blocks.
    """

    landmarks: Text = "assets/landmark-net.safetensors"
    start: str = ""
    teachers: tuple[Text, ...] = ()
    distilled: Share = 0.0
    balance: Share = 0.2
    affect_weight: NonNegative = 0.5
    rotation_deg: Annotated[float, Field(ge=0, le=180)] = 15.0
    scale: Annotated[float, Field(ge=1)] = 1.2
    shift: Share = 0.08
    degraded: Share = 0.5
    occluded: Share = 0.3
    mixed: Share = 0.0
    dropout: ShareBelowOne = 0.2
    drop_path: ShareBelowOne = 0.1

    def __post_init__(self) -> None:
        if bool(self.teachers) != (self.distilled > 0):
            raise ConfigError("expression.teachers, expression.distilled: give both or none")


@dataclass(frozen=True, slots=True, eq=False)
class ExpressionBatches(Batches):
    """Random crops with vote shares; the batch of a step depends on (seed, step) alone."""

    data: FerPlus
    points: Floats
    shares: Floats
    chances: NDArray[np.float64]
    batch: int
    seed: int
    config: ExpressionConfig

    @property
    def per_epoch(self) -> int:
        """Batches that hold as many crops as there are pictures."""
        return max(1, len(self.data) // self.batch)

    def names(self, index: int) -> Sequence[str]:
        """File names of the pictures of a batch."""
        return [str(self.data.names[row]) for row in self._rows(self._rng(index))]

    def _rng(self, index: int) -> Rng:
        return np.random.default_rng((self.seed, index))

    def _rows(self, rng: Rng) -> NDArray[np.int64]:
        return rng.choice(len(self.data), self.batch, p=self.chances)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Make inputs (B, 3, S, S) and vote shares (B, 8)."""
        rng = self._rng(index)
        chosen = self._rows(rng)
        crops = [self._crop(int(row), rng) for row in chosen]
        inputs, shares = to_input(crops), self.shares[chosen]
        if rng.random() < self.config.mixed:
            share = np.float32(rng.beta(0.4, 0.4))
            inputs = share * inputs + (1 - share) * inputs[::-1]
            shares = share * shares + (1 - share) * shares[::-1]
        return torch.from_numpy(inputs), torch.from_numpy(shares)

    def _crop(self, index: int, rng: Rng) -> Image:
        config = self.config
        limits = JitterConfig(
            rotation_deg=config.rotation_deg, scale=config.scale, shift=config.shift
        )
        matrix = similarity(self.points[index], template(CROP_SIZE))
        matrix = jitter(matrix, CROP_SIZE, limits, rng)
        if rng.random() < 0.5:
            matrix = mirror(matrix, CROP_SIZE)
        border = BORDERS[rng.integers(len(BORDERS))]
        crop = warp(self.data.image(index), matrix, border=border)
        if rng.random() < config.degraded:
            crop = degrade(crop, rng)
        if rng.random() < config.occluded:
            crop = occlude(crop, rng)
        return crop


def chances(shares: Floats, balance: float) -> NDArray[np.float64]:
    """Chance of each picture to be drawn: its top class's size to the power of -balance."""
    top = shares.argmax(axis=1)
    sizes = np.bincount(top, minlength=CLASSES).clip(min=1)
    weights = sizes[top].astype(np.float64) ** -balance
    return np.asarray(weights / weights.sum(), np.float64)


class ExpressionTask(Task):
    """Loss and validation of poster-rt."""

    def __init__(
        self, model: PosterRT, valid: FerPlus, points: Floats, affect_weight: float
    ) -> None:
        super().__init__(model)
        self.affect_weight = affect_weight
        labels = majority(valid.votes)
        keep = labels >= 0
        self.labels = labels[keep]
        self.shares = distribution(valid.votes[keep])
        images, points = valid.at(keep), points[keep]
        self.crops = {
            name: crops_of(images, points, zoom) for name, zoom in (("", 1.0), ("_tight", 1.1))
        }
        places = torch.from_numpy(valence_arousal(np.eye(CLASSES, dtype=np.float32)))
        self.places = places

    def loss(
        self, model: nn.Module, batch: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy with the vote shares plus CCC loss of valence and arousal."""
        inputs, shares = batch
        said = model(inputs.contiguous(memory_format=torch.channels_last))
        cross_entropy = -(shares * said.logits.log_softmax(1)).sum(1).mean()
        affect = ccc_loss(said.valence_arousal, shares @ self.places.to(shares.device))
        agree = (said.logits.argmax(1) == shares.argmax(1)).float().mean()
        figures = {"ce": cross_entropy, "affect": affect, "agree": agree}
        return cross_entropy + self.affect_weight * affect, figures

    @torch.no_grad()
    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """Accuracy on the majority labels, also with the crop 10 % tighter."""
        model.eval()
        where = device_of(model)
        figures: dict[str, float] = {}
        for name, crops in self.crops.items():
            said = [
                model(torch.from_numpy(to_input(crops[i : i + 128])).to(where))
                for i in range(0, len(crops), 128)
            ]
            logits = torch.cat([part.logits for part in said]).cpu()
            figures[f"accuracy{name}"] = float(np.mean(logits.argmax(1).numpy() == self.labels))
            if not name:
                truth = torch.from_numpy(self.shares)
                figures["valid_ce"] = float(-(truth * logits.log_softmax(1)).sum(1).mean())
                affect = torch.cat([part.valence_arousal for part in said]).cpu()
                for column, axis in enumerate(("valence", "arousal")):
                    figures[f"ccc_{axis}"] = float(
                        ccc(affect[:, column], (truth @ self.places)[:, column])
                    )
        return figures


def crops_of(images: FerPlus, points: Floats, zoom: float = 1.0) -> list[Image]:
    """Cut every picture's aligned crop, tighter where `zoom` is above 1."""
    margin = (1.0 + MARGIN) / zoom - 1.0
    return [align(images.image(i), points[i], margin=margin).crop for i in range(len(images))]


def run(recipe: Recipe) -> None:
    """Train the network of a ``task = "expression"`` recipe."""
    recipe.check_tables({"loop", "optimizer", "expression"})
    loop = recipe.section("loop", LoopConfig)
    optimizer = recipe.section("optimizer", OptimizerConfig)
    config = recipe.section("expression", ExpressionConfig)
    weights = Path(config.landmarks)
    if not weights.is_file():
        raise ConfigError(
            f"expression.landmarks: {weights}: no such file; train landmarks.toml first"
        )
    splits = {
        name: read_ferplus(name, recipe.data, recipe.cache) for name in ("train", "valid", "test")
    }
    train = without_duplicates(splits["train"], [splits["valid"], splits["test"]])
    votes = train.votes
    usable = (distribution(votes).sum(1) > 0) & (votes[:, NO_EXPRESSION].sum(1) < votes.sum(1) / 2)
    train = train.at(usable)
    shares = distribution(train.votes)
    torch.manual_seed(loop.seed)
    landmark_net = LandmarkNet()
    load_weights(landmark_net, weights)
    model = PosterRT(landmark_net, dropout=config.dropout, drop_path=config.drop_path)
    start_from_landmarks(model)
    if config.start:
        load_weights(model, Path(config.start))
    train_points = located("train", train, weights, recipe.cache)
    if config.teachers:
        runs = [Path(name) for name in config.teachers]
        said = soft_targets(runs, train, train_points, recipe.cache)
        shares = (1 - np.float32(config.distilled)) * shares + np.float32(config.distilled) * said
    valid = splits["valid"]
    points = located("valid", valid, weights, recipe.cache)
    task = ExpressionTask(model, valid, points, config.affect_weight)
    batches = ExpressionBatches(
        train,
        train_points,
        shares,
        chances(shares, config.balance),
        loop.batch,
        loop.seed,
        config,
    )
    started = [weights, *(Path(name) for name in (config.start,) if name)]
    started += [Path(name) / "model.safetensors" for name in config.teachers]
    tables = {"loop": loop, "optimizer": optimizer, "expression": config}
    write_provenance(recipe, tables, pack_digests(recipe, ("ferplus",)), started)
    fit(task, batches, loop, optimizer, recipe.folder)
