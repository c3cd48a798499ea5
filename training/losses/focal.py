"""Focal loss: faces that are already judged well count less.

Source: Lin et al. (2017), "Focal Loss for Dense Object Detection"; DAN specification, section 5.
The ABAW paper (Jeong et al. 2022, section 2.2) names it and prints no equation.
"""

import torch
from torch import Tensor

from training.losses.smoothing import distribution


def focal_loss(
    logits: Tensor, target: Tensor, *, gamma: float = 2.0, weights: Tensor | None = None
) -> Tensor:
    """``(1/B) sum_i sum_c t_ic w_c (1 - p_ic)^gamma (-ln p_ic)``; 0 for an empty batch.

    For labels, all of t is the label's, and only its term is left.

    Args:
        logits: (B, C).
        target: Labels or shares t, see `training.losses.smoothing.distribution`.
        gamma: Focusing, at least 0; 0 is cross-entropy.
        weights: (C,) w, such as `class_weights`; 1 for every class when left out.
    """
    log_p = logits.float().log_softmax(1)
    shares = distribution(target, logits.shape[1])
    if weights is not None:
        shares = shares * weights
    return -(shares * modulation(log_p, gamma) * log_p).sum() / max(len(target), 1)


def modulation(log_p: Tensor, gamma: float) -> Tensor:
    """``(1 - p)^gamma`` of log-probabilities, exact near p = 1, with gradients that are finite."""
    # A power below 1 has an infinite slope at 0.
    tiny = torch.finfo(log_p.dtype).eps ** 2
    return (-log_p.expm1()).clamp(min=tiny) ** gamma


def class_weights(counts: Tensor) -> Tensor:
    """Weights (C,) in proportion to 1 / n_c, their mean 1 over classes that have faces.

    A class without faces has weight 0.
    """
    present = counts > 0
    inverse = torch.where(present, 1 / counts.clamp(min=1).float(), 0.0)
    return inverse * present.sum() / inverse.sum()
