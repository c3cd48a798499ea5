"""ARBEx's three losses: class distribution, anchors apart, anchors near their class.

Source: ARBEx (Wasi et al. 2023), section 3.5, eq. 20-22; ARBEx specification, section 6.
Means over a batch without a face are 0.
"""

import math
from typing import Literal

import torch
from torch import Tensor

from training.losses.smoothing import distribution, smoothed_target

Pairs = Literal["cross_class", "same_index"]

FLOOR = 1e-8


def class_distribution_loss(
    corrected: Tensor, target: Tensor, *, smoothing: float = 0.11, weights: Tensor | None = None
) -> Tensor:
    """L_cls = -(1/B) sum_i w[y_i] sum_c y~[i, c] ln max(q[i, c], 1e-8) (eq. 20).

    Of shares instead of labels y, w[y_i] is their mean of w.

    Args:
        corrected: (B, C) probabilities q, not logits.
        target: Labels or shares, see `training.losses.smoothing.distribution`.
        smoothing: eps_s, 0 to 1: share of the target that all classes divide evenly.
        weights: (C,) w; 1 for every class when left out.
    """
    smoothed = smoothed_target(target, corrected.shape[1], smoothing)
    losses = -(smoothed * corrected.clamp(min=FLOOR).log()).sum(1)
    if weights is not None:
        losses = (distribution(target, len(weights)) * weights).sum(1) * losses
    return losses.sum() / max(len(losses), 1)


def inverse_frequency(counts: Tensor) -> Tensor:
    """Class weights (n / C) / n_c of counts (C,); 0 for a class without faces."""
    present = counts > 0
    return torch.where(present, counts.sum() / len(counts) / counts.clamp(min=1), 0.0)


def anchor_loss(anchors: Tensor, pairs: Pairs = "cross_class") -> Tensor:
    """L_anchor: minus the mean squared distance of anchors, over sqrt(D) (eq. 21).

    ``cross_class`` takes the mean over all ordered pairs of anchors of different classes;
    ``same_index``, as the public code does, sums those with equal k and divides by K^2.
    Unbounded below.

    The sums over pairs are taken as scatters, since n points have n sum ||a - mean||^2 = sum over
    unordered pairs: the work is linear in the number of anchors.

    Args:
        anchors: (C, K, D).
        pairs: Which ones repel each other.
    """
    classes, count, dim = anchors.shape
    if pairs == "same_index":
        return -2 * classes * _scatter(anchors, 0) / (count**2 * math.sqrt(dim))
    everywhere = classes * count * _scatter(anchors.flatten(0, 1), 0)
    within = count * _scatter(anchors, 1)
    ordered_pairs = classes * (classes - 1) * count**2
    return -2 * (everywhere - within) / (ordered_pairs * math.sqrt(dim))


def _scatter(points: Tensor, axis: int) -> Tensor:
    """Sum of squared differences from the mean over `axis`."""
    return (points - points.mean(axis, keepdim=True)).square().sum()


def anchor_distances(anchors: Tensor, embeddings: Tensor) -> Tensor:
    """Give d = sqrt(||a - e||^2 + 1e-12) over the last axis of two broadcast tensors (eq. 12).

    The small term keeps the gradient finite where an anchor meets an embedding. The difference
    is squared as it is: expanded into products it would lose exactly those short distances.
    """
    return ((anchors - embeddings).square().sum(-1) + 1e-12).sqrt()


def center_loss(
    anchors: Tensor, embeddings: Tensor, labels: Tensor, confidence: Tensor | None = None
) -> Tensor:
    """L_center = (1/B) sum_i min_k d[y_i, k](e_i) / sqrt(D) (eq. 22).

    Args:
        anchors: (C, K, D).
        embeddings: (B, D).
        labels: (B,) int64, 0 to C - 1.
        confidence: (B,) factor of each face, k(p_i) in the public code; it is detached, or being
            unsure would pay.
    """
    nearest = anchor_distances(anchors[labels], embeddings.float()[:, None]).amin(1)
    if confidence is not None:
        nearest = nearest * confidence.detach()
    return nearest.sum() / (max(len(nearest), 1) * math.sqrt(anchors.shape[2]))
