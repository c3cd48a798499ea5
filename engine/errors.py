"""Errors raised on purpose, each with the exit code the command line ends with."""

from typing import ClassVar, Final

LINE_MAX: Final = 800  # characters of a message; several long paths fit


def one_line(text: str) -> str:
    """Give a text as one line that can only be read.

    Names, values of files and messages of libraries may hold breaks, and what a terminal obeys:
    breaks become spaces, whatever has no shape is written as Python does, and of a very long
    text the beginning and the end are left.
    """
    line = " ".join(part.strip() for part in text.splitlines()).strip()
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    if len(line) <= LINE_MAX:
        return line
    return f"{line[: LINE_MAX * 3 // 4]} … {line[-LINE_MAX // 5 :]}"


class FerError(Exception):
    """Root of every error whose message is safe to show to a user: one line."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        """Give the message as `one_line`."""
        return one_line(super().__str__())


class ConfigError(FerError):
    """A setting is unknown, of the wrong type or out of range."""

    exit_code = 2


class SourceError(FerError):
    """A camera, stream or file is missing, busy, lost or unreadable."""

    exit_code = 3


class ModelError(FerError):
    """Weights, manifest, execution provider or tensor shape do not fit."""

    exit_code = 4


class SinkError(FerError):
    """An output cannot be written: no permission, no codec, disk full."""

    exit_code = 5


class ShortageError(FerError):
    """The computer has too little memory, threads or open files left for the work."""

    exit_code = 6
