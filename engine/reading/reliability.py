"""Honest confidence: calibrated probabilities and how much they say."""

import numpy as np

from engine.types import Floats


def probabilities_of(logits: Floats, temperature: float) -> Floats:
    """Turn logits into calibrated probabilities.

    Args:
        logits: (..., C).
        temperature: Above 0; fitted on validation (Guo et al. 2017), from the manifest.

    Returns:
        (..., C) float32, sums to 1.
    """
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def reliability_of(probabilities: Floats) -> float:
    """Measure how decided a distribution is: 0 uniform, 1 certain.

    Args:
        probabilities: (C,), sums to 1.

    Source: ARBEx (Wasi et al. 2023), confidence k(l) = 1 - H(l), H normalised by ln C.
    """
    p = probabilities.astype(np.float64)
    terms = np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0)
    return float(np.clip(1.0 + terms.sum() / np.log(len(p)), 0.0, 1.0))
