import errno

import pytest

from app.sources.v4l2 import (
    ENUM_FMT,
    ENUM_FRAMEINTERVALS,
    ENUM_FRAMESIZES,
    QUERYCAP,
    Format,
    Size,
    opened,
    stated,
)


def test_the_requests_are_those_of_the_kernel():
    """`_IOC(direction, 'V', number, size)`, as `asm-generic/ioctl.h` puts it together."""

    def request(direction, number, size):
        return direction << 30 | size << 16 | ord("V") << 8 | number

    assert request(2, 0, 104) == QUERYCAP
    assert request(3, 2, 64) == ENUM_FMT
    assert request(3, 74, 44) == ENUM_FRAMESIZES
    assert request(3, 75, 52) == ENUM_FRAMEINTERVALS


def test_a_device_states_formats_sizes_and_rates(driver):
    said = stated(driver(name=b"USB Camera: USB C", driver=b"uvcvideo"))
    assert (said.driver, said.name, said.captures) == ("uvcvideo", "USB Camera: USB C", True)
    assert said.formats == (
        Format("MJPG", "Motion-JPEG", (Size("1280x720", ("30", "29.97")), Size("640x480", ()))),
        Format("YUYV", "YUYV 4:2:2", (Size("32x16 to 1920x1080", ("5 to 60",)),)),
    )


def test_a_device_of_metadata_gives_no_pictures(driver):
    said = stated(driver(able=0x00800000))
    assert not said.captures
    assert said.formats == ()


def test_the_device_counts_not_the_whole_camera(driver):
    """Capabilities of a camera with several devices hold those of all of them."""
    assert not stated(driver(whole=0x80000001, able=0)).captures
    assert stated(driver(whole=0x1, able=0)).captures  # of kernels before 3.3, which say no more


def test_text_that_a_terminal_obeys_is_only_shown(driver):
    assert "\x1b" not in stated(driver(name=b"\x1b[31mred\nline")).name


def test_a_driver_without_end_is_left(driver):
    ask = driver(endless=True)
    assert len(stated(ask).formats) == 256


def test_a_device_that_goes_away_meanwhile_is_an_error(driver):
    with pytest.raises(OSError, match="No such device"):
        stated(driver(gone=True))


def test_a_file_that_is_no_device_answers_nothing(tmp_path):
    (tmp_path / "video0").write_bytes(b"")
    with opened(tmp_path / "video0") as ask, pytest.raises(OSError, match="ioctl") as error:
        stated(ask)
    assert error.value.errno == errno.ENOTTY
