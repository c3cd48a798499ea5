"""How long a face that appears waits, at any frame rate, and how often the whole frame is seen."""

from itertools import pairwise

import numpy as np
import pytest

from engine.faces.schedule import GLANCE_S, WHOLE_S, Schedule

RATES = [5, 10, 12.5, 15, 24, 25, 29.97, 30, 50, 60, 120]


def looks(fps, every=10, seconds=6.0, *, lost=False, jitter_s=0.0):
    """Times and looks of a film in which somebody is followed from the first frame on."""
    schedule, rng = Schedule(every), np.random.default_rng(0)
    times_s = np.arange(int(seconds * fps)) / fps + rng.uniform(0, jitter_s, int(seconds * fps))
    found = [
        schedule.due(time_s, following=index > 0, lost=lost, cut=False)
        for index, time_s in enumerate(times_s)
    ]
    return times_s, found


def longest_wait_s(times_s, found, kinds):
    """The longest from the first frame that shows a face to the next look of these kinds."""
    seen = [index for index, look in enumerate(found) if look in kinds]
    return max(times_s[b] - times_s[a + 1] for a, b in pairwise(seen))


@pytest.mark.parametrize("fps", RATES)
def test_no_face_waits_longer_than_said_at_any_frame_rate(fps):
    times_s, found = looks(fps)
    assert longest_wait_s(times_s, found, {"whole", "glance"}) <= GLANCE_S + 1e-3
    assert longest_wait_s(times_s, found, {"whole"}) <= WHOLE_S + 1e-3


@pytest.mark.parametrize("fps", RATES)
def test_looks_are_no_more_than_the_waiting_asks_for(fps):
    _, found = looks(fps)
    whole = [index for index, look in enumerate(found) if look == "whole"]
    gaps = set(np.diff(whole).tolist())
    # The largest gap that keeps the promise, and never more than every tenth frame.
    assert gaps == {min(10, int(WHOLE_S * fps + 1e-2) + 1)}


def test_glances_lie_between_whole_looks():
    _, found = looks(30)
    assert found[:21] == [
        *("whole", None, None, None, "glance", None, None, None, "glance", None),
        *("whole", None, None, None, "glance", None, None, None, "glance", None),
        "whole",
    ]


def test_times_that_were_rounded_are_taken_as_they_were_meant():
    schedule = Schedule(10)
    found = [
        schedule.due(round(k / 10 + 0.0004 * (k % 2), 4), following=k > 0, lost=False, cut=False)
        for k in range(9)
    ]
    assert found == ["whole", None, "glance", None, "whole", None, "glance", None, "whole"]


@pytest.mark.parametrize(("every", "gap"), [(1, 1), (2, 2), (5, 5), (10, 10), (30, 30), (60, 60)])
def test_detect_every_counts_whole_looks(every, gap):
    _, found = looks(60, every, seconds=4)
    assert set(np.diff([k for k, look in enumerate(found) if look == "whole"])) == {gap}


def test_whoever_asks_for_fewer_looks_lets_small_faces_wait_but_not_large_ones():
    times_s, found = looks(25, every=50)
    assert longest_wait_s(times_s, found, {"whole"}) == pytest.approx(1.48)  # 50 frames at 33 fps
    assert longest_wait_s(times_s, found, {"whole", "glance"}) <= GLANCE_S + 1e-3


def test_every_frame_is_seen_whole_where_nobody_is_followed_and_at_a_cut():
    schedule = Schedule(10)
    assert [schedule.due(k / 30, following=False, lost=False, cut=False) for k in range(3)] == [
        "whole"
    ] * 3
    assert schedule.due(0.1, following=True, lost=False, cut=True) == "whole"
    assert schedule.due(0.13, following=True, lost=False, cut=False) is None


def test_every_third_frame_is_seen_whole_while_somebody_small_is_lost():
    _, found = looks(30, lost=True, seconds=1)
    assert [k for k, look in enumerate(found) if look == "whole"] == list(range(0, 30, 3))
    _, found = looks(30, every=2, lost=True, seconds=1)
    assert [k for k, look in enumerate(found) if look == "whole"] == list(range(0, 30, 2))


def test_time_that_goes_back_stops_nothing():
    schedule = Schedule(10)
    schedule.due(100.0, following=False, lost=False, cut=False)
    assert schedule.due(0.0, following=False, lost=False, cut=False) == "whole"
    assert [schedule.due(k / 30, following=True, lost=False, cut=False) for k in range(1, 5)] == [
        None,
        None,
        None,
        "glance",
    ]
