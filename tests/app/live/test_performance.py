import pytest

from app.live.performance import Performance


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_rate_counts_intervals_not_frames(clock):
    performance = Performance(clock=clock)
    for _ in range(11):
        performance.add(20, 0)
        clock.now_s += 0.1
    assert performance.fps == pytest.approx(10)
    assert performance.frames == 11


def test_latencies_are_percentiles_of_the_window_only(clock):
    performance = Performance(window_s=5, clock=clock)
    performance.add(9000, 0)
    clock.now_s += 6
    for ms in range(1, 102):
        performance.add(ms, 7)
    assert performance.p50_ms == pytest.approx(51)
    assert performance.p95_ms == pytest.approx(96)
    assert performance.dropped == 7


def test_nothing_arriving_shows_as_no_rate(clock):
    performance = Performance(window_s=5, clock=clock)
    for _ in range(5):
        performance.add(20, 0)
        clock.now_s += 0.1
    clock.now_s += 10
    assert performance.fps == 0
    assert performance.p50_ms is None


def test_reset_forgets_all(clock):
    performance = Performance(clock=clock)
    performance.add(20, 3)
    performance.reset()
    assert (performance.frames, performance.dropped, performance.p95_ms) == (0, 0, None)


def test_memory_is_bounded_at_any_rate(clock):
    performance = Performance(clock=clock)
    for _ in range(10_000):
        performance.add(20, 0)
    assert performance.samples <= 4096
