"""Optimisers, schedules and sharpness-aware steps against their definitions."""

import math

import pytest
import torch
from torch import nn

from engine.errors import ConfigError
from training.trainer.optimizers import (
    OptimizerConfig,
    ascend,
    descend,
    make_optimizer,
    rate,
    set_rate,
)

NAN = math.nan


def test_adamw_spares_vectors_the_decay_and_adam_does_not():
    decays = {}
    for name in ("adamw", "adam"):
        optimizer = make_optimizer(nn.Linear(3, 2), OptimizerConfig(name=name, weight_decay=0.1))
        decays[name] = {
            group["params"][0].ndim: group["weight_decay"] for group in optimizer.param_groups
        }
    assert decays == {"adamw": {2: 0.1, 1: 0.0}, "adam": {2: 0.1, 1: 0.1}}


def test_factor_of_the_longest_matching_name_counts():
    model = nn.ModuleDict({"stn": nn.Linear(1, 1), "head": nn.Linear(1, 1)})
    config = OptimizerConfig(lr=1.0, factors={"stn": 0.1, "stn.bias": 0.5})
    optimizer = make_optimizer(model, config)
    set_rate(optimizer, 0.5)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    named = {name: rates[id(p)] for name, p in model.named_parameters()}
    assert named == {
        "stn.weight": 0.05,
        "stn.bias": 0.25,
        "head.weight": 0.5,
        "head.bias": 0.5,
    }


def test_frozen_parameters_are_not_given_to_the_optimizer():
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    optimizer = make_optimizer(model, OptimizerConfig())
    assert [p.ndim for group in optimizer.param_groups for p in group["params"]] == [2]


@pytest.mark.parametrize(
    ("changed", "step", "factor"),
    [
        ({"schedule": "constant"}, 99, 1.0),
        ({"schedule": "exponential", "gamma": 0.98}, 0, 1.0),
        ({"schedule": "exponential", "gamma": 0.98}, 19, 0.98),
        ({"schedule": "exponential", "gamma": 0.98}, 35, 0.98**3),
        ({"schedule": "step", "gamma": 0.25, "drop_every": 2}, 19, 1.0),
        ({"schedule": "step", "gamma": 0.25, "drop_every": 2}, 20, 0.25),
        ({"schedule": "cosine"}, 0, 1.0),
        ({"schedule": "cosine"}, 50, 0.5),
        ({"schedule": "cosine", "warmup": 4}, 0, 0.25),
        ({"schedule": "exponential", "warmup": 4}, 3, 1.0),
    ],
)
def test_schedules_are_what_they_are_called(changed, step, factor):
    config = OptimizerConfig(**{"warmup": 0, **changed})
    assert rate(config, step, 100, 10) == pytest.approx(factor)


def test_ascent_goes_uphill_by_rho_and_descent_undoes_it():
    model = nn.Linear(2, 1)
    optimizer = make_optimizer(model, OptimizerConfig())
    model(torch.tensor([[3.0, 4.0]])).sum().backward()
    start = [p.detach().clone() for p in model.parameters()]
    before = ascend(optimizer, 0.5)
    moves = [p.detach() - q for p, q in zip(model.parameters(), start, strict=True)]
    # The gradient is (3, 4) and 1: its norm is the root of 26.
    assert torch.allclose(moves[0], torch.tensor([[3.0, 4.0]]) * 0.5 / 26**0.5)
    assert torch.allclose(moves[1], torch.tensor([0.5 / 26**0.5]))
    descend(before)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), start, strict=True))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "lion"}, r"optimizer\.name: 'lion' is unknown; choose adam, adamw, sgd"),
        ({"schedule": "linear"}, r"optimizer\.schedule: 'linear' is unknown"),
        ({"lr": 0.0}, r"optimizer\.lr: must be above 0, got 0"),
        ({"lr": NAN}, r"optimizer\.lr: must be finite, got nan"),
        ({"lr": math.inf}, r"optimizer\.lr: must be finite, got inf"),
        ({"lr": 1e38}, r"optimizer\.lr: must be at most 1000, got 1e\+38"),
        ({"sam_rho": -1.0}, r"optimizer\.sam_rho: must be at least 0, got -1"),
        ({"sam_rho": NAN}, r"optimizer\.sam_rho: must be finite"),
        ({"weight_decay": NAN}, r"optimizer\.weight_decay: must be finite"),
        ({"clip": NAN}, r"optimizer\.clip: must be finite"),
        ({"gamma": NAN}, r"optimizer\.gamma: must be finite, got nan"),
        ({"momentum": -1.0}, r"optimizer\.momentum: must be at least 0, got -1"),
        ({"momentum": NAN}, r"optimizer\.momentum: must be finite, got nan"),
        ({"factors": 3}, r"optimizer\.factors: must be a table, got 3"),
        ({"factors": {"stn": NAN}}, r"optimizer\.factors\.stn: must be finite, got nan"),
        ({"factors": {"stn": True}}, r"optimizer\.factors\.stn: must be a number"),
        ({"factors": {"stn": {"bias": 1}}}, r"optimizer\.factors\.stn: .*dots goes in quotes"),
    ],
)
def test_wrong_settings_are_refused(changed, message):
    with pytest.raises(ConfigError, match=message):
        OptimizerConfig(**changed)


def test_factor_for_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"optimizer\.factors\.body: no trained parameter"):
        make_optimizer(nn.Linear(1, 1), OptimizerConfig(factors={"body": 0.1}))
