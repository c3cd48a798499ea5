"""The pipeline with fakes: order, errors, stopping, and what becomes of the threads."""

import threading

import numpy as np
import pytest

from engine.errors import ModelError, SourceError
from engine.pipeline import Pipeline
from engine.types import Analysis, Frame


def frame(index):
    return Frame(index, index / 25, np.full((2, 2, 3), index % 256, np.uint8))


def frames(count):
    return (frame(index) for index in range(count))


class FakeAnalyzer:
    """Remembers the threads it lives on; `fail_at` raises there."""

    def __init__(self, fail_at=None):
        self.fail_at = fail_at
        self.threads = {threading.current_thread().name}
        self.closed = 0

    def analyze(self, frame):
        self.threads.add(threading.current_thread().name)
        if frame.index == self.fail_at:
            raise ValueError("analyzer broke")
        return Analysis(frame, (), (), {"detect": 1.0})

    def close(self):
        self.threads.add(threading.current_thread().name)
        self.closed += 1


def test_every_frame_of_a_file_comes_out_once_in_order():
    with Pipeline(frames(100), FakeAnalyzer) as pipeline:
        results = list(pipeline)
    assert [analysis.frame.index for analysis, _ in results] == list(range(100))
    assert all(image is analysis.frame.image for analysis, image in results)
    assert pipeline.dropped == 0


def test_drawing_travels_with_its_analysis():
    def draw(analysis):
        return analysis.frame.image + np.uint8(100)

    with Pipeline(frames(20), FakeAnalyzer, draw) as pipeline:
        for analysis, image in pipeline:
            np.testing.assert_array_equal(image, analysis.frame.image + 100)


def test_images_are_read_only_once_they_cross_a_thread():
    with Pipeline(frames(1), FakeAnalyzer, lambda a: a.frame.image.copy()) as pipeline:
        ((analysis, image),) = pipeline
    assert not analysis.frame.image.flags.writeable
    assert not image.flags.writeable


def test_stage_times_are_added_to_the_analysers_own():
    with Pipeline(frames(1), FakeAnalyzer, lambda a: a.frame.image.copy()) as pipeline:
        ((analysis, _),) = pipeline
    assert list(analysis.times_ms) == ["decode", "detect", "draw"]
    assert analysis.times_ms["detect"] == 1.0
    assert all(ms >= 0 for ms in analysis.times_ms.values())


def test_analyzer_is_made_used_and_freed_in_one_thread():
    made = []

    def make():
        made.append(FakeAnalyzer())
        return made[0]

    with Pipeline(frames(30), make) as pipeline:
        list(pipeline)
    assert made[0].threads == {"fer-infer"}
    assert made[0].closed == 1


def test_source_that_fails_in_mid_stream_raises_after_what_was_ready():
    cause = OSError("cable pulled")

    def broken():
        yield from frames(5)
        raise SourceError("camera 0: lost; plug it in again") from cause

    seen = []
    with (
        pytest.raises(SourceError, match="camera 0: lost") as caught,
        Pipeline(broken(), FakeAnalyzer) as pipeline,
    ):
        seen.extend(analysis.frame.index for analysis, _ in pipeline)
    assert seen == [0, 1, 2, 3, 4]
    assert caught.value.__cause__ is cause


def test_analyzer_that_fails_is_closed_and_ends_an_endless_source():
    made = []

    def make():
        made.append(FakeAnalyzer(fail_at=7))
        return made[0]

    def endless():
        index = 0
        while True:
            yield frame(index)
            index += 1

    seen = []
    with (
        pytest.raises(ValueError, match="analyzer broke"),
        Pipeline(endless(), make) as pipeline,
    ):
        seen.extend(analysis.frame.index for analysis, _ in pipeline)
    assert seen == list(range(7))
    assert made[0].closed == 1


def test_analyzer_that_cannot_be_made_raises_in_the_reader():
    def make():
        raise ModelError("model x: no such file; try poster-rt")

    with pytest.raises(ModelError, match="model x"), Pipeline(frames(50), make) as pipeline:
        list(pipeline)


def test_drawing_that_fails_raises_in_the_reader():
    def draw(analysis):
        raise ValueError("no font")

    with (
        pytest.raises(ValueError, match="no font"),
        Pipeline(frames(500), FakeAnalyzer, draw) as pipeline,
    ):
        list(pipeline)


def test_stop_twice_while_every_channel_is_full_ends_the_iteration():
    drawn = threading.Semaphore(0)

    def draw(analysis):
        drawn.release()
        return analysis.frame.image.copy()

    def endless():
        while True:
            yield frame(0)

    with Pipeline(endless(), FakeAnalyzer, draw) as pipeline:
        for _ in range(9):  # eight lie in the last channel, the ninth waits for room
            assert drawn.acquire(timeout=5)
        stopper = threading.Thread(target=pipeline.stop)
        stopper.start()
        stopper.join()
        pipeline.stop()
        assert len(list(pipeline)) <= 9


def test_leaving_early_stops_the_threads():
    with Pipeline(frames(10_000), FakeAnalyzer) as pipeline:
        next(iter(pipeline))
    assert not any(t.name.startswith("fer-") for t in threading.enumerate())


def test_live_source_drops_what_nobody_had_time_for():
    passed = threading.Event()

    class Slow(FakeAnalyzer):
        def analyze(self, frame):
            assert passed.wait(5)
            return super().analyze(frame)

    def camera():
        yield from frames(50)
        passed.set()

    with Pipeline(camera(), Slow, live=True) as pipeline:
        indices = [analysis.frame.index for analysis, _ in pipeline]
    assert indices[-1] == 49
    assert pipeline.dropped == 50 - len(indices) > 0


def test_empty_source_gives_nothing():
    with Pipeline(iter(()), FakeAnalyzer) as pipeline:
        assert list(pipeline) == []
