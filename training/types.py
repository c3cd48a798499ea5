"""What every system takes, answers and offers the trainer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn


class Target(NamedTuple):
    """The truth about a batch of faces.

    Attributes:
        labels: (B,) int64, index into the data set's classes; -1 where there is none.
        shares: (B, C) float32, what the answer's distribution is to be: one-hot of the label, or
            shares of votes, or what teachers say; zeros where nothing is known.
        affect: (B, 2) float32, valence and arousal, -1 to 1; NaN where unknown.
    """

    labels: Tensor
    shares: Tensor
    affect: Tensor


class Answer(NamedTuple):
    """What a system says of a batch of faces.

    Attributes:
        logits: (B, C) whose softmax is the system's final distribution over classes; (B, 0)
            from a system without expressions.
        affect: (B, 2) valence and arousal, -1 to 1; (B, 0) from a system without them.
        embedding: (B, D) what the classifier reads; clustering scores are computed on it.
        extras: More of the same batch by name, (B, ...) each, such as ``primary`` logits.
    """

    logits: Tensor
    affect: Tensor
    embedding: Tensor
    extras: Mapping[str, Tensor]


class System(nn.Module, ABC):
    """A network with the loss it is trained by.

    Attributes:
        input_size: Side of the square crops it takes, pixels.
        class_names: In the order of its logits; empty where nobody named them or there are none.
    """

    input_size: int
    class_names: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, images: Tensor) -> Answer:
        """Judge normalised RGB crops (B, 3, S, S), S the input size."""

    @abstractmethod
    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the loss to minimise, and its parts and other figures worth logging."""

    @property
    def crop_size(self) -> int:
        """Side of the crops that are cut live: `input_size`, unless pictures were made larger."""
        return self.input_size

    @property
    def unserved(self) -> str:
        """Why nothing live is like the pictures it was trained on; empty where something is."""
        return ""

    def released_names(self) -> Mapping[str, str]:
        """Give the name of each tensor in its authors' checkpoint; empty where there is none."""
        return {}

    def served(self, crops: Tensor) -> Answer:
        """Judge what is cut live, (B, 3, S, S), S the `crop_size`, as the exported graph does."""
        said: Answer = self(crops)
        return said

    def before_step(self, progress: float) -> None:
        """Adapt schedules in place before an optimiser step; `progress` runs from 0 to 1."""

    def after_step(self) -> None:
        """Mend parameters in place after an optimiser step, such as a norm's upper bound."""
