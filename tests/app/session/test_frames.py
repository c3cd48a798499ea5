"""Frames of a video by time."""

import numpy as np
import pytest

from app.session.frames import FrameServer, PartedFrames, VideoFrames, VideoPart
from engine.errors import SourceError
from engine.mailbox import Latest
from engine.types import Frame


def _grey(level):
    return np.full((48, 64, 3), level, np.uint8)


@pytest.fixture
def clip(make_clip):
    """Ten seconds, one frame each tenth; its grey tells the frame."""
    return make_clip(
        images=[_grey(2 * n) for n in range(100)], times_s=[n / 10 for n in range(100)]
    )


def _number(frame):
    return round(frame.image.mean() / 2)


@pytest.mark.parametrize(
    "times_s",
    [
        [0.0, 0.1, 0.15, 0.2, 3.0, 3.0],
        [9.9, 0.0, 5.05, 4.95, 9.0, 0.3],
        [-3.0, 500.0, 9.8, 400.0, 1.0],
    ],
)
def test_the_frame_that_a_player_shows(clip, times_s):
    frames = VideoFrames(clip)
    for time_s in times_s:
        expected = min(99, max(0, int(time_s * 10 + 1e-6)))
        frame = frames.at(time_s)
        assert _number(frame) == pytest.approx(expected, abs=2)  # lossy
        assert frame.time_s == pytest.approx(expected / 10, abs=1e-3)
    frames.close()


def test_a_picture_that_is_shown_for_long_is_found(make_clip):
    clip = make_clip(images=[_grey(n) for n in (10, 20, 30)], times_s=[0.0, 0.1, 8.0])
    frames = VideoFrames(clip)
    assert frames.at(8.5).image.mean() == pytest.approx(30, abs=4)
    assert frames.at(7.0).image.mean() == pytest.approx(20, abs=4)
    frames.close()


def test_no_video_is_an_error(tmp_path):
    (tmp_path / "video.mp4").write_text("no video")
    with pytest.raises(SourceError, match=r"video\.mp4"):
        VideoFrames(tmp_path / "video.mp4")


def test_the_server_gives_the_newest_wish(clip):
    frames: Latest[Frame] = Latest()
    failures = []
    server = FrameServer([VideoPart(0.0, clip)], frames.put, failures.append)
    for time_s in np.linspace(0, 9, 200):
        server.ask(float(time_s))
    server.ask(4.0)
    for _ in range(50):
        if frames.take().time_s == pytest.approx(4.0, abs=1e-3):
            break
    else:
        pytest.fail("the last wish was never met")
    assert server.close()
    assert failures == []
    server.ask(1.0)  # too late, and no error


def test_the_server_says_what_is_wrong(tmp_path):
    (tmp_path / "video.mp4").write_text("no video")
    failures: Latest[str] = Latest()
    parts = [VideoPart(0.0, tmp_path / "video.mp4")]
    server = FrameServer(parts, lambda frame: None, failures.put)
    assert "video.mp4" in failures.take()
    assert server.close()


@pytest.fixture
def parts(clip, make_clip):
    """A recording of two parts: ten seconds of `clip`, then one second that is bright."""
    images = [_grey(240)] * 10
    bright = make_clip("second.mp4", images=images, times_s=[n / 10 for n in range(10)])
    return [VideoPart(0.0, clip), VideoPart(10.0, bright)]


def test_parts_are_one_timeline(parts):
    frames = PartedFrames(parts)
    for time_s, grey in ((9.95, 198), (10.0, 240), (10.55, 240), (0.0, 0), (99.0, 240)):
        frame = frames.at(time_s)
        assert frame.image.mean() == pytest.approx(grey, abs=5)
        assert frame.time_s <= time_s + 1e-3
    assert frames.at(10.55).time_s == pytest.approx(10.5)
    frames.close()


def test_a_broken_part_is_told_once_and_the_others_are_shown(parts):
    parts[0].path.write_text("no video")
    shown: Latest[Frame] = Latest()
    failures: list[str] = []
    server = FrameServer(parts, shown.put, failures.append)
    for time_s in (1.0, 2.0, 10.3):
        server.ask(time_s)
    assert shown.take().time_s == pytest.approx(10.3)
    assert server.close()
    assert set(failures) == {failures[0]}
    assert "clip.mp4" in failures[0]
