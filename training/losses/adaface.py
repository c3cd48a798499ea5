"""AdaFace: a margin that follows the feature's norm, taken for the picture's quality.

Source: Kim et al. (2022), "AdaFace"; POSTER specification, section 5.2.
"""

from math import pi

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-3
NORM_RANGE = (0.001, 100.0)


def clipped_norm(feature: Tensor) -> Tensor:
    """Give n (B,), the float32 length of (B, D) features within 0.001 to 100; no gradient."""
    norms: Tensor = torch.linalg.vector_norm(feature.detach().float(), dim=1)
    return norms.clamp(*NORM_RANGE)


def norm_statistics(norms: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and unbiased deviation of n (B,), both (); B is at least 2."""
    deviation, mean = torch.std_mean(norms)
    return mean, deviation


def quality_indicator(norms: Tensor, mean: Tensor, deviation: Tensor, h: float) -> Tensor:
    """Give nhat (B,), the standardised norm times `h` within -1 to 1 (eq. 1); no gradient."""
    return (h * (norms - mean) / (deviation + EPSILON)).clamp(-1, 1).detach()


def margin_logits(cosines: Tensor, labels: Tensor, nhat: Tensor, *, m: float, s: float) -> Tensor:
    """Take the adaptive margin off the true class's cosine, and scale all (eq. 2 and 3).

    nhat = -1 gives ArcFace's cos(t + m), 0 CosFace's cos t - m, and 1 cos(t - m) - 2m.

    Args:
        cosines: (B, C), of the feature with each class's direction.
        labels: (B,) true classes.
        nhat: (B,), -1 to 1.
        m: Margin, radians as well as cosine.
        s: Scale of the logits.

    Returns:
        (B, C) logits for the cross-entropy.
    """
    cosines = cosines.clamp(-1 + EPSILON, 1 - EPSILON)
    rows = functional.one_hot(labels, cosines.shape[1]).to(torch.bool)
    g_angle, g_add = (-m * nhat).unsqueeze(1), (m + m * nhat).unsqueeze(1)
    angles = (cosines.acos() + g_angle).clamp(EPSILON, pi - EPSILON)
    return s * torch.where(rows, angles.cos() - g_add, cosines)
