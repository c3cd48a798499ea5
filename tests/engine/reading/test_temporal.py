"""Smoothing that depends on time, not on the number of frames."""

import numpy as np
import pytest

from engine.reading.temporal import Smoother


def reading(value):
    return np.full(8, value, np.float32), np.full(2, value, np.float32)


def step_answer(smoother, fps, end_s=0.5):
    """A track that shows 0 until time 0 and 1 afterwards."""
    smoother.smooth(1, 0.0, *reading(0))
    for frame in range(1, round(end_s * fps) + 1):
        logits, affect = smoother.smooth(1, frame / fps, *reading(1))
    return logits[0], affect[0]


@pytest.mark.parametrize("fps", [10, 30, 60, 240])
def test_curve_does_not_depend_on_the_frame_rate(fps):
    wanted = 1 - np.exp(-0.5 / 0.25)
    assert step_answer(Smoother(0.25), fps) == pytest.approx((wanted, wanted), rel=1e-4)


def test_zero_turns_smoothing_off():
    smoother = Smoother(0)
    smoother.smooth(1, 0.0, *reading(0))
    logits, affect = smoother.smooth(1, 0.001, *reading(1))
    np.testing.assert_array_equal(logits, np.ones(8))
    np.testing.assert_array_equal(affect, np.ones(2))


def test_first_reading_is_taken_as_it_is_in_float32():
    logits, affect = Smoother(0.25).smooth(1, 3.0, *reading(0.5))
    assert (logits.dtype, affect.dtype) == (np.float32, np.float32)
    assert (logits.shape, affect.shape) == ((8,), (2,))
    assert (logits[0], affect[0]) == (0.5, 0.5)


def test_smoothed_values_stay_float32():
    smoother = Smoother(0.25)
    smoother.smooth(1, 0.0, *reading(0))
    logits, affect = smoother.smooth(1, 0.1, *reading(1))
    assert (logits.dtype, affect.dtype) == (np.float32, np.float32)


def test_lost_track_is_forgotten_and_others_are_kept():
    smoother = Smoother(10)
    for track in (1, 2):
        smoother.smooth(track, 0.0, *reading(0))
    smoother.keep({2})
    assert smoother.smooth(1, 0.1, *reading(1))[0][0] == 1
    assert smoother.smooth(2, 0.1, *reading(1))[0][0] < 0.1


def test_clock_that_jumps_back_does_not_amplify():
    smoother = Smoother(0.1)
    smoother.smooth(1, 5.0, *reading(0))
    assert 0 <= smoother.smooth(1, 1.0, *reading(1))[0][0] <= 1


def test_state_is_of_the_newest_frame():
    smoother = Smoother(0.5)
    for time_s in (0.0, 1.0):
        smoother.smooth(1, time_s, *reading(0))
    logits, affect = smoother.smooth(1, 1.5, *reading(1))
    wanted = 1 - np.exp(-1)
    np.testing.assert_allclose(logits, np.full(8, wanted), rtol=1e-6)
    np.testing.assert_allclose(affect, np.full(2, wanted), rtol=1e-6)
    logits, _ = smoother.smooth(1, 1.5, *reading(0))  # at the same time: the past is all there is
    np.testing.assert_allclose(logits, np.full(8, wanted), rtol=1e-6)
