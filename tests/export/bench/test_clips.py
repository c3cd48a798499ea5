"""Stages and the whole command on clips."""

import numpy as np
import pytest

from engine.errors import FerError, ModelError, SinkError, SourceError
from engine.types import Analysis, Frame
from export.bench.claims import loop, small
from export.bench.clips import CommandCost, decode_and_encode, end_to_end, failure, stages_of


def test_stages_are_summed_up_over_the_frames_that_had_them():
    image = np.zeros((4, 4, 3), np.uint8)
    times = [{"detect": 10.0, "track": 1.0}, {"track": 3.0}, {"track": 2.0}]
    analyses = [Analysis(Frame(k, k / 25, image), (), (), t) for k, t in enumerate(times)]
    detect, track, total = stages_of("a.mp4", analyses)
    assert (detect.name, detect.frames, detect.p50_ms) == ("detect", 1, 10.0)
    assert (track.name, track.frames, track.p50_ms) == ("track", 3, 2.0)
    assert track.p95_ms == pytest.approx(2.9)
    assert (total.name, total.frames, total.p50_ms) == ("all", 3, 3.0)


def test_ratio_is_that_of_the_speeds():
    whole = CommandCost(clip="a.mp4", width=64, height=48, frames=100, bare_s=2.0, whole_s=5.0)
    assert whole.ratio == pytest.approx(0.4)
    assert whole.as_dict()["whole_fps"] / whole.as_dict()["bare_fps"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("code", "kind"), [(3, SourceError), (4, ModelError), (5, SinkError), (1, FerError)]
)
def test_failure_of_the_command_keeps_its_words_and_code(code, kind):
    error = failure(code, "fer-video: warning: hm\nfer-video: it is broken\n")
    assert type(error) is kind
    assert (str(error), error.exit_code) == ("it is broken", code)


def test_command_that_died_in_silence_is_named():
    assert str(failure(-9, "")) == "fer-video ended with -9"


def test_decoding_and_encoding_keeps_the_frames(make_clip, tmp_path):
    import av

    decode_and_encode(make_clip(), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_file_without_video_is_named(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"a\.mp4: cannot be decoded and encoded"):
        decode_and_encode(path, tmp_path / "out.mp4")


@pytest.mark.slow
def test_command_is_compared_with_decoding_and_encoding(make_clip, tmp_path):
    whole, stages = end_to_end(make_clip(), tmp_path, 1, "cpu")
    assert (whole.clip, whole.width, whole.height, whole.frames) == ("clip.mp4", 64, 48, 12)
    assert 0 < whole.bare_s < whole.whole_s
    assert {"decode", "detect", "draw", "record", "encode"} <= {stage.name for stage in stages}
    assert {stage.where for stage in stages} == {"in fer-video"}


def test_looped_film_is_as_long_as_asked_for(make_clip, tmp_path):
    import av

    film = tmp_path / "loop.mkv"
    loop(make_clip(), film, 1.2)
    with av.open(str(film)) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux() if packet.pts]
    assert 1.1 <= max(times) <= 1.7
    assert len(times) >= 29


def test_frame_is_brought_to_640_by_360():
    assert small(Frame(3, 0.5, np.zeros((720, 1280, 3), np.uint8))).image.shape == (360, 640, 3)
