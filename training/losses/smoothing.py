"""Label smoothing: part of the target is shared out evenly over all classes."""

from torch import Tensor
from torch.nn import functional


def smoothed_target(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """Give ``(1 - e) onehot + e / C``, rows summing to 1.

    Args:
        labels: (B,) int64, 0 to C - 1.
        classes: C.
        smoothing: e, 0 to 1.

    Returns:
        (B, C) float32.

    Source: Szegedy et al. (2016); POSTER specification, section 5.1.
    """
    hard = functional.one_hot(labels, classes).float()
    return (1 - smoothing) * hard + smoothing / classes


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean cross-entropy of (B, C) logits against `smoothed_target`; 0 for an empty batch.

    The same as ``(1 - e) (-ln p_y) + e mean_c(-ln p_c)``, averaged over the batch.
    """
    target = smoothed_target(labels, logits.shape[1], smoothing)
    total = -(target * logits.float().log_softmax(1)).sum()
    return total / max(len(labels), 1)
