"""A video device of Linux that is none: it answers as `linux/videodev2.h` lays answers out."""

import errno
import os
import struct

import pytest

MODES = (
    (b"MJPG", b"Motion-JPEG", ((1280, 720, ((1, 30), (1001, 30000))), (640, 480, ()))),
    (b"YUYV", b"YUYV 4:2:2", "range"),
)


class Driver:
    """What an ioctl does."""

    def __init__(self, *, name=b"USB Camera", driver=b"uvcvideo", whole=None, able=0x1, **faults):
        self.name, self.driver, self.able = name, driver, able
        self.whole = 0x80000000 | able if whole is None else whole
        self.endless, self.gone = faults.get("endless", False), faults.get("gone", False)

    def __call__(self, request, buffer):
        number = request & 0xFF
        {0: self.facts, 2: self.formats, 74: self.sizes, 75: self.rates}[number](buffer)

    def facts(self, buffer):
        struct.pack_into(
            "16s32s32sIII", buffer, 0, self.driver, self.name, b"usb-1", 1, self.whole, self.able
        )

    def formats(self, buffer):
        if self.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        index, kind = struct.unpack_from("II", buffer)
        assert kind == 1
        code, words, _ = of(MODES, 0 if self.endless else index)
        struct.pack_into("32s4s", buffer, 12, words, code)

    def sizes(self, buffer):
        index, code = struct.unpack_from("I4s", buffer)
        sizes = sizes_of(code)
        if sizes == "range":
            of((1,), index)
            struct.pack_into("7I", buffer, 8, 3, 32, 1920, 8, 16, 1080, 8)
        else:
            width, height, _ = of(sizes, index)
            struct.pack_into("3I", buffer, 8, 1, width, height)

    def rates(self, buffer):
        index, code, width, height = struct.unpack_from("I4sII", buffer)
        sizes = sizes_of(code)
        if sizes == "range":
            assert (width, height) == (1920, 1080)
            of((1,), index)
            struct.pack_into("7I", buffer, 16, 3, 1, 60, 1, 5, 1, 60)
        else:
            (rates,) = (r for w, h, r in sizes if (w, h) == (width, height))
            struct.pack_into("3I", buffer, 16, 1, *of(rates, index))


def of(values, index):
    if index >= len(values):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return values[index]


def sizes_of(code):
    (sizes,) = (sizes for known, _, sizes in MODES if known == code)
    return sizes


@pytest.fixture
def driver():
    """Make a device: `driver(name=..., able=...)` gives its ioctl."""
    return Driver
