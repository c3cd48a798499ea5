"""What a recorded session is on the disk: a folder, its file names and its `session.json`.

2026-11-27_14-03-21/
    session.json    when, source, model, settings, versions, parts, how it ended
    video.mp4       annotated video, if it was recorded
    clean.mp4       the same without boxes and labels, if it was recorded too
    records.csv     rows as `fer-video` writes them, if they were recorded
    video-002.mp4   the second part of a long recording, with its records-002.csv
    markers.csv     timestamp, key, text, phase: begin and end of a marker that lasts
    edits.json      corrections made in review; the records are never changed
"""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field

from app.session.checks import (
    MISSING,
    MOST_S,
    Damage,
    json_words,
    one_line,
    read_bytes,
    read_form,
    trouble,
)
from app.session.naming import FaceId, NamedFace
from engine.config import AboveZero, Natural, Positive, checked, read, require
from engine.errors import ConfigError, SinkError, SourceError
from engine.files import PartialFile, written_folder
from engine.partials import NAME_MAX, sweep
from engine.wording import shown

ABOUT: Final = "session.json"
VIDEO: Final = "video.mp4"
CLEAN: Final = "clean.mp4"
RECORDS: Final = "records.csv"
MARKERS: Final = "markers.csv"
EDITS: Final = "edits.json"  # beside a records file it is ``NAME.edits.json``
SNAPSHOTS: Final = "snapshots"  # folder beside those of the recordings
MARKER_COLUMNS: Final = ("timestamp", "key", "text", "phase")
FORMAT: Final = 1  # of session.json
FORMAT_PARTS: Final = 2  # of one with parts, which older versions would lose without a word

Phase = Literal["", "begin", "end"]


@dataclass(frozen=True, slots=True)
class Marker:
    """Something the user noted while recording.

    Attributes:
        time_s: Seconds from the start of the recording.
        text: What it says; made one line that every export can hold.
        key: The key it was set with, or empty; the same.
        end_s: When it ended; None if it marks a moment.
        phase: Of one that lasts, as it is told of while it is recorded: it begins, or ends, now.
    """

    time_s: float
    text: str
    key: str = ""
    end_s: float | None = None
    phase: Phase = ""

    def __post_init__(self) -> None:
        for name in ("text", "key"):
            object.__setattr__(self, name, one_line(getattr(self, name)))


def _name_of_file(name: str) -> str:
    fits = name.isprintable() and not set(name) & set("/\\:") and name not in ("", ".", "..")
    if not fits or len(os.fsencode(name)) > NAME_MAX:
        raise ValueError(f"must be the name of a file in this folder, got {shown(name)}")
    return name


FileName = Annotated[str, AfterValidator(_name_of_file)]


@checked(extra="ignore")
class Part:
    """A part of a recording after the first.

    Attributes:
        start_s: Where its video begins, seconds of the recording.
        video: Its video, if there is one.
        records: Its rows, if there are any.
    """

    start_s: Annotated[float, Field(ge=0, le=MOST_S)]
    video: FileName | None = None
    records: FileName | None = None


@checked(extra="ignore")
class Files:
    """The files that `session.json` names.

    Attributes:
        markers: The markers.
        video: The video, or its first part.
        records: The rows, or their first part.
        parts: Those after the first, in order.
    """

    markers: FileName | None = None
    video: FileName | None = None
    records: FileName | None = None
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        known: set[str] = set()
        named = [(key, getattr(self, key)) for key in ("markers", "video", "records")]
        named += [("parts", name) for part in self.parts for name in (part.video, part.records)]
        for key, name in named:
            # The same file read a thousand times is what an archive bomb is.
            require(self, key, name is None or name not in known, "files that are named once")
            known.add(name)


@checked(extra="ignore")
class Look:
    """What `session.json` says of the video: whether boxes and labels are part of it."""

    annotate: bool = False


@checked(extra="ignore")
class UsedSettings:
    """What a review needs of the settings that a recording was made with."""

    video: Look | None = None


@checked(extra="ignore")
class Session:
    """What a review needs of `session.json`.

    Attributes:
        state: How it ended: ``finished`` if it did.
        files: The files.
        settings: What it was made with.
        faces: What its faces are called, by id.
        duration_s: How long it is; None where it did not end well, as with those below.
        rows: Of all its parts.
        video_frames: The same.
    """

    state: str = ""
    files: Files = field(default_factory=Files)
    settings: UsedSettings = field(default_factory=UsedSettings)
    faces: dict[FaceId, NamedFace] = field(default_factory=dict)
    duration_s: Annotated[float, Field(ge=0, le=MOST_S)] | None = None
    rows: Natural | None = None
    video_frames: Natural | None = None


@checked("recording.part")
class PartLimits:
    """When a recording goes on in other files, so that none grows without an end.

    Attributes:
        seconds: Longest part, of the recording's time.
        size: Largest file, bytes; FAT32, which many cards and sticks have, takes no 4 GiB.
    """

    seconds: AboveZero = 3600.0
    size: Positive = 4_000_000_000


def part_name(name: str, number: int) -> str:
    """Give the name of a part's file: ``video-002.mp4``; the first has no number."""
    path = Path(name)
    return name if number == 1 else f"{path.stem}-{number:03d}{path.suffix}"


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
    content = text.encode("utf-8", "replace")  # names of files may be no text at all
    PartialFile(folder / ABOUT, endings=(".json",), overwrite=True).write(content)


def read_about(folder: Path) -> dict[str, Any]:
    """Read `session.json`.

    Raises:
        SourceError: It is missing, damaged, or of a later version.
    """
    path = folder / ABOUT
    why = trouble(path, folder)
    if why == MISSING:
        raise SourceError(f"{folder}: no recorded session: {ABOUT} is missing")
    if why:
        raise SourceError(f"{path}: is {why}; a recording's own file is needed")
    return read_form(path, FORMAT_PARTS, "is no JSON", "a session")


def session_of(folder: Path, about: Mapping[str, Any]) -> Session:
    """Check what a folder's `session.json` says.

    Args:
        folder: The recording's.
        about: As `read_about` gives it.

    Raises:
        SourceError: A value is of the wrong kind, or a name leads out of the folder.
    """
    try:
        return read(Session, about, said=json_words)
    except ConfigError as error:
        raise SourceError(f"{folder / ABOUT}: {error}") from error


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
            self._write((f"{marker.time_s:.3f}", marker.key, marker.text, marker.phase))
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


def read_markers(path: Path, *, forgiving: bool = False) -> tuple[list[Marker], tuple[str, ...]]:
    """Read a file of `MarkerWriter`, in order of time; a cut-off last line is left out.

    One that began and never ended, as a kill leaves it, marks the moment at which it began.

    Args:
        path: The file.
        forgiving: Leave damaged lines out.

    Returns:
        The markers, and one line that says how many were left out and why, if any were.

    Raises:
        SourceError: It is something else, or a line is damaged and may not be left out.
    """
    lines = read_bytes(path).decode("utf-8-sig", "replace").split("\n")
    lines.pop()  # what a kill cut off, or nothing
    columns = tuple(_cells(lines[0])) if lines else ()
    if columns not in (MARKER_COLUMNS, MARKER_COLUMNS[:3]):  # once none could last
        raise SourceError(f"{path}: not a file of markers: expected {','.join(MARKER_COLUMNS)}")
    damage = Damage(path, forgiving=forgiving)
    markers: list[Marker] = []
    running: dict[tuple[str, str], int] = {}  # by key and text, its place among the markers
    for number, line in enumerate(lines[1:], 2):
        marker = _marker(line, len(columns))
        if marker is None:
            damage.note(f"row {number}: not a marker: {shown(line)}")
        elif marker.phase != "end":
            if marker.phase:
                running[marker.key, marker.text] = len(markers)
            markers.append(replace(marker, phase=""))
        else:
            at = running.pop((marker.key, marker.text), None)
            if at is None or marker.time_s < markers[at].time_s:
                damage.note(f"row {number}: ends what did not begin: {shown(line)}")
            else:
                markers[at] = replace(markers[at], end_s=marker.time_s)
    return sorted(markers, key=lambda marker: marker.time_s), damage.warnings


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader((line,)), [])
    except csv.Error:
        return []


def _marker(line: str, columns: int) -> Marker | None:
    """Read one line; None if it is no marker."""
    cells = _cells(line.removesuffix("\r"))
    if len(cells) != columns:
        return None
    time_text, key, words, phase = (*cells, "")[:4]
    try:
        time_s = float(time_text)
    except ValueError:
        return None
    if not 0 <= time_s <= MOST_S or phase not in get_args(Phase):
        return None
    return Marker(time_s, words, key, phase=phase)  # type: ignore[arg-type]  # just looked at
