"""What a recorded session is on the disk: a folder, its file names and its `session.json`.

2026-11-27_14-03-21/
    session.json    when, source, model, settings, versions, how it ended
    video.mp4       annotated video, if it was recorded
    records.csv     rows as `fer-video` writes them, if they were recorded
    markers.csv     timestamp, key, text
    edits.json      corrections made in review; the records are never changed
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from engine.errors import SinkError, SourceError
from engine.files import PartialFile, written_folder
from engine.partials import sweep

ABOUT: Final = "session.json"
VIDEO: Final = "video.mp4"
RECORDS: Final = "records.csv"
MARKERS: Final = "markers.csv"
MARKER_COLUMNS: Final = ("timestamp", "key", "text")
FORMAT: Final = 1  # of session.json


@dataclass(frozen=True, slots=True)
class Marker:
    """Something the user noted while recording.

    Attributes:
        time_s: Seconds from the start of the recording.
        text: What it says.
        key: The key it was set with, or empty.
    """

    time_s: float
    text: str
    key: str = ""


def new_folder(root: Path, now: datetime, about: Mapping[str, Any]) -> Path:
    """Create a folder named after the time, with a number where that is taken.

    It appears with its `session.json` in it. What killed recordings left beside it is removed.

    Raises:
        SinkError: It cannot be created.
    """
    stem = now.strftime("%Y-%m-%d_%H-%M-%S")
    try:
        root.mkdir(parents=True, exist_ok=True)
        for other in root.iterdir():
            sweep(other)
    except OSError as error:
        raise SinkError(f"{root}: cannot be written: {error.strerror or error}") from error
    for number in range(1, 1000):
        path = root / (stem if number == 1 else f"{stem}_{number}")
        if path.exists():
            continue
        try:
            with written_folder(path, new=True) as place:
                write_about(place, about)
        except SinkError:
            if not path.exists():  # else another program was faster
                raise
        else:
            return path
    raise SinkError(f"{root}: has a thousand recordings of {stem}; choose another folder")


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Put `session.json` in its place, whole.

    Raises:
        SinkError: It cannot be written.
    """
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    PartialFile(folder / ABOUT, endings=(".json",), overwrite=True).write(text)


def read_about(folder: Path) -> dict[str, Any]:
    """Read `session.json`.

    Raises:
        SourceError: It is missing, damaged, or of a later version.
    """
    path = folder / ABOUT
    try:
        about = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise SourceError(f"{folder}: no recorded session: {ABOUT} is missing") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(f"{path}: is no JSON: {error}") from error
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise SourceError(f"{path}: format: missing; not a session of this program")
    if about["format"] > FORMAT:
        raise SourceError(
            f"{path}: format {about['format']}: made by a later version; this one reads {FORMAT}"
        )
    return about


class MarkerWriter:
    """Appends markers to a CSV file, each on the disk at once."""

    def __init__(self, path: Path) -> None:
        """Start the file.

        Raises:
            SinkError: It cannot be written.
        """
        self._path = path
        try:
            self._text: IO[str] = path.open("x", encoding="utf-8", newline="")
        except OSError as error:
            raise self._failed(error) from error
        self._rows = csv.writer(self._text, lineterminator="\n")
        try:
            self._write(MARKER_COLUMNS)
        except OSError as error:
            with suppress(OSError):  # the same again
                self._text.close()
            raise self._failed(error) from error

    def write(self, marker: Marker) -> None:
        """Append one.

        Raises:
            SinkError: The disk is full or the file otherwise refuses.
        """
        try:
            self._write((f"{marker.time_s:.3f}", marker.key, marker.text))
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, row: Sequence[str]) -> None:
        self._rows.writerow(row)
        self._text.flush()

    def close(self) -> None:
        """Finish the file; further calls do nothing.

        Raises:
            SinkError: What was left to write cannot be.
        """
        try:
            self._text.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> SinkError:
        return SinkError(f"{self._path}: cannot be written: {error.strerror or error}")


def read_markers(path: Path) -> list[Marker]:
    """Read a file of `MarkerWriter`, in order of time; a cut-off last line is left out.

    Raises:
        SourceError: It is something else.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0]) != MARKER_COLUMNS:
        raise SourceError(f"{path}: not a file of markers: expected {','.join(MARKER_COLUMNS)}")
    if not text.endswith("\n"):
        rows.pop()
    markers = []
    for number, row in enumerate(rows[1:], 2):
        try:
            time_text, key, words = row
            markers.append(Marker(float(time_text), words, key))
        except ValueError as error:
            raise SourceError(f"{path}: row {number}: not a marker: {row}") from error
    return sorted(markers, key=lambda marker: marker.time_s)
