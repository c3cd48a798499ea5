import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.live.plot_window import PlotWindow, dashed, thinned, ticks
from engine.errors import ConfigError


def test_window_travels_until_paused():
    window = PlotWindow(30)
    window.follow(100)
    assert (window.since_s, window.until_s) == (70, 100)
    window.pause(paused=True)
    window.follow(120)
    assert window.until_s == 100
    window.pause(paused=False)
    window.follow(130)
    assert window.until_s == 130


def test_before_the_first_sample_the_window_stays():
    window = PlotWindow(30)
    window.follow(-np.inf)
    assert (window.since_s, window.until_s) == (-30, 0)


def test_zoom_keeps_the_newest_sample_or_the_middle():
    window = PlotWindow(30)
    window.follow(100)
    window.zoom(1)
    assert (window.length_s, window.until_s) == (20, 100)
    window.pause(paused=True)
    middle = (window.since_s + window.until_s) / 2
    window.zoom(-2)
    assert window.length_s == pytest.approx(45)
    assert (window.since_s + window.until_s) / 2 == pytest.approx(middle)


def test_zoom_has_ends():
    window = PlotWindow(30)
    window.zoom(100)
    assert window.length_s == 1
    window.zoom(-100)
    assert window.length_s == 24 * 3600


def test_panning_pauses():
    window = PlotWindow(30)
    window.follow(100)
    window.pan(-0.5)
    assert window.paused
    assert window.until_s == 85


def test_a_chosen_stretch_pauses():
    window = PlotWindow(30)
    window.show(10, 20)
    assert (window.paused, window.since_s, window.until_s) == (True, 10, 20)
    window.show(10, 10.1)
    assert window.length_s == 1


def test_a_length_out_of_range_is_an_error():
    with pytest.raises(ConfigError, match=r"plot.length_s: must be from 1 to 86400, got 0"):
        PlotWindow(0)


def test_thinning_takes_means_and_keeps_breaks():
    times = np.array([0.0, 0.1, 0.6, np.nan, 0.7, 1.2])
    values = np.array([1, 3, 5, np.nan, 7, 9], np.float32)
    line = thinned(times, values, 0.5)
    np.testing.assert_allclose(line.times, [0.05, 0.6, 0.7, 1.2])
    np.testing.assert_allclose(line.values, [2, 5, 7, 9])
    assert line.joined.tolist() == [True, False, True, False]
    assert line.values.dtype == np.float32


def test_thinning_nothing_gives_nothing():
    for times in (np.zeros(0), np.array([np.nan])):
        assert len(thinned(times, times.astype(np.float32), 0.5).times) == 0


def test_thinned_points_do_not_move_when_the_window_does():
    times = np.arange(1000) / 30
    values = np.sin(times).astype(np.float32)
    whole, later = (thinned(times[at:], values[at:], 0.25) for at in (0, 100))
    np.testing.assert_allclose(later.values[1:], whole.values[-len(later.values) + 1 :], atol=1e-6)


@given(st.integers(2, 300), st.floats(0.05, 5), st.floats(0.01, 3))
def test_thinning_bounds_the_points(count, rate, cell_s):
    times = np.arange(count) / (10 * rate)
    line = thinned(times, np.zeros(count, np.float32), cell_s)
    assert len(line.times) <= times[-1] / cell_s + 2
    assert (np.diff(line.times) > 0).all()


def test_dashes_are_tied_to_the_clock_and_lie_on_the_line():
    times = np.linspace(0.3, 9.7, 40)
    line = dashed(thinned(times, (2 * times).astype(np.float32), 0.01), 1.0)
    np.testing.assert_allclose(line.values, 2 * line.times, rtol=1e-5)
    middles = (line.times[:-1] + line.times[1:]) / 2
    np.testing.assert_array_equal(line.joined[:-1], np.mod(middles, 1.0) < 0.6)
    assert not line.joined[-1]


def test_dashes_do_not_bridge_a_break():
    times = np.array([0.0, 0.1, np.nan, 5.0, 5.1])
    line = dashed(thinned(times, np.nan_to_num(times).astype(np.float32), 0.01), 1.0)
    between = (line.times >= 0.1) & (line.times < 5.0)
    assert not line.joined[between].any()
    assert line.joined.any()


def test_ticks_are_round_and_not_before_the_start():
    assert ticks(-20, 11, spacing_s=3) == [(0, "0:00"), (5, "0:05"), (10, "0:10")]
    assert ticks(60, 61, spacing_s=0.4) == [(60, "1:00.0"), (60.5, "1:00.5"), (61, "1:01.0")]
    assert len(ticks(0, 86400, spacing_s=9000)) == 7
