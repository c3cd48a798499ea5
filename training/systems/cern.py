"""CERN as a system: each part of the face is to reproduce the truth, their mean is the answer."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from torch import Tensor

from engine.config import checked
from training.losses.smoothing import smoothed_cross_entropy
from training.models.cern import STRIDE, Cern
from training.systems.settings import Classes, SystemSettings
from training.types import Answer, System, Target

SIDE_STEP = 2 * STRIDE  # the trunk's map is cut into quarters


@checked("cern")
class CernConfig(SystemSettings):
    """The compact network of Gera, Balasubramanian and Jami (2022).

    Attributes:
        classes: C.
        input_size: Side of the crops it takes, pixels.
        mirrored: Whether it looks at the face and its mirror image, as published, or once.
    """

    classes: Classes = 8
    input_size: Annotated[int, Field(ge=2 * SIDE_STEP, le=1024, multiple_of=SIDE_STEP)] = 128
    mirrored: bool = True

    @property
    def needs_gray(self) -> bool:
        """Whether the engine shows it gray crops: it sees no others, whatever it is given."""
        return True


class CernSystem(System):
    """CERN and its loss."""

    def __init__(self, config: CernConfig) -> None:
        super().__init__()
        self.input_size = config.input_size
        self.network = Cern(config.classes, mirrored=config.mirrored)

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; there are no extras."""
        said = self.network(images)
        logits = said.parts.mean(1)
        return Answer(logits, logits[:, :0], said.embedding, {})

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Sum the cross-entropies with the shares, of the four quarters and of the whole."""
        parts: Tensor = self.network(images).parts
        known = target.shares.any(1)
        losses = [
            smoothed_cross_entropy(part[known], target.shares[known]) for part in parts.unbind(1)
        ]
        agree = (parts.mean(1).argmax(1) == target.shares.argmax(1)).float().mean()
        return sum(losses[1:], losses[0]), {"whole": losses[-1].detach(), "agree": agree.detach()}
