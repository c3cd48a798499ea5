"""What can be read of a recording's folder, and what had to be left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.session.checks import trouble
from app.session.folder import Files, Marker, Part, Session, read_markers
from app.session.frames import VideoPart
from app.session.records import CUT, NUMBERS_MAX, RecordTable, empty_table, joined, read_records
from engine.errors import ConfigError, SourceError
from engine.video.container import frames_said
from engine.wording import capped, counted


@dataclass(frozen=True, slots=True)
class Contents:
    """What a recording holds.

    Attributes:
        table: The rows of all its parts.
        markers: In order of time.
        footage: Its video, in order of time.
        warnings: One line for each thing that is missing, damaged or cut off.
    """

    table: RecordTable
    markers: tuple[Marker, ...]
    footage: tuple[VideoPart, ...]
    warnings: tuple[str, ...]


def read_contents(folder: Path, session: Session) -> Contents:
    """Read a recording's files, as many of them as can be read.

    Args:
        folder: The recording's.
        session: What its `session.json` says.

    Raises:
        SourceError: It has rows, and none of them can be read.
        ConfigError: Rows are in a form that is unknown, or whose library is missing.
    """
    reading = _Reading(folder, session)
    table = reading.records()
    if session.state != "finished":
        reading.warn("the recording did not end well; kept what was written")
    markers, footage = reading.markers(), reading.footage()
    return Contents(table, markers, footage, capped(reading.warnings))


class _Reading:
    """Reads what a session's folder holds, and notes what cannot be kept of it."""

    def __init__(self, folder: Path, session: Session) -> None:
        self._folder, self._files, self._said = folder, session.files, session
        self.warnings: list[str] = []

    def warn(self, what: str) -> None:
        self.warnings.append(f"{self._folder.name}: {what}")

    def _parts(self) -> tuple[Part | Files, ...]:
        return (self._files, *self._files.parts)

    def records(self) -> RecordTable:
        """Read the rows of all parts; those of one may be missing, but not all."""
        names = [part.records for part in self._parts() if part.records is not None]
        tables, errors = [], []
        for name in names:
            try:
                table, warnings = self._records(name)
            except (SourceError, ConfigError) as error:
                errors.append(error)
                continue
            tables.append(table)
            self.warnings += warnings
            if sum(map(len, tables)) * len(table.numbers) > NUMBERS_MAX:
                raise SourceError(f"{self._folder}: too large: open its parts one by one")
        if errors and not tables:
            raise errors[0]
        self.warnings += [str(error) for error in errors]
        if not errors:  # else rows are missing for sure
            self._count(tables)
        if not tables:
            return empty_table()  # only video was recorded
        if len(tables) == 1:
            return tables[0]
        table = joined(tables)
        if again := sum(map(len, tables)) - len(table):
            what = counted(again, "row is in two parts, and was", "rows are in two parts, and were")
            self.warn(f"{what} left out once")
        return table

    def _count(self, tables: Sequence[RecordTable]) -> None:
        """Say where rows are missing at the end, how many and from when on."""
        there, wanted = sum(table.whole for table in tables), self._said.rows
        last_s = max((float(table.times[-1]) for table in tables if len(table)), default=0.0)
        length_s = self._said.duration_s
        until = "" if length_s is None else f", until {last_s:.2f} s of {length_s:.2f} s"
        if wanted is not None and there < wanted:
            self.warn(f"only {there:,} of {counted(wanted, 'row')} are there{until}")
        elif wanted is None and until and any(CUT in warning for warning in self.warnings):
            self.warn(f"{counted(there, 'row is', 'rows are')} there{until}")

    def _records(self, name: str) -> tuple[RecordTable, tuple[str, ...]]:
        path = self._folder / name
        if why := trouble(path, self._folder):
            raise SourceError(f"{path}: {why}; the recording is not whole")
        return read_records(path, forgiving=True)

    def markers(self) -> tuple[Marker, ...]:
        name = self._files.markers
        if name is None:
            return ()
        if why := trouble(self._folder / name, self._folder):
            self.warn(f"{name} is {why}")
            return ()
        try:
            markers, warnings = read_markers(self._folder / name, forgiving=True)
        except SourceError as error:
            self.warnings.append(str(error))
            return ()
        self.warnings += warnings
        return tuple(markers)

    def footage(self) -> tuple[VideoPart, ...]:
        found = []
        for part in self._parts():
            if part.video is None:
                continue
            path = self._folder / part.video
            if why := trouble(path, self._folder):
                self.warn(f"{part.video} is {why}")
            else:
                found.append(VideoPart(0.0 if isinstance(part, Files) else part.start_s, path))
        if len(found) == sum(part.video is not None for part in self._parts()):
            self._count_pictures([part.path for part in found])
        return tuple(sorted(found, key=lambda part: part.start_s))

    def _count_pictures(self, paths: Sequence[Path]) -> None:
        """Say where the video is not all that was recorded; it is only opened, not read."""
        wanted, there, unread = self._said.video_frames, 0, []
        if not wanted:
            return
        for path in paths:
            try:
                count = frames_said(path)
            except SourceError:
                unread.append(path.name)
                continue
            if count is None:
                return
            there += count
        if there < wanted:
            why = f"; {', '.join(unread)} cannot be read" if unread else ""
            pictures = counted(wanted, "picture of the video is", "pictures of the video are")
            self.warn(f"only {there:,} of {pictures} there{why}")
