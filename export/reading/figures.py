"""What the rows of the grid come to: right, sure, withheld, and the curve of all thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.reading.reliability import reliability_of
from engine.types import Floats
from export.intervals import wilson
from training.evaluation.calibration import expected_calibration_error

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(20))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Calibrated answers of one row.

    Attributes:
        name: Of the row.
        probabilities: (N, C).
        labels: (N,) true classes.
        lost: Share of faces that the landmark network gives up, and which are not answered.
    """

    name: str
    probabilities: Floats
    labels: NDArray[np.intp]
    lost: float

    @property
    def right(self) -> NDArray[np.bool_]:
        """(N,) where the label is right."""
        return np.asarray(self.probabilities.argmax(axis=1) == self.labels, np.bool_)

    @property
    def reliability(self) -> Floats:
        """(N,) 0 to 1."""
        return np.array([reliability_of(row) for row in self.probabilities], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFigures:
    """One row; shares are 0 to 1.

    Attributes:
        name: Of the row.
        images: Faces that were answered.
        lost: Share that was not, see `Answers`.
        accuracy: Share that is right.
        low: Lower end of its 95 % interval (Wilson).
        high: Upper end.
        confidence: Mean probability of the label.
        ece: Expected calibration error, 15 bins.
        withheld: Share whose reliability is below the threshold.
        shown_accuracy: Of the others, the share that is right; None where there are none.
    """

    name: str
    images: int
    lost: float
    accuracy: float
    low: float
    high: float
    confidence: float
    ece: float
    withheld: float
    shown_accuracy: float | None


def figures_of(answers: Answers, threshold: float) -> RowFigures:
    """Judge a row.

    Raises:
        ValueError: It has no faces.
    """
    right, shown = answers.right, answers.reliability >= threshold
    if not len(right):
        raise ValueError(f"{answers.name}: has no faces")
    low, high = wilson(int(right.sum()), len(right))
    return RowFigures(
        name=answers.name,
        images=len(right),
        lost=answers.lost,
        accuracy=float(right.mean()),
        low=low,
        high=high,
        confidence=float(answers.probabilities.max(axis=1).mean()),
        ece=expected_calibration_error(answers.probabilities, answers.labels),
        withheld=float(1 - shown.mean()),
        shown_accuracy=float(right[shown].mean()) if shown.any() else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What a threshold does; rows of the grid weigh the same.

    Attributes:
        threshold: Of reliability; what is below is withheld.
        coverage: Share of the grid that is shown.
        accuracy: Share of it that is right.
        clean_withheld: Share of clean faces that is withheld.
        clean_accuracy: Share of the others that is right.
    """

    threshold: float
    coverage: float
    accuracy: float
    clean_withheld: float
    clean_accuracy: float


def curve_of(
    grid: Sequence[Answers], clean: Answers, thresholds: Sequence[float] = THRESHOLDS
) -> list[CurvePoint]:
    """Give the risk-coverage curve of the grid."""
    rows = [(answers.reliability, answers.right) for answers in (*grid, clean)]
    points = []
    for threshold in thresholds:
        shown = [reliability >= threshold for reliability, _ in rows]
        counts = [float(one.mean()) for one in shown]
        rights = [float((one & right).mean()) for one, (_, right) in zip(shown, rows, strict=True)]
        total = sum(counts[:-1])
        if not total or not counts[-1]:
            break
        points.append(
            CurvePoint(
                threshold=threshold,
                coverage=total / len(grid),
                accuracy=sum(rights[:-1]) / total,
                clean_withheld=1 - counts[-1],
                clean_accuracy=rights[-1] / counts[-1],
            )
        )
    return points


def threshold_of(curve: Sequence[CurvePoint], wanted: float = 0.8) -> float | None:
    """Give the lowest threshold at which what is shown is right often enough; None if none is."""
    fits = [point.threshold for point in curve if point.accuracy >= wanted]
    return min(fits) if fits else None
