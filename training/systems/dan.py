"""DAN as a system: focal, CCC, affinity and partition losses; expressions, affect or both.

Source: the ABAW 2022 extension of DAN; DAN specification, sections 4 to 6.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from engine.config import AboveZero, NonNegative, Positive, Text, checked, require
from engine.errors import ConfigError
from training.losses.ccc import annotated, ccc_loss, total
from training.losses.dan import AffinityLoss, partition_loss
from training.losses.focal import class_weights, focal_loss
from training.models.dan import Dan, DanOutput
from training.models.resnet import Convention
from training.systems.settings import Classes, SystemSettings
from training.types import Answer, System, Target

Task = Literal["expr", "va", "multi"]
FRAMES_MIN = 32  # annotated frames without which a batch says too little of a correlation


@checked("dan")
class DanConfig(SystemSettings):
    """A row of the DAN specification, section 4.

    DAN: `trunk` "resnet18". The seed: "resnet50". Switches of section 4 are the loss weights at
    0 and `gamma` at 0, which is cross-entropy.
    """

    task: Task = "expr"
    classes: Classes = 8  # not used by "va"
    trunk: Text = "resnet50"  # or resnet18; or an image trunk of `training.models.streams`
    convention: Convention = "imagenet_norm"  # of the trunk's pretrained weights
    input_size: Annotated[int, Field(ge=32, le=4096)] = 224
    heads: Positive = 4
    width: Annotated[int, Field(ge=16)] = 512  # channels the heads see; fewer suit a CPU
    gamma: NonNegative = 2.0  # of the focal loss
    class_weights: bool = False  # by inverse frequency, with mean 1
    affinity: NonNegative = 1.0  # weight; needs classes, so "va" has none
    partition: NonNegative = 1.0  # weight
    partition_eps: AboveZero = 2.22e-16  # 1e-6 under mixed precision

    def __post_init__(self) -> None:
        fits = self.convention == "imagenet_norm" or self.trunk == "resnet50"
        require(self, "convention", fits, f"imagenet_norm for {self.trunk}")
        told = self.expressions or not self.class_weights
        require(self, "class_weights", told, "false for task va, which has no classes")

    @property
    def expressions(self) -> bool:
        """Whether its task has them."""
        return self.task != "va"

    @property
    def affect(self) -> bool:
        """Whether its task has valence and arousal."""
        return self.task != "expr"

    @property
    def affect_least(self) -> int:
        """Fewer say too little of a correlation, which is then left out."""
        return FRAMES_MIN if self.affect else 0


class DanSystem(System):
    """DAN and its losses (DAN specification, section 5).

    Args:
        config: Of network and losses.
        trunk: Maps (B, 3, S, S) to (B, width_in, H, W).
        width_in: Channels of the trunk's map.
        counts: Training pictures of each class, for `DanConfig.class_weights`.
    """

    weights: Tensor | None

    def __init__(
        self,
        config: DanConfig,
        trunk: nn.Module,
        width_in: int,
        *,
        counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.input_size = config.input_size
        classes = config.classes if config.expressions else 0
        self.network = Dan(
            trunk,
            width_in,
            classes=classes,
            affect=config.affect,
            heads=config.heads,
            width=config.width,
        )
        wanted = classes and config.affinity
        self.affinity = AffinityLoss(classes, config.width) if wanted else None
        self.register_buffer("weights", _weights(config, counts), persistent=False)

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; there are no extras."""
        said: DanOutput = self.network(images)
        return Answer(said.logits, said.affect, said.embedding, {})

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the weighted sum of the task's losses, and each of them unweighted.

        A correlation over fewer than 32 annotated frames is left out; where it is the task, the
        whole batch is: loss and gradients are 0 and no statistics move. ``dropped`` says so.
        """
        enough = not self.config.affect or _frames(target) >= FRAMES_MIN
        if not self.config.expressions and not enough:
            return self._nothing(), {"dropped": target.affect.new_ones(())}
        said: DanOutput = self.network(images)
        parts = self._parts(said, target, enough)
        weights = {"affinity": self.config.affinity, "partition": self.config.partition}
        loss = torch.stack([weights.get(name, 1.0) * part for name, part in parts.items()]).sum()
        figures = {name: part.detach() for name, part in parts.items()}
        if self.config.affect:
            figures["dropped"] = loss.new_tensor(float(not enough))
        return loss, figures

    def _parts(self, said: DanOutput, target: Target, enough: bool) -> dict[str, Tensor]:
        """Compute the losses that the task has and the configuration keeps."""
        parts: dict[str, Tensor] = {}
        known = target.labels >= 0
        labels, logits = target.labels[known], said.logits[known]
        if self.config.expressions:
            gamma, weights = self.config.gamma, self.weights
            parts["focal"] = focal_loss(logits, target.shares[known], gamma=gamma, weights=weights)
        if self.affinity is not None:
            parts["affinity"] = self.affinity(said.features[known], labels)
        if self.config.affect:
            parts["ccc"] = ccc_loss(said.affect, target.affect) if enough else said.affect.sum() * 0
        if self.config.partition:
            parts["partition"] = partition_loss(said.attention, self.config.partition_eps)
        return parts

    def _nothing(self) -> Tensor:
        """Give a loss of 0 that every parameter takes part in, as distributed training asks."""
        return torch.stack([p.sum() for p in self.parameters() if p.requires_grad]).sum() * 0


def _frames(target: Target) -> int:
    """Count annotated frames over all processes, so that all drop a batch or none does."""
    return int(total(annotated(target.affect).sum()))


def _weights(config: DanConfig, counts: Sequence[int] | None) -> Tensor | None:
    """Give each class a weight in inverse proportion to its pictures, 1 in the mean."""
    if not config.class_weights:
        return None
    if counts is None or len(counts) != config.classes or min(counts) < 1:
        raise ConfigError(
            f"dan.class_weights: needs training pictures of all {config.classes} classes,"
            f" got {counts}"
        )
    return class_weights(torch.tensor(counts))
