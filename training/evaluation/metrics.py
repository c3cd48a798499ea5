"""The figures a system is judged by: expressions, valence-arousal, clusters of embeddings.

Source of every definition: common specification, section 5. Figures are over a whole split,
never means of batches.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import (
    calinski_harabasz_score,
    confusion_matrix,
    davies_bouldin_score,
    precision_recall_fscore_support,
)

from engine.types import Floats
from training.evaluation.calibration import (
    brier,
    expected_calibration_error,
    negative_log_likelihood,
)
from training.losses.ccc import ccc

Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionMetrics:
    """How well expressions are told apart, all but the counts and `nll` from 0 to 1 or 2.

    Attributes:
        images: Number of labelled pictures.
        accuracy: Share of pictures told right.
        balanced_accuracy: Mean recall of the classes that occur.
        macro_f1: Mean F1 of all classes of the task, 0 for one that neither occurs nor is said.
        recall: Per class, 0 where it does not occur.
        precision: Per class, 0 where it is never said.
        confusion: Pictures by true class (rows) and said class (columns).
        ece: Expected calibration error, 15 bins of equal width.
        nll: Negative log-likelihood, at least 0.
        brier: Brier score, 0 to 2.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    ece: float
    nll: float
    brier: float

    def as_dict(self) -> dict[str, Any]:
        """Give the figures by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectMetrics:
    """How well valence and arousal agree with the truth.

    Attributes:
        images: Number of pictures or frames with both values.
        ccc_valence: Concordance correlation coefficient, -1 to 1.
        ccc_arousal: As `ccc_valence`.
        score: Mean of both, the valence-arousal score.
    """

    images: int
    ccc_valence: float
    ccc_arousal: float
    score: float

    def as_dict(self) -> dict[str, Any]:
        """Give the figures by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMetrics:
    """How well the true classes part in the embedding.

    Attributes:
        images: Number of labelled pictures.
        normalised: Whether embeddings were brought to length 1 first.
        davies_bouldin: At least 0, lower is better.
        calinski_harabasz: At least 0, higher is better.
    """

    images: int
    normalised: bool
    davies_bouldin: float
    calinski_harabasz: float

    def as_dict(self) -> dict[str, Any]:
        """Give the figures by name, ready for JSON."""
        return asdict(self)


def expression_metrics(probabilities: Floats, labels: Labels) -> ExpressionMetrics:
    """Judge distributions over the task's C classes.

    Args:
        probabilities: (N, C).
        labels: (N,) true classes; rows with -1 are left out.

    Raises:
        ValueError: No row has a label.
    """
    probabilities, labels = _labelled(probabilities, labels)
    said = probabilities.argmax(axis=1)
    every = list(range(probabilities.shape[1]))
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, said, labels=every, zero_division=0
    )
    return ExpressionMetrics(
        images=len(labels),
        accuracy=float((said == labels).mean()),
        balanced_accuracy=float(recall[support > 0].mean()),
        macro_f1=float(f1.mean()),
        recall=tuple(recall.tolist()),
        precision=tuple(precision.tolist()),
        confusion=tuple(map(tuple, confusion_matrix(labels, said, labels=every).tolist())),
        ece=expected_calibration_error(probabilities, labels),
        nll=negative_log_likelihood(probabilities, labels),
        brier=brier(probabilities, labels),
    )


def affect_metrics(said: Floats, truth: Floats) -> AffectMetrics:
    """Judge valence and arousal (N, 2) over all rows whose truth (N, 2) has no NaN.

    Raises:
        ValueError: No row has a truth.
    """
    known = ~np.isnan(truth).any(axis=1)
    if not known.any():
        raise ValueError("truth: no row has valence and arousal")
    x, y = (torch.from_numpy(values[known]).double() for values in (said, truth))
    valence, arousal = (float(ccc(x[:, axis], y[:, axis])) for axis in (0, 1))
    return AffectMetrics(
        images=int(known.sum()),
        ccc_valence=valence,
        ccc_arousal=arousal,
        score=(valence + arousal) / 2,
    )


def cluster_metrics(
    embeddings: Floats, labels: Labels, *, normalise: bool = False
) -> ClusterMetrics:
    """Judge embeddings (N, D), the vectors the classifier reads, with true classes as clusters.

    Args:
        embeddings: (N, D); not a t-SNE map.
        labels: (N,) true classes; rows with -1 are left out.
        normalise: Whether to bring each vector to length 1 first.

    Raises:
        ValueError: Fewer than two classes occur, or each picture is its own class.
    """
    embeddings, labels = _labelled(embeddings, labels)
    if normalise:
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        embeddings = embeddings / np.maximum(lengths, np.finfo(np.float32).tiny)
    return ClusterMetrics(
        images=len(labels),
        normalised=normalise,
        davies_bouldin=float(davies_bouldin_score(embeddings, labels)),
        calinski_harabasz=float(calinski_harabasz_score(embeddings, labels)),
    )


def shares_of_truth(confusion: tuple[tuple[int, ...], ...]) -> Floats:
    """Turn a confusion matrix into shares of each true class; a class without pictures is 0."""
    counts = np.asarray(confusion, np.float32)
    shares: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _labelled(rows: Floats, labels: Labels) -> tuple[Floats, Labels]:
    """Keep the rows that have a label."""
    known = labels >= 0
    if not known.any():
        raise ValueError("labels: no row has one")
    return rows[known], labels[known]
