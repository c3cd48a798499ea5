import gc
import threading
import weakref

import numpy as np
import pytest

from app.sources.looped import LoopedFile
from engine.errors import SourceError


class Clock:
    """A clock that a source which waits on it moves on."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def waits(clock):
    class Waits(threading.Event):
        waited = 0.0

        def wait(self, timeout=None):
            clock.now += timeout or 0
            self.waited += timeout or 0
            return self.is_set()

    return Waits()


@pytest.fixture
def looped(make_clip, clock, waits):
    images = [np.full((48, 64, 3), 40 * index, np.uint8) for index in range(4)]
    source = LoopedFile(make_clip(images=images), clock, waits)
    yield source
    source.close()


def test_the_file_begins_again_and_time_goes_on(looped):
    frames = [looped.read() for _ in range(10)]
    assert [frame.index for frame in frames] == list(range(10))
    steps = np.diff([frame.time_s for frame in frames])
    assert steps == pytest.approx([0.04] * 9, abs=1e-3)
    assert abs(int(frames[0].image.mean()) - int(frames[4].image.mean())) <= 1


def test_frames_come_at_the_files_own_rate(looped, waits):
    for _ in range(6):
        looped.read()
    assert waits.waited == pytest.approx(5 * 0.04, abs=1e-3)


def test_a_round_that_is_over_is_gone_at_once(looped):
    """Without Python's collector: hours of it would keep decoder after decoder."""
    gc.collect()
    gc.disable()
    try:
        rounds = []
        for _ in range(12):
            looped.read()
            rounds.append(weakref.ref(looped._source))
        alive = {id(source()) for source in rounds if source() is not None}
    finally:
        gc.enable()
    assert len({id(source) for source in rounds}) >= 3
    assert alive == {id(looped._source)}


def test_it_says_that_it_is_live_and_endless(looped):
    assert looped.info.live
    assert looped.info.duration_s is None


def test_a_reader_that_was_away_is_not_hurried(looped, clock, waits):
    looped.read()
    clock.now += 30
    before = waits.waited
    looped.read()
    looped.read()
    assert waits.waited - before == pytest.approx(0.04, abs=1e-3)


def test_closed_it_gives_nothing(looped):
    looped.close()
    assert looped.read() is None


def test_a_missing_file_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        LoopedFile(tmp_path / "none.mp4")
