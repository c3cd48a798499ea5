"""Optimisers, learning-rate schedules and sharpness-aware steps."""

import math
from collections.abc import Mapping, Set
from dataclasses import field
from typing import Annotated, Any, Final, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.config import AboveZero, Natural, NonNegative, Positive, ShareBelowOne, checked
from engine.errors import ConfigError

OptimizerName = Literal["adam", "adamw", "sgd"]
ScheduleName = Literal["constant", "cosine", "exponential", "step"]
LR_MAX = 1000  # no schedule of use comes near it


def _no_table(factor: object) -> object:
    unquoted = isinstance(factor, Mapping)
    if unquoted:
        raise ValueError("must be a number, got a table; a name with dots goes in quotes")
    return factor


Factor = Annotated[NonNegative, BeforeValidator(_no_table)]


@checked("optimizer")
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
    lr: Annotated[float, Field(gt=0, le=LR_MAX)] = 1e-3
    weight_decay: NonNegative = 0.05
    momentum: ShareBelowOne = 0.9
    factors: Mapping[str, Factor] = field(default_factory=dict)
    schedule: ScheduleName = "cosine"
    gamma: AboveZero = 1.0
    drop_every: Positive = 1
    warmup: Natural = 200
    sam_rho: NonNegative = 0.0
    clip: NonNegative = 5.0


# What an optimiser keeps of a parameter, by its kind.
_ADAM: Final = {"step", "exp_avg", "exp_avg_sq"}
_MOMENTS: Final[Mapping[type[Optimizer], Set[str]]] = {
    torch.optim.SGD: {"momentum_buffer"},
    torch.optim.Adam: _ADAM,
    torch.optim.AdamW: _ADAM,
}


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


def restore(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Give an optimiser the moments of another run of its recipe, in place.

    Rates and the like come from the recipe alone.

    Raises:
        ValueError: The moments are not those of its parameters.
    """
    own = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, settings in zip(optimizer.param_groups, own, strict=True):
        group.update(settings)
    wanted = _MOMENTS[type(optimizer)]
    for parameter, moments in optimizer.state.items():
        if moments.keys() != wanted:
            raise ValueError(f"optimizer: expected {', '.join(wanted)}, got {', '.join(moments)}")
        for name, value in moments.items():
            if isinstance(value, Tensor) and (
                value.shape not in (parameter.shape, torch.Size())
                or not (value.is_floating_point() and value.isfinite().all())
            ):
                raise ValueError(f"optimizer.{name}: not that of a parameter {parameter.shape}")


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
