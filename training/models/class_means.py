"""Where the faces of each class lie in the embedding space, for anchors that start there."""

import torch
from torch import Tensor, distributed, nn


class ClassMeans(nn.Module):
    """Running means of the embeddings of each class, over all processes of a run.

    Source: ARBEx specification, section 6, "Anchor init", option ``class_mean``.

    Attributes:
        placed: Whether anchors have been put on the means; they are, once.
    """

    sums: Tensor
    counts: Tensor
    placed: Tensor

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("sums", torch.zeros(classes, dim))
        self.register_buffer("counts", torch.zeros(classes))
        self.register_buffer("placed", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def update(self, embeddings: Tensor, labels: Tensor) -> None:
        """Count embeddings (B, D) of classes (B,) in, in place."""
        self.sums.index_add_(0, labels, embeddings.float())
        self.counts.index_add_(0, labels, torch.ones_like(labels, dtype=self.counts.dtype))

    @torch.no_grad()
    def place(self, anchors: Tensor) -> None:
        """Scatter anchors (C, K, D) about their class's mean, std 0.02, in place.

        Those of a class without faces stay where they are.
        """
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(self.sums)
            distributed.all_reduce(self.counts)
        # A generator of its own: processes of one run must place them alike.
        noise = 0.02 * torch.randn(anchors.shape, generator=torch.Generator().manual_seed(0))
        seen = self.counts > 0
        means = self.sums[seen] / self.counts[seen, None]
        anchors[seen] = means[:, None] + noise.to(anchors.device)[seen]
        self.placed.fill_(True)
