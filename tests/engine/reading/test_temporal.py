"""Smoothing over time, whatever the number of frames, and labels that do not flip."""

import numpy as np
import pytest

from engine.reading.temporal import SETTLES_S, Smoother

UNSURE = np.array([0.5, 0.3, 0.2], np.float32)


def shares(first):
    """Give probabilities of three classes."""
    return np.array([first, 0.9 - first, 0.1], np.float32)


def affect(value):
    return np.full(2, value, np.float32)


def step_answer(smoother, fps, end_s):
    """A track whose valence is 0 until time 0 and 1 afterwards."""
    for frame in range(-fps, round(end_s * fps) + 1):
        _, said, _ = smoother.smooth(1, frame / fps, UNSURE, affect(frame > 0))
    return said[0]


@pytest.mark.parametrize("fps", [20, 60, 240])
@pytest.mark.parametrize(("end_s", "wanted"), [(0.05, 0.2), (0.15, 0.6), (0.25, 1.0), (0.5, 1.0)])
def test_curve_does_not_depend_on_the_frame_rate(fps, end_s, wanted):
    assert step_answer(Smoother(0.25), fps, end_s) == pytest.approx(wanted, abs=1e-6)


def test_zero_turns_smoothing_off():
    smoother = Smoother(0)
    smoother.smooth(1, 0.0, shares(0.8), affect(0))
    said, other, _ = smoother.smooth(1, 0.001, shares(0.1), affect(1))
    np.testing.assert_array_equal(said, shares(0.1))
    np.testing.assert_array_equal(other, np.ones(2))


def test_first_reading_is_taken_as_it_is_in_float32():
    said, other, _ = Smoother(0.25).smooth(1, 3.0, UNSURE, affect(0.5))
    assert (said.dtype, other.dtype) == (np.float32, np.float32)
    assert (said.shape, other.shape) == ((3,), (2,))
    np.testing.assert_array_equal(said, UNSURE)
    assert other[0] == 0.5


def test_smoothed_values_stay_float32_and_sum_to_one():
    smoother = Smoother(0.25)
    smoother.smooth(1, 0.0, shares(0.5), affect(0))
    said, other, _ = smoother.smooth(1, 0.1, shares(0.2), affect(1))
    assert (said.dtype, other.dtype) == (np.float32, np.float32)
    assert said.sum() == pytest.approx(1, abs=1e-6)


def test_lost_track_is_forgotten_and_others_are_kept():
    smoother = Smoother(10)
    for track in (1, 2):
        smoother.smooth(track, 0.0, UNSURE, affect(0))
    smoother.keep({2})
    assert smoother.smooth(1, 0.1, UNSURE, affect(1))[1][0] == 1
    assert smoother.smooth(2, 0.1, UNSURE, affect(1))[1][0] == 0.5


def test_clock_that_jumps_back_does_not_amplify():
    smoother = Smoother(0.1)
    smoother.smooth(1, 5.0, UNSURE, affect(0))
    said, other, _ = smoother.smooth(1, 1.0, shares(0.1), affect(1))
    assert 0 <= other[0] <= 1
    assert said.sum() == pytest.approx(1, abs=1e-6)


def test_readings_at_one_time_are_averaged():
    smoother = Smoother(0.5)
    smoother.smooth(1, 1.0, UNSURE, affect(0))
    assert smoother.smooth(1, 1.0, UNSURE, affect(1))[1][0] == 0.5


def labels(smoother, said, fps=30):
    """Give the label of each frame."""
    return [smoother.smooth(1, frame / fps, one, affect(0))[2] for frame, one in enumerate(said)]


@pytest.mark.parametrize("hertz", [3, 4, 6])
def test_mouth_that_opens_and_closes_flips_no_label(hertz):
    wave = [0.45 + 0.4 * np.sin(2 * np.pi * hertz * frame / 30 + 1) for frame in range(120)]
    assert len(set(labels(Smoother(0.25), [shares(x) for x in wave]))) == 1


def test_label_that_is_a_little_less_probable_stays_and_the_probabilities_are_what_they_are():
    smoother = Smoother(0.1)
    smoother.smooth(1, 0.0, np.array([0.4, 0.35, 0.25], np.float32), affect(0))
    said, _, shown = smoother.smooth(1, 1.0, np.array([0.35, 0.4, 0.25], np.float32), affect(0))
    assert shown == 0
    np.testing.assert_array_equal(said, np.array([0.35, 0.4, 0.25], np.float32))


def test_label_that_was_just_taken_stays_before_two_others():
    smoother = Smoother(0.02)
    for step, one in enumerate(([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.4, 0.5])):
        _, _, shown = smoother.smooth(1, step / 10, np.array(one, np.float32), affect(0))
    assert shown == 1
    smoother = Smoother(0.02)
    for step, one in enumerate(([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.42, 0.1, 0.48])):
        _, _, shown = smoother.smooth(1, step / 10, np.array(one, np.float32), affect(0))
    assert shown == 1


def test_clear_change_is_followed_within_a_fifth_of_a_second_and_settles():
    said = [shares(0.88)] * 60 + [shares(0.02)] * 60
    shown = labels(Smoother(0.25), said)
    first = shown.index(1)
    assert (first - 60) / 30 <= 0.2
    assert shown[first:] == [1] * (120 - first)


def test_label_changes_back_once_it_has_settled():
    change = round(SETTLES_S * 30 * 3)
    said = [shares(0.88)] * 30 + [shares(0.02)] * change + [shares(0.88)] * 60
    shown = labels(Smoother(0.25), said)
    late = shown[30 + change :].index(0) / 30
    assert late <= 0.25


def test_class_that_a_network_does_not_know_is_never_shown():
    smoother = Smoother(0.25)
    for step in range(20):
        one = np.array([0.5 + 0.4 * (-1) ** step, 0.5 - 0.4 * (-1) ** step, 0], np.float32)
        said, _, shown = smoother.smooth(1, step / 30, one, affect(0))
        assert (said[2], shown) == (0, 0)
