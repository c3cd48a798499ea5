"""Concordance correlation: how well predicted valence and arousal agree with their targets."""

from torch import Tensor


def ccc(x: Tensor, y: Tensor) -> Tensor:
    """Concordance correlation coefficient of two (N,) series, -1 to 1.

    Population moments; 0 when both are constant and differ. Source: Lin (1989); common
    specification, section 5.
    """
    mean_x, mean_y = x.mean(), y.mean()
    covariance = ((x - mean_x) * (y - mean_y)).mean()
    spread = ((x - mean_x) ** 2).mean() + ((y - mean_y) ** 2).mean() + (mean_x - mean_y) ** 2
    return 2 * covariance / spread.clamp(min=1e-8)


def ccc_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """One minus the mean CCC of the columns of two (N, 2) tensors."""
    score = (ccc(predicted[:, 0], target[:, 0]) + ccc(predicted[:, 1], target[:, 1])) / 2
    return 1 - score
