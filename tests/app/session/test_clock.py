"""The time of a recording."""

import pytest

from app.session.clock import RecordingClock


class _Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return _Clock()


def test_frames_keep_the_sources_intervals_whatever_the_delay(clock):
    recording = RecordingClock(live=True, clock=clock)
    times = []
    for time_s, late_s in [(7.0, 0.03), (7.04, 0.09), (7.08, 0.01)]:
        clock.now_s = 1000.0 + time_s + late_s
        times.append(recording.frame(time_s))
        assert not recording.jumped
    assert times == pytest.approx([0.0, 0.04, 0.08])


def test_the_same_frame_again_is_none(clock):
    recording = RecordingClock(live=False, clock=clock)
    assert recording.frame(3.0) == 0.0
    clock.now_s += 10
    assert recording.frame(3.0) is None
    assert recording.last_s == 0.0


def test_a_camera_that_comes_back_goes_on_after_the_time_that_passed(clock):
    recording = RecordingClock(live=True, clock=clock)
    recording.frame(5.0)
    clock.now_s += 60
    assert recording.frame(0.0) == pytest.approx(60)
    assert recording.jumped
    clock.now_s += 0.04
    assert recording.frame(0.04) == pytest.approx(60.04)
    assert not recording.jumped


@pytest.mark.parametrize("target_s", [2.0, 500.0])
def test_a_moved_file_adds_a_second_at_most(clock, target_s):
    recording = RecordingClock(live=False, clock=clock)
    recording.frame(10.0)
    clock.now_s += 0.2
    assert recording.frame(target_s) == pytest.approx(0.2)
    assert recording.jumped
    clock.now_s += 300
    assert recording.frame(1.0) == pytest.approx(1.2)


def test_a_file_at_double_speed_keeps_its_own_time(clock):
    recording = RecordingClock(live=False, clock=clock)
    for index in range(100):
        clock.now_s += 0.02
        assert recording.frame(index / 25) == pytest.approx(index / 25)


def test_a_marker_is_between_frames_of_a_camera_and_at_the_frame_of_a_file(clock):
    for live, expected in ((True, 2.5), (False, 2.0)):
        recording = RecordingClock(live=live, clock=clock)
        assert recording.now() == 0.0
        recording.frame(4.0)
        clock.now_s += 2
        recording.frame(6.0)
        clock.now_s += 0.5
        assert recording.now() == pytest.approx(expected)


@pytest.mark.parametrize("live", [True, False])
def test_what_passes_while_it_stands_still_has_no_time(live):
    now = [10.0]
    clock = RecordingClock(live=live, clock=lambda: now[0])
    for index in range(5):
        clock.frame(index / 25)
        now[0] += 0.04
    before = clock.last_s
    clock.hold()
    for index in range(5, 100):
        assert clock.frame(index / 25) is None
        now[0] += 0.04
    assert clock.now() == before
    assert clock.go_on() == pytest.approx(95 * 0.04)
    assert clock.frame(4.0) == pytest.approx(before + 0.04)
    now[0] += 0.04
    assert clock.frame(4.04) == pytest.approx(before + 0.08)


def test_a_moment_before_the_last_frame_has_its_own_time(clock):
    recording = RecordingClock(live=True, clock=clock)
    for step in range(3):
        clock.now_s = 1000.0 + step
        recording.frame(5.0 + step)
    assert recording.at(1000.5) == pytest.approx(0.5)
    assert recording.at(1002.25) == pytest.approx(2.25)
    assert recording.at(900.0) == 0.0
    recording.hold()
    assert recording.at(1000.5) == 2.0


def test_a_files_time_does_not_pass_like_the_clocks(clock):
    recording = RecordingClock(live=False, clock=clock)
    recording.frame(5.0)
    recording.frame(6.0)
    assert recording.at(clock.now_s - 0.5) == recording.now() == 1.0
