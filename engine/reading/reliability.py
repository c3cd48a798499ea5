"""Honest confidence: calibrated probabilities and how much they say."""

from typing import Final

import numpy as np

from engine.errors import ModelError
from engine.networks.manifest import PictureQuality
from engine.reading.quality import MEASURED, quality_of
from engine.types import Floats, Sighting

STRAY_MAX: Final = 4.0  # deviations; what lies further out is taken to lie there


def probabilities_of(logits: Floats, temperature: float | Floats) -> Floats:
    """Turn logits into calibrated probabilities.

    Args:
        logits: (..., C).
        temperature: Above 0, one or (...,); fitted on validation (Guo et al. 2017), from the
            manifest.

    Returns:
        (..., C) float32, sums to 1.
    """
    scaled = logits.astype(np.float64) / np.asarray(temperature, np.float64)[..., None]
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


def terms_of(quality: Floats, centre: Floats, spread: Floats) -> Floats:
    """Give what the temperature's logarithm is a weighted sum of.

    Args:
        quality: (..., K) of pictures, see `engine.reading.quality.quality_of`.
        centre: (K,) their mean where the weights were fitted.
        spread: (K,) their deviation there.

    Returns:
        (..., K) deviations from the mean, none beyond `STRAY_MAX`.
    """
    return np.asarray(np.clip((quality - centre) / spread, -STRAY_MAX, STRAY_MAX), np.float32)


class Temperature:
    """The temperature of a network's softmax, which grows where the picture is bad."""

    def __init__(self, name: str, usual: float, picture: PictureQuality | None) -> None:
        """Take what a manifest states.

        Args:
            name: Of the network, for messages.
            usual: The temperature on clean pictures.
            picture: How it follows the picture; None keeps it.

        Raises:
            ModelError: It is meant for other measurements than these.
        """
        self._usual, self._picture = usual, picture
        if picture is None:
            return
        self._centre, self._spread, self._weights = (
            np.array(values, np.float32)
            for values in (picture.centre, picture.spread, picture.weights)
        )
        counts = tuple(map(len, (picture.centre, picture.spread, picture.weights)))
        if set(counts) != {MEASURED}:
            raise ModelError(
                f"{name}: picture_quality: expected {MEASURED} centres, spreads and weights, got "
                f"{counts[0]}, {counts[1]} and {counts[2]}; write it anew: fer-export calibrate"
            )

    def of(self, sighting: Sighting) -> float:
        """Give the temperature for a face."""
        if self._picture is None:
            return self._usual
        return float(self.of_quality(quality_of(sighting)))

    def of_quality(self, quality: Floats) -> Floats:
        """Give the temperatures (...,) for the quality (..., K) of pictures."""
        if self._picture is None:
            return np.full(quality.shape[:-1], self._usual, np.float32)
        terms = terms_of(quality, self._centre, self._spread)
        grown = np.exp(np.clip(self._picture.shift + terms @ self._weights, -8, 8))
        return np.asarray(np.clip(grown, self._picture.lowest, self._picture.highest), np.float32)
