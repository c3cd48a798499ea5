"""Optimisers, learning-rate schedules and sharpness-aware steps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.errors import ConfigError
from training.checks import require

OptimizerName = Literal["adam", "adamw", "sgd"]
ScheduleName = Literal["constant", "cosine", "exponential", "step"]
LR_MAX = 1000  # no schedule of use comes near it


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """How parameters move.

    Attributes:
        name: ``adamw`` decays matrices and kernels only, decoupled; ``adam`` and ``sgd`` add
            the decay of every parameter to its gradient, as the papers' code does.
        lr: Peak learning rate.
        weight_decay: See `name`.
        momentum: Of ``sgd``.
        factors: Learning rate factors by the start of a parameter's name; the longest match
            counts.
        schedule: Over the run: ``cosine`` to zero, ``exponential`` by `gamma` each epoch,
            ``step`` by `gamma` every `drop_every` epochs.
        gamma: See `schedule`.
        drop_every: Epochs, see `schedule`.
        warmup: Steps of linear rise from zero before the schedule.
        sam_rho: Radius of sharpness-aware minimisation (Foret et al. 2021); 0 is off.
        clip: Largest norm of the gradient; 0 is off.
    """

    name: OptimizerName = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    factors: Mapping[str, float] = field(default_factory=dict)
    schedule: ScheduleName = "cosine"
    gamma: float = 1.0
    drop_every: int = 1
    warmup: int = 200
    sam_rho: float = 0.0
    clip: float = 5.0

    def __post_init__(self) -> None:
        for key, kind in (("name", OptimizerName), ("schedule", ScheduleName)):
            if getattr(self, key) not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise ConfigError(
                    f"optimizer.{key}: {getattr(self, key)!r} is unknown; choose one of {choices}"
                )
        _check(self, "lr", 0 < self.lr <= LR_MAX, f"above 0 and at most {LR_MAX}")
        for key in ("gamma", "drop_every"):
            _check(self, key, 0 < getattr(self, key) < math.inf, "finite and above 0")
        for key in ("weight_decay", "warmup", "sam_rho", "clip"):
            _check(self, key, 0 <= getattr(self, key) < math.inf, "finite and at least 0")
        _check(self, "momentum", 0 <= self.momentum < 1, "from 0 to below 1")
        _check(self, "factors", isinstance(self.factors, Mapping), "a table of numbers")
        for start, factor in self.factors.items():
            number = isinstance(factor, int | float) and not isinstance(factor, bool)
            if not number or not 0 <= factor < math.inf:
                raise ConfigError(
                    f"optimizer.factors.{start}: must be a number, finite and at least 0, got "
                    f"{factor!r}; a name with dots goes in quotes"
                )


_check = partial(require, "optimizer")


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> Optimizer:
    """Make the optimiser of a model's trained parameters; every group knows its ``peak`` rate.

    Raises:
        ConfigError: A name of ``optimizer.factors`` starts no parameter's name.
    """
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for start in config.factors:
        if not any(name.startswith(start) for name in named):
            raise ConfigError(f"optimizer.factors.{start}: no trained parameter starts so")
    grouped: dict[tuple[float, bool], list[Tensor]] = {}
    for name, parameter in named.items():
        starts = [start for start in config.factors if name.startswith(start)]
        factor = config.factors[max(starts, key=len)] if starts else 1.0
        grouped.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    groups: list[dict[str, Any]] = [
        {
            "params": parameters,
            "peak": config.lr * factor,
            "weight_decay": config.weight_decay if matrix or config.name != "adamw" else 0.0,
        }
        for (factor, matrix), parameters in grouped.items()
    ]
    if config.name == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum)
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=config.lr)


def rate(config: OptimizerConfig, step: int, steps: int, per_epoch: int) -> float:
    """Give the factor on the peak learning rate.

    Args:
        config: Schedule and warm-up.
        step: 0-based optimiser step.
        steps: Steps in all.
        per_epoch: Steps of one epoch.
    """
    if step < config.warmup:
        return (step + 1) / config.warmup
    epoch = step // per_epoch
    if config.schedule == "cosine":
        done = (step - config.warmup) / max(1, steps - config.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    if config.schedule == "exponential":
        return config.gamma**epoch
    if config.schedule == "step":
        return float(config.gamma ** (epoch // config.drop_every))
    return 1.0


def set_rate(optimizer: Optimizer, factor: float) -> None:
    """Set every group's learning rate to its peak times `factor`, in place."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


@torch.no_grad()
def ascend(optimizer: Optimizer, rho: float) -> list[tuple[Tensor, Tensor]]:
    """Move parameters by rho * g / ||g||, in place; give what `descend` needs to undo it.

    Source: Foret et al. (2021), "Sharpness-aware minimization", eq. 2; non-adaptive.
    """
    moved = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    norm = torch.stack([p.grad.norm() for p in moved]).norm() + 1e-12
    before = [(p, p.clone()) for p in moved]
    for p in moved:
        p.add_(p.grad, alpha=rho / float(norm))
    return before


@torch.no_grad()
def descend(before: list[tuple[Tensor, Tensor]]) -> None:
    """Put parameters back where `ascend` found them, in place."""
    for parameter, value in before:
        parameter.copy_(value)
