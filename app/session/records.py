"""Reads records files back: CSV, JSON lines and Parquet as `engine/record.py` writes them."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError, SourceError
from engine.labels import EXPRESSIONS
from engine.record import COLUMNS, FILE, LANDMARK_COLUMNS, import_arrow

WHOLE: Final = ("frame", "face_id")  # whole numbers
TEXT: Final = "expression"
BLOCK: Final = 500  # rows read at once: a call into C lets no other thread go on, windows neither

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RecordTable:
    """Rows by column, in order of time; those of pictures, which have no time, as they came.

    Attributes:
        numbers: Every column but ``expression`` and ``file``, by name, (N,) float64; those of the
            landmarks only if the file has them; a time that a picture does not have is NaN.
        labels: (N,) int64, index into `engine.labels.EXPRESSIONS`.
        files: The picture of each row; empty where the rows are of no pictures.
    """

    numbers: Mapping[str, Numbers]
    labels: Integers
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def times(self) -> Numbers:
        """(N,) float64, seconds."""
        return self.numbers["timestamp"]

    @property
    def faces(self) -> Integers:
        """(N,) int64, ids of the tracks."""
        return self.numbers["face_id"].astype(np.int64)

    def rows(self, which: NDArray[np.bool_]) -> "RecordTable":
        """Give some of the rows."""
        return RecordTable({name: x[which] for name, x in self.numbers.items()}, self.labels[which])


def read_records(path: Path) -> tuple[RecordTable, tuple[str, ...]]:
    """Read a file of records.

    Returns:
        The rows, and one line for each thing that was left out: a last row cut off by a kill.

    Raises:
        ConfigError: The ending is unknown, or Parquet's library is missing.
        SourceError: The file is missing, or not one of records.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: unknown ending; known here: {', '.join(READERS)}")
    try:
        columns, warnings = reader(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is no text: {error.reason}") from error
    return _table(path, columns), warnings


def _table(path: Path, columns: Mapping[str, Sequence[Any]]) -> RecordTable:
    """Check the columns and turn them into arrays."""
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise SourceError(f"{path}: not a file of records: {', '.join(missing)} missing")
    names = [name for name in COLUMNS if name != TEXT]
    if LANDMARK_COLUMNS[0] in columns:
        names += LANDMARK_COLUMNS
    files = [str(file or "") for file in columns.get(FILE, ())]
    timeless = np.array([bool(file) for file in files], bool)
    if timeless.any():
        times = zip(columns["timestamp"], timeless, strict=True)
        columns = {**columns, "timestamp": [0 if none else time for time, none in times]}
    numbers = {name: _numbers(path, name, columns[name]) for name in names}
    if timeless.any():
        numbers["timestamp"][timeless] = np.nan
    order = np.argsort(numbers["timestamp"], kind="stable")
    labels = _labels(path, columns[TEXT])
    return RecordTable(
        {name: x[order] for name, x in numbers.items()},
        labels[order],
        tuple(files[row] for row in order) if timeless.any() else (),
    )


def _numbers(path: Path, name: str, values: Sequence[Any]) -> Numbers:
    blocks = (values[start : start + BLOCK] for start in range(0, len(values), BLOCK))
    try:
        numbers = np.concatenate([np.zeros(0), *(np.array(block, np.float64) for block in blocks)])
    except (TypeError, ValueError) as error:
        row = next(row for row, value in enumerate(values, 1) if not _is_number(value))
        raise SourceError(
            f"{path}: row {row}, {name}: not a number: {values[row - 1]!r}"
        ) from error
    bad = ~np.isfinite(numbers)
    if name in WHOLE:
        bad |= numbers != np.rint(numbers)
    if bad.any():
        row = int(bad.argmax())
        raise SourceError(f"{path}: row {row + 1}, {name}: not a usable number: {values[row]!r}")
    return numbers


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # whatever JSON holds
    except (TypeError, ValueError):
        return False
    return True


def _labels(path: Path, values: Sequence[Any]) -> Integers:
    index = {label: number for number, label in enumerate(EXPRESSIONS)}
    try:
        return np.array([index[value] for value in values], np.int64)
    except (KeyError, TypeError) as error:
        row = next(row for row, value in enumerate(values) if value not in EXPRESSIONS)
        raise SourceError(
            f"{path}: row {row + 1}, {TEXT}: unknown: {values[row]!r}; "
            f"known here: {', '.join(EXPRESSIONS)}"
        ) from error


Columns = tuple[Mapping[str, Sequence[Any]], tuple[str, ...]]


def _whole_lines(path: Path) -> tuple[str, tuple[str, ...]]:
    """Read text up to its last line's end: what comes after was cut off."""
    text = path.read_text("utf-8")
    end = text.rfind("\n") + 1
    if end == len(text):
        return text, ()
    return text[:end], (f"{path.name}: ends in the middle of a row, which is left out",)


def _read_csv(path: Path) -> Columns:
    text, warnings = _whole_lines(path)
    rows = csv.reader(io.StringIO(text, newline=""))
    head = next(rows, [])
    columns: list[list[str]] = [[] for _ in head]
    done = 0
    while block := list(islice(rows, BLOCK)):
        for number, row in enumerate(block, done + 1):
            if len(row) != len(head):
                raise SourceError(f"{path}: row {number}: has {len(row)} columns, not {len(head)}")
        for column, values in zip(columns, zip(*block, strict=True), strict=True):
            column.extend(values)
        done += len(block)
    return dict(zip(head, columns, strict=True)), warnings


def _read_json_lines(path: Path) -> Columns:
    text, warnings = _whole_lines(path)
    rows: list[dict[str, Any]] = []
    if warnings and not text and not path.read_text("utf-8").startswith("{"):
        raise SourceError(f"{path}: not a file of records: its first line is no row")
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise SourceError(f"{path}: row {number}: no JSON: {error}") from error
        missing = [name for name in COLUMNS if not isinstance(row, dict) or name not in row]
        if missing:
            raise SourceError(f"{path}: row {number}: {', '.join(missing)} missing")
        rows.append(row)
    columns: dict[str, Sequence[Any]] = {name: [row[name] for row in rows] for name in COLUMNS}
    columns[FILE] = [row.get(FILE) for row in rows]
    if rows and "landmarks" in rows[0]:
        points = [_flat(path, number, row) for number, row in enumerate(rows, 1)]
        columns |= dict(zip(LANDMARK_COLUMNS, zip(*points, strict=True), strict=True))
    return columns, warnings


def _flat(path: Path, number: int, row: Mapping[str, Any]) -> list[Any]:
    try:
        values = [value for point in row["landmarks"] for value in point]
    except (KeyError, TypeError):
        values = []
    if len(values) != len(LANDMARK_COLUMNS):
        raise SourceError(f"{path}: row {number}, landmarks: expected 68 points")
    return values


def _read_parquet(path: Path) -> Columns:
    arrow = import_arrow(f"{path}: Parquet")
    try:
        table = arrow.parquet.read_table(path)
    except arrow.ArrowInvalid as error:
        raise SourceError(f"{path}: is no whole Parquet file: {error}") from error
    return {name: table[name].to_pylist() for name in table.column_names}, ()


READERS: Final[Mapping[str, Callable[[Path], Columns]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
