"""Targets as distributions, and label smoothing: a part is shared out evenly over all classes."""

from torch import Tensor
from torch.nn import functional


def distribution(target: Tensor, classes: int) -> Tensor:
    """Give what a loss is to reproduce as (B, C) float32, rows summing to 1.

    Args:
        target: (B,) int64 labels, 0 to C - 1, or (B, C) float32 shares, as `cross_entropy` of torch
            takes them.
        classes: C.
    """
    return functional.one_hot(target, classes).float() if target.ndim == 1 else target


def smoothed_target(target: Tensor, classes: int, smoothing: float) -> Tensor:
    """Give ``(1 - e) t + e / C``, (B, C) float32, rows summing to 1.

    Args:
        target: See `distribution`, which gives t.
        classes: C.
        smoothing: e, 0 to 1.

    Source: Szegedy et al. (2016); POSTER specification, section 5.1.
    """
    return (1 - smoothing) * distribution(target, classes) + smoothing / classes


def smoothed_cross_entropy(logits: Tensor, target: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of (B, C) logits against `smoothed_target`; 0 for an empty batch.

    The same as ``(1 - e) (-ln p_y) + e mean_c(-ln p_c)``, averaged over the batch, for labels y.
    """
    smoothed = smoothed_target(target, logits.shape[1], smoothing)
    total = -(smoothed * logits.float().log_softmax(1)).sum()
    return total / max(len(target), 1)
