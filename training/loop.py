"""One small training loop: batches by step number, cosine schedule, averaged weights, resume."""

import csv
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from engine.errors import ConfigError

log = logging.getLogger(__name__)

Metrics = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """How long and how fast to train.

    Attributes:
        steps: Optimiser steps in all.
        batch: Samples per step.
        lr: Peak learning rate of AdamW.
        weight_decay: Decoupled weight decay on matrices and kernels.
        warmup: Steps of linear warm-up before the cosine.
        ema: Decay of the averaged weights, which are the ones evaluated and kept.
        every: Steps between evaluations and checkpoints.
        seed: Of everything random.
        workers: Processes that make batches.
    """

    steps: int
    batch: int
    lr: float = 2e-3
    weight_decay: float = 0.05
    warmup: int = 200
    ema: float = 0.998
    every: int = 500
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"loop.{name}: must be at least 1, got {getattr(self, name)}")


class Batches(Protocol):
    """A data set whose item is the whole batch of one step: a pure function of (seed, step)."""

    def __getitem__(self, step: int) -> Any: ...  # noqa: ANN401 - a tuple of tensors, per task


class Task(Protocol):
    """What is trained: loss of a batch and metrics of the averaged weights."""

    @property
    def model(self) -> nn.Module:
        """The network whose parameters are trained."""
        ...

    def loss(self, batch: Any) -> tuple[Tensor, Metrics]:  # noqa: ANN401 - see Batches
        """Give the loss to minimise and figures worth logging."""
        ...

    def evaluate(self, model: nn.Module) -> Metrics:
        """Measure on the validation split."""
        ...


def fit(task: Task, batches: Batches, config: LoopConfig, folder: Path) -> nn.Module:
    """Train, resuming from `folder` if it holds a checkpoint; return the averaged model.

    The folder receives ``log.csv``, ``checkpoint.pt`` (tensors and numbers only) and, at the
    end, ``model.safetensors`` with the averaged weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loop.json").write_text(json.dumps(asdict(config), indent=2))
    torch.manual_seed(config.seed)
    model: nn.Module = task.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]  # torch's stub lacks it
    averaged = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
    optimizer = torch.optim.AdamW(_groups(model, config), lr=config.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _schedule(config))
    start = _resume(folder, model, averaged, optimizer, schedule)
    loader = DataLoader(
        _Steps(batches),
        batch_size=None,
        sampler=range(start, config.steps),
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
    )
    sums: dict[str, float] = {}
    began, since = time.monotonic(), start
    model.train()
    for step, batch in enumerate(loader, start + 1):
        torch.manual_seed(config.seed * 1_000_003 + step)  # resuming draws the same dropout
        optimizer.zero_grad(set_to_none=True)
        loss, figures = task.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks it
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(model)
        for name, value in figures.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        if step % config.every == 0 or step == config.steps:
            rate = (step - since) * config.batch / (time.monotonic() - began)
            means = {name: value / (step - since) for name, value in sums.items()}
            row = {"step": step, "images_per_s": round(rate, 1), **means}
            row |= dict(task.evaluate(averaged.module))
            _log(folder, row)
            _save(folder, step, model, averaged, optimizer, schedule)
            sums, began, since = {}, time.monotonic(), step
            model.train()
    result: nn.Module = averaged.module
    save_weights(result, folder / "model.safetensors")
    return result


class _Steps(Dataset[Any]):
    """Adapts `Batches` to a DataLoader with threads kept off the trainer's cores."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, step: int) -> Any:  # noqa: ANN401 - see Batches
        cv2.setNumThreads(0)
        return self.batches[step]


def _groups(model: nn.Module, config: LoopConfig) -> list[dict[str, Any]]:
    trained = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _schedule(config: LoopConfig) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < config.warmup:
            return (step + 1) / config.warmup
        done = (step - config.warmup) / max(1, config.steps - config.warmup)
        return 0.5 * (1 + float(torch.cos(torch.tensor(min(done, 1.0) * torch.pi)))) + 1e-3

    return factor


def _log(folder: Path, row: Mapping[str, float]) -> None:
    path = folder / "log.csv"
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)
    log.info(" ".join(f"{name}={value:.5g}" for name, value in row.items()))


def _save(folder: Path, step: int, *parts: Any) -> None:  # noqa: ANN401 - all have state_dict
    partial = folder / "checkpoint.partial"
    torch.save({"step": step, "parts": [part.state_dict() for part in parts]}, partial)
    partial.replace(folder / "checkpoint.pt")


def _resume(folder: Path, *parts: Any) -> int:  # noqa: ANN401 - all have state_dict
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True)
    for part, state in zip(parts, saved["parts"], strict=True):
        part.load_state_dict(state)
    log.info("resuming at step %d", saved["step"])
    return int(saved["step"])


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's parameters and buffers as safetensors."""
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote, strictly."""
    model.load_state_dict(load_file(path))
