"""What the loop trains: a task, and the batches it is shown."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn

Metrics = Mapping[str, float]


class Batches(ABC):
    """A data set whose item is one whole batch: a pure function of (seed, index)."""

    @abstractmethod
    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - nested tuples of tensors
        """Make a batch: nested tuples of tensors (B, ...)."""

    @property
    @abstractmethod
    def per_epoch(self) -> int:
        """Batches in one pass over the data."""

    def names(self, index: int) -> Sequence[str]:
        """Names of the samples of a batch, where they are known."""
        return ()

    def shard(self, rank: int, world: int) -> "Batches":
        """Give every `world`-th sample of each batch, from `rank` on."""
        return _Shard(self, rank, world)


@dataclass(frozen=True, slots=True)
class _Shard(Batches):
    whole: Batches
    rank: int
    world: int

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - see Batches
        return apply_to_collection(
            self.whole[index], Tensor, lambda rows: rows[self.rank :: self.world]
        )

    @property
    def per_epoch(self) -> int:
        return self.whole.per_epoch


class Task(ABC):
    """What is trained.

    Attributes:
        model: The network whose parameters are trained.
        methods: Its methods, besides ``forward``, that compute a loss.
    """

    methods: Sequence[str] = ()

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    @abstractmethod
    def loss(self, model: nn.Module, batch: Any) -> tuple[Tensor, Mapping[str, Tensor]]:  # noqa: ANN401 - see Batches
        """Give the loss to minimise and figures worth logging; `model` may be a wrapped one."""

    @abstractmethod
    def evaluate(self, model: nn.Module) -> Metrics:
        """Measure on the validation split."""

    def before_step(self, progress: float) -> None:
        """Adapt schedules in place before a step; `progress` runs from 0 to 1."""
        return

    def after_step(self) -> None:
        """Mend parameters in place after a step."""
        return
