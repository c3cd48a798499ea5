"""What a video device of Linux states about itself: formats, sizes, rates.

Source: Video for Linux API, `linux/videodev2.h`.
"""

import errno
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from engine.errors import one_line

Ask = Callable[[int, bytearray], None]  # an ioctl: fills the buffer in place, raises OSError

QUERYCAP: Final = 0x80685600
ENUM_FMT: Final = 0xC0405602
ENUM_FRAMESIZES: Final = 0xC02C564A
ENUM_FRAMEINTERVALS: Final = 0xC034564B
_CAPTURES: Final = {1: 0x1, 9: 0x1000}  # buffer type: the capability it needs
_HAS_DEVICE_CAPS: Final = 0x80000000
_DISCRETE: Final = 1
_MOST: Final = 256  # of each list; a driver that never ends one is left there


@dataclass(frozen=True, slots=True)
class Size:
    """A size, or a range of sizes, with its rates.

    Attributes:
        words: ``640x480``, or ``32x32 to 1920x1080``.
        rates: Frames a second: ``30``, or ``1 to 60``; empty where the driver states none.
    """

    words: str
    rates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """How pictures may come.

    Attributes:
        code: Four letters, such as ``MJPG``.
        name: As the driver words it.
        sizes: In the driver's order.
    """

    code: str
    name: str
    sizes: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """What a device says.

    Attributes:
        driver: Of the kernel.
        name: What its maker calls it.
        captures: It gives pictures, or its driver means to.
        formats: Of its pictures.
    """

    driver: str
    name: str
    captures: bool
    formats: tuple[Format, ...]


@contextmanager
def opened(path: Path) -> Iterator[Ask]:
    """Open a device file to ask it; no picture is taken.

    Raises:
        OSError: It cannot be opened.
    """
    import fcntl  # not on Windows

    file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ask(request: int, buffer: bytearray) -> None:
        fcntl.ioctl(file, request, buffer, True)

    try:
        yield ask
    finally:
        os.close(file)


def stated(ask: Ask) -> Stated:
    """Ask a device for everything.

    Raises:
        OSError: It answers nothing, or went away.
    """
    buffer = bytearray(104)
    ask(QUERYCAP, buffer)
    driver, name, _, _, whole, own = struct.unpack_from("16s32s32s3I", buffer)
    able = own if whole & _HAS_DEVICE_CAPS else whole
    kinds = [kind for kind, needed in _CAPTURES.items() if able & needed]
    formats = tuple(found for kind in kinds for found in _formats(ask, kind))
    return Stated(_text(driver), _text(name), bool(kinds), formats)


def _formats(ask: Ask, kind: int) -> Iterator[Format]:
    for answer in _listed(ask, ENUM_FMT, 64, (kind,)):
        name, pixels = struct.unpack_from("32sI", answer, 12)
        code = struct.pack("<I", pixels & 0x7FFFFFFF)  # the top bit says that bytes are swapped
        yield Format(_text(code).strip(), _text(name), tuple(_sizes(ask, pixels)))


def _sizes(ask: Ask, pixels: int) -> Iterator[Size]:
    for answer in _listed(ask, ENUM_FRAMESIZES, 44, (pixels,)):
        kind, *sides = struct.unpack_from("7I", answer, 8)
        if kind == _DISCRETE:
            width, height = sides[:2]
            words = f"{width}x{height}"
        else:
            least_width, width, _, least_height, height, _ = sides
            words = f"{least_width}x{least_height} to {width}x{height}"
        yield Size(words, tuple(_rates(ask, pixels, width, height)))


def _rates(ask: Ask, pixels: int, width: int, height: int) -> Iterator[str]:
    for answer in _listed(ask, ENUM_FRAMEINTERVALS, 52, (pixels, width, height)):
        kind, *numbers = struct.unpack_from("7I", answer, 16)
        shortest = _rate(*numbers[:2])
        yield shortest if kind == _DISCRETE else f"{_rate(*numbers[2:4])} to {shortest}"


def _rate(numerator: int, denominator: int) -> str:
    """Word a time between frames as frames a second."""
    return f"{float(Fraction(denominator, numerator)):.4g}" if numerator else "?"


def _listed(ask: Ask, request: int, size: int, about: tuple[int, ...]) -> Iterator[bytearray]:
    """Ask for one entry after the other, until the driver has no more or does not know of such."""
    for index in range(_MOST):
        buffer = bytearray(size)
        struct.pack_into(f"{1 + len(about)}I", buffer, 0, index, *about)
        try:
            ask(request, buffer)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        yield buffer


def _text(value: bytes) -> str:
    return one_line(value.partition(b"\0")[0].decode("utf-8", "replace"))
