"""Files that are whole or not there: written beside their place and moved in."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.errors import SinkError
from engine.types import Floats


def write_text(path: Path, text: str) -> None:
    """Write a text file; the old one stays till the end.

    Raises:
        SinkError: It cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written: {error}") from error


def kept(path: Path, make: Callable[[], Floats]) -> Floats:
    """Give the array in a ``.npy`` file, made and written the first time.

    Several processes may make it at once: each writes its own, the last one stays.
    """
    if not path.is_file():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, made)
        partial.rename(path)
    return np.asarray(np.load(path, allow_pickle=False), np.float32)
