"""JSON files of run folders: whatever is wrong with one is a line with the file and the key."""

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.config import read
from engine.errors import ConfigError, ModelError

T = TypeVar("T")

LARGEST: Final = 2**24  # bytes; what a training writes has some thousand


def read_document(path: Path, remedy: str = "") -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: The file.
        remedy: What a message tells the user to do.

    Raises:
        ModelError: It cannot be read, or is something else.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        content = json.loads(text) if len(text) <= LARGEST else f"over {LARGEST} bytes"
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror or error}", remedy) from error
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"cannot be read: {error}", remedy) from error
    if not isinstance(content, dict):
        raise _wrong(path, f"expected a JSON object, got {type(content).__name__}", remedy)
    return content


def read_as(path: Path, kind: type[T], remedy: str = "") -> T:
    """Read a JSON object as a class made by `engine.config.checked`; other keys do not matter.

    Raises:
        ModelError: As `read_document`, or a key is missing or holds something else.
    """
    if not is_dataclass(kind):
        raise TypeError(f"kind: expected a dataclass, got {kind}")
    known = {each.name for each in fields(kind)}
    content = {k: value for k, value in read_document(path, remedy).items() if k in known}
    try:
        return read(kind, content)
    except ConfigError as error:
        raise _wrong(path, str(error), remedy) from error


def _wrong(path: Path, what: str, remedy: str) -> ModelError:
    return ModelError(f"{path}: {what}" + (f"; {remedy}" if remedy else ""))
