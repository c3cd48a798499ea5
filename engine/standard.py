"""Standard input and output in the place of files: the name ``-``."""

import io
import sys
from pathlib import Path
from typing import IO, Final

from engine.errors import ConfigError, SinkError, SourceError
from engine.files import PartialFile

STANDARD: Final = "-"
INPUT_NAME: Final = "standard input"
OUTPUT_NAME: Final = "standard output"


def is_standard(path: Path) -> bool:
    """Say whether an output is named ``-``; ``./-`` is a file."""
    return str(path) == STANDARD


def standard_input() -> io.FileIO:
    """Open what is piped into the program.

    Nothing is read ahead of what is asked for, and no lock is held while it waits, which would
    keep the program from ending.

    Raises:
        ConfigError: It is a terminal, where nobody types a video.
        SourceError: There is none.
    """
    try:
        if sys.stdin.isatty():
            raise ConfigError(f"{STANDARD}: {INPUT_NAME} is a terminal; pipe a video into it")
        return io.FileIO(sys.stdin.fileno(), "rb", closefd=False)
    except (AttributeError, OSError, ValueError) as error:  # None, closed, or not a real file
        raise SourceError(f"{INPUT_NAME}: cannot be opened: it is closed") from error


class _Writable:
    """What can be written to and nothing else: nobody is to seek in a pipe."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def write(self, content: bytes) -> int:
        """Write all of it."""
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        return len(content)


class StandardOutput(PartialFile):
    """Standard output as an output: what is written is there at once, and stays."""

    def __init__(self) -> None:
        """Open it.

        Raises:
            SinkError: There is none.
        """
        self.target = Path(OUTPUT_NAME)
        try:
            self._file = io.FileIO(sys.stdout.fileno(), "wb", closefd=False)
        except (AttributeError, OSError, ValueError) as error:
            raise SinkError(f"{OUTPUT_NAME}: cannot be written: it is closed") from error
        self.path = self.target

    def text(self) -> IO[str]:
        """Give it for rows of text; closing that only writes what waits."""
        return io.TextIOWrapper(io.BufferedWriter(self._file), encoding="utf-8", newline="")

    def video(self) -> _Writable:
        """Give it for FFmpeg.

        Raises:
            ConfigError: It is a terminal, where nobody sees a video.
        """
        if self._file.isatty():
            raise ConfigError(f"{STANDARD}: {OUTPUT_NAME} is a terminal; pipe it or name a file")
        return _Writable(self._file)

    def failed(self, error: Exception) -> SinkError:
        """The error that says why writing failed.

        Raises:
            BrokenPipeError: Nobody reads on, which is no error of ours.
        """
        if isinstance(error, BrokenPipeError):
            raise BrokenPipeError from error
        return super().failed(error)

    def commit(self) -> None:
        """Do nothing: it is where it belongs."""

    def discard(self) -> None:
        """Do nothing: nothing can be taken back."""
