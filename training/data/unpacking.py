"""What archives, arrays and pictures unpack to, limited: a small file may claim any size."""

import io
import struct
import sys
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.native import hushed

UNPACKED_MAX: Final = 4 * 2**30  # bytes
TIMES_MAX: Final = 100  # the size it has packed
HARMLESS: Final = 64 * 2**20  # bytes that may be any number of times what they are packed
PIXELS_MAX: Final = 150_000_000  # of a picture, as `engine.video` has it; OpenCV takes 2**30
# What reading a damaged archive or array raises.
DAMAGED: Final = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    MemoryError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def check_unpacked(where: str, packed: int, unpacked: int) -> None:
    """Refuse what would unpack to far more than it is.

    Args:
        where: What a message calls it.
        packed: Bytes.
        unpacked: Bytes, as its directory says; `zipfile` reads no more than that.

    Raises:
        SourceError: It is over `UNPACKED_MAX`, or over `TIMES_MAX` times what it is packed.
    """
    if unpacked <= HARMLESS:
        return
    if unpacked > UNPACKED_MAX or unpacked > TIMES_MAX * packed:
        raise SourceError(
            f"{where}: would unpack to {unpacked / 2**20:.0f} MiB, over {UNPACKED_MAX >> 30} GiB "
            f"or {TIMES_MAX} times its size; if you trust it, unpack it yourself and name the "
            "folder"
        )


def check_archive(archive: zipfile.ZipFile, where: str) -> None:
    """Do `check_unpacked` for all that a zip holds.

    Raises:
        SourceError: It would unpack to too much.
    """
    entries = archive.infolist()
    packed = sum(entry.compress_size for entry in entries)
    check_unpacked(where, packed, sum(entry.file_size for entry in entries))


def array_in(file: Path | IO[bytes], where: str, *, mapped: bool = False) -> NDArray[Any]:
    """Read a ``.npy`` file, never unpickling.

    Args:
        file: The file.
        where: What messages call it.
        mapped: Leave it on the disk, read only.

    Raises:
        SourceError: It cannot be read, or is no plain array.
    """
    try:
        with np.errstate(over="ignore"):  # of sizes that numpy multiplies
            array = np.load(file, mmap_mode="r" if mapped else None, allow_pickle=False)
    except DAMAGED as error:
        raise SourceError(f"{where}: cannot be read: {_one_line(error)}") from error
    if not isinstance(array, np.ndarray):
        raise SourceError(f"{where}: cannot be read: expected one array")
    check_texts(array, where)
    return array


def arrays_in(file: Path | IO[bytes], where: str) -> dict[str, NDArray[Any]]:
    """Read all arrays of a ``.npz`` file, never unpickling.

    Raises:
        SourceError: It cannot be read, or would unpack to too much.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            check_archive(archive, where)
        if not isinstance(file, Path):
            file.seek(0)
        with np.load(file, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except DAMAGED as error:
        raise SourceError(f"{where}: cannot be read: {_one_line(error)}") from error
    if others := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise SourceError(f"{where}: cannot be read: {others[0]!r} is no array")
    for array in arrays.values():
        check_texts(array, where)
    return arrays


def check_texts(array: NDArray[Any], where: str) -> None:
    """Refuse an array with texts of what are no characters, which Python cannot even show.

    Raises:
        SourceError: There is one.
    """
    if array.dtype.kind != "U" or not array.dtype.itemsize:
        return
    codes = np.ascontiguousarray(array).reshape(-1).view(array.dtype.str[0] + "u4")
    if codes.size and int(codes.max()) > sys.maxunicode:
        raise SourceError(f"{where}: cannot be read: its texts are damaged")


def picture_in(
    content: bytes, where: str, way: int, none: str = "not a picture"
) -> NDArray[np.uint8]:
    """Decode a picture.

    Args:
        content: Of its file.
        where: What messages call it.
        way: OpenCV's ``IMREAD_COLOR`` or ``IMREAD_GRAYSCALE``.
        none: What to say where it is no picture.

    Raises:
        SourceError: It is none, or larger than `PIXELS_MAX`.
    """
    try:
        if _is_too_large(content):
            raise SourceError(f"{where}: over {PIXELS_MAX / 1e6:g} megapixels; make it smaller")
        with hushed():
            image = cv2.imdecode(np.frombuffer(content, np.uint8), way)
    except (*DAMAGED, cv2.error) as error:
        raise SourceError(f"{where}: {none}") from error
    if image is None:
        raise SourceError(f"{where}: {none}")
    return np.asarray(image, np.uint8)


def _is_too_large(content: bytes) -> bool:
    """Read from a picture's head what it would unpack to; nothing is decoded."""
    with warnings.catch_warnings(action="ignore"):  # of large pictures and odd metadata
        try:
            with PIL.Image.open(io.BytesIO(content)) as picture:
                return picture.width * picture.height > PIXELS_MAX
        except PIL.Image.DecompressionBombError:  # above Pillow's own limit, which is higher
            return True


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
