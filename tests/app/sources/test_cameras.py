"""Which cameras there are, by what Linux says."""

import pytest

from app.sources.cameras import CameraName, cameras
from app.sources.choice import Choice, choice_of
from app.sources.player import Player
from app.sources.screen import region_of
from engine.assets import asset_path
from engine.errors import ConfigError


@pytest.fixture
def devices(tmp_path):
    """Give `devices(video0=("Name", "0"))`: a folder like that of Linux."""

    def make(**given):
        for device, (name, index) in given.items():
            folder = tmp_path / device
            folder.mkdir()
            (folder / "name").write_text(f"{name}\n")
            (folder / "index").write_text(f"{index}\n")
        return tmp_path

    return make


def test_cameras_have_their_makers_names_once_each(devices):
    folder = devices(
        video10=("Desk Cam", "0"),
        video0=("Integrated Camera: Integrated C", "0"),
        video1=("Integrated Camera: Integrated C", "1"),  # its metadata: no pictures
    )
    found = cameras(folder, "linux")
    assert found == (CameraName(0, "Integrated Camera"), CameraName(10, "Desk Cam"))
    assert str(found[1]) == "Desk Cam (10)"


def test_no_folder_is_no_camera(tmp_path):
    assert cameras(tmp_path / "none", "linux") == ()


def test_a_camera_without_a_name_is_called_by_its_number(devices):
    assert cameras(devices(video3=("", "0")), "linux") == (CameraName(3, "Camera 3"),)


@pytest.mark.parametrize(
    ("text", "kind", "returns"),
    [
        ("0", "camera", True),
        ("/dev/video2", "camera", True),
        ("rtsp://user@host/stream", "stream", True),
        ("clip.mp4", "file", False),
        ("screen", "screen", False),
        ("screen:0,0,640,480", "screen", False),
    ],
)
def test_what_a_user_types_is_understood(text, kind, returns):
    choice = choice_of(text)
    assert (choice.kind, choice.returns) == (kind, returns)


def test_a_file_is_played():
    choice = Choice(kind="file", name=str(asset_path("demo.mp4")))
    assert choice.title == "demo.mp4"
    with choice.opener()() as source:
        assert isinstance(source, Player)


def test_regions_of_the_screen():
    assert region_of("screen") is None
    assert region_of("screen:-10,20,640,480") == (-10, 20, 640, 480)


@pytest.mark.parametrize("text", ["screen:1,2,3", "screen:0,0,4,4", "window"])
def test_a_region_that_is_none_is_one_line(text):
    with pytest.raises(ConfigError, match="screen"):
        region_of(text)
