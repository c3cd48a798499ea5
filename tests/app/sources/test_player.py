"""A file that plays, waits, steps and is moved in."""

import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from app.sources.player import Player
from engine.assets import asset_path
from engine.source import SourceInfo, open_source
from engine.types import Frame

FPS = 10
COUNT = 20


class Film:
    """Twenty frames, ten a second; a frame's only pixel is its number."""

    def __init__(self, config):
        self.info = SourceInfo(
            name="film",
            path=None,
            width=1,
            height=1,
            fps=Fraction(FPS),
            time_base=Fraction(1, 1000),
            frame_count=COUNT,
            duration_s=COUNT / FPS,
            live=False,
            has_audio=False,
        )
        self._next = round(config.start_s * FPS)
        self.closed = False

    def read(self):
        if self._next >= COUNT or self.closed:
            return None
        self._next += 1
        number = self._next - 1
        return Frame(number, number / FPS, np.full((1, 1, 3), number, np.uint8))

    def close(self):
        self.closed = True


@pytest.fixture
def opened():
    """The films opened, in order."""
    return []


@pytest.fixture
def player(opened):
    def opener(config):
        opened.append(Film(config))
        return opened[-1]

    player = Player(opener)
    yield player
    player.close()


def number(frame):
    return int(frame.image[0, 0, 0])


def test_it_plays_at_its_own_pace(player):
    import time

    started = time.monotonic()
    shown = [player.read() for _ in range(4)]
    assert [number(frame) for frame in shown] == [0, 1, 2, 3]
    assert time.monotonic() - started >= 0.28
    assert player.position_s == pytest.approx(0.3)
    assert player.info.live, "the pipeline may drop what it has no time for"


def test_twice_the_speed_takes_half_the_time(player):
    import time

    player.set_speed(4.0)
    player.read()
    started = time.monotonic()
    for _ in range(8):
        player.read()
    assert 0.15 <= time.monotonic() - started < 0.8


def test_paused_it_gives_nothing_until_it_goes_on(player):
    player.read()
    player.pause()
    assert not player.playing
    frames = []
    reader = threading.Thread(target=lambda: frames.append(player.read()))
    reader.start()
    reader.join(0.3)
    assert reader.is_alive(), "a paused film must wait"
    player.play()
    reader.join(2.0)
    assert [number(frame) for frame in frames] == [1]


def test_steps_show_one_frame_each_way(player):
    for _ in range(3):
        player.read()
    player.step(1)
    assert number(player.read()) == 3
    player.step(-1)
    assert number(player.read()) == 2
    assert not player.playing


def test_seeking_opens_the_film_from_there_and_numbers_go_on(player, opened):
    player.read()
    player.seek(1.2)
    frame = player.read()
    assert number(frame) == 12
    assert frame.time_s == pytest.approx(1.2)
    assert frame.index == 1, "an index is never used again"
    assert opened[0].closed


def test_seeking_past_the_end_shows_the_last_frame(player):
    player.seek(99.0)
    assert number(player.read()) == COUNT - 1


def test_at_the_end_it_waits_and_plays_again_from_the_beginning(player):
    player.seek(1.9)
    assert number(player.read()) == COUNT - 1
    frames = []
    reader = threading.Thread(target=lambda: frames.append(player.read()))
    reader.start()
    reader.join(0.3)
    assert player.ended
    assert not player.playing
    player.play()
    reader.join(2.0)
    assert [number(frame) for frame in frames] == [0]


def test_closing_ends_a_reader_that_waits(player):
    player.pause()
    frames = []
    reader = threading.Thread(target=lambda: frames.append(player.read()))
    reader.start()
    player.close()
    reader.join(2.0)
    assert frames == [None]


def test_a_real_file_is_moved_in():
    with Player(lambda config: open_source(str(asset_path("demo.mp4")), config)) as player:
        player.set_speed(4.0)
        first = player.read()
        assert first.image.shape == (360, 640, 3)
        player.seek(5.0)
        moved = player.read()
        assert moved.time_s == pytest.approx(5.0, abs=0.05)
        assert np.abs(first.image.astype(int) - moved.image).mean() > 5
    assert replace(player.info).duration_s == pytest.approx(10.0, abs=0.1)
