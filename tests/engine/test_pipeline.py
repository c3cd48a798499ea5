"""The pipeline with fakes: order, errors, stopping, and what becomes of the threads."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

import engine.pipeline
from engine.errors import ModelError, SourceError
from engine.pipeline import Pipeline
from engine.types import Analysis, Found, Frame

LIMIT_S = 30  # of a wait that a busy machine may stretch; a test that passes never gets there


def frame(index):
    return Frame(index, index / 25, np.full((2, 2, 3), index % 256, np.uint8))


def frames(count):
    return (frame(index) for index in range(count))


def endless():
    index = 0
    while True:
        yield frame(index)
        index += 1


class FakeFinder:
    """Remembers the threads it lives on; `fail_at` raises there."""

    def __init__(self, fail_at=None):
        self.fail_at = fail_at
        self.threads = {threading.current_thread().name}
        self.closed = 0

    def find(self, frame):
        self.threads.add(threading.current_thread().name)
        if frame.index == self.fail_at:
            raise ValueError("finder broke")
        return Found(frame, (), (), {"detect": 1.0})

    def close(self):
        self.threads.add(threading.current_thread().name)
        self.closed += 1


class FakeReader:
    """Remembers its threads and the frames of each call; `fail_at` raises there."""

    def __init__(self, fail_at=None):
        self.fail_at = fail_at
        self.threads = {threading.current_thread().name}
        self.calls = []
        self.closed = 0

    def close(self):
        self.threads.add(threading.current_thread().name)
        self.closed += 1

    def read(self, several):
        self.threads.add(threading.current_thread().name)
        self.calls.append([found.frame.index for found in several])
        if self.fail_at in self.calls[-1]:
            raise ValueError("reader broke")
        times_ms = {"fusion": 2.0}
        return [Analysis(f.frame, (), (), {**f.times_ms, **times_ms}) for f in several]


def connect(source, finder=FakeFinder, reader=FakeReader, draw=None, **options):
    return Pipeline(source, finder, reader, draw, **options)


def keeping(make, made):
    """Give a factory that adds what it makes to `made`."""

    def keep():
        made.append(make())
        return made[-1]

    return keep


def indices_of(results):
    return [analysis.frame.index for analysis, _ in results]


@pytest.mark.parametrize("count", [1, 4, 5, 100])
def test_every_frame_of_a_file_comes_out_once_in_order(count):
    with connect(frames(count)) as pipeline:
        results = list(pipeline)
    assert indices_of(results) == list(range(count))
    assert all(image is analysis.frame.image for analysis, image in results)
    assert pipeline.dropped == 0


def test_drawing_travels_with_its_analysis():
    def draw(analysis):
        return analysis.frame.image + np.uint8(100)

    with connect(frames(20), draw=draw) as pipeline:
        for analysis, image in pipeline:
            np.testing.assert_array_equal(image, analysis.frame.image + 100)


def test_images_are_read_only_once_they_cross_a_thread():
    with connect(frames(1), draw=lambda a: a.frame.image.copy()) as pipeline:
        ((analysis, image),) = pipeline
    assert not analysis.frame.image.flags.writeable
    assert not image.flags.writeable


def test_stage_times_are_added_to_those_of_finder_and_reader():
    with connect(frames(1), draw=lambda a: a.frame.image.copy()) as pipeline:
        ((analysis, _),) = pipeline
    assert list(analysis.times_ms) == ["decode", "detect", "fusion", "draw"]
    assert (analysis.times_ms["detect"], analysis.times_ms["fusion"]) == (1.0, 2.0)
    assert all(ms >= 0 for ms in analysis.times_ms.values())


def test_stage_times_are_milliseconds(monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr(engine.pipeline, "time", SimpleNamespace(monotonic=lambda: now_s[0]))

    def film():
        now_s[0] += 0.5
        yield frame(0)

    def draw(analysis):
        now_s[0] += 0.25
        return analysis.frame.image.copy()

    with connect(film(), draw=draw) as pipeline:
        ((analysis, _),) = pipeline
    assert (analysis.times_ms["decode"], analysis.times_ms["draw"]) == (500.0, 250.0)


def test_finder_is_made_used_and_freed_in_one_thread():
    made = []
    with connect(frames(30), keeping(FakeFinder, made)) as pipeline:
        list(pipeline)
    (finder,) = made
    assert finder.threads == {"fer-find"}
    assert finder.closed == 1


def test_reader_is_made_used_and_freed_in_one_thread_of_its_own():
    made = []
    with connect(frames(30), reader=keeping(FakeReader, made)) as pipeline:
        list(pipeline)
    (reader,) = made
    assert reader.threads == {"fer-read"}
    assert reader.closed == 1


def test_pictures_of_their_own_are_read_one_in_a_call():
    """So that a picture gives the same numbers alone and among others."""
    made = []
    with connect(frames(6), reader=keeping(FakeReader, made), alone=True) as pipeline:
        assert [analysis.frame.index for analysis, _ in pipeline] == list(range(6))
    assert made[0].calls == [[index] for index in range(6)]


@pytest.mark.parametrize("slow", ["source", "finder", "neither"])
def test_frames_of_a_file_are_read_four_in_a_call_the_rest_together(slow):
    """Whoever is late: a file gives the same groups, and so the same numbers, each time."""
    made, read = [], threading.Semaphore(0)

    def wait_for(index, stage):
        # Only once the group before was read does its follower's first frame come.
        if slow == stage and index and index % 4 == 0:
            assert read.acquire(timeout=LIMIT_S)

    def film():
        for index in range(10):
            wait_for(index, "source")
            yield frame(index)

    class LateFinder(FakeFinder):
        def find(self, frame):
            wait_for(frame.index, "finder")
            return super().find(frame)

    class Announcing(FakeReader):
        def read(self, several):
            read.release()
            return super().read(several)

    with connect(film(), LateFinder, keeping(Announcing, made)) as pipeline:
        assert indices_of(pipeline) == list(range(10))
    assert made[0].calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_frames_of_a_live_source_are_read_one_by_one():
    made, seen = [], threading.Semaphore(0)

    class Announcing(FakeReader):
        def read(self, several):
            seen.release()
            return super().read(several)

    def camera():
        for index in range(6):
            yield frame(index)
            assert seen.acquire(timeout=LIMIT_S)  # the next comes once this one was read

    with connect(camera(), reader=keeping(Announcing, made), live=True) as pipeline:
        assert indices_of(pipeline) == list(range(6))
    assert made[0].calls == [[0], [1], [2], [3], [4], [5]]


@pytest.mark.parametrize(("live", "ahead"), [(False, 4), (True, 1)])
def test_finder_works_ahead_of_the_reader(live, ahead):
    """The reader is at its first call until the finder is at the frame after that call's."""
    begun, reached = threading.Event(), threading.Event()

    class Ahead(FakeFinder):
        def find(self, frame):
            if frame.index >= ahead:
                assert begun.wait(LIMIT_S)
                reached.set()
            return super().find(frame)

    class Patient(FakeReader):
        def read(self, several):
            begun.set()
            assert reached.wait(LIMIT_S)
            return super().read(several)

    def film():
        for index in range(8):
            if live and index == 1:
                assert begun.wait(LIMIT_S)  # so that the first frame is not dropped
            yield frame(index)

    with connect(film(), Ahead, Patient, live=live) as pipeline:
        seen = indices_of(pipeline)
    assert seen[0] == 0
    assert seen[-1] == 7
    assert live or seen == list(range(8))


@pytest.mark.parametrize("lost_at", [0, 4, 5, 8])
def test_source_that_fails_in_mid_stream_raises_after_what_was_ready(lost_at):
    cause = OSError("cable pulled")

    def broken():
        yield from frames(lost_at)
        raise SourceError("camera 0: lost; plug it in again") from cause

    seen = []
    with (
        pytest.raises(SourceError, match="camera 0: lost") as caught,
        connect(broken()) as pipeline,
    ):
        seen.extend(analysis.frame.index for analysis, _ in pipeline)
    assert seen == list(range(lost_at))
    assert caught.value.__cause__ is cause


def test_finder_that_fails_is_closed_and_ends_an_endless_source():
    made, seen = [], []
    with (
        pytest.raises(ValueError, match="finder broke"),
        connect(endless(), keeping(lambda: FakeFinder(fail_at=7), made)) as pipeline,
    ):
        seen.extend(analysis.frame.index for analysis, _ in pipeline)
    assert seen == list(range(7))
    assert made[0].closed == 1


def test_reader_that_fails_is_closed_with_the_finder_and_ends_an_endless_source():
    made, readers, seen = [], [], []
    with (
        pytest.raises(ValueError, match="reader broke"),
        connect(
            endless(), keeping(FakeFinder, made), keeping(lambda: FakeReader(7), readers)
        ) as pipeline,
    ):
        seen.extend(analysis.frame.index for analysis, _ in pipeline)
    assert seen == [0, 1, 2, 3]  # those before the call with frame 7
    assert made[0].closed == readers[0].closed == 1
    assert not any(thread.name.startswith("fer-") for thread in threading.enumerate())


def test_of_two_failures_the_first_is_told():
    """The second often is what the first one brought about."""

    reading = threading.Event()

    class Late(FakeFinder):
        def find(self, frame):
            if frame.index:
                for thread in threading.enumerate():
                    if thread.name == "fer-read":
                        thread.join(LIMIT_S)
                raise ValueError("finder broke")
            return super().find(frame)

    class Broken(FakeReader):
        def read(self, several):
            reading.set()
            raise ValueError("reader broke")

    def camera():
        yield frame(0)
        assert reading.wait(LIMIT_S)
        yield frame(1)

    with (
        pytest.raises(ValueError, match="reader broke"),
        connect(camera(), Late, Broken, live=True) as pipeline,
    ):
        list(pipeline)


def test_reader_that_fails_ends_an_endless_camera():
    class Broken(FakeReader):
        def read(self, several):
            raise ValueError("reader broke")

    made = []
    with (
        pytest.raises(ValueError, match="reader broke"),
        connect(endless(), keeping(FakeFinder, made), Broken, live=True) as pipeline,
    ):
        list(pipeline)
    assert made[0].closed == 1
    assert not any(thread.name.startswith("fer-") for thread in threading.enumerate())


def test_finder_that_cannot_be_made_raises_in_the_iteration():
    def make():
        raise ModelError("model x: no such file; try poster-rt")

    made = []
    with (
        pytest.raises(ModelError, match="model x"),
        connect(endless(), make, keeping(FakeReader, made)) as pipeline,
    ):
        list(pipeline)
    assert all(reader.calls == [] for reader in made)


@pytest.mark.parametrize("live", [False, True])
def test_reader_that_cannot_be_made_raises_closes_the_finder_and_ends_an_endless_source(live):
    def make():
        raise ModelError("model x: no such file; try poster-rt")

    made = []
    with (
        pytest.raises(ModelError, match="model x"),
        connect(endless(), keeping(FakeFinder, made), make, live=live) as pipeline,
    ):
        list(pipeline)
    assert made[0].closed == 1
    assert not any(thread.name.startswith("fer-") for thread in threading.enumerate())


def test_drawing_that_fails_raises_in_the_iteration():
    def draw(analysis):
        raise ValueError("no font")

    made = []
    with (
        pytest.raises(ValueError, match="no font"),
        connect(frames(500), keeping(FakeFinder, made), draw=draw) as pipeline,
    ):
        list(pipeline)
    assert made[0].closed == 1


def test_stop_twice_while_every_channel_is_full_ends_the_iteration():
    pulled, found, drawn = (threading.Semaphore(0) for _ in range(3))

    def film():
        for each in endless():
            pulled.release()
            yield each

    class Counting(FakeFinder):
        def find(self, frame):
            found.release()
            return super().find(frame)

    def draw(analysis):
        drawn.release()
        return analysis.frame.image.copy()

    with connect(film(), Counting, draw=draw) as pipeline:
        # Four lie in each channel, and each stage waits for room with one more; the reader with
        # the three others of its call as well: of its third call's four, the first has gone on.
        for semaphore, count in ((drawn, 5), (found, 17), (pulled, 22)):
            for _ in range(count):
                assert semaphore.acquire(timeout=LIMIT_S)
        stopper = threading.Thread(target=pipeline.stop)
        stopper.start()
        stopper.join()
        pipeline.stop()
        assert indices_of(pipeline) == [0, 1, 2, 3]
    assert not any(semaphore.acquire(blocking=False) for semaphore in (drawn, found, pulled))


def test_leaving_early_stops_the_threads():
    with connect(frames(10_000)) as pipeline:
        next(iter(pipeline))
    assert not any(t.name.startswith("fer-") for t in threading.enumerate())


@pytest.mark.parametrize("slow", ["finder", "reader"])
def test_live_source_drops_what_nobody_had_time_for(slow):
    passed = threading.Event()

    class SlowFinder(FakeFinder):
        def find(self, frame):
            assert passed.wait(LIMIT_S)
            return super().find(frame)

    class SlowReader(FakeReader):
        def read(self, several):
            assert passed.wait(LIMIT_S)
            return super().read(several)

    def camera():
        yield from frames(50)
        passed.set()

    stages = {slow: {"finder": SlowFinder, "reader": SlowReader}[slow]}
    with connect(camera(), **stages, live=True) as pipeline:
        indices = indices_of(pipeline)
    assert indices == sorted(set(indices))
    assert indices[-1] == 49
    assert pipeline.dropped == 50 - len(indices) > 0


def test_empty_source_gives_nothing():
    made = []
    with connect(iter(()), reader=keeping(FakeReader, made)) as pipeline:
        assert list(pipeline) == []
    assert made[0].calls == []
