"""The training loop: one optimiser step after another, on one device or many, resumable.

Lightning Fabric moves batches, scales precision and joins processes; what is trained, on what
and how it is judged comes from a `Task` and its `Batches` (docs/decisions/0007).
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import torch
from lightning_fabric import Fabric
from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from engine.config import (
    CHECKS,
    Natural,
    NonNegative,
    Positive,
    ShareBelowOne,
    checked,
    explain,
)
from engine.errors import ConfigError, ModelError
from training.trainer.checkpoint import load_state, save_state
from training.trainer.journal import Journal, Window
from training.trainer.optimizers import (
    OptimizerConfig,
    ascend,
    descend,
    make_optimizer,
    rate,
    restore,
    set_rate,
)
from training.trainer.task import Batches, Metrics, Task
from training.weights import (
    HOLDS,
    kind_in,
    kind_of,
    load_weights,
    one_line,
    save_weights,
    take,
)

log = logging.getLogger(__name__)

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Accelerator = Literal["auto", "cpu", "cuda"]

CHECKPOINT, BEST, MODEL = "checkpoint.safetensors", "best.safetensors", "model.safetensors"
KEPT = "kept-{step:07d}.safetensors"  # of each evaluation, where they are kept
SEED_MAX = 2**32 - 1  # torch's generator takes 64 bits, and every pass needs a seed of its own


@checked("loop")
class LoopConfig:
    """How long to train, on what, and which weights to keep.

    Attributes:
        steps: Optimiser steps in all; or give `epochs`.
        epochs: Passes over the data, where `steps` is 0.
        batch: Samples of one forward pass, over all devices.
        accumulate: Forward passes per optimiser step.
        ema: Decay of the averaged weights, which are the ones judged and kept; 0 is off.
        every: Steps between evaluations, each with a checkpoint; 0 is once per epoch.
        minutes: Longest time between checkpoints, which is what a stop can cost; 0 leaves them
            to the evaluations.
        monitor: Figure of the evaluation that decides which weights are kept, more is better;
            empty keeps the last ones.
        patience: Evaluations without a better `monitor` before the run ends; 0 never ends it.
        keep: Whether the weights of every evaluation stay, ``kept-0000500.safetensors`` and so on.
        seed: Of everything random, 0 or more.
        workers: Processes that make batches, per device.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        accelerator: ``cpu``, ``cuda`` or ``auto``.
        devices: Processes on this machine.
        nodes: Machines.
    """

    batch: Positive
    steps: Natural = 0
    epochs: NonNegative = 0.0
    accumulate: Positive = 1
    ema: ShareBelowOne = 0.0
    every: Natural = 0
    minutes: NonNegative = 5.0
    monitor: str = ""
    patience: Natural = 0
    keep: bool = False
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = 0
    workers: Natural = 1
    precision: Precision = "32-true"
    accelerator: Accelerator = "auto"
    devices: Positive = 1
    nodes: Positive = 1

    def __post_init__(self) -> None:
        if (self.steps > 0) == (self.epochs > 0):
            raise ConfigError("loop.steps, loop.epochs: give one of them, above 0")
        if self.patience and not self.monitor:
            raise ConfigError("loop.patience: needs loop.monitor, the figure to watch")


@dataclass(slots=True, config=CHECKS)
class _Progress:
    """Where a run stands."""

    step: Natural = 0
    best: Annotated[float, Field(allow_inf_nan=True)] = -math.inf
    waited: Natural = 0  # evaluations since the best one
    done: bool = False


def fit(
    task: Task, batches: Batches, config: LoopConfig, optimizer: OptimizerConfig, folder: Path
) -> nn.Module:
    """Train, resuming from `folder` if it holds a checkpoint; return the network to keep.

    The folder receives ``log.csv``, ``tensorboard/``, ``checkpoint.safetensors``,
    ``best.safetensors`` where a figure is monitored and, at the end, ``model.safetensors``.

    Raises:
        ConfigError: Settings that exclude each other or the machine.
        ModelError: The loss, its gradient or a weight is not finite, or the checkpoint is
            another network's.
        SinkError: A checkpoint cannot be written; the one before is whole.
    """
    return _Run(task, batches, config, optimizer, folder).go()


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters lie."""
    return next(model.parameters(), torch.empty(0)).device


def open_fabric(config: LoopConfig) -> Fabric:
    """Join the processes that `config` asks for.

    Raises:
        ConfigError: Such a device is not there.
    """
    many = config.devices * config.nodes > 1
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.nodes,
            strategy="ddp" if many else "auto",
            precision=config.precision,
        )
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"loop.accelerator {config.accelerator}: {error}") from error
    fabric.launch()
    return fabric


def with_shared_statistics(model: nn.Module) -> nn.Module:
    """Let BatchNorm see the batches of all devices, in place; names and weights stay.

    torch can do so on CUDA alone. In eval such a layer is the BatchNorm that it was.
    """
    converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]  # torch's stub lacks it
    return converted


class _Run:
    def __init__(
        self,
        task: Task,
        batches: Batches,
        config: LoopConfig,
        optimizer: OptimizerConfig,
        folder: Path,
    ) -> None:
        if optimizer.sam_rho and config.precision == "16-mixed":
            raise ConfigError("optimizer.sam_rho: not with loop.precision 16-mixed; use bf16-mixed")
        self.task, self.config, self.moves, self.folder = task, config, optimizer, folder
        self.fabric = fabric = open_fabric(config)
        if config.batch % fabric.world_size:
            raise ConfigError(f"loop.batch: {config.batch} over {fabric.world_size} devices")
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        shared = fabric.world_size > 1 and fabric.device.type == "cuda"
        model = with_shared_statistics(task.model) if shared else task.model
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        self.averaged: AveragedModel | None = None
        self.optimizer: Optimizer = make_optimizer(self.model, optimizer)
        self.module, self.wrapped = fabric.setup(self.model, self.optimizer)
        for name in task.methods:
            self.module.mark_forward_method(name)
        if config.ema:
            average = get_ema_multi_avg_fn(config.ema)  # type: ignore[no-untyped-call]  # torch's stub lacks it
            self.averaged = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.per_epoch = max(1, batches.per_epoch // config.accumulate)
        self.steps = config.steps or max(1, round(config.epochs * self.per_epoch))
        self.every = config.every or self.per_epoch
        self.all_batches = batches
        self.batches = (
            batches.shard(fabric.global_rank, fabric.world_size)
            if fabric.world_size > 1
            else batches
        )
        self.progress = _Progress()
        self.saved = time.monotonic()

    @property
    def kept(self) -> nn.Module:
        """The network that is judged: averaged weights where there are any."""
        return self.averaged.module if self.averaged is not None else self.model

    def go(self) -> nn.Module:
        self._resume()
        start = self.progress.step
        if self.fabric.is_global_zero and not self.progress.done:
            with Journal(self.folder, start, self.steps) as journal:
                self._train(start, journal)
        elif not self.progress.done:
            self._train(start, None)
        self.fabric.barrier()
        if self.config.monitor and (self.folder / BEST).exists():
            load_weights(self.kept, self.folder / BEST)
        if self.fabric.is_global_zero:
            save_weights(self.kept, self.folder / MODEL)
        return self.kept.eval()

    def _train(self, start: int, journal: Journal | None) -> None:
        source = self._batches(start)
        window = Window()
        self.module.train()
        for step in range(start, self.steps):
            loss, rows = self._step(step, source)
            window.add(rows)
            if journal:
                journal.advance(step + 1, loss)
            if (step + 1) % self.every == 0 or step + 1 == self.steps:
                self._judge(step + 1, window, journal)
                window = Window()
                if self.progress.done:
                    break
                self.module.train()
            elif 0 < 60 * self.config.minutes <= time.monotonic() - self.saved:
                self._check_weights(step + 1)
                self.progress.step = step + 1
                self._save()

    def _batches(self, start: int) -> Iterator[Any]:
        many, workers = self.config.accumulate, self.config.workers
        loader = DataLoader(
            _Indexed(self.batches),
            batch_size=None,
            sampler=range(start * many, self.steps * many),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            pin_memory=self.fabric.device.type == "cuda",
        )
        return iter(loader)

    def _step(self, step: int, source: Iterator[Any]) -> tuple[float, list[Mapping[str, Tensor]]]:
        """One optimiser step; gives what `_gradient` does, before SAM's climb."""
        self.task.before_step(step / self.steps)
        set_rate(self.optimizer, rate(self.moves, step, self.steps, self.per_epoch))
        passes = [self.fabric.to_device(next(source)) for _ in range(self.config.accumulate)]
        loss, rows = self._gradient(step, passes)
        if self.moves.sam_rho:
            before = ascend(self.optimizer, self.moves.sam_rho)
            self._gradient(step, passes)
            descend(before)
        largest = self.moves.clip or math.inf
        norm = self.fabric.clip_gradients(
            self.module, self.wrapped, max_norm=largest, error_if_nonfinite=False
        )
        # The scaler of 16-mixed leaves such steps out, and tries a smaller scale.
        if self.config.precision != "16-mixed" and not _tensor(norm).isfinite():
            raise ModelError(self._broken(step, "the gradient is"))
        self.wrapped.step()
        self.task.after_step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)
        return loss, rows

    def _gradient(
        self, step: int, passes: Sequence[Any]
    ) -> tuple[float, list[Mapping[str, Tensor]]]:
        """Gather the mean gradient of the passes.

        Returns:
            The mean loss over all devices, and this device's figures of each pass.
        """
        self.wrapped.zero_grad()
        rows: list[Mapping[str, Tensor]] = []
        world, rank = self.fabric.world_size, self.fabric.global_rank
        for k, batch in enumerate(passes):
            index = step * len(passes) + k
            # Resuming, and SAM's second look, draw the same dropout.
            torch.manual_seed((self.config.seed * 1_000_003 + index) * world + rank)
            more = k + 1 < len(passes)
            with self.fabric.no_backward_sync(self.module, enabled=more):
                loss, figures = self.task.loss(self.module, batch)
                self.fabric.backward(loss / len(passes))
            told = {"loss": loss, **figures}
            rows.append({name: _tensor(value) for name, value in told.items()})
        mean = torch.stack([row["loss"] for row in rows]).mean()
        everywhere = float(_tensor(self.fabric.all_reduce(mean)) if world > 1 else mean)
        if not math.isfinite(everywhere):
            raise ModelError(self._broken(step, "the loss is"))
        return everywhere, rows

    def _broken(self, step: int, what: str) -> str:
        first = step * self.config.accumulate
        indices = range(first, first + self.config.accumulate)
        names = [name for index in indices for name in self.all_batches.names(index)]
        faces = f"; faces {', '.join(names)}" if names else ""
        saved = self.folder / CHECKPOINT
        last = f"{saved} holds an earlier step" if saved.exists() else "no checkpoint yet"
        return (
            f"step {step + 1}: {what} not finite; {last}; lower optimizer.lr or raise "
            f"optimizer.warmup; batch {', '.join(map(str, indices))}{faces}"
        )

    def _check_weights(self, step: int) -> None:
        states = [network.state_dict().values() for network in (self.model, self.kept)]
        if not all(bool(tensor.isfinite().all()) for state in states for tensor in state):
            raise ModelError(self._broken(step - 1, "the weights are"))

    def _judge(self, step: int, window: Window, journal: Journal | None) -> None:
        """Evaluate, remember the best weights, save; in place."""
        spent = time.monotonic() - window.began
        self._check_weights(step)
        means = window.means(self.fabric.world_size)
        many = self.config.batch * self.config.accumulate
        figures: dict[str, float] = {}
        if self.fabric.is_global_zero:
            figures = dict(self.task.evaluate(self.kept))
        figures = self.fabric.broadcast(figures)
        now = self.progress
        now.step = step
        self._compare(figures)
        if self.config.keep and self.fabric.is_global_zero:
            save_weights(self.kept, self.folder / KEPT.format(step=step))
        now.done = step >= self.steps or bool(
            self.config.patience and now.waited >= self.config.patience
        )
        if journal:
            speed = round(window.steps * many / spent, 1)
            journal.write({"step": step, "images_per_s": speed, **means, **figures})
        self._save()

    def _compare(self, figures: Metrics) -> None:
        monitor, now = self.config.monitor, self.progress
        if not monitor:
            return
        if monitor not in figures:
            raise ConfigError(f"loop.monitor: {monitor} is not among {', '.join(figures)}")
        now.waited += 1
        if figures[monitor] > now.best:
            now.best, now.waited = figures[monitor], 0
            if self.fabric.is_global_zero:
                save_weights(self.kept, self.folder / BEST)

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"model": self.model, "optimizer": self.optimizer}
        parts["precision"] = self.fabric.strategy.precision
        if self.averaged is not None:
            parts["averaged"] = self.averaged
        return parts

    def _save(self) -> None:
        self.saved = time.monotonic()
        if not self.fabric.is_global_zero:
            return
        now = self.progress
        standing = {"step": now.step, "best": now.best, "waited": now.waited, "done": now.done}
        states = {name: part.state_dict() for name, part in self._parts().items()}
        holds = kind_of(self.model)
        save_state(self.folder / CHECKPOINT, {"progress": standing, HOLDS: holds, **states})

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        state, parts = load_state(path), self._parts()
        another = f"{path}: of another run than this one"
        try:
            kind = kind_in(state.get(HOLDS, {}), str(path))
            take(parts.pop("model"), state["model"], kind, another)
            restore(parts.pop("optimizer"), state["optimizer"])
            for name, part in parts.items():
                part.load_state_dict(state[name])
            self.progress = _Progress(**state["progress"])
        except ValidationError as error:
            raise ModelError(f"{path}: {explain(_Progress, error, 'progress')}") from error
        except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            why = f"{type(error).__name__} {one_line(error)}"
            raise ModelError(f"{another}: {why}") from error
        if self.progress.step > self.steps:
            raise ModelError(
                f"{path}: progress.step: must be at most {self.steps}, got {self.progress.step}"
            )
        log.info("resuming at step %d", self.progress.step)


def _tensor(value: Any) -> Tensor:  # noqa: ANN401 - what Fabric reduces, or a task's figure
    return torch.as_tensor(value, dtype=torch.float32).detach()


class _Indexed(Dataset[Any]):
    """Adapts `Batches` to a DataLoader with threads kept off the trainer's cores."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - see Batches
        cv2.setNumThreads(0)
        return self.batches[index]
