"""What an ONNX file refers to outside itself, found without running or importing anything."""

from collections.abc import Iterator, Mapping
from typing import Final

# Messages of the ONNX format that hold tensors at some depth: field number to message. Numbers
# from onnx.proto; a test compares them with the onnx package.
_FIELDS: Final[Mapping[str, Mapping[int, str]]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
}
_EXTERNAL_DATA: Final = 13  # of a TensorProto: where its values are instead
_KEY: Final = b"location"  # without this entry no values are read from elsewhere
# Wire types: a number, eight bytes, a length with that many bytes, four bytes.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def has_external_data(content: bytes) -> bool:
    """Tell whether an ONNX file keeps weights in other files.

    Raises:
        ValueError: Where it has to be looked at closely, it is no ONNX file.
    """
    if _KEY not in content:
        return False
    todo = [("ModelProto", memoryview(content))]
    while todo:
        message, data = todo.pop()
        for number, value in _fields(data):
            if message == "TensorProto" and number == _EXTERNAL_DATA:
                return True
            inner = _FIELDS.get(message, {}).get(number)
            if inner is not None and value is not None:
                todo.append((inner, value))
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Give the number of each field of a message, and its bytes where it has a length."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        value = None
        if wire == _VARINT:
            _, at = _varint(data, at)
        elif wire == _BYTES:
            size, start = _varint(data, at)
            at = start + size
            value = data[start:at]
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at > len(data):
            raise ValueError("a field ends behind the message")
        yield tag >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a number; give it and the place behind it."""
    number = 0
    for count, byte in enumerate(data[at : at + 10]):
        number |= (byte & 127) << (7 * count)
        if byte < 128:
            return number, at + count + 1
    raise ValueError(f"no number at byte {at}")
