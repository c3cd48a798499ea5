"""Soft voting of systems trained on different bootstraps (bagging)."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from training.systems.types import Answer, System, Target


class Vote(System):
    """The mean answer of members that take the same crops and know the same classes.

    Every member has one vote: expressions by the mean of the softmaxes, valence and arousal by
    the mean of the outputs. The embedding is the members' one after another. Source: DAN
    specification, section 4.
    """

    def __init__(self, members: Sequence[System]) -> None:
        super().__init__()
        sizes = sorted({member.input_size for member in members})
        if len(sizes) != 1:
            raise ValueError(f"members: expected one input size, got {sizes}")
        self.input_size = sizes[0]
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; the logits are the logarithm of the mean distribution."""
        said: list[Answer] = [member(images) for member in self.members]
        chances = torch.stack([one.logits.log_softmax(1) for one in said])
        return Answer(
            chances.logsumexp(0) - math.log(len(said)),
            torch.stack([one.affect for one in said]).mean(0),
            torch.cat([one.embedding for one in said], 1),
            {},
        )

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Refuse: bagging trains members one by one, each on its own bootstrap.

        Raises:
            ValueError: Always.
        """
        raise ValueError("a vote is not trained: train its members, each on its own bootstrap")
