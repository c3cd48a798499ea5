"""Records with corrections, and how these find their rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.session.records import Integers, RecordTable
from engine.errors import ConfigError
from engine.wording import Words


@dataclass(frozen=True, slots=True, eq=False)
class EditResult:
    """Records with corrections.

    Attributes:
        table: The rows that are left; their probabilities stay the model's.
        corrected: (N,) bool, True where a person set the label.
    """

    table: RecordTable
    corrected: NDArray[np.bool_]


def span_words(start_s: float, end_s: float) -> str:
    """Say from when to when."""
    return Words("{start_s:.2f} to {end_s:.2f} s", start_s=start_s, end_s=end_s)


def rows_of(
    table: RecordTable, face: int, start_s: float = -np.inf, end_s: float = np.inf
) -> NDArray[np.bool_]:
    """Find a face's rows, from one time to another, both included.

    Returns:
        (N,) bool.

    Raises:
        ConfigError: It is not seen then.
    """
    times = table.times
    which: NDArray[np.bool_] = (table.faces == face) & (times >= start_s) & (times <= end_s)
    if not which.any():
        when = (
            "" if np.isinf(start_s) and np.isinf(end_s) else f" from {span_words(start_s, end_s)}"
        )
        faces: Integers = np.unique(table.faces)
        known = ", ".join(map(str, faces.tolist())) or "none"
        raise ConfigError(f"face {face}: not seen{when}; faces in the records: {known}")
    return which
