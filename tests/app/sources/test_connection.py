import threading
from fractions import Fraction

import numpy as np
import pytest

from app.sources.connection import Connection, ConnectionState
from engine.errors import SourceError
from engine.types import Frame
from engine.video.opening import SourceInfo

INFO = SourceInfo(
    name="camera 0",
    path=None,
    width=8,
    height=8,
    fps=Fraction(10),
    time_base=Fraction(1, 1000),
    frame_count=None,
    duration_s=None,
    live=True,
    has_audio=False,
)


class Camera:
    """Gives so many frames, a tenth of a second apart, and is then unplugged."""

    def __init__(self, frames, clock, *, error="camera 0: lost; was it unplugged?"):
        self.info, self.warnings, self.closed = INFO, [], 0
        self._frames, self._clock, self._error = frames, clock, error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed += 1

    def __iter__(self):
        for index in range(self._frames):
            self._clock.now += 0.1
            yield Frame(index, index / 10, np.zeros((8, 8, 3), np.uint8))
        if self._error:
            raise SourceError(self._error)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def connect(opened, *, lasting=True):
    """Connect to what `opened` holds in turn: cameras, or errors of opening one."""
    clock, told = Clock(), []
    left = list(opened)

    def open_source():
        made = left.pop(0)
        if isinstance(made, Exception):
            clock.now += 5  # away for a while
            raise made
        return Camera(made, clock)

    connection = Connection(open_source, told.append, lasting=lasting, pause_s=0, clock=clock)
    return connection, told


def take(connection, count):
    frames = []
    for frame in connection:
        frames.append(frame)
        if len(frames) == count:
            connection.close()
    return frames


def test_a_lost_camera_is_opened_again_and_indices_go_on():
    connection, told = connect([3, 3])
    frames = take(connection, 6)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [status.state for status in told] == [
        ConnectionState.OPENING,
        ConnectionState.RUNNING,
        ConnectionState.LOST,
        ConnectionState.RUNNING,
        ConnectionState.ENDED,
    ]
    assert told[2].message == "camera 0: lost; was it unplugged?"


def test_the_time_away_counts():
    connection, _ = connect([2, SourceError("busy"), 2])
    times = [frame.time_s for frame in take(connection, 4)]
    assert times[:2] == pytest.approx([0, 0.1])
    assert times[2] > 5
    assert times[3] == pytest.approx(times[2] + 0.1)


def test_a_busy_camera_is_tried_until_it_opens():
    connection, told = connect([SourceError("busy"), SourceError("busy"), 1])
    assert len(take(connection, 1)) == 1
    assert [status.message for status in told if status.state is ConnectionState.LOST] == [
        "busy",
        "busy",
    ]


def test_a_file_that_is_lost_is_an_error():
    connection, _ = connect([2], lasting=False)
    with pytest.raises(SourceError, match="lost"):
        take(connection, 9)


def test_closing_ends_the_wait_for_a_camera():
    tried = threading.Event()

    def never():
        tried.set()
        raise SourceError("busy")

    connection = Connection(never, lambda _: None, lasting=True, pause_s=60)
    thread = threading.Thread(target=lambda: list(connection))
    thread.start()
    assert tried.wait(5)
    connection.close()
    thread.join(5)
    assert not thread.is_alive()
    connection.close()  # once more does no harm


def test_closing_closes_the_open_source_from_another_thread():
    clock = Clock()
    camera = Camera(1000, clock)
    connection = Connection(lambda: camera, lambda _: None, lasting=True, clock=clock)
    frames = iter(connection)
    next(frames)
    assert connection.source is camera
    connection.close()
    assert camera.closed
