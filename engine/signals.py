"""Ctrl-C, SIGTERM and SIGHUP: what every command does with them, from its first statement on.

It imports next to nothing, since a command's entry module calls `watch` before anything else.
"""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, Final, NoReturn, Protocol

    Handler = Callable[[int, FrameType | None], None]
    Before = dict[int, Any]

    class Unfinished(Protocol):
        """Something on the disk that only its maker can finish."""

        def discard(self) -> None:
            """Remove it."""


INTERRUPTED: "Final" = 130  # as shells show SIGINT; the same for all of them
# What this process has begun to write: the one list of what it must not leave behind.
UNFINISHED: "Final[dict[Unfinished, int]]" = {}  # and the process that began it, for forks
OURS: "Final" = "fer-"  # what names of threads begin with; those that still run were left behind
LAST_WORDS: "Final[list[int]]" = [2]  # the last is stderr's number; see `engine.native`
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar may have hidden it


def heard() -> list[signal.Signals]:
    """Give the signals that ask a program to end; what ``nohup`` ignores stays ignored."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    found = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is signal.SIG_IGN:
        found.remove(hangup)
    return found


def handle(handler: "Handler") -> "Before":
    """Let a function handle them; give what handled them before.

    Only the main thread can; called in another one, nothing changes.
    """
    before: Before = {}
    for number in heard():
        try:
            before[number] = signal.signal(number, handler)
        except ValueError:  # not the main thread
            break
    return before


def put_back(before: "Before") -> None:
    """Let them be handled as before `handle`."""
    for number, handler in before.items():
        signal.signal(number, handler)


def watch() -> None:
    """Until the command says otherwise, end at once: there is nothing to finish yet."""
    leave_on_signals(os.path.splitext(os.path.basename(sys.argv[0]))[0])  # noqa: PTH119, PTH122 - no import


def leave_on_signals(program: str) -> None:
    """From here on, end at once: there is nothing to unwind, or no way to."""
    handle(lambda number, frame: leave(program))


def ended(code: int) -> int:
    """Hear no signal any more while the interpreter ends: all is done and said; give the code."""
    for number in heard():
        signal.signal(number, signal.SIG_IGN)
    threads = sys.modules["threading"].enumerate() if "threading" in sys.modules else []
    if any(thread.name.startswith(OURS) for thread in threads):
        # One that comes back from C++ while the interpreter ends would abort the program.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def leave(program: str) -> "NoReturn":
    """Remove what is not finished, say so in one line, and end the process here and now."""
    removed = remove_unfinished()
    said = "interrupted; unfinished files were removed" if removed else "interrupted"
    try:
        stderr = LAST_WORDS[-1]
        if os.name == "posix" and os.isatty(stderr):
            os.write(stderr, _SHOW_CURSOR + b"\n")
        os.write(stderr, f"{program}: {said}\n".encode())
    except OSError:  # nobody listens
        pass
    os._exit(INTERRUPTED)


def remove_unfinished() -> bool:
    """Remove what this process has begun and not finished; say whether there was anything."""
    mine = [item for item, process in tuple(UNFINISHED.items()) if process == os.getpid()]
    for item in mine:
        item.discard()
    return bool(mine)


class Front:
    """The rule while a command runs: the first signal unwinds it, a further one ends it at once.

    Attributes:
        requested: True once a signal came.
    """

    def __init__(self, program: str) -> None:
        """Take what the line begins with."""
        self.requested = False
        self._program = program
        self._process = os.getpid()

    def __call__(self, number: int, frame: "FrameType | None") -> None:
        """Handle a signal."""
        if os.getpid() != self._process:  # a fork of ours does as any process of Python
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self.requested or (not UNFINISHED and _imports_torch(frame)):
            leave(self._program)
        else:
            self.requested = True
            # Native libraries, interrupted while they are imported, print what they cannot raise.
            sys.excepthook = lambda *_: None
            sys.unraisablehook = lambda *_: None
            raise KeyboardInterrupt


def _imports_torch(frame: "FrameType | None") -> bool:
    """Say whether torch is being imported: where an exception crosses its C++, it aborts."""
    imports = torch = False
    while frame is not None:
        imports |= frame.f_code.co_filename == "<frozen importlib._bootstrap>"
        torch |= str(frame.f_globals.get("__name__")).partition(".")[0] == "torch"
        frame = frame.f_back
    return imports and torch
