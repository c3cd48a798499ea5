"""What can be read of a recording's folder, and what had to be left out."""

from dataclasses import dataclass
from pathlib import Path

from app.session.checks import trouble
from app.session.folder import Files, Marker, Part, Session, read_markers
from app.session.frames import VideoPart
from app.session.records import NUMBERS_MAX, RecordTable, empty_table, joined, read_records
from engine.errors import ConfigError, SourceError
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
    reading = _Reading(folder, session.files)
    table = reading.records()
    if session.state != "finished":
        reading.warn("the recording did not end well; kept what was written")
    markers, footage = reading.markers(), reading.footage()
    return Contents(table, markers, footage, capped(reading.warnings))


class _Reading:
    """Reads what a session's folder holds, and notes what cannot be kept of it."""

    def __init__(self, folder: Path, files: Files) -> None:
        self._folder, self._files = folder, files
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
        if not tables:
            return empty_table()  # only video was recorded
        if len(tables) == 1:
            return tables[0]
        table = joined(tables)
        if again := sum(map(len, tables)) - len(table):
            what = counted(again, "row is in two parts, and was", "rows are in two parts, and were")
            self.warn(f"{what} left out once")
        return table

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
        return tuple(sorted(found, key=lambda part: part.start_s))
