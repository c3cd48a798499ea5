"""JSON files of run folders as classes: what is wrong is a line with the file and the key."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TypeVar

from engine.config import read
from engine.documents import read_object
from engine.errors import ConfigError, ModelError

T = TypeVar("T")


def read_as(path: Path, kind: type[T], remedy: str = "") -> T:
    """Read a JSON object as a class made by `engine.config.checked`; other keys do not matter.

    Args:
        path: The file.
        kind: The class.
        remedy: What a message tells the user to do.

    Raises:
        ModelError: It cannot be read, is something else, or a key is missing or wrong.
    """
    if not is_dataclass(kind):
        raise TypeError(f"kind: expected a dataclass, got {kind}")
    known = {each.name for each in fields(kind)}
    said = read_object(path, ModelError, remedy)
    try:
        return read(kind, {key: value for key, value in said.items() if key in known})
    except ConfigError as error:
        raise ModelError(f"{path}: {error}" + (f"; {remedy}" if remedy else "")) from error
