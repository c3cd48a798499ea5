import pytest

from app.sources.choice import Choice, choice_of
from app.sources.looped import LoopedFile
from app.sources.player import Player
from engine.errors import ConfigError, SourceError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("0", "camera"),
        ("/dev/video2", "camera"),
        ("rtsp://host/cam", "stream"),
        ("http://host/cam.mjpg", "stream"),
        ("screen", "screen"),
        ("screen:0,0,640,480", "screen"),
        ("clip.mp4", "file"),
        ("./0", "file"),
        ("file:///films/clip.mp4", "file"),
        ("\u0660", "file"),  # a digit, but not one that counts cameras
    ],
)
def test_what_was_typed_tells_the_kind(name, kind):
    assert choice_of(name).kind == kind


def test_cameras_and_streams_are_waited_for_and_files_are_not():
    assert choice_of("0").returns
    assert choice_of("rtsp://host").returns
    assert not choice_of("clip.mp4").returns
    assert Choice(kind="file", name="clip.mp4", as_camera=True).returns


def test_a_password_is_not_shown():
    assert "secret" not in choice_of("rtsp://me:secret@host/cam").title
    assert "secret" not in choice_of("http://host/cam?token=secret#secret").title


def test_an_address_that_is_none_has_a_title():
    assert choice_of("http://[x").title == "http://…"


def test_an_address_of_a_file_is_its_path():
    assert choice_of("FILE:///films/a%20b.mp4").name == "/films/a b.mp4"


def test_nothing_is_no_source():
    with pytest.raises(ConfigError, match="source: is empty; is a variable unset"):
        choice_of("")


def test_a_camera_is_called_by_its_number():
    assert choice_of("/dev/video2").title == "Camera 2"


def test_a_file_opens_as_a_player_and_as_a_camera(make_clip):
    name = str(make_clip())
    with Choice(kind="file", name=name).opener()() as source:
        assert isinstance(source, Player)
    with Choice(kind="file", name=name, as_camera=True).opener()() as source:
        assert isinstance(source, LoopedFile)


def test_a_missing_file_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        choice_of(str(tmp_path / "none.mp4")).opener()()


def test_a_region_that_is_no_region_is_a_config_error():
    with pytest.raises(ConfigError, match="screen"):
        choice_of("screen:1,2").opener()()
