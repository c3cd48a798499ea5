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

Row = tuple[float, ...]


def row_of(face: FaceStatistics) -> Row:
    """Give a face's numbers in the order of `COLUMNS`: id, seconds, two means, shares 0 to 1."""
    shares = (face.shares[name] for name in EXPRESSIONS)
    return (face.id, face.seen_s, face.valence, face.arousal, *shares)


def as_text(rows: Iterable[Row], separator: str = ",") -> str:
    """Write rows as CSV, or with a tab as what spreadsheets take from the clipboard.

    Args:
        rows: As `row_of` gives them.
        separator: Between the columns.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(COLUMNS)
    for face, seen_s, *values in rows:
        numbers = [f"{value:.4f}" for value in values]
        writer.writerow([int(face), f"{seen_s:.2f}", *numbers])
    return text.getvalue()


def save_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows to a CSV file, beside it first; one that is there is replaced.

    Raises:
        ConfigError: The name does not end in ``.csv``.
        SinkError: It cannot be written.
    """
    PartialFile(path, endings=(".csv",), overwrite=True).write(as_text(rows))
