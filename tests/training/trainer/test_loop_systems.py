"""The training loop on small systems of the papers: sharing and resuming change nothing.

Run by torchrun, this file trains what `test_two_processes_train_like_one` compares.
"""

import csv
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from training.data.epochs import AugmentedCrops, EpochBatches
from training.data.samplers import Refinement
from training.data.transforms import transform
from training.models.ir50 import IR50
from training.systems.poster import PosterConfig, PosterSystem
from training.tasks.system import SystemTask
from training.trainer.loop import LoopConfig, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.task import Batches, Task
from training.types import Target

FACES, CLASSES, SIDE = 32, 4, 112
LABELS = np.arange(FACES) % CLASSES
LOOP = LoopConfig(batch=4, steps=6, every=2, ema=0.5, workers=0, accelerator="cpu")


class Landmarks(nn.Module):
    """A frozen landmark stream of one layer."""

    channels = (2, 2, 6)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 16, 16).requires_grad_(False)

    def forward(self, x):
        return x, x, 5 * self.conv(x)


def small(**options):
    """A POSTER whose every layer is narrow."""
    torch.manual_seed(0)
    trunk = IR50((8, 8, 12), (1, 1, 1), half_input=True)
    config = PosterConfig(**{"classes": CLASSES, "dim": 32, "depth": 2, **options})
    return PosterSystem(config, trunk, Landmarks())


class Judged(SystemTask):
    """A system's training, judged by the length of its weights."""

    def __init__(self, system):
        super().__init__(system, valid=None, config=None)

    @torch.no_grad()
    def evaluate(self, model):
        return {"length": math.hypot(*(float(p.norm()) for p in model.parameters()))}


class Frozen(nn.Module):
    """An image trunk whose batch statistics stand still."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.channels, self.sides = trunk, trunk.channels, trunk.sides

    def train(self, mode=True):
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, x):
        return self.trunk(x)


class Broken(Batches):
    """Batches whose making is interrupted at number `at`."""

    def __init__(self, whole, at):
        self.whole, self.at = whole, at

    @property
    def per_epoch(self):
        return self.whole.per_epoch

    def __getitem__(self, index):
        if index == self.at:
            raise KeyboardInterrupt
        return self.whole[index]


def batches(size):
    """Augmented noise, equally many of each class, three batches of four an epoch."""
    crops = np.random.default_rng(0).integers(0, 256, (FACES, size, size, 3), np.uint8)
    rows = torch.from_numpy(LABELS)
    shares = functional.one_hot(rows, CLASSES).float()
    return EpochBatches(
        AugmentedCrops(crops, transform("raf_poster"), SIDE),
        Target(rows, shares, torch.full((FACES, 2), math.nan)),
        Refinement(LABELS, np.arange(FACES).astype(np.str_), seed=0, per_class=3),
        batch=LOOP.batch,
        seed=0,
        mixed=0.5,
    )


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_poster_ada_interrupted_within_an_epoch_ends_in_the_same_weights(tmp_path):
    moves = OptimizerConfig(lr=1e-3, warmup=2, sam_rho=0.05)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    fit(Judged(small(head="adaface")), batches(48), LOOP, moves, whole)
    with pytest.raises(KeyboardInterrupt):
        fit(Judged(small(head="adaface")), Broken(batches(48), at=5), LOOP, moves, parts)
    fit(Judged(small(head="adaface")), batches(48), LOOP, moves, parts)
    for name in ("model.safetensors", "checkpoint.safetensors"):
        assert same(load_file(whole / name), load_file(parts / name))


class Lines(Batches):
    """Batches of y = 3 x, which share themselves out as `Batches` does."""

    per_epoch = 2

    def __getitem__(self, index):
        x = torch.randn(4, 2, generator=torch.Generator().manual_seed(index))
        return x, 3 * x.sum(1, keepdim=True)


class Regression(Task):
    """A layer, and a figure that only one of two processes reports."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Linear(2, 1))

    def loss(self, model, batch):
        x, y = batch
        error = (model(x) - y).square().mean()
        first = bool((x == Lines()[0][0][0]).all(1).any())
        return error, {"error": error} | ({"first": torch.tensor(1.0)} if first else {})

    evaluate = Judged.evaluate


def train_both(folder, devices):
    """Train a system and a toy, without what is drawn or measured by each process alone."""
    loop = replace(LOOP, steps=4, accumulate=2, devices=devices)
    moves = OptimizerConfig(name="sgd", lr=0.01, warmup=2, sam_rho=0.05)
    system = small(depth=1)
    system.body.image = Frozen(system.body.image)
    fit(Judged(system), batches(48), loop, moves, folder / "system")
    fit(Regression(), Lines(), loop, moves, folder / "toy")


def rows_of(folder):
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_processes_train_like_one(tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*launch, "--nproc-per-node=2", __file__, str(tmp_path / "2")]
    subprocess.run(command, check=True, timeout=400, capture_output=True)
    train_both(tmp_path / "1", devices=1)
    for task, names in (("system", ("loss", "norm_mean", "length")), ("toy", ("loss", "error"))):
        one, two = (rows_of(tmp_path / count / task) for count in "12")
        assert len(one) == len(two) == 2
        for name in names:
            curves = [[float(row[name]) for row in rows] for rows in (one, two)]
            assert curves[0] == pytest.approx(curves[1], rel=1e-5)
        alone, shared = (load_file(tmp_path / n / task / "model.safetensors") for n in "12")
        assert alone.keys() == shared.keys()
        assert all(torch.allclose(alone[name], shared[name], atol=1e-6) for name in alone)
        assert [row.get("first") for row in one] == [row.get("first") for row in two]


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_both(Path(sys.argv[1]), devices=2)
