"""The front of every command: errors of one line, exit codes, versions, Ctrl-C, shared options.

It imports the standard library alone: whatever a command lacks, its front can say so.
"""

import argparse
import errno
import io
import logging
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn, TextIO, TypeVar

from engine.errors import ConfigError, FerError, ShortageError, SinkError, one_line
from engine.installed import versions_of
from engine.native import own_stderr
from engine.shortage import MEMORY, check_memory, last_words, shortage
from engine.signals import INTERRUPTED, Front, handle, put_back, remove_unfinished
from engine.wording import shown

T = TypeVar("T")

log = logging.getLogger(__name__)

DISTRIBUTION: Final = "fer-live"
NO_READER: Final = 141  # as shells show SIGPIPE
# As `engine.networks.runtime.DEVICES`, which takes long to import.
DEVICES: Final = ("auto", "cpu", "cuda", "tensorrt")
MILLION: Final = 1_000_000
CLOCK: Final = "%(asctime)s %(message)s"  # an `info` for what takes hours
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")  # below 2**63
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_OURS: Final = frozenset({"app", "engine", "export", "fer_live", "scripts", "training"})


def run_command(
    program: str,
    run: Callable[[Sequence[str]], int | None],
    argv: Sequence[str] | None,
    *,
    extra: str = "",
    kept: str = "",
    info: str = "",
) -> int:
    """Run a command; whatever happens, the user gets one line and the shell an exit code.

    Args:
        program: What lines begin with.
        run: Parses the arguments with a `Parser` and does the work; None is success.
        argv: The arguments; those of the process by default.
        extra: Of the distribution, with what the command needs beyond the core.
        kept: What of the work is left when it is interrupted.
        info: Format of log records below a warning; they are shown only if there is one.

    Returns:
        0, what `run` returned, 130 after Ctrl-C, SIGTERM or SIGHUP, 2 where a library is not
        installed, the code of the `FerError`, 6 where memory, threads or open files end, 141 where
        nobody reads on, or 1 after an error that nobody expected, whose traceback is shown.
    """
    try:
        return _fronted(program, run, argv, extra, kept, info)
    except MemoryError:  # while another error was told
        remove_unfinished()
        last_words(MEMORY)
        return ShortageError.exit_code


def _fronted(
    program: str,
    run: Callable[[Sequence[str]], int | None],
    argv: Sequence[str] | None,
    extra: str,
    kept: str,
    info: str,
) -> int:
    root, lines = logging.getLogger(), _Lines(program, info)
    level = root.level
    front = Front(program)
    handlers, hooks = handle(front), (sys.excepthook, sys.unraisablehook)
    closed = _open_what_is_closed()
    streams, own = (sys.stdout, sys.stderr), own_stderr(sys.stderr)
    try:
        root.addHandler(lines)
        root.setLevel(lines.level)
        sys.stdout, sys.stderr = _Results(sys.stdout, closed=closed), _Stream(own)
        return _run(program, run, sys.argv[1:] if argv is None else argv, extra, front)
    except KeyboardInterrupt:
        front.requested = True  # the next signal does not wait
        remove_unfinished()  # what an exception in an unlucky place has left
        say(program, f"interrupted{kept and '; '}{kept}")
        return INTERRUPTED
    finally:
        root.setLevel(level)
        root.removeHandler(lines)
        sys.stdout, sys.stderr = streams
        if own is not sys.stderr:
            with suppress(OSError):  # full
                own.close()
        sys.excepthook, sys.unraisablehook = hooks
        put_back(handlers)


def _run(
    program: str,
    run: Callable[[Sequence[str]], int | None],
    argv: Sequence[str],
    extra: str,
    front: Front,
) -> int:
    try:
        code = _answered(run, argv)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read along has seen enough
        _silence(sys.stdout)
        return NO_READER
    except FerError as error:
        say(program, str(error))
        log.debug("failed", exc_info=True)
        with suppress(SinkError, BrokenPipeError):  # one error is said, and that was first
            sys.stdout.flush()
        return error.exit_code
    except Exception as error:
        if front.requested:  # a library that was interrupted may say anything
            raise KeyboardInterrupt from error
        return _unexpected(program, error, extra)
    else:
        return code


def _answered(run: Callable[[Sequence[str]], int | None], argv: Sequence[str]) -> int:
    try:
        return run(argv) or 0
    except SystemExit as end:
        if end.code:
            raise
        return 0  # --help or --version was answered


def _unexpected(program: str, error: Exception, extra: str) -> int:
    """Say that a library is missing, or that this is a bug; give the exit code."""
    if isinstance(error, ModuleNotFoundError) and _foreign(error.name or ""):
        wanted = f"'{DISTRIBUTION}[{extra}]'" if extra else DISTRIBUTION
        library = (error.name or "").partition(".")[0]
        say(program, f"{library}: not installed; pip install {wanted}")
        return ConfigError.exit_code
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        say(program, f"{error.filename}: {error.strerror}")  # wherever it was first looked for
        return ConfigError.exit_code
    if (lacking := shortage(error)) is not None:
        say(program, str(lacking))
        log.debug("failed", exc_info=error)
        return lacking.exit_code
    traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}"
    say(program, f"internal error: {what}; please report the lines above")
    return FerError.exit_code


def _open_what_is_closed() -> bool:
    """Put a sink where a shell (``2>&-``), a service or a program without a console has no file.

    Otherwise the next file that is opened takes its number, and what libraries print goes into it.

    Returns:
        Whether standard output was closed: who asks for results there is to be told.
    """
    closed = sys.stdout is None or isinstance(sys.stdout, _Sink)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _Sink(io.FileIO(os.devnull, "w"), encoding="utf-8"))
    return closed


class _Sink(io.TextIOWrapper):
    """What takes the place of a stream that is closed, to the very end of the process."""


def _silence(stream: TextIO) -> None:
    """Let what a stream holds, and all that follows, go nowhere."""
    with suppress(OSError):  # a stream without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        stream.flush()


class _Stream:
    """A stream whose disk may be full, or whose reader may be gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all that the stream has
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except UnicodeEncodeError:  # not all encodings have all characters
            known = text.encode(self._stream.encoding, "backslashreplace")
            return self._stream.write(known.decode(self._stream.encoding))
        except OSError as error:
            self._lost(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        """What cannot be said is no error of the work."""
        _silence(self._stream)


class _Results(_Stream):
    """Standard output, which holds what was asked for; where it is closed, that is an error."""

    def __init__(self, stream: TextIO, *, closed: bool) -> None:
        super().__init__(stream)
        self._closed, self._unseen = closed, False

    def fileno(self) -> int:
        if self._closed:
            raise self._closed_error()
        return self._stream.fileno()

    def write(self, text: str) -> int:
        self._unseen |= self._closed and bool(text)
        return super().write(text)

    def flush(self) -> None:
        super().flush()
        if self._unseen:  # only now: what libraries print is no reason to stop in the middle
            self._unseen = False
            self._lost(self._closed_error())

    @staticmethod
    def _closed_error() -> OSError:
        return OSError(errno.EBADF, "it is closed")

    def _lost(self, error: OSError) -> None:
        _silence(self._stream)
        if isinstance(error, BrokenPipeError):
            raise error
        why = error.strerror or error
        raise SinkError(f"standard output: cannot be written: {why}") from error


def say(program: str, message: str) -> None:
    """Tell the user something in one line, whatever a library or a file put into it."""
    print(f"{program}: {one_line(message)}", file=sys.stderr)


def _foreign(module: str) -> bool:
    """Say whether a module is neither ours nor Python's own."""
    top = module.partition(".")[0]
    return bool(top) and top not in _OURS and top not in sys.stdlib_module_names


class _Lines(logging.Handler):
    """Shows log records on whatever stderr is at that moment, each as one line."""

    def __init__(self, program: str, info: str) -> None:
        super().__init__(logging.INFO if info else logging.WARNING)
        self._program = program
        self._info = logging.Formatter(info, "%H:%M:%S")

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            print(self._info.format(record), file=sys.stderr)
            return
        if record.levelno > logging.WARNING and record.exc_info and record.exc_info[0]:
            traceback.print_exception(*record.exc_info)
        say(self._program, f"{record.levelname.lower()}: {record.getMessage()}")


class Parser(argparse.ArgumentParser):
    """Reports a wrong option as every other error, in one line, and answers ``--version``."""

    def __init__(
        self,
        *,
        version: Callable[[], Sequence[str]] | None = None,
        allow_abbrev: bool = False,
        **settings: Any,  # noqa: ANN401 - those of argparse
    ) -> None:
        """Make a parser.

        Args:
            version: Gives what ``--version`` says after program and version, line by line; without
                it there is no such option, as for subcommands.
            allow_abbrev: As argparse's, for options.
            settings: As argparse's.
        """
        super().__init__(allow_abbrev=allow_abbrev, **settings)
        for kind, read in ((int, integer), (float, number), (Path, path)):
            self.register("type", kind, read)  # what ``type=int`` stands for, in subcommands too
        if version is not None:
            self.add_argument(
                "--version", action=_Version, nargs=0, lines=version, help="print the version"
            )

    def parse_args(self, *given: Any, **settings: Any) -> Any:  # noqa: ANN401 - as argparse's
        """Do as argparse's; libraries are imported next, which crash where memory ends.

        Raises:
            ShortageError: Not even they would fit into the memory that is allowed.
        """
        options = super().parse_args(*given, **settings)
        check_memory()
        return options

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{message}; see {self.prog} --help")


class _Version(argparse.Action):
    def __init__(self, *, lines: Callable[[], Sequence[str]], **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings, default=argparse.SUPPRESS)
        self._lines = lines

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        head = f"{parser.prog} {metadata.version(DISTRIBUTION)}"
        print("\n".join([head, *self._lines()]))
        parser.exit()


def libraries(*names: str) -> Callable[[], Sequence[str]]:
    """Give a `version` that lists distributions with their versions, without loading them."""

    def lines() -> Sequence[str]:
        installed = versions_of(names)
        found = [
            f"{name} {installed[name]}" if name in installed else f"no {name}" for name in names
        ]
        return [", ".join(found)] if found else []

    return lines


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add where data packs and decoded data lie, the same for all commands."""
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), metavar="DIR", help="data packs (data)")
    add("--cache", type=Path, default=Path("cache"), metavar="DIR", help="decoded data (cache)")


def integer(text: str) -> int:
    """Read a whole number in decimal digits; Python would take ``1_0`` and other scripts' digits.

    Every ``type=int`` of a `Parser` is this.
    """
    if not _INTEGER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected a whole number, got {shown(text)}")
    return int(text)


def number(text: str) -> float:
    """Read a decimal number, neither infinite nor NaN; ``type=float`` of a `Parser` is this."""
    if not _NUMBER.fullmatch(text) or math.isinf(value := float(text)):
        raise argparse.ArgumentTypeError(f"expected a number, got {shown(text)}")
    return value


def path(text: str) -> Path:
    """Read a path; ``type=Path`` of a `Parser` is this.

    No text at all would be the current folder, and is what an unset variable of the shell leaves.
    """
    if not text:
        raise argparse.ArgumentTypeError("is empty; is a variable unset?")
    return Path(text)


def whole_number(text: str) -> int:
    """Read a number from 0 on."""
    if not text[:1].isdecimal() or not _INTEGER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{shown(text)} is no number from 0 on")
    return int(text)


def count(text: str) -> int:
    """Read a number from 1 to a million."""
    if not text[:1].isdecimal() or not _INTEGER.fullmatch(text) or not 1 <= int(text) <= MILLION:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no number from 1 on, up to a million")
    return int(text)


def several(one: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Read values with commas between them, each once."""

    def read(text: str) -> tuple[T, ...]:
        values = tuple(dict.fromkeys(one(part.strip()) for part in text.split(",") if part.strip()))
        if not values:
            raise argparse.ArgumentTypeError("expected at least one value")
        return values

    return read


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """Read one of some words, where argparse's own ``choices`` cannot: inside of `several`."""

    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"{text!r} is unknown; choose of {', '.join(choices)}")
        return text

    return read
