"""Bounded time series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.session.history import FaceHistory, History
from engine.errors import ConfigError


def _runs(times):
    return int(np.isnan(times).sum()) + 1


def test_every_sample_is_a_point_until_the_budget(make_analysis):
    history = History(points=100)
    for index in range(50):
        history.add(make_analysis(index, index / 25, {3: ("neutral", index / 50, -index / 50)}))
    curve = history.curve(3, "valence")
    assert curve.times == pytest.approx(np.arange(50) / 25)
    assert curve.mean == pytest.approx(np.arange(50) / 50)
    assert curve.low == pytest.approx(curve.high)
    assert history.curve(3, "arousal").mean == pytest.approx(-np.arange(50) / 50)
    assert history.last_s == pytest.approx(49 / 25)


def test_half_an_hour_stays_within_the_budget_and_keeps_the_peaks():
    history = FaceHistory(1, points=256)
    values = np.sin(np.arange(54_000) / 900).astype(np.float32)
    values[12_345], values[40_000] = 5.0, -5.0
    for index, value in enumerate(values):
        history.add(index / 30, np.array([value]))
        assert len(history) <= 256
    curve = history.curve(0)
    assert len(history) > 100
    assert curve.high.max() == 5.0
    assert curve.low.min() == -5.0
    assert abs(float(curve.times[curve.high.argmax()]) - 12_345 / 30) < 16
    assert np.abs(curve.mean).max() < 1.1
    assert curve.times[-1] == pytest.approx(54_000 / 30, abs=16)
    assert _runs(curve.times) == 1


def test_where_the_face_was_away_the_curve_breaks(make_analysis):
    history = History(gap_s=0.5)
    for index in (*range(10), *range(40, 50)):
        history.add(make_analysis(index, index / 25, {1: ("neutral", 0.0, 0.0)}))
    curve = history.curve(1, "valence")
    assert _runs(curve.times) == 2
    assert np.flatnonzero(np.isnan(curve.mean)).tolist() == [10]
    assert len(curve.times) == len(curve.low) == len(curve.high) == len(curve.mean) == 21


def test_a_window_keeps_one_point_beyond_each_edge():
    history = FaceHistory(1, gap_s=2)
    for index in range(100):
        history.add(float(index), np.array([index], np.float32))
    assert history.curve(0, 20.5, 23.5).times.tolist() == [20.0, 21.0, 22.0, 23.0, 24.0]
    assert history.curve(0, 200).times.tolist() == [99.0]
    assert history.curve(0, -5, -1).times.tolist() == [0.0]


def _sampled(history, times, value, faces=(1,), *, make):
    for time_s in times:
        history.add(make(0, time_s, dict.fromkeys(faces, ("neutral", value, 0.0))))


def test_what_is_played_again_replaces_its_own_stretch_alone(make_analysis):
    history = History()
    _sampled(history, np.arange(100) / 10, 0.1, (1, 2), make=make_analysis)
    _sampled(history, np.arange(90, 95) / 10, 0.9, make=make_analysis)  # 2 is not seen this time
    one, two = (history.curve(face, "valence") for face in (1, 2))
    solid = ~np.isnan(one.times)
    assert one.times[solid] == pytest.approx(np.arange(100) / 10)
    assert one.mean[solid] == pytest.approx([0.1] * 90 + [0.9] * 5 + [0.1] * 5)
    assert two.times[~np.isnan(two.times)] == pytest.approx(np.r_[0:90, 95:100] / 10)
    assert history.faces[1].seen_s(9.42) == pytest.approx(9.4)
    _sampled(history, [2.0, 7.0], 0.5, make=make_analysis)  # a step and a jump: nothing between
    assert np.count_nonzero(~np.isnan(history.curve(1, "valence").times)) == 100


def test_a_long_session_that_is_gone_back_in_keeps_its_curve():
    history = FaceHistory(1, points=64, gap_s=2)
    for step in range(2000):
        history.add(step / 10, np.array([0.0], np.float32))
    for step in range(1000, 1010):
        history.add(step / 10, np.array([1.0], np.float32))
    curve = history.curve(0)
    assert len(history) <= 64
    assert (curve.times[0], curve.times[-1]) == pytest.approx((0, 199.9), abs=8)
    assert np.diff(curve.times).max() <= 8
    assert curve.high.max() == 1


def test_the_face_silent_for_longest_goes_first(make_analysis):
    history = History(faces=2)
    for index in range(4):
        history.add(make_analysis(index, float(index), {index + 1: ("neutral", 0.0, 0.0)}))
    assert list(history.faces) == [3, 4]
    assert history.curve(1, "valence").times.size == 0


def test_limits_are_checked():
    with pytest.raises(ConfigError, match=r"history\.points"):
        History(points=2)
    with pytest.raises(ConfigError, match=r"history\.faces"):
        History(faces=0)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0.001, 40), min_size=1, max_size=300),
    st.integers(16, 64),
)
def test_thinning_keeps_order_extremes_and_the_sum(steps, points):
    history = FaceHistory(1, points=points, gap_s=10)
    values = np.sin(np.arange(len(steps)) * 1.7).astype(np.float32)
    for time_s, value in zip(np.cumsum(steps), values, strict=True):
        history.add(float(time_s), np.array([value]))
    curve = history.curve(0)
    solid = ~np.isnan(curve.times)
    assert len(history) <= points
    assert (np.diff(curve.times[solid]) > 0).all()
    assert np.nanmin(curve.low) == values.min()
    assert np.nanmax(curve.high) == values.max()
    assert (curve.low[solid] <= curve.mean[solid] + 1e-6).all()
    assert (curve.mean[solid] <= curve.high[solid] + 1e-6).all()
    assert history.counts.sum() == len(steps)
