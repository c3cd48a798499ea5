"""CERN's settings, its loss, and that it learns."""

import math
import tomllib
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from engine.errors import ConfigError
from training.systems.cern import CernConfig, CernSystem
from training.types import Target

RECIPES = Path(__file__).parents[3] / "training" / "recipes"


def system(**settings):
    torch.manual_seed(0)
    return CernSystem(CernConfig(input_size=32, **settings))


def batch(rows=16, unknown=0):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(rows, 3, 32, 32, generator=generator)
    labels = torch.arange(rows) % 8
    shares = functional.one_hot(labels, 8).float()
    labels[:unknown], shares[:unknown] = -1, 0
    return images, Target(labels, shares, torch.full((rows, 2), float("nan")))


@pytest.mark.parametrize(
    ("key", "value"),
    [("input_size", 120), ("input_size", 16), ("classes", 1), ("mirrored", 1)],
)
def test_wrong_setting_is_named(key, value):
    with pytest.raises(ConfigError, match=rf"^cern\.{key}: "):
        CernConfig(**{key: value})


def test_answer_is_the_mean_of_the_parts():
    model = system().eval()
    images, _ = batch(2)
    said = model(images)
    torch.testing.assert_close(said.logits, model.network(images).parts.mean(1))
    assert said.affect.shape == (2, 0)
    assert not CernConfig().affect
    assert CernConfig().needs_gray


def test_loss_is_the_sum_over_the_parts_of_what_has_shares():
    model = system()
    images, target = batch(unknown=5)
    loss, figures = model.loss(images, target)
    parts = model.network(images).parts[5:]
    wanted = sum(functional.cross_entropy(parts[:, k], target.labels[5:]) for k in range(5))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    whole = functional.cross_entropy(parts[:, 4], target.labels[5:])
    assert figures["whole"].item() == pytest.approx(whole.item(), rel=1e-5)
    assert not figures["whole"].requires_grad


def stripes(rows=16, side=32):
    """Give crops with stripes that lean the more, the higher the label."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(rows) % 8
    lean = (labels * math.pi / 8)[:, None, None]
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    phase = 2 * math.pi * torch.rand(rows, 1, 1, generator=generator)
    waves = torch.sin(0.8 * (x * lean.cos() + y * lean.sin()) + phase)
    shares = functional.one_hot(labels, 8).float()
    return waves[:, None].expand(rows, 3, side, side), Target(
        labels, shares, torch.full((rows, 2), math.nan)
    )


def test_it_learns_stripes_at_the_recipes_learning_rate():
    """Without any normalisation it learns nothing from nothing at three times of that."""
    model = system(mirrored=False)
    images, target = stripes()
    recipe = tomllib.loads((RECIPES / "ferplus-compact.toml").read_text())
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe["optimizer"]["lr"])
    losses = []
    for _ in range(45):
        loss, _ = model.loss(images, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4
