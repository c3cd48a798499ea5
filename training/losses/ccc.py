"""Concordance correlation: how well predicted valence and arousal agree with their targets.

Source: Lin (1989); the ABAW paper (Jeong et al. 2022, section 2.2) names the loss and prints no
equation; DAN specification, section 5.
"""

from torch import Tensor, distributed
from torch.distributed.nn import functional as gathered

UNANNOTATED = -5  # what Aff-Wild2 writes for a frame without valence and arousal
EPS = 1e-8


def ccc(x: Tensor, y: Tensor) -> Tensor:
    """Concordance correlation coefficient of two (N,) series, -1 to 1.

    Population moments; 0 when both are constant and differ. Source: common specification,
    section 5.
    """
    mean_x, mean_y = x.mean(), y.mean()
    covariance = ((x - mean_x) * (y - mean_y)).mean()
    spread = ((x - mean_x) ** 2).mean() + ((y - mean_y) ** 2).mean() + (mean_x - mean_y) ** 2
    return 2 * covariance / spread.clamp(min=EPS)


def annotated(target: Tensor) -> Tensor:
    """Mark the rows of (N, 2) targets in which both values are known: neither NaN nor -5."""
    known: Tensor = ~(target.isnan() | (target == UNANNOTATED)).any(1)
    return known


def ccc_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """One minus the mean CCC of the columns of two (N, 2) tensors, over all processes.

    Frames that are not `annotated` influence neither value nor gradient; without any the loss
    is 1 and has no gradient. The processes of a distributed run share their moments, not their
    coefficients, so that theirs is the loss of the whole batch.
    """
    known = annotated(target)
    x, y = predicted[known], target[known]
    count = total(x.new_tensor(len(x))).clamp(min=1)
    mean_x, mean_y = total(x.sum(0)) / count, total(y.sum(0)) / count
    moved_x, moved_y = x - mean_x, y - mean_y
    covariance = total((moved_x * moved_y).sum(0)) / count
    spread = total((moved_x**2 + moved_y**2).sum(0)) / count + (mean_x - mean_y) ** 2
    return 1 - (2 * covariance / (spread + EPS)).mean()


def total(x: Tensor) -> Tensor:
    """Add up a tensor over the processes of a distributed run, gradients included."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return x
    summed: Tensor = gathered.all_reduce(x)  # type: ignore[no-untyped-call]  # torch's stub lacks it
    return summed
