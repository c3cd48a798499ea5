import errno
import json
import os
import platform
from contextlib import contextmanager

import numpy as np
import pytest

import engine.video.camera
from app.sources.camera_report import camera_report, picture_of
from app.window import desktop
from engine.errors import SourceError


@pytest.fixture
def report(tmp_path, driver):
    """Report of devices by number: an ioctl, or an error number when they are opened."""

    def report(devices, *, look=lambda number: f"gives pictures: {number}", system="linux"):
        for folder in ("dev", "class"):
            (tmp_path / folder).mkdir(exist_ok=True)
        for number in devices:
            (tmp_path / "dev" / f"video{number}").touch()

        @contextmanager
        def reach(path):
            device = devices[int(path.name.removeprefix("video"))]
            if isinstance(device, int):
                raise OSError(device, os.strerror(device))
            yield device

        places = {"devices": tmp_path / "dev", "folder": tmp_path / "class"}
        return camera_report(**places, system=system, reach=reach, look=look)

    return report


def test_a_camera_is_told_with_everything_it_states(report, driver, tmp_path):
    text = report({0: driver(name=b"USB Camera: USB C")}).to_text()
    assert text.endswith(
        f"""
camera 0: USB Camera
  {tmp_path}/dev/video0, driver uvcvideo
  gives pictures: 0
  MJPG (Motion-JPEG)
    1280x720: 30, 29.97 a second
    640x480
  YUYV (YUYV 4:2:2)
    32x16 to 1920x1080: 5 to 60 a second"""
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (errno.EACCES, "no permission: this user may not open it"),
        (errno.EPERM, "no permission: the system"),
        (errno.EBUSY, "busy: another program has it"),
        (errno.ENOENT, "no device file"),
        (errno.ENODEV, "gone: it was unplugged"),
        (errno.EIO, "cannot be asked: Input/output error"),
    ],
)
def test_what_is_in_the_way_is_one_line_and_the_others_are_told(report, driver, fault, said):
    made = report({0: fault, 10: driver(), 2: driver(able=0)})
    first, second, third = made.devices
    assert [device.number for device in made.devices] == [0, 2, 10]
    assert first.state.startswith(said)
    assert "\n" not in first.state
    assert second.state.startswith("gives no pictures")
    assert third.state == "gives pictures: 10"
    assert first.formats == ()
    assert len(third.formats) == 2


def test_a_camera_that_another_program_streams_from_keeps_what_it_states(report, driver):
    def look(number):
        raise SourceError(f"camera {number}: cannot be opened, perhaps another program has it")

    (device,) = report({3: driver()}, look=look).devices
    assert device.state == "camera 3: cannot be opened, perhaps another program has it"
    assert [kind.code for kind in device.formats] == ["MJPG", "YUYV"]


def test_a_device_whose_file_is_missing_has_the_name_that_the_system_lists(report, tmp_path):
    (tmp_path / "class" / "video7").mkdir(parents=True)
    (tmp_path / "class" / "video7" / "name").write_text("Hidden: H\n")
    made = camera_report(devices=tmp_path / "dev", folder=tmp_path / "class", system="linux")
    (device,) = made.devices
    assert (device.number, device.name) == (7, "Hidden")
    assert device.state.startswith("no device file")


def test_without_a_camera_a_line_says_so(report):
    made = report({})
    assert made.devices == ()
    assert made.to_text().endswith("\n\nno camera: the system offers none")


def test_elsewhere_the_first_numbers_are_tried(report):
    def look(number):
        if number != 1:
            raise SourceError("not there")
        return "gives pictures: 640x480, 30 a second"

    made = report({}, look=look, system="win32")
    assert [(found.number, found.state) for found in made.devices] == [
        (1, "gives pictures: 640x480, 30 a second")
    ]
    assert made.none == ""

    def nothing(number):
        raise SourceError("not there")

    assert "privacy settings" in report({}, look=nothing, system="darwin").to_text()


def test_no_user_no_computer_no_serial_number_is_named(report, driver):
    told = json.loads(report({0: driver()}).to_json())
    assert set(told) == {"system", "versions", "backends", "devices", "none"}
    assert told["system"] == f"{platform.system()} {platform.release()}, {platform.machine()}"
    (device,) = told["devices"]
    assert set(device) == {"number", "path", "name", "driver", "state", "formats"}
    assert "usb-1" not in json.dumps(told)  # the place it is plugged in, of the same answer


def test_a_file_that_is_no_device_is_told(tmp_path):
    (tmp_path / "video0").touch()
    (device,) = camera_report(devices=tmp_path, folder=tmp_path, system="linux").devices
    assert device.state == "no video device: it does not answer"


def test_the_json_holds_the_same(report, driver):
    made = report({0: driver(), 1: errno.EACCES})
    told = json.loads(made.to_json())
    assert told["devices"][0]["formats"][0]["sizes"][0] == {
        "words": "1280x720",
        "rates": ["30", "29.97"],
    }
    assert told["devices"][1]["state"] == made.devices[1].state
    assert told["versions"]["Python"] == platform.python_version()


@pytest.mark.parametrize(("rate", "said"), [(29.97, "29.97 a second"), (0.0, "does not state")])
def test_a_camera_is_opened_for_one_picture_and_let_go(monkeypatch, rate, said):
    class Capture:
        read_count = released = 0

        def __init__(self, number):
            assert number == 0

        def isOpened(self):
            return True

        def set(self, *_):
            return True

        def get(self, _):
            return rate

        def read(self):
            Capture.read_count += 1
            return True, np.zeros((48, 64, 3), np.uint8)

        def release(self):
            Capture.released += 1

    monkeypatch.setattr(engine.video.camera.cv2, "VideoCapture", Capture)
    monkeypatch.setattr(engine.video.camera, "_cameras_found", lambda: (0,))
    words = picture_of(0)
    assert words.startswith("gives pictures: 64x48, ")
    assert said in words
    assert (Capture.read_count, Capture.released) == (1, 1)


@pytest.fixture
def no_screen(monkeypatch, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    import app.sources.camera_report as made

    whole = made.camera_report
    monkeypatch.setattr(
        made, "camera_report", lambda: whole(devices=tmp_path, folder=tmp_path, system="linux")
    )
    monkeypatch.setattr(desktop, "need_qt", lambda: pytest.fail("it needs no Qt"))


@pytest.mark.usefixtures("no_screen")
def test_the_option_needs_no_screen_and_no_camera(capsys):
    assert desktop.main(["--camera-report"]) == 0
    said = capsys.readouterr()
    assert said.out.endswith("no camera: the system offers none\n")
    assert said.err == ""


@pytest.mark.usefixtures("no_screen")
def test_the_option_prints_json_alone(capsys):
    assert desktop.main(["--camera-report", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["devices"] == []


def test_json_of_nothing_is_refused(capsys):
    assert desktop.main(["--json"]) == 2
    assert capsys.readouterr().err == "fer-app: --json: goes with --camera-report\n"
