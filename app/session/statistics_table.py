"""The session's statistics as rows of numbers and as text for other programs."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from app.session.belongings import check_apart
from app.session.naming import NAMELESS, NamedFaces
from app.session.statistics import FaceStatistics
from engine.files import PartialFile
from engine.labels import EXPRESSIONS

# As in the records: names of files stay English.
COLUMNS: Final = ("face", "seen_s", "valence", "arousal", *EXPRESSIONS)
NAME: Final = "name"

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


def as_text(
    rows: Iterable[Row],
    separator: str = ",",
    extra: Sequence[str] = (),
    named: NamedFaces = NAMELESS,
) -> str:
    """Write rows as CSV, or with a tab as what spreadsheets take from the clipboard.

    Args:
        rows: As `row_of` gives them.
        separator: Between the columns.
        extra: Classes beyond the eight.
        named: What faces are called: where any is, the last column has the names.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    names = (NAME,) if named.faces else ()
    writer.writerow((*COLUMNS, *extra, *names))
    for face, seen_s, *values in rows:
        numbers = ["" if value is None else f"{value:.4f}" for value in values]
        called = [_no_formula(named.of(int(face)).name) for _ in names]
        writer.writerow([int(face), f"{seen_s:.2f}", *numbers, *called])
    return text.getvalue()


def _no_formula(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def save_table(
    path: Path, rows: Sequence[Row], extra: Sequence[str] = (), named: NamedFaces = NAMELESS
) -> None:
    """Write rows to a CSV file, beside it first; one that is there is replaced.

    Args:
        path: The file.
        rows: As `row_of` gives them.
        extra: Classes beyond the eight.
        named: What faces are called.

    Raises:
        ConfigError: The name does not end in ``.csv``.
        SinkError: It cannot be written, or is a file of a recording.
    """
    check_apart(path)
    PartialFile(path, endings=(".csv",), overwrite=True).write(
        as_text(rows, extra=extra, named=named)
    )
