"""What archives and arrays unpack to, limited: a small file may claim any size."""

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError

UNPACKED_MAX: Final = 4 * 2**30  # bytes
TIMES_MAX: Final = 100  # the size it has packed
HARMLESS: Final = 64 * 2**20  # bytes that may be any number of times what they are packed
# What reading a damaged archive or array raises.
DAMAGED: Final = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
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
    return arrays


def _one_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
