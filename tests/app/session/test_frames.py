"""Frames of a video by time."""

import numpy as np
import pytest

from app.session.frames import FrameServer, VideoFrames
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
    server = FrameServer(clip, frames.put, failures.append)
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
    server = FrameServer(tmp_path / "video.mp4", lambda frame: None, failures.put)
    assert "video.mp4" in failures.take()
    assert server.close()
