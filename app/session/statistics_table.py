"""The session's statistics as rows of numbers and as text for other programs."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from app.session.statistics import FaceStatistics
from engine.files import PartialFile
from engine.labels import EXPRESSIONS

# As in the records: names of files stay English.
COLUMNS: Final = ("face", "seen_s", "valence", "arousal", *EXPRESSIONS)

# An id, seconds, two means, shares 0 to 1; None where a network says nothing.
Row = tuple[float, float, *tuple[float | None, ...]]


def extra_of(faces: Iterable[FaceStatistics]) -> tuple[str, ...]:
    """Name the classes beyond the eight that have a column behind `COLUMNS`."""
    labels = dict.fromkeys(label for face in faces for label in face.shares)
    return tuple(label for label in labels if label not in EXPRESSIONS)


def row_of(face: FaceStatistics, extra: Sequence[str] = ()) -> Row:
    """Give a face's numbers in the order of `COLUMNS`, then those of the other classes."""
    shares = (face.shares.get(name) for name in (*EXPRESSIONS, *extra))
    return (face.id, face.seen_s, *(face.valence, face.arousal, *shares))


def as_text(rows: Iterable[Row], separator: str = ",", extra: Sequence[str] = ()) -> str:
    """Write rows as CSV, or with a tab as what spreadsheets take from the clipboard.

    Args:
        rows: As `row_of` gives them.
        separator: Between the columns.
        extra: Classes beyond the eight.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow((*COLUMNS, *extra))
    for face, seen_s, *values in rows:
        numbers = ["" if value is None else f"{value:.4f}" for value in values]
        writer.writerow([int(face), f"{seen_s:.2f}", *numbers])
    return text.getvalue()


def save_table(path: Path, rows: Sequence[Row], extra: Sequence[str] = ()) -> None:
    """Write rows to a CSV file, beside it first; one that is there is replaced.

    Args:
        path: The file.
        rows: As `row_of` gives them.
        extra: Classes beyond the eight.

    Raises:
        ConfigError: The name does not end in ``.csv``.
        SinkError: It cannot be written.
    """
    PartialFile(path, endings=(".csv",), overwrite=True).write(as_text(rows, extra=extra))
