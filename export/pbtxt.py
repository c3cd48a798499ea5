"""Protobuf messages in text format, such as a model's ``config.pbtxt``."""

from collections.abc import Mapping
from typing import Any


class EnumName(str):
    """A name of an enumeration in a configuration, which is not quoted."""

    __slots__ = ()


def text_of(message: Mapping[str, Any], indent: str = "") -> str:
    """Write a protobuf message in text format: sub-messages are mappings, repeated are lists."""
    lines = []
    for name, value in message.items():
        if isinstance(value, list) and not any(isinstance(one, Mapping) for one in value):
            lines.append(f"{indent}{name}: [{', '.join(map(_scalar, value))}]\n")
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                lines.append(f"{indent}{name} {{\n{text_of(one, indent + '  ')}{indent}}}\n")
            else:
                lines.append(f"{indent}{name}: {_scalar(one)}\n")
    return "".join(lines)


def _scalar(value: EnumName | str | int) -> str:
    if isinstance(value, EnumName) or not isinstance(value, str):
        return str(value)
    return '"' + "".join(map(_escaped, value.encode())) + '"'


def _escaped(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{chr(byte)}"
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
