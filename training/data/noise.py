"""Wrong labels on purpose: how well does a system bear them?"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.data.table import FaceTable, one_hot

# First word of the generator's seed, see `training.data.samplers`.
NOISE = 3


def symmetric_label_noise(
    labels: NDArray[np.intp], classes: int, rate: float, seed: int
) -> NDArray[np.intp]:
    """Replace each label, with probability `rate`, by a uniformly drawn different class.

    Args:
        labels: (N,) class, -1 where there is none; those stay -1.
        classes: Number of classes, at least 2.
        rate: 0 to 1.
        seed: The same seed replaces the same labels: the noise is fixed for a run.

    Returns:
        New (N,) labels.

    Raises:
        ValueError: `rate` or `classes` is out of range.

    Source: common specification, section 6, ``SymmetricLabelNoise``.
    """
    if not 0 <= rate <= 1 or classes < 2:
        raise ValueError(f"rate {rate}, classes {classes}: expected 0 to 1 and at least 2")
    rng = np.random.default_rng((NOISE, seed))
    hit = (rng.random(len(labels)) < rate) & (labels >= 0)
    other = (labels + rng.integers(1, classes, len(labels))) % classes
    return np.where(hit, other, labels)


def with_label_noise(table: FaceTable, rate: float, seed: int) -> FaceTable:
    """Give the table with noisy labels; the vote shares of a replaced label become one-hot.

    For training splits only; valence and arousal stay as they are.
    """
    labels = symmetric_label_noise(table.labels, len(table.classes), rate, seed)
    hard = one_hot(labels, len(table.classes))
    shares = np.where((labels != table.labels)[:, None], hard, table.shares)
    return replace(table, labels=labels, shares=shares)
