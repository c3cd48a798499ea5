"""What the computer has run out of: memory, threads or open files, whatever library says so."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from engine.errors import FerError, ShortageError
from engine.signals import LAST_WORDS

# Below it, libraries end the process themselves while they are imported, or crash.
LEAST_MIB: Final = 640
MEMORY: Final = "not enough memory"
_ENOUGH: Final = "close other programs, or allow this one more (ulimit -v, a container's limit)"
_REMEDIES: Final = {
    MEMORY: _ENOUGH,
    "no more threads can be started": "close other programs, or allow more (ulimit -u, ulimit -v)",
    "too many open files": "allow more (ulimit -n 256)",
}
_THREADS, _FILES = list(_REMEDIES)[1:]
_NUMBERS: Final = {errno.ENOMEM: MEMORY, errno.EMFILE: _FILES, errno.ENFILE: _FILES}
_NO_MEMORY: Final = -4  # OpenCV's code
# What errors of native libraries say; lower case.
_WORDS: Final = {
    "cannot allocate memory": MEMORY,
    "can't allocate memory": MEMORY,
    "failed to allocate memory": MEMORY,
    "failed to map segment": MEMORY,
    "cannot map zero-fill pages": MEMORY,
    "bad_alloc": MEMORY,
    "bad allocation": MEMORY,
    "out of memory": MEMORY,
    "insufficient memory": MEMORY,
    "can't start new thread": _THREADS,
    "resource temporarily unavailable": _THREADS,
    "too many open files": _FILES,
}


def check_memory() -> None:
    """Refuse to begin where so little memory is allowed that libraries could not be loaded.

    Raises:
        ShortageError: It is less than `LEAST_MIB`.
    """
    allowed = _limited()
    if allowed and allowed < LEAST_MIB << 20:
        raise ShortageError(
            f"{MEMORY}: {allowed >> 20} MiB are allowed (ulimit -v), {LEAST_MIB} are needed"
        )


def _limited() -> int:
    """Bytes of memory that this process may have; 0 where nobody set a limit."""
    if sys.platform == "win32":
        return 0
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    return 0 if allowed == resource.RLIM_INFINITY else allowed


def shortage(error: BaseException) -> ShortageError | None:
    """Give the error to tell where one comes of too little memory, threads or open files."""
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        if lacking := _lacking(one):
            return ShortageError(f"{lacking}; {_REMEDIES[lacking]}")
        one = one.__cause__ or one.__context__
    return None


@contextmanager
def imports() -> Iterator[None]:
    """Import what a command is made of; where that does not fit, say so in one line and end."""
    try:
        yield
    except (ImportError, MemoryError, OSError, SystemError) as error:
        lacking = shortage(error)
        if lacking is None:
            raise
        last_words(str(lacking))
        sys.exit(lacking.exit_code)


def last_words(message: str) -> None:
    """Say something, in the program's name, where even that may be too much."""
    program = os.path.splitext(os.path.basename(sys.argv[0]))[0]  # noqa: PTH119, PTH122 - no import
    with suppress(OSError):  # nobody listens
        os.write(LAST_WORDS[-1], f"{program}: {message}\n".encode())


def _lacking(error: BaseException) -> str:
    if isinstance(error, MemoryError) or getattr(error, "code", None) == _NO_MEMORY:
        return MEMORY
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return _NUMBERS[error.errno]
    if isinstance(error, SystemError) and _limited():  # C code that had no memory for its error
        return MEMORY
    if isinstance(error, FerError):  # what it says of its cause may be a file's words
        return ""
    said = str(error).lower()
    return next((lacking for words, lacking in _WORDS.items() if words in said), "")
