"""Between the engine's threads and the window's: nothing is lost that matters, nothing is left."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from app.runner import Runner
from app.sources.choice import Choice
from app.worker import Newest, Worker
from engine.analyze import AnalyzerConfig
from engine.errors import SourceError
from engine.source import SourceInfo
from engine.types import Analysis, Found, Frame

INFO = SourceInfo(
    name="fake",
    path=None,
    width=64,
    height=48,
    fps=Fraction(50),
    time_base=Fraction(1, 1000),
    frame_count=None,
    duration_s=None,
    live=True,
    has_audio=False,
)


class Source:
    """Gives a frame every twentieth of a second until it is closed or breaks."""

    def __init__(self, breaks_after=None):
        self.info, self.warnings = INFO, []
        self._closed, self._breaks_after, self._count = threading.Event(), breaks_after, 0

    def __iter__(self):
        while not self._closed.wait(0.02):
            if self._count == self._breaks_after:
                raise SourceError("camera 0: lost; was it unplugged?")
            self._count += 1
            yield Frame(self._count - 1, self._count / 50, np.zeros((48, 64, 3), np.uint8))

    def close(self):
        self._closed.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Finder:
    def find(self, frame):
        return Found(frame, (), (), {})

    def close(self):
        pass


class Reader:
    device = "cpu"

    def read(self, several):
        return [Analysis(found.frame, (), (), {}) for found in several]


def worker_of(open_source, keep=None):
    return Worker(
        open_source,
        AnalyzerConfig(),
        keep=keep,
        make_finder=lambda _: Finder(),
        make_reader=lambda _: Reader(),
    )


@pytest.fixture
def runner(qapp):
    """A runner of fakes; `runner.sources` are what it opens, in order."""
    sources, kept = [Source(), Source()], []
    opening = iter(sources)

    def make(choice, config, keep):
        return worker_of(lambda: next(opening), keep)

    runner = Runner(kept.append, make)
    runner.sources, runner.kept = sources, kept
    yield runner
    assert runner.close()


def test_a_notice_is_due_only_when_the_last_one_was_taken():
    newest = Newest(clock=iter(range(100)).__next__)
    frame = Frame(3, 0.1, np.zeros((2, 2, 3), np.uint8))
    assert newest.put_frame(frame)
    assert not newest.put_frame(frame), "one notice is waiting already"
    assert newest.take_frame() is frame
    assert newest.put_frame(frame)
    assert newest.latency_ms(3) == 1000.0
    assert newest.latency_ms(99) == 0.0


def test_frames_and_analyses_arrive_and_everything_is_kept(runner, qtbot):
    runner.start(Choice(kind="camera", name="0"), AnalyzerConfig())
    qtbot.waitUntil(lambda: len(runner.kept) >= 5, timeout=5000)
    worker = runner.worker
    assert worker.device == "cpu"
    assert worker.info is INFO
    assert worker.newest.take_frame().index >= 4
    assert [a.frame.index for a in runner.kept] == sorted(a.frame.index for a in runner.kept)


def test_another_source_ends_the_one_before(runner, qtbot):
    runner.start(Choice(kind="camera", name="0"), AnalyzerConfig())
    qtbot.waitUntil(lambda: len(runner.kept) >= 2, timeout=5000)
    first = runner.worker
    runner.start(Choice(kind="camera", name="1"), AnalyzerConfig())
    assert runner.worker is not first
    assert runner.sources[0]._closed.is_set()
    with qtbot.waitSignal(runner.analysed, timeout=5000):
        pass


def test_a_lost_camera_is_told_once_and_tried_again(qtbot, qapp):
    sources = iter([Source(breaks_after=3), Source()])
    runner = Runner(lambda _: None, lambda *_: worker_of(lambda: next(sources)))
    runner._retry.setInterval(50)
    with qtbot.waitSignal(runner.failed, timeout=5000) as failed:
        runner.start(Choice(kind="camera", name="0"), AnalyzerConfig())
    assert failed.args == ["camera 0: lost; was it unplugged?", True]
    with qtbot.waitSignal(runner.analysed, timeout=5000):
        pass
    assert runner.close()


def test_a_broken_file_is_told_and_not_tried_again(qtbot, qapp):
    def missing():
        raise SourceError("clip.mp4: no such file; check the path")

    runner = Runner(lambda _: None, lambda *_: worker_of(missing))
    with qtbot.waitSignal(runner.failed, timeout=5000) as failed:
        runner.start(Choice(kind="file", name="clip.mp4"), AnalyzerConfig())
    assert failed.args == ["clip.mp4: no such file; check the path", False]
    assert not runner._retry.isActive()
    assert runner.close()


def test_closing_takes_less_than_a_second(runner, qtbot):
    import time

    runner.start(Choice(kind="camera", name="0"), AnalyzerConfig())
    qtbot.waitUntil(lambda: len(runner.kept) >= 2, timeout=5000)
    started = time.monotonic()
    assert runner.close()
    assert time.monotonic() - started < 1.0
