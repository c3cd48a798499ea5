"""Files of text from anywhere: whatever is wrong with one is a line that names it."""

import errno
import io
import json
import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from engine.errors import FerError

T = TypeVar("T")

# What parsers raise: no text, no such form, numbers of thousands of digits, nested too deep; and a
# path that the system does not take.
MALFORMED: Final = (OSError, ValueError, RecursionError)
LARGEST: Final = 2**26  # bytes; what people and programs write here has some thousand
NOT_ORDINARY: Final = "no ordinary file"


def is_file(path: Path) -> bool:
    """Say whether there is such a file; a name that the system does not take is none."""
    try:
        return path.is_file()
    except OSError:  # Python 3.14 does the same
        return False


def open_ordinary(path: Path) -> BinaryIO:
    """Open a file whose reading comes to an end, without waiting for anybody.

    What says that it holds nothing is taken at its word: `/proc/kmsg` and its like call themselves
    ordinary files of no bytes, and who reads them waits for ever. A pipe that nobody writes into
    holds nothing either.

    Raises:
        OSError: It cannot be opened, or is a device.
    """
    waits = getattr(os, "O_NONBLOCK", 0)  # Windows has no such files
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | waits))  # noqa: SIM115 - given away
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return file
    if stat.S_ISFIFO(status.st_mode):  # what a shell's <(...) gives is filled while it is read
        os.set_blocking(file.fileno(), True)
        return file
    file.close()
    if stat.S_ISREG(status.st_mode):
        return io.BytesIO()
    raise OSError(errno.EINVAL, NOT_ORDINARY, str(path))


def read_text(path: Path, error: type[FerError], remedy: str = "") -> str:
    """Read a file of UTF-8 without its mark; line ends stay as they are.

    Args:
        path: The file.
        error: What to raise.
        remedy: What the user may do, for the message.

    Raises:
        FerError: It cannot be read; of the class given.
    """
    return _read(path, error, remedy, str)


def read_json(path: Path, error: type[FerError], remedy: str = "") -> Any:  # noqa: ANN401 - JSON
    """Read a JSON file; arguments and errors as those of `read_text`."""
    return _read(path, error, remedy, json.loads)


def read_object(path: Path, error: type[FerError], remedy: str = "") -> dict[str, Any]:
    """Read a JSON file that holds an object; arguments and errors as those of `read_text`."""
    found = read_json(path, error, remedy)
    if not isinstance(found, dict):
        what = f"expected a JSON object, got {type(found).__name__}"
        raise error(_line(path, what, remedy))
    return found


def read_toml(path: Path, error: type[FerError], remedy: str = "") -> dict[str, Any]:
    """Read a TOML file; arguments and errors as those of `read_text`."""
    return _read(path, error, remedy, tomllib.loads)


def _read(path: Path, error: type[FerError], remedy: str, parse: Callable[[str], T]) -> T:
    try:
        with open_ordinary(path) as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"has over {LARGEST} bytes")
        return parse(content.decode("utf-8-sig"))
    except MALFORMED as why:
        reason = getattr(why, "strerror", None) or why
        raise error(_line(path, f"cannot be read: {reason}", remedy)) from why


def _line(path: Path, what: str, remedy: str) -> str:
    return f"{path}: {what}" + (f"; {remedy}" if remedy else "")
