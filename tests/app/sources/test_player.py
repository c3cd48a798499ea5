import gc
import threading
import weakref
from functools import partial

import numpy as np
import pytest

from app.sources.player import Player
from engine.errors import SourceError
from engine.video.opening import open_source


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def clip(make_clip):
    return make_clip(images=[np.full((48, 64, 3), 20 * i, np.uint8) for i in range(12)])


class Changed:
    """A condition that lets the clock run instead of waiting."""

    def __init__(self, clock):
        self.waited, self.player, self.clock = 0.0, None, clock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def notify_all(self):
        pass

    def wait(self, timeout):
        if not self.player.playing:
            raise AssertionError("it would wait for ever")
        self.waited += timeout
        self.clock.now += timeout


@pytest.fixture
def changed():
    return Changed(Clock())


@pytest.fixture
def player(clip, changed):
    opener = partial(open_source, str(clip))
    made = Player(opener, clock=changed.clock, changed=changed)
    changed.player = made
    yield made
    made.close()


def index_of(frame):
    return round(float(frame.image.mean()) / 20)


def test_it_plays_at_the_files_own_rate(player, changed):
    frames = [player.read() for _ in range(6)]
    assert [index_of(frame) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert changed.waited == pytest.approx(5 * 0.04, abs=0.002)


def test_twice_the_speed_takes_half_the_time(player, changed):
    player.read()
    player.set_speed(2.0)
    for _ in range(4):
        player.read()
    # The first frame at another speed is due at once.
    assert changed.waited == pytest.approx(3 * 0.02, abs=0.002)


def test_paused_it_shows_nothing_until_a_step(player):
    player.read()
    player.pause()
    with pytest.raises(AssertionError, match="for ever"):
        player.read()
    player.step()
    assert index_of(player.read()) == 1
    player.step(2)
    assert [index_of(player.read()), index_of(player.read())] == [2, 3]


def test_a_step_back_shows_the_frame_before(player):
    for _ in range(6):
        player.read()
    player.step(-1)
    assert index_of(player.read()) == 4
    player.step(-1)
    assert index_of(player.read()) == 3
    assert not player.playing


def test_seeking_shows_the_frame_at_that_time_and_indices_go_on(player):
    before = player.read()
    player.seek(0.2)
    frame = player.read()
    assert index_of(frame) == 5
    assert frame.time_s == pytest.approx(0.2, abs=0.001)
    assert frame.index == before.index + 1
    player.seek(0.0)
    assert index_of(player.read()) == 0


def test_what_was_moved_away_from_is_gone_at_once(player):
    """Without Python's collector, which would let decoder after decoder wait."""
    gc.collect()
    gc.disable()
    try:
        before = []
        for time_s in (0.2, 0.1, 0.4):
            before.append(weakref.ref(player._source))
            player.seek(time_s)
            player.read()
        assert [source() for source in before] == [None] * 3
    finally:
        gc.enable()


def test_seeking_beyond_the_end_shows_the_last_frame(player):
    player.read()
    player.seek(99)
    assert index_of(player.read()) == 11


def test_at_the_end_it_waits_and_begins_again_when_asked(player):
    for _ in range(12):
        player.read()
    with pytest.raises(AssertionError, match="for ever"):
        player.read()
    assert player.ended
    assert not player.playing
    player.play()
    assert index_of(player.read()) == 0


def test_it_starts_where_it_is_told_to(clip):
    with Player(partial(open_source, str(clip)), start_s=0.2) as player:
        player.pause()
        assert index_of(player.read()) == 5


@pytest.mark.parametrize(("start_s", "index"), [(0.0, 0), (0.2, 5)])
def test_opened_paused_it_shows_the_frame_there_and_waits(clip, start_s, index):
    opener = partial(open_source, str(clip))
    with Player(opener, start_s=start_s, playing=False, speed=0.5) as player:
        assert index_of(player.read()) == index
        assert not player.playing
        assert player.speed == 0.5
        player.step()
        assert index_of(player.read()) == index + 1


def test_closing_ends_a_reader_that_waits(clip):
    player = Player(partial(open_source, str(clip)))
    player.read()
    player.pause()
    got = []
    thread = threading.Thread(target=lambda: got.append(player.read()))
    thread.start()
    player.close()
    thread.join(5)
    assert got == [None]
    player.close()


def test_a_file_that_is_no_video_is_a_source_error(tmp_path):
    path = tmp_path / "no.mp4"
    path.write_text("not a video")
    with pytest.raises(SourceError):
        Player(partial(open_source, str(path)))


@pytest.fixture
def one_key_frame(tmp_path):
    """A clip of 300 frames with a single key frame, and how often it was opened."""
    import av

    path = tmp_path / "long.mp4"
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": "1000", "keyint": "1000", "sc_threshold": "0"}
        video = container.add_stream("libx264", rate=25, options=options)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(300):
            image = np.full((48, 64, 3), number % 200, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode(None))
    opened = []

    def opener(config):
        opened.append(config)
        return open_source(str(path), config)

    return opener, opened


def test_steps_are_exact_and_none_is_lost_however_they_are_mixed(one_key_frame):
    opener, _ = one_key_frame
    player = Player(opener, playing=False)
    frame = player.read()
    at = 0
    rng = np.random.default_rng(4)
    player.seek(8.0)
    frame, at = player.read(), 200
    assert round(frame.time_s * 25) == at
    for step in rng.integers(-9, 8, 120).tolist():
        if step < 0:
            for _ in range(-step):  # pressed faster than frames are shown
                player.step(-1)
            frame, at = player.read(), max(0, at + step)
        else:
            for _ in range(step):
                player.step()
            for _ in range(step):
                frame, at = player.read(), at + 1
        assert round(frame.time_s * 25) == at
        assert player.frame_number == at + 1
    player.close()


def test_fifty_steps_back_decode_the_clip_a_few_times_at_most(one_key_frame):
    opener, opened = one_key_frame
    player = Player(opener, playing=False)
    player.read()
    player.seek(8.0)
    player.read()
    before = len(opened)
    for number in range(50):
        player.step(-1)
        assert round(player.read().time_s * 25) == 199 - number
    assert len(opened) - before <= 4
    player.close()


def test_a_step_back_at_the_first_frame_stays_there(player):
    player.read()
    player.step(-3)
    assert index_of(player.read()) == 0
    player.step()
    assert index_of(player.read()) == 1
