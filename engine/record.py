"""Rows out: one for each face in each frame, as CSV, JSON lines or Parquet.

Rows go to disk as they come, in constant memory; the file has its name only once it is closed,
or, where it is to survive a kill, from the start.
"""

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any, Final, Protocol

from engine.errors import ConfigError
from engine.files import PartialFile, open_target
from engine.labels import EXPRESSIONS, Vocabulary
from engine.standard import StandardOutput, is_standard
from engine.types import POINTS, Analysis, Compared, Prediction, Track

TIME_DIGITS: Final = 6  # microseconds
PIXEL_DIGITS: Final = 2
SHARE_DIGITS: Final = 6  # eight rounded probabilities still sum to 1 within 4e-6
ROW_GROUP: Final = 4096  # rows held before Parquet writes them
# Of the columns: 2 has the last ones, from `contract` on, and empty cells where a network says
# nothing. Columns keep their names and meaning; new ones come at the end, with a new number.
CONTRACT: Final = 2
AFFECT_SOURCES: Final = ("", "network", "derived")  # empty where there are no such numbers
ORIGIN: Final = "fer_live"  # key of what says where rows come from (`engine/origin.py`)
MEASURES: Final = ("quality", "primary_confidence")  # own numbers of networks, which may be absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One face in one frame; the fields are the columns, in their order.

    Landmarks, where they are written, come between `arousal` and `file`; a class that the network
    does not know is empty, and its classes beyond the eight come between `file` and `contract`.

    Attributes:
        frame: 0-based index of the frame.
        timestamp: Seconds from the beginning of the source; None in a picture, which has no time.
        face_id: The track's id; in a picture the face's place in it, from 1.
        x: Left edge of the box, pixels of the source frame.
        y: Top edge of the box.
        width: Width of the box, pixels.
        height: Height of the box, pixels.
        score: Presence of a face, 0 to 1.
        expression: The label (`Prediction.expression`); empty where the networks know none.
        reliability: 0 to 1; None without expressions.
        neutral: Probability; all classes' together sum to 1.
        happiness: Probability.
        surprise: Probability.
        sadness: Probability.
        anger: Probability.
        disgust: Probability.
        fear: Probability.
        contempt: Probability.
        valence: -1 to 1; None where the networks know none.
        arousal: -1 to 1; None as valence.
        file: Name of the picture; empty in a film.
        contract: Version of the columns.
        affect_source: Where valence and arousal come from, one of `AFFECT_SOURCES`.
        others: Probabilities of the classes beyond the eight, by name.
        measures: The networks' own numbers, some of `MEASURES`.
        model: The system that says all this, where several are compared.
    """

    frame: int
    timestamp: float | None
    face_id: int
    x: float
    y: float
    width: float
    height: float
    score: float
    expression: str
    reliability: float | None
    neutral: float | None = None
    happiness: float | None = None
    surprise: float | None = None
    sadness: float | None = None
    anger: float | None = None
    disgust: float | None = None
    fear: float | None = None
    contempt: float | None = None
    valence: float | None
    arousal: float | None
    file: str = ""
    contract: int = CONTRACT
    affect_source: str = ""
    others: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    model: str = ""

    def value(self, column: str) -> int | float | str | None:
        """Give what a column holds, None where it is empty; landmarks are no part of it."""
        if column in (*COLUMNS, FILE, *TAIL, MODEL):
            own: int | float | str | None = getattr(self, column)
            return own
        return self.others.get(column, self.measures.get(column))

    @property
    def probabilities(self) -> dict[str, float]:
        """By class, of those that the network knows."""
        eight = ((label, getattr(self, label)) for label in EXPRESSIONS)
        return {label: share for label, share in eight if share is not None} | dict(self.others)


FILE: Final = "file"  # behind the landmarks
CONTRACT_COLUMN: Final = "contract"  # behind the classes beyond the eight
TAIL: Final = (CONTRACT_COLUMN, "affect_source")
MODEL: Final = "model"  # the last one, of a comparison alone: a row for each system
COLUMNS: Final = tuple(
    each.name
    for each in fields(Record)
    if each.name not in (FILE, *TAIL, MODEL, "others", "measures")
)
LANDMARK_COLUMNS: Final = tuple(
    f"landmark_{point}_{axis}" for point in range(POINTS) for axis in "xy"
)
# No class may be called so.
RESERVED: Final = frozenset(
    {*COLUMNS, *LANDMARK_COLUMNS, FILE, *TAIL, *MEASURES, MODEL, "landmarks", "corrected"}
) - frozenset(EXPRESSIONS)
_KINDS: Final = {  # else float
    **dict.fromkeys(("frame", "face_id", CONTRACT_COLUMN), "int"),
    **dict.fromkeys(("expression", "affect_source", FILE, MODEL), "str"),
}
EIGHT: Final = Vocabulary()

Row = tuple[int | float | str | None, ...]
Point = tuple[float, float]


def columns(*, landmarks: bool, vocabulary: Vocabulary = EIGHT) -> tuple[str, ...]:
    """Name all columns, in their order."""
    points = LANDMARK_COLUMNS if landmarks else ()
    return (*COLUMNS, *points, FILE, *behind(vocabulary))


def record_of(analysis: Analysis, track: Track, prediction: Prediction, model: str = "") -> Record:
    """The row of one face, rounded to what the numbers are good for."""
    frame = analysis.frame
    x0, y0, x1, y1 = (round(value, PIXEL_DIGITS) for value in track.box.tolist())
    shares = (round(share, SHARE_DIGITS) for share in prediction.probabilities.tolist())
    classes = dict(zip(prediction.labels, shares, strict=True))
    return Record(
        frame=frame.index,
        timestamp=round(frame.time_s, TIME_DIGITS) if frame.file is None else None,
        face_id=track.id,
        x=x0,
        y=y0,
        width=round(x1 - x0, PIXEL_DIGITS),
        height=round(y1 - y0, PIXEL_DIGITS),
        score=round(track.score, SHARE_DIGITS),
        expression=prediction.expression,
        reliability=_rounded(prediction.reliability),
        valence=_rounded(prediction.valence),
        arousal=_rounded(prediction.arousal),
        file=frame.file or "",
        affect_source=affect_source(prediction),
        others={label: x for label, x in classes.items() if label not in EXPRESSIONS},
        measures={name: round(x, SHARE_DIGITS) for name, x in prediction.measures.items()},
        model=model,
        **{label: x for label, x in classes.items() if label in EXPRESSIONS},
    )


def affect_source(prediction: Prediction) -> str:
    """Say where valence and arousal come from, one of `AFFECT_SOURCES`."""
    if prediction.valence is None:
        return ""
    return "derived" if prediction.derived else "network"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, SHARE_DIGITS)


def records_of(
    analysis: Analysis, *, landmarks: bool
) -> Iterator[tuple[Record, tuple[Point, ...]]]:
    """Each face's row with its 68 landmarks, pixels of the source frame; none unless asked for.

    Where systems are compared, each face has a row for each of them, one after the other.
    """
    for place, track in enumerate(analysis.tracks):
        found = track.landmarks.tolist() if landmarks else []
        points = tuple((round(x, PIXEL_DIGITS), round(y, PIXEL_DIGITS)) for x, y in found)
        for model, predictions in sayings_of(analysis):
            yield record_of(analysis, track, predictions[place], model), points


def sayings_of(analysis: Analysis) -> Iterator[tuple[str, tuple[Prediction, ...]]]:
    """Give what is said of a frame's faces: once, or by each of several systems, with its name."""
    if isinstance(analysis, Compared):
        yield from zip(analysis.systems, analysis.readings, strict=True)
    else:
        yield "", analysis.predictions


def row_of(record: Record, points: Sequence[Point], vocabulary: Vocabulary = EIGHT) -> Row:
    """One face's values in the order of `columns`, those of its points if there are any."""
    values = (getattr(record, name) for name in COLUMNS)
    flat = (value for point in points for value in point)
    return (*values, *flat, record.file, *(record.value(name) for name in behind(vocabulary)))


def behind(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Name the columns behind `file`, in their order."""
    compared = (MODEL,) if vocabulary.systems else ()
    return (*vocabulary.extra, *TAIL, *vocabulary.measures, *compared)


def import_arrow(what: str) -> Any:  # noqa: ANN401 - a module without types
    """Import pyarrow, an extra.

    Args:
        what: Needs it, for the message.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError(f"{what} needs pyarrow; pip install 'fer-live[parquet]'") from error
    return pyarrow


def arrow_schema(*, landmarks: bool, vocabulary: Vocabulary = EIGHT) -> Any:  # noqa: ANN401 - a class without types
    """Give the columns of a Parquet file of rows and their types, a `pyarrow.Schema`.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    arrow = import_arrow("a table")
    kinds = {"int": arrow.int64(), "float": arrow.float64(), "str": arrow.string()}
    points = dict.fromkeys(LANDMARK_COLUMNS, arrow.float32())
    names = columns(landmarks=landmarks, vocabulary=vocabulary)
    return arrow.schema(
        [(name, points.get(name, kinds[_KINDS.get(name, "float")])) for name in names]
    )


def arrow_table(
    rows: Sequence[Row],
    *,
    landmarks: bool,
    vocabulary: Vocabulary = EIGHT,
) -> Any:  # noqa: ANN401 - a class without types
    """Give rows, at least one, as a `pyarrow.Table` of this schema.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    schema = arrow_schema(landmarks=landmarks, vocabulary=vocabulary)
    values = dict(zip(schema.names, zip(*rows, strict=True), strict=True))
    return import_arrow("a table").table(values, schema=schema)


def beside(path: Path) -> Path:
    """Name the file beside rows of text that says where they come from: ``rows.csv.json``."""
    return path.with_name(f"{path.name}.json")


class RecordWriter(Protocol):
    """Takes analyses in order, and writes a row for each face."""

    def describe(self, origin: Mapping[str, Any]) -> None:
        """Say where the rows come from, before they are closed (`engine/origin.py`).

        Parquet keeps it in its metadata; text cannot, and has a file `beside` it.
        """

    def write(self, analysis: Analysis) -> None:
        """Add the frame's faces.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """

    def close(self) -> None:
        """Finish the file and put it in its place; further calls do nothing."""

    def discard(self) -> None:
        """Give up: remove what was written and leave the target as it was."""


def open_records(
    path: Path,
    *,
    landmarks: bool,
    overwrite: bool,
    growing: bool = False,
    vocabulary: Vocabulary = EIGHT,
) -> RecordWriter:
    """Open the writer that the file's ending asks for; the header is written at once.

    Args:
        path: The target: .csv, .jsonl, .ndjson or .parquet; ``-`` is CSV on standard output.
        landmarks: Write the 68 landmarks as well.
        overwrite: Replace a file that exists.
        growing: Write under the file's own name, every frame at once, so that a kill leaves what
            was written; not for Parquet, which cannot be read before it is complete.
        vocabulary: What may be said of the faces: more of it gives more columns.

    Raises:
        ConfigError: The ending is unknown, cannot grow, or Parquet's library is missing.
        SinkError: The target cannot be written.
    """
    ending = ".csv" if is_standard(path) else path.suffix.lower()
    if growing and ending == ".parquet":
        raise ConfigError(f"{path}: Parquet does not survive a kill; use .csv or .jsonl")
    file: PartialFile
    if is_standard(path):
        file, growing = StandardOutput(), True  # whoever reads along need not wait
    else:
        file = open_target(path, endings=WRITERS, overwrite=overwrite, growing=growing)
    try:
        writer = WRITERS[ending](file, landmarks, growing, vocabulary)
    except OSError as error:
        file.discard()
        raise file.failed(error) from error
    except BaseException:
        file.discard()
        raise
    try:
        writer.begin()
    except OSError as error:
        writer.discard()
        raise file.failed(error) from error
    return writer


class _Writer(ABC):
    """What the formats share: the life of the file and the names of the columns."""

    def __init__(
        self, file: PartialFile, landmarks: bool, growing: bool, vocabulary: Vocabulary
    ) -> None:
        self._file = file
        self._landmarks = landmarks
        self._growing = growing
        self._vocabulary = vocabulary
        self._done = False
        self._origin: Mapping[str, Any] | None = None

    def describe(self, origin: Mapping[str, Any]) -> None:
        """Say where the rows come from."""
        self._origin = origin

    @abstractmethod
    def _write(self, record: Record, points: tuple[Point, ...]) -> None: ...

    def begin(self) -> None:  # noqa: B027 - not every format has one
        """Write the header."""

    @abstractmethod
    def _to_disk(self) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...

    def write(self, analysis: Analysis) -> None:
        """Add the frame's faces."""
        if self._done:
            raise ValueError("write: the records are closed")
        for model, predictions in sayings_of(analysis):
            if bool(model) != bool(self._vocabulary.systems):
                raise ValueError("write: rows of a comparison and others do not go together")
            for prediction in predictions:
                if not self._vocabulary.holds(prediction.vocabulary):
                    raise ValueError(f"write: no columns for all of {prediction.vocabulary}")
        try:
            for record, points in records_of(analysis, landmarks=self._landmarks):
                self._write(record, points)
            if self._growing:
                self._to_disk()
        except OSError as error:
            raise self._file.failed(error) from error

    def close(self) -> None:
        """Finish the file and put it in its place; further calls do nothing."""
        if self._done:
            return
        self._done = True
        try:
            self._close()
        except OSError as error:
            self._file.discard()
            raise self._file.failed(error) from error
        self._file.commit()

    def discard(self) -> None:
        """Give up: remove what was written and leave the target as it was."""
        if self._done:
            return
        self._done = True
        try:
            self._close()
        except OSError:
            pass  # the disk may be full, and the file goes anyway
        finally:
            self._file.discard()


class _Csv(_Writer):
    def __init__(
        self, file: PartialFile, landmarks: bool, growing: bool, vocabulary: Vocabulary
    ) -> None:
        super().__init__(file, landmarks, growing, vocabulary)
        self._text: IO[str] = (
            file.text()
            if isinstance(file, StandardOutput)
            else file.path.open("w", encoding="utf-8", newline="")
        )
        self._rows = csv.writer(self._text, lineterminator="\n")

    def begin(self) -> None:
        self._rows.writerow(columns(landmarks=self._landmarks, vocabulary=self._vocabulary))
        if self._growing:
            self._to_disk()

    def _write(self, record: Record, points: tuple[Point, ...]) -> None:
        row = row_of(record, points, self._vocabulary)
        self._rows.writerow([plain(value) for value in row])

    def _to_disk(self) -> None:
        self._text.flush()

    def _close(self) -> None:
        self._text.close()


class _JsonLines(_Writer):
    def __init__(
        self, file: PartialFile, landmarks: bool, growing: bool, vocabulary: Vocabulary
    ) -> None:
        super().__init__(file, landmarks, growing, vocabulary)
        self._text: IO[str] = file.path.open("w", encoding="utf-8", newline="\n")

    def _write(self, record: Record, points: tuple[Point, ...]) -> None:
        row: dict[str, object] = {name: getattr(record, name) for name in COLUMNS}
        if self._landmarks:
            row["landmarks"] = points
        row[FILE] = record.file
        row |= {name: record.value(name) for name in behind(self._vocabulary)}
        self._text.write(json.dumps(row, separators=(",", ":")) + "\n")

    def _to_disk(self) -> None:
        self._text.flush()

    def _close(self) -> None:
        self._text.close()


class _Parquet(_Writer):
    def __init__(
        self, file: PartialFile, landmarks: bool, growing: bool, vocabulary: Vocabulary
    ) -> None:
        super().__init__(file, landmarks, growing, vocabulary)
        self._arrow = import_arrow(f"{file.target}: Parquet")
        self._out = self._arrow.parquet.ParquetWriter(
            str(file.path), arrow_schema(landmarks=landmarks, vocabulary=vocabulary)
        )
        self._rows: list[Row] = []

    def _write(self, record: Record, points: tuple[Point, ...]) -> None:
        self._rows.append(row_of(record, points, self._vocabulary))
        if len(self._rows) >= ROW_GROUP:
            self._to_disk()

    def _to_disk(self) -> None:
        if self._rows:
            self._out.write_table(
                arrow_table(self._rows, landmarks=self._landmarks, vocabulary=self._vocabulary)
            )
            self._rows.clear()

    def _close(self) -> None:
        try:
            self._to_disk()
            if self._origin is not None:
                said = json.dumps(self._origin, ensure_ascii=False, allow_nan=False)
                self._out.add_key_value_metadata({ORIGIN: said})
        finally:
            self._out.close()


WRITERS: Final[Mapping[str, Callable[[PartialFile, bool, bool, Vocabulary], _Writer]]] = {
    ".csv": _Csv,
    ".jsonl": _JsonLines,
    ".ndjson": _JsonLines,
    ".parquet": _Parquet,
}


def plain(value: float | str | None) -> str:
    """A number without exponent or needless zeros; nothing where there is none."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.{SHARE_DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
