"""Chapters that are known only once the film is written."""

import logging
from dataclasses import replace

import av
import numpy as np
import pytest

from engine.video.chapters import MOST, Chapter
from engine.video.sink import SinkConfig, VideoSink


@pytest.fixture
def written(tmp_path, camera_info):
    """Give `written(ending, chapters, growing)`: title by start, as another reader finds them."""

    def write(ending, chapters, *, growing=True):
        info = replace(camera_info, width=64, height=48)
        path = tmp_path / f"out{ending}"
        sink = VideoSink(path, info, SinkConfig(audio="none", growing=growing))
        for number in range(100):
            sink.write(number / 25, np.full((48, 64, 3), number, np.uint8))
        sink.set_chapters(chapters)
        sink.close()
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 100
            return {
                round(float(c["start"] * c["time_base"]), 3): c["metadata"].get("title")
                for c in container.chapters()
            }

    return write


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("growing", [True, False])
def test_chapters_are_known_at_the_end(written, ending, growing):
    first_s = 0.5 if growing else 0.0  # a track of chapters has no gap before the first
    chapters = [Chapter(first_s, 2.0, {"title": "film \u00e9"}), Chapter(2.0, 4.0, {"title": "b"})]
    assert written(ending, chapters, growing=growing) == {first_s: "film \u00e9", 2.0: "b"}


def test_a_long_title_is_cut_between_two_characters(written):
    found = written(".mp4", [Chapter(0.0, 4.0, {"title": "x" + "\u00e9" * 200})])
    assert found == {0.0: "x" + "\u00e9" * 127}


@pytest.mark.parametrize(("ending", "most"), [(".mp4", MOST), (".mkv", 300)])
def test_what_a_list_cannot_hold_is_said(written, caplog, ending, most):
    many = [Chapter(n / 100, (n + 1) / 100, {"title": str(n)}) for n in range(300)]
    with caplog.at_level(logging.WARNING):
        assert len(written(ending, many)) == most
    assert ("holds 255 chapters of 300" in caplog.text) == (most < 300)
