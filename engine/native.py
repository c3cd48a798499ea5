"""What native libraries write to the terminal themselves, past Python: kept from the user.

Their own lines say in other words what is raised as well, or what nobody can do anything about.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TextIO

from engine.signals import LAST_WORDS

_STDERR: Final = 2  # the number that C knows it by
_LOCK: Final = Lock()
_INSIDE: Final[list[int]] = []  # one entry for each thread that is inside


@contextmanager
def hushed() -> Iterator[None]:
    """Let what libraries write to stderr meanwhile go nowhere, whichever thread they run in.

    What Python writes is heard: where `own_stderr` was called, its stream has a number of its own.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def silence_opencv() -> None:
    """Keep OpenCV's log, of threads it cannot start for one, from the terminal for good."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def own_stderr(stream: TextIO) -> TextIO:
    """Give a stream to where stderr leads that `hushed` does not silence; itself if it must."""
    try:
        if stream.fileno() != _STDERR:
            return stream
        return os.fdopen(
            os.dup(_STDERR),
            "w",
            encoding=stream.encoding,
            errors=stream.errors,
            buffering=1,
        )
    except (OSError, ValueError):  # no file behind it, or no number left
        return stream


def _enter() -> None:
    with _LOCK:
        if not _INSIDE:
            _silence()
        _INSIDE.append(1)


def _leave() -> None:
    with _LOCK:
        _INSIDE.pop()
        if not _INSIDE and len(LAST_WORDS) > 1:
            kept = LAST_WORDS.pop()
            os.dup2(kept, _STDERR)
            os.close(kept)


def _silence() -> None:
    try:
        kept = os.dup(_STDERR)
    except OSError:  # closed, or no number left
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        os.close(kept)
        return
    LAST_WORDS.append(kept)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
