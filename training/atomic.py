"""Files and folders that are whole or not there: written beside their place and moved in."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

from engine.errors import SinkError
from engine.types import Floats


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a place beside `path` to write a file or a folder to, and move that to `path`.

    The folder that `path` lies in is made. An old file stays till the end, and for good where
    writing fails. Several processes may write the same at once: each has a place of its own;
    of files the last one stays, of folders the first.

    Raises:
        SinkError: It cannot be written.
    """
    partial = path.with_name(f".{path.stem}.{uuid4().hex}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _move(partial, path)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        _remove(partial)


def _move(partial: Path, path: Path) -> None:
    try:
        partial.replace(path)
    except OSError:
        if not (partial.is_dir() and path.is_dir()):  # else another process was faster
            raise


def _remove(partial: Path) -> None:
    with suppress(OSError):  # what happened before says more
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        SinkError: As `written`.
    """
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def kept(path: Path, make: Callable[[], Floats]) -> Floats:
    """Give the array in a ``.npy`` file, made and written the first time.

    Raises:
        SinkError: As `written`.
    """
    if not path.is_file():
        made = make()
        with written(path) as partial:
            np.save(partial, made)
    return np.asarray(np.load(path, allow_pickle=False), np.float32)
