"""Reliability balancing: two votes on a face correct its primary distribution.

Source: ARBEx (Wasi et al. 2023), sections 3.3-3.4, eq. 10-19; ARBEx specification, section 5.
Everything here is computed in float32, autocast or not.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from training.losses.arbex import anchor_distances

Scope = Literal["sample", "tokens", "batch"]
Mix = Literal["seed", "code"]

LOG_FLOOR = 1e-12
WEIGHT_FLOOR = 1e-8


def confidence(distribution: Tensor) -> Tensor:
    """k(l) = 1 - H(l), H the entropy divided by ln N: 0 uniform, 1 certain (eq. 10-11).

    Args:
        distribution: (..., N), sums to 1.

    Returns:
        (...), 0 to 1.
    """
    terms = distribution * distribution.clamp(min=LOG_FLOOR).log()
    return (1 + terms.sum(-1) / math.log(distribution.shape[-1])).clamp(0, 1)


def weighted(first: Tensor, second: Tensor) -> Tensor:
    """Average two distributions (B, C), each with its own confidence as weight (eq. 18-19)."""
    weights = torch.stack([confidence(first), confidence(second)]) + WEIGHT_FLOOR
    weights = weights / weights.sum(0)
    return weights[0, :, None] * first + weights[1, :, None] * second


class Anchors(nn.Module):
    """K trainable points a[c, k] for every class in the space of the embeddings.

    Args:
        classes: C.
        count: K, at least 1.
        dim: D.
        delta: Steepness of the similarities, above 0; towards 0 the nearest anchor decides.
    """

    def __init__(self, classes: int, count: int, dim: int, *, delta: float = 1.0) -> None:
        super().__init__()
        self.delta = delta
        self.points = nn.Parameter(torch.empty(classes, count, dim))
        # Not zeros, as in the public code: equal anchors would repel each other with no force.
        nn.init.normal_(self.points, std=0.02)

    def forward(self, embedding: Tensor) -> Tensor:
        """Map (B, D) to the vote t_g (B, C): similarities, summed per class (eq. 13-14)."""
        distances = anchor_distances(self.points, embedding.float()[:, None, None])
        similarities = (-distances / self.delta).flatten(1).softmax(1)
        return similarities.reshape(distances.shape).sum(2)


class AttentionVote(nn.Module):
    """Multi-head self-attention whose answer is a distribution, t_a (eq. 15-17).

    Args:
        dim: D, a multiple of `heads`.
        classes: C.
        heads: Of the attention.
        groups: Outputs n per class; they are summed after the softmax.
        scope: What attends. ``sample``: the embedding alone, which makes the vote linear in it
            and leaves queries and keys without gradient. ``tokens``: the embedding to all tokens
            of its face. ``batch``: the embeddings of a batch to each other, as in the public
            code; an answer then depends on the other faces.
    """

    def __init__(
        self, dim: int, classes: int, *, heads: int = 8, groups: int = 1, scope: Scope = "sample"
    ) -> None:
        super().__init__()
        self.heads, self.groups = heads, groups
        self.scope = scope
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.project = nn.Linear(dim, classes * groups)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, T, D), the embedding first, to (B, C)."""
        own = tokens[:, :1]
        if self.scope == "batch":
            own = own.transpose(0, 1)
        others = tokens if self.scope == "tokens" else own
        votes: Tensor = self.project(self._attend(own, others)).flatten(0, 1)
        shares = votes.float().softmax(1)
        return shares.reshape(tokens.shape[0], -1, self.groups).sum(2)

    def _attend(self, own: Tensor, others: Tensor) -> Tensor:
        """(N, Q, D) asks (N, T, D); the answer is (N, Q, D), heads concatenated."""
        query, key = self._heads(self.query(own)), self._heads(self.key(others))
        value = self._heads(self.value(others))
        # Written out: over a single key the softmax's gradient is then 0 exactly. The fused kernels
        # leave rounding behind, differently on each processor, which Adam scales up to whole steps.
        scores = query * query.shape[3] ** -0.5 @ key.transpose(2, 3)
        answer: Tensor = scores.softmax(3) @ value
        return answer.transpose(1, 2).flatten(2)

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


class Balanced(NamedTuple):
    """A corrected distribution and what corrected it, (B, C) each.

    Attributes:
        corrected: q, the final distribution.
        correction: t, both votes together.
        anchors: t_g, the vote of the anchors.
        attention: t_a, the vote of the attention.
    """

    corrected: Tensor
    correction: Tensor
    anchors: Tensor
    attention: Tensor


class ReliabilityBalancing(nn.Module):
    """Lean on the votes as far as the primary distribution is unsure.

    Args:
        anchors: Gives t_g.
        attention: Gives t_a.
        mix: ``seed`` weights p and t by their confidences; ``code`` is the public code's
            q = k(p) p + (1 - k(p)) t.

    Attributes:
        trust: r, 0 to 1: how far q may leave p. A buffer, so that a checkpoint keeps it.
    """

    trust: Tensor

    def __init__(self, anchors: Anchors, attention: AttentionVote, *, mix: Mix = "seed") -> None:
        super().__init__()
        self.anchors = anchors
        self.attention = attention
        self.mix = mix
        self.register_buffer("trust", torch.ones(()))

    def forward(self, primary: Tensor, tokens: Tensor) -> Balanced:
        """Correct p (B, C) by what is in `tokens` (B, T, D), the embedding first."""
        anchors, attention = self.anchors(tokens[:, 0]), self.attention(tokens)
        correction = weighted(anchors, attention)
        corrected = correct(primary, correction, self.mix)
        corrected = (1 - self.trust) * primary + self.trust * corrected
        return Balanced(corrected, correction, anchors, attention)


def correct(primary: Tensor, correction: Tensor, mix: Mix) -> Tensor:
    """Give q from p and t, (B, C) each: eq. 19, or the public code's form of it."""
    if mix == "seed":
        return weighted(primary, correction)
    sure = confidence(primary)[:, None]
    return sure * primary + (1 - sure) * correction
