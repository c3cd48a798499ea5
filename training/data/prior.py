"""Prior distributions: how votes spread over the classes when most say one of them.

Source: Neural Resizer specification, section 5.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.types import Floats
from training.data.classes import rows_of
from training.data.ferplus import CLASSES, majority

# FER+'s prior as the specification prints it, from the authors' own label file: for data sets
# without votes where FER+ is not at hand.
FER_PLUS_PRIOR: Final = (
    (0.7838, 0.0304, 0.0178, 0.1053, 0.0271, 0.0083, 0.0049, 0.0223),
    (0.0425, 0.9198, 0.0210, 0.0049, 0.0043, 0.0022, 0.0018, 0.0034),
    (0.0586, 0.0361, 0.7875, 0.0110, 0.0151, 0.0035, 0.0853, 0.0029),
    (0.1656, 0.0143, 0.0099, 0.7455, 0.0236, 0.0128, 0.0175, 0.0107),
    (0.0755, 0.0279, 0.0622, 0.0334, 0.7314, 0.0348, 0.0244, 0.0104),
    (0.0925, 0.0196, 0.0210, 0.0912, 0.1288, 0.5984, 0.0137, 0.0348),
    (0.0459, 0.0126, 0.1686, 0.0741, 0.0315, 0.0153, 0.6478, 0.0042),
    (0.1382, 0.0209, 0.0126, 0.0498, 0.0405, 0.0642, 0.0093, 0.6644),
)


def prior(shares: Floats, labels: NDArray[np.intp]) -> Floats:
    """Average the vote shares of each class's faces.

    Args:
        shares: (N, C), rows summing to 1.
        labels: (N,) class of each face; -1 keeps it out.

    Returns:
        (C, C) float32, row k the mean share vector of class k, summing to 1.

    Raises:
        ValueError: A class has no face.
    """
    classes = shares.shape[1]
    empty = sorted(set(range(classes)) - set(labels.tolist()))
    if empty:
        raise ValueError(f"labels: no face of class {', '.join(map(str, empty))}")
    return _normalised(np.stack([shares[labels == k].mean(0) for k in range(classes)]))


def ferplus_prior(votes: Floats) -> Floats:
    """Give the prior (8, 8) of FER+ training votes (N, 10).

    Labels follow the majority rule, which sets single votes to zero. The shares keep them: this
    reproduces the published matrix, while `training.data.ferplus.distribution`, which drops
    them, gives diagonals higher by up to 0.16.
    """
    kept = votes[:, :CLASSES]
    total = np.maximum(kept.sum(1, keepdims=True), 1)
    return prior(kept / total, majority(votes))


def remap(prior: Floats, source_classes: Sequence[str], target_classes: Sequence[str]) -> Floats:
    """Select and permute rows and columns for another data set, rows summing to 1 again.

    Args:
        prior: (C, C), ordered like `source_classes`.
        source_classes: Canonical words (`training.data.classes`).
        target_classes: Of the other data set, in its own order.

    Returns:
        (T, T) float32.

    Raises:
        ConfigError: The source has no such class.
    """
    absent = set(target_classes) - set(source_classes)
    if absent:
        raise ConfigError(
            f"loss: no votes for {', '.join(sorted(absent))}; choose ce, which needs no prior"
        )
    rows = rows_of(tuple(source_classes), tuple(target_classes))
    return _normalised(prior[np.ix_(rows, rows)])


def _normalised(matrix: Floats) -> Floats:
    scaled: Floats = (matrix / matrix.sum(1, keepdims=True)).astype(np.float32)
    return scaled
