"""Reads records files back: CSV, JSON lines and Parquet as `engine/record.py` writes them.

A block of rows at a time, so that what is held is the numbers, and checked as it comes.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from app.session.checks import BOM, MOST_S, Damage
from engine.documents import NOT_ORDINARY, open_ordinary
from engine.errors import ConfigError, SourceError
from engine.labels import EXPRESSIONS, Vocabulary, ordered
from engine.record import (
    AFFECT_SOURCES,
    COLUMNS,
    CONTRACT_COLUMN,
    EIGHT,
    FILE,
    LANDMARK_COLUMNS,
    MEASURES,
    MODEL,
    RESERVED,
    import_arrow,
)
from engine.wording import shown

WHOLE: Final = ("frame", "face_id")  # whole numbers
TEXT: Final = "expression"
SOURCE: Final = "affect_source"
BLOCK: Final = 500  # rows read at once: a call into C lets no other thread go on, windows neither
CUT: Final = "ends in the middle of a row, which is left out"
LINE_MAX: Final = 65_536  # bytes; rows with landmarks have some 1,500
NUMBERS_MAX: Final = 2**28  # held, 2 GiB: 14 million rows, 1.7 million with landmarks

# What each column may hold: what is outside breaks drawings, times as text or Qt's whole numbers.
_PIXELS: Final = (-1e6, 1e6)
_SHARE: Final = (0.0, 1.0)
_EVEN: Final = (-1.0, 1.0)
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "frame": (0, 2**53),
    "timestamp": (0, MOST_S),
    "face_id": (0, 2**31 - 1),
    **dict.fromkeys(("x", "y", "width", "height", *LANDMARK_COLUMNS), _PIXELS),
    **dict.fromkeys(("score", "reliability", *EXPRESSIONS), _SHARE),
    **dict.fromkeys(("valence", "arousal", "quality"), _EVEN),
}
# Columns that may be empty from the second version of rows on.
_OPTIONAL: Final = (*EXPRESSIONS, "reliability", "valence", "arousal")

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class RecordTable:
    """Rows by column, in order of time; those of pictures, which have no time, as they came.

    Attributes:
        numbers: Every column of numbers, by name, (N,) float64; those of the landmarks only if the
            file has them; a time that a picture does not have, and what a network does not say,
            is NaN.
        labels: (N,) int64, index into `classes`; -1 where no network knew expressions.
        files: The picture of each row; empty where the rows are of no pictures.
        left_out: Damaged rows of the file that are not here.
        sources: Where each row's valence and arousal come from, some of
            `engine.record.AFFECT_SOURCES`; empty where the file does not say.
        vocabulary: What was said of faces: the classes that have numbers, and other numbers.
    """

    numbers: Mapping[str, Numbers]
    labels: Integers
    files: tuple[str, ...] = ()
    left_out: int = 0
    sources: tuple[str, ...] = ()
    vocabulary: Vocabulary = EIGHT

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def whole(self) -> int:
        """Rows of the file, damaged ones included: what corrections were made of."""
        return len(self) + self.left_out

    @property
    def classes(self) -> tuple[str, ...]:
        """The eight, and what other classes have columns."""
        return self.vocabulary.classes

    @property
    def words(self) -> list[str]:
        """The label of each row; empty where it has none."""
        named = (*self.classes, "")  # the last one is that of -1
        return [named[label] for label in self.labels.tolist()]

    @property
    def times(self) -> Numbers:
        """(N,) float64, seconds."""
        return self.numbers["timestamp"]

    @property
    def faces(self) -> Integers:
        """(N,) int64, ids of the tracks."""
        return self.numbers["face_id"].astype(np.int64)

    def rows(self, which: NDArray[np.bool_] | Integers) -> "RecordTable":
        """Give some of the rows, in this order."""
        numbers = {name: x[which] for name, x in self.numbers.items()}
        places = np.arange(len(self))[which].tolist()
        return replace(
            self,
            numbers=numbers,
            labels=self.labels[which],
            files=tuple(self.files[n] for n in places) if self.files else (),
            left_out=0,
            sources=tuple(self.sources[n] for n in places) if self.sources else (),
        )


def empty_table() -> RecordTable:
    """Give a table without rows."""
    return RecordTable(
        {name: np.zeros(0) for name in COLUMNS if name != TEXT}, np.zeros(0, np.int64)
    )


def joined(tables: Sequence[RecordTable]) -> RecordTable:
    """Give the rows of several tables, at least one, in order of time.

    Landmarks that one of them lacks are left out, and rows that another one has already; what only
    some say is NaN in the others.
    """
    vocabulary = tables[0].vocabulary
    for table in tables[1:]:
        vocabulary = vocabulary.joined(table.vocabulary)
    own = {*vocabulary.extra, *vocabulary.measures}
    names = dict.fromkeys(name for t in tables for name in t.numbers)
    numbers = {
        name: np.concatenate([t.numbers.get(name, np.full(len(t), np.nan)) for t in tables])
        for name in names
        if name in own or all(name in t.numbers for t in tables)
    }
    places = [np.array([vocabulary.classes.index(x) for x in t.classes] + [-1]) for t in tables]
    labels = [place[t.labels] for place, t in zip(places, tables, strict=True)]
    told = any(t.sources for t in tables)
    sources = [t.sources or ("",) * len(t) for t in tables] if told else []
    whole = RecordTable(
        numbers,
        np.concatenate(labels),
        sources=tuple(source for part in sources for source in part),
        vocabulary=vocabulary,
    )
    again = _again(whole)
    table = whole.rows(~again)
    table = table.rows(np.argsort(table.times, kind="stable"))
    return replace(table, left_out=sum(t.left_out for t in tables) + int(again.sum()))


def read_records(path: Path, *, forgiving: bool = False) -> tuple[RecordTable, tuple[str, ...]]:
    """Read a file of records.

    Args:
        path: The file.
        forgiving: Leave damaged rows out; else the first one is an error.

    Returns:
        The rows, and one line for each thing that was left out: a last row cut off by a kill,
        damaged rows.

    Raises:
        ConfigError: The ending is unknown, or Parquet's library is missing.
        SourceError: The file is missing, not one of records, or too large; or a row is damaged.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: unknown ending; known here: {', '.join(READERS)}")
    rows = _Rows(path, forgiving=forgiving)
    try:
        if path.exists() and not path.is_file():
            raise SourceError(f"{path}: cannot be read: {NOT_ORDINARY}")
        reader(path, rows)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    return rows.table(), rows.warnings


class _Rows:
    """Gathers a file's rows as checked numbers."""

    def __init__(self, path: Path, *, forgiving: bool) -> None:
        self.path, self.forgiving = path, forgiving
        self.damage = Damage(path, forgiving=forgiving)
        self.cut = False
        self.columns: tuple[str, ...] = ()
        self._numbers: dict[str, list[Numbers]] = {}
        self._labels: list[Integers] = []
        self._files: list[str] = []
        self._sources: list[str] = []
        self._extra: tuple[str, ...] = ()
        self._optional: tuple[str, ...] = ()
        self._index: dict[str | None, int] = {}
        self._count = 0

    def start(self, columns: Sequence[str]) -> None:
        """Take the names of the file's columns."""
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise SourceError(f"{self.path}: not a file of records: {', '.join(missing)} missing")
        if MODEL in columns:
            raise SourceError(
                f"{self.path}: compares systems, a row for each (column {MODEL}); "
                "that is for programs that read tables, not for a review"
            )
        names = [name for name in COLUMNS if name != TEXT]
        if all(name in columns for name in LANDMARK_COLUMNS):
            names += LANDMARK_COLUMNS
        if CONTRACT_COLUMN in columns:
            self._extra = extra_of(columns)
            own = [*self._extra, *(name for name in MEASURES if name in columns)]
            names += own
            self._optional = (*_OPTIONAL, *own)
        unfit = [name for name in self._extra if not name.isprintable()]
        if unfit:
            raise SourceError(f"{self.path}: not a file of records: {unfit[0]!r:.80}: no class")
        twice = [name for name in (*names, TEXT) if list(columns).count(name) > 1]
        if twice:
            raise SourceError(f"{self.path}: not a file of records: {', '.join(twice)}: twice")
        self.columns = tuple(columns)
        classes = (*EXPRESSIONS, *self._extra)
        self._index = {label: number for number, label in enumerate(classes)}
        if self._optional:
            self._index[""] = -1
        self._numbers = {name: [np.zeros(0)] for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are read."""
        texts = (name for name in (FILE, SOURCE) if name in self.columns)
        return (*self._numbers, TEXT, *texts)

    def check_count(self, count: int) -> None:
        """Refuse a file of so many rows if memory may not hold them."""
        most = NUMBERS_MAX // max(len(self._numbers), 1)
        if count > most:
            raise SourceError(
                f"{self.path}: too large: more than {most:,} rows; cut the file into parts"
            )

    def add(self, where: Sequence[int], columns: Columns) -> None:
        """Add rows; damaged ones are noted and left out.

        Args:
            where: Their numbers in the file, from 1.
            columns: The values by column, texts or numbers.
        """
        files = [str(file or "") for file in columns.get(FILE, ())]
        numbers = {name: _numbers(columns[name]) for name in self._numbers}
        timeless = np.array([bool(file) for file in files] or [False] * len(where), np.bool_)
        numbers["timestamp"][timeless] = 0
        labels = np.array([self._index.get(_text_of(x), -2) for x in columns[TEXT]], np.int64)
        unfit = {name: _unfit(name, values) for name, values in numbers.items()}
        for name in self._optional:
            unfit[name] &= ~(np.isnan(numbers[name]) & _empty(columns[name]))
        unfit[TEXT] = (labels < -1) | self._unnamed(labels, numbers)
        sources = [str(source or "") for source in columns.get(SOURCE, ())]
        if sources:
            unfit[SOURCE] = np.array([source not in AFFECT_SOURCES for source in sources])
        bad = np.logical_or.reduce(list(unfit.values()))
        for row in np.flatnonzero(bad).tolist():
            name = next(name for name in unfit if unfit[name][row])
            why = self._why(name, columns[name][row])
            self.damage.note(f"row {where[row]}, {name}: {why}")
        numbers["timestamp"][timeless] = np.nan
        for name, values in numbers.items():
            self._numbers[name].append(values[~bad])
        self._labels.append(labels[~bad])
        self._files += [file for file, left_out in zip(files, bad, strict=False) if not left_out]
        self._sources += [x for x, left_out in zip(sources, bad, strict=False) if not left_out]
        self._count += int((~bad).sum())
        self.check_count(self._count)

    def _unnamed(self, labels: Integers, numbers: Mapping[str, Numbers]) -> NDArray[np.bool_]:
        """Say which rows have numbers of classes, but no label."""
        classes = np.stack([numbers[name] for name in (*EXPRESSIONS, *self._extra)])
        unnamed: NDArray[np.bool_] = (labels == -1) & np.isfinite(classes).any(axis=0)
        return unnamed

    def _why(self, name: str, value: object) -> str:
        """Say what is wrong with a value."""
        if name == SOURCE:
            known = ", ".join(filter(None, AFFECT_SOURCES))
            return f"unknown: {shown(value)}; known here: {known}, or nothing"
        if name != TEXT:
            return _why(value)
        if value == "" and self._optional:
            return "empty, though classes have numbers"
        return f"unknown: {shown(value)}; known here: {', '.join((*EXPRESSIONS, *self._extra))}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each thing that was left out."""
        cut = f"{self.path.name}: {CUT}"
        return (*((cut,) if self.cut else ()), *self.damage.warnings)

    def _unmixed(self, table: RecordTable) -> RecordTable:
        """Leave out the fewer of rows of pictures, which have no times, and those of a film."""
        pictures = np.array([bool(file) for file in table.files], np.bool_)
        if pictures.all():
            return table
        most = bool(2 * pictures.sum() > len(pictures))
        for row in np.flatnonzero(pictures != most).tolist():
            self.damage.note(f"row {row + 1}, {FILE}: a picture and a film in one table")
        kept = table.rows(pictures == most)
        return kept if most else replace(kept, files=())

    def table(self) -> RecordTable:
        """Give the rows, each face once in a frame.

        Raises:
            SourceError: All rows are damaged.
        """
        numbers = {name: np.concatenate(parts) for name, parts in self._numbers.items()}
        labels = np.concatenate([np.zeros(0, np.int64), *self._labels])
        self._numbers, self._labels = {}, []
        known = [x for x in EXPRESSIONS if not len(labels) or np.isfinite(numbers[x]).any()]
        table = RecordTable(
            numbers,
            labels,
            tuple(self._files) if any(self._files) else (),
            sources=tuple(self._sources),
            vocabulary=Vocabulary(
                ordered((*known, *self._extra)),
                tuple(name for name in MEASURES if name in numbers),
            ),
        )
        table = self._unmixed(table)
        again = _again(table)
        for row in np.flatnonzero(again).tolist():
            face, frame = (int(numbers[name][row]) for name in ("face_id", "frame"))
            self.damage.note(f"row {row + 1}: face {face} is in frame {frame} twice")
        if self.damage.count and not len(labels):
            raise self.damage.refuse()
        table = table.rows(~again) if again.any() else table
        table = table.rows(np.argsort(table.times, kind="stable"))
        return replace(table, left_out=self.damage.count)


def _again(table: RecordTable) -> NDArray[np.bool_]:
    """Say which rows show a face that their frame has shown already."""
    frames, faces = table.numbers["frame"], table.numbers["face_id"]
    order = np.lexsort((faces, frames))
    again = np.zeros(len(table), np.bool_)
    same = (np.diff(frames[order]) == 0) & (np.diff(faces[order]) == 0)
    again[order[1:][same]] = True
    return again


def _numbers(values: Sequence[Any]) -> Numbers:
    """Turn a column's values into numbers; nan where one is none."""
    if {type(value) for value in values} <= {int, float, str}:
        try:
            return np.array(values, np.float64)
        except (ValueError, OverflowError):
            pass
    return np.array([_number(value) for value in values], np.float64)


def _number(value: object) -> float:
    if type(value) not in (int, float, str):  # true is no number
        return np.nan
    try:
        return float(value)  # type: ignore[arg-type]  # it is one of these
    except (ValueError, OverflowError):
        return np.nan


def _unfit(name: str, numbers: Numbers) -> NDArray[np.bool_]:
    """Say which numbers a column cannot hold."""
    least, most = _RANGES.get(name, _SHARE)
    unfit: NDArray[np.bool_] = ~((numbers >= least) & (numbers <= most))  # nan is neither
    return unfit | (numbers != np.rint(numbers)) if name in WHOLE else unfit


def extra_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Name the classes beyond the eight: their columns are between two others."""
    names = list(columns)
    if FILE not in names or CONTRACT_COLUMN not in names:
        return ()
    between = names[names.index(FILE) + 1 : names.index(CONTRACT_COLUMN)]
    return tuple(name for name in between if name not in RESERVED and name not in EXPRESSIONS)


def _text_of(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _empty(values: Sequence[object]) -> NDArray[np.bool_]:
    return np.array([value is None or value == "" for value in values], np.bool_)


def _why(value: object) -> str:
    """Say what is wrong with a number."""
    try:
        float(value)  # type: ignore[arg-type]  # whatever a file holds
    except (TypeError, ValueError, OverflowError):
        return f"not a number: {shown(value)}"
    return f"not a usable number: {shown(value)}"


def _lines(path: Path, rows: _Rows, *, head: bool) -> Iterator[str]:
    """Give the lines of a text; what comes after the last one's end was cut off."""
    with open_ordinary(path) as file:
        file.seek(len(BOM) if file.read(len(BOM)) == BOM else 0)
        first = True
        while line := file.readline(LINE_MAX + 1):
            text = _text(path, line) if first and head else _lax(line)
            if not line.endswith(b"\n"):
                if len(line) > LINE_MAX:  # no line of ours, nor is what follows
                    rows.damage.note(f"a row is longer than {LINE_MAX:,} bytes, and all after it")
                elif first and not (head or text.startswith("{")):
                    raise SourceError(f"{path}: not a file of records: its first line is no row")
                else:
                    rows.cut = True
                return
            yield text
            first = False


def _text(path: Path, line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is no text: {error.reason}") from error


def _lax(line: bytes) -> str:
    """Decode a row; what is no text fails as a number or a label."""
    return line.decode("utf-8", "surrogateescape")


def _read_csv(path: Path, rows: _Rows) -> None:
    lines = _lines(path, rows, head=True)
    head = _cells(next(lines, ""))
    rows.start(head)
    places = {name: head.index(name) for name in rows.names}
    numbered = enumerate(lines, 1)
    while block := list(islice(numbered, BLOCK)):
        whole: dict[int, list[str]] = {}
        for number, line in block:
            cells = _cells(line)
            if len(cells) == len(head):
                whole[number] = cells
            else:
                rows.damage.note(f"row {number}: has {len(cells)} columns, not {len(head)}")
        columns = list(zip(*whole.values(), strict=True)) or [()] * len(head)
        rows.add(list(whole), {name: columns[place] for name, place in places.items()})


def _cells(line: str) -> list[str]:
    """Split a line by itself, so that a stray quote swallows no line but its own."""
    try:
        return next(csv.reader((line,)), [])
    except csv.Error:
        return []


def _read_json_lines(path: Path, rows: _Rows) -> None:
    numbered = enumerate(_lines(path, rows, head=False), 1)
    while block := list(islice(numbered, BLOCK)):
        whole: dict[int, list[Any]] = {}
        for number, line in block:
            try:
                whole[number] = _json_row(line, rows)
            except ValueError as error:
                rows.damage.note(f"row {number}{error}")
        if whole:
            columns = zip(*whole.values(), strict=True)
            rows.add(list(whole), dict(zip(rows.columns, columns, strict=True)))
    if not rows.columns:
        rows.start(COLUMNS)


def _json_row(line: str, rows: _Rows) -> list[Any]:
    """Give the values of a line in the order of the columns, which the first good one tells."""
    try:
        row = from_json(line.encode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise ValueError(f": no JSON: {error}") from error
    missing = [name for name in COLUMNS if not isinstance(row, dict) or name not in row]
    if missing:
        raise ValueError(f": {', '.join(missing)} missing")
    if not rows.columns:
        landmarks = LANDMARK_COLUMNS if "landmarks" in row else ()
        tail = (CONTRACT_COLUMN, SOURCE) if CONTRACT_COLUMN in row else ()
        last = (*MEASURES, MODEL) if tail else ()
        own = (*extra_of(list(row)), *tail, *(name for name in last if name in row))
        rows.start((*COLUMNS, *landmarks, FILE, *own))
    points = _points(row) if LANDMARK_COLUMNS[0] in rows.columns else []
    behind = rows.columns[rows.columns.index(FILE) + 1 :]
    values = [*(row[name] for name in COLUMNS), *points, row.get(FILE)]
    return values + [row.get(name) for name in behind]


def _points(row: Mapping[str, Any]) -> list[Any]:
    try:
        values = [value for point in row["landmarks"] for value in point]
    except (KeyError, TypeError):
        values = []
    if len(values) != len(LANDMARK_COLUMNS):
        raise ValueError(", landmarks: expected 68 points")
    return values


def _read_parquet(path: Path, rows: _Rows) -> None:
    arrow = import_arrow(f"{path}: Parquet")
    try:
        with open_ordinary(path) as raw, arrow.parquet.ParquetFile(raw) as file:
            rows.start(file.schema_arrow.names)
            rows.check_count(file.metadata.num_rows)
            number = 0
            for batch in file.iter_batches(BLOCK, columns=list(rows.names)):
                columns = {name: batch.column(name).to_pylist() for name in rows.names}
                rows.add(range(number + 1, number + 1 + batch.num_rows), columns)
                number += batch.num_rows
    except OSError as error:
        if error.errno:
            raise
        raise _no_parquet(path, error) from error
    except (arrow.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise _no_parquet(path, error) from error


def _no_parquet(path: Path, error: Exception) -> SourceError:
    why = str(error).partition("\n")[0]
    return SourceError(f"{path}: is no whole Parquet file: {why}")


READERS: Final[Mapping[str, Callable[[Path, _Rows], None]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}
