"""The engine's messages for whoever writes Python: options by the names of parameters."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from engine.errors import FerError
from fer_live._options import FilmOptions, Switches

_OTHER: Final = {"no_timeline": "timeline=False", "no_audio": 'audio="none"'}
_RENAMED: Final = {"min_face": "min_face_px"}
# A command that a message recommends is one of a shell; else an option, perhaps with a value.
_OPTION: Final = re.compile(
    r"\b(?:fer-[a-z]+|pip|python) [^;]*"
    r"|--(?P<name>[a-z][a-z-]*)"
    r"(?: (?P<value>[A-Z]+\b|[0-9]+\b|none|burnt|soft|aac|copy|auto|cpu|cuda|tensorrt|fp32|int8))?"
)


@contextmanager
def spoken() -> Iterator[None]:
    """Raise the engine's errors with a command's options written as Python's arguments.

    Raises:
        FerError: What was raised inside, of the same class.
    """
    try:
        yield
    except FerError as error:
        said = in_python(str(error))
        if said == str(error):
            raise
        raise type(error)(said) from error


def in_python(message: str) -> str:
    """Write ``--overwrite`` as ``overwrite=True``, ``--audio none`` as ``audio="none"``."""
    return _OPTION.sub(_argument, message)


def _argument(found: "re.Match[str]") -> str:
    if found["name"] is None:
        return found[0]
    name, value = found["name"].replace("-", "_"), found["value"]
    name = _RENAMED.get(name, name)
    if name in _OTHER:
        return _OTHER[name]
    if name not in _parameters():
        return found[0]
    if value is not None:
        return f"{name}={value}" if value.isupper() or value.isdecimal() else f'{name}="{value}"'
    return f"{name}=True" if _parameters()[name] is bool else name


@cache
def _parameters() -> Mapping[str, object]:
    """Give what can be given to the functions, with its type."""
    switches = {field.name: field.type for field in dataclasses.fields(Switches)}
    return switches | FilmOptions.__annotations__ | {"out": Path, "records": Path, "compare": str}
