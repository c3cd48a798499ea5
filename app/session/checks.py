"""What the files of a recording pass before anything uses them: they may be a stranger's."""

import json
import re
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from engine.documents import NOT_ORDINARY, open_ordinary
from engine.errors import SourceError
from engine.wording import shown

MOST_S: Final = 1e7  # of a time, seconds: 115 days, which every export can still write
MOST_BYTES: Final = 16 * 2**20  # of a file that is read at once; real ones have some thousands
MISSING: Final = "missing"
BOM: Final = b"\xef\xbb\xbf"  # what some programs put before UTF-8

# All that XML 1.0 cannot hold, and the other controls, which no reader shows.
_UNFIT: Final = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAKS: Final = re.compile("[\t\n\r]+")


def one_line(text: str) -> str:
    """Give a text as one line that XML, subtitles and windows can hold.

    Breaks become a space, controls and halves of characters U+FFFD.
    """
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", _BREAKS.sub(" ", text))


def json_words(value: object) -> str:
    """Give a value as messages about a JSON file do; of a list or a table, that it is one."""
    if isinstance(value, (list, tuple, dict)):
        return "a table" if isinstance(value, dict) else "a list"
    return json.dumps(value) if value is None or isinstance(value, bool) else shown(value)


class Damage:
    """Counts the rows of a file that cannot be used.

    Attributes:
        count: How many there were.
    """

    def __init__(self, path: Path, *, forgiving: bool) -> None:
        """Start with none.

        Args:
            path: The file.
            forgiving: Such rows may be left out; else the first one is an error.
        """
        self._path, self._forgiving = path, forgiving
        self._first = ""
        self.count = 0

    def note(self, why: str) -> None:
        """Count one, or refuse the file.

        Raises:
            SourceError: Nothing may be left out.
        """
        if not self._forgiving:
            raise SourceError(f"{self._path}: {why}")
        self._first = self._first or why
        self.count += 1

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line that says how many were left out, and why one was; none if none was."""
        if not self.count:
            return ()
        one, some = "a damaged row was left out", "damaged rows were left out, among them"
        what = (
            f"{one}: {self._first}" if self.count == 1 else f"{self.count:,} {some} {self._first}"
        )
        return (f"{self._path.name}: {what}",)

    def refuse(self) -> SourceError:
        """Give the error of a file that has no row which can be used."""
        return SourceError(f"{self._path}: no row can be used: {self._first}")


def trouble(path: Path, folder: Path) -> str:
    """Say why a path is no ordinary file within a folder, links followed; empty if it is."""
    try:
        if not path.exists():
            # What is written to such a link would lie wherever a stranger wants it.
            return "a link that leads nowhere" if path.is_symlink() else MISSING
        if not path.is_file():  # a pipe would never end, nor would /dev/zero
            return NOT_ORDINARY
        inside = path.resolve(strict=True).is_relative_to(folder.resolve(strict=True))
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        return f"not readable: {getattr(error, 'strerror', None) or error}"
    return "" if inside else "a link that leads out of the folder"


def read_bytes(path: Path) -> bytes:
    """Read a small file whole.

    Raises:
        SourceError: It is missing, no ordinary file, or larger than `MOST_BYTES`.
    """
    try:
        if path.exists() and not path.is_file():
            raise SourceError(f"{path}: cannot be read: {NOT_ORDINARY}")
        with open_ordinary(path) as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > MOST_BYTES:
        raise SourceError(f"{path}: cannot be read: larger than {MOST_BYTES:,} bytes")
    return content


def read_form(path: Path, newest: int, wrong: str, what: str) -> dict[str, Any]:
    """Read a JSON file that says its own format.

    Args:
        path: The file.
        newest: The last format that this version knows.
        wrong: What to say of a file that is no JSON.
        what: What the file is one of.

    Returns:
        Its values; numbers are finite.

    Raises:
        SourceError: It is missing, damaged, something else, or of a later version.
    """
    try:
        content = from_json(read_bytes(path).removeprefix(BOM), allow_inf_nan=False)
        json.dumps(content, allow_nan=False)  # 1e999 is read as infinity
    except ValueError as error:
        raise SourceError(f"{path}: {wrong}: {error}") from error
    number = content.get("format") if isinstance(content, dict) else None
    if type(number) is not int or number < 1:
        raise SourceError(f"{path}: format: missing; not {what} of this program")
    if number > newest:
        raise SourceError(
            f"{path}: format {number}: made by a later version; this one reads {newest}"
        )
    return dict(content)
