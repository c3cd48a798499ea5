"""Temperature scaling and the measures of calibration."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from engine.types import Floats

BINS = 15  # common specification, section 5
RANGE = (1e-3, 1e3)  # of `engine.networks.manifest.ExpressionFacts.temperature`


def fit_temperature(logits: Floats, labels: NDArray[np.intp]) -> float:
    """Find the temperature with the least negative log-likelihood, as a manifest may state it.

    Answers that are worse than none would want an endless one.

    Args:
        logits: (N, C), of a validation split.
        labels: (N,) true classes.

    Source: Guo et al. (2017), "On calibration of modern neural networks".
    """
    z, y = torch.from_numpy(logits).double(), torch.from_numpy(labels)
    log_t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_t], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(z / log_t.exp(), y)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stub lacks it
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch's stub lacks it
    return float(log_t.detach().exp().clamp(*RANGE))


def expected_calibration_error(probabilities: Floats, labels: NDArray[np.intp]) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of the top probability.

    Source: common specification, section 5; empty bins are skipped.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
    gaps = [
        np.mean(bins == b) * abs(correct[bins == b].mean() - confidence[bins == b].mean())
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))


def negative_log_likelihood(probabilities: Floats, labels: NDArray[np.intp]) -> float:
    """Mean of -ln of the true class's probability."""
    true = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(true, 1e-12, 1)).mean())


def brier(probabilities: Floats, labels: NDArray[np.intp]) -> float:
    """Mean squared distance to the one-hot truth, summed over classes (0 to 2)."""
    truth = np.eye(probabilities.shape[1], dtype=np.float32)[labels]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())
