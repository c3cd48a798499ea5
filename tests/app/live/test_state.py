import pytest

from app.live.state import LiveState

BIG = (0, 0, 60, 60)
SMALL = (70, 0, 100, 30)


@pytest.fixture
def two(make_analysis):
    def make(index, *, boxes=None, faces=(1, 2)):
        known = {1: ("happiness", 0.5, 0.3), 2: ("anger", -0.4, 0.6)}
        chosen = {face: known[face] for face in faces}
        return make_analysis(index, index / 10, chosen, boxes=boxes or {1: SMALL, 2: BIG})

    return make


def test_without_a_choice_the_largest_face_is_shown(two):
    live = LiveState()
    live.add(two(0), 30, 0)
    assert live.selected is None
    assert live.shown == 2
    assert live.selected_prediction.track_id == 2


def test_a_face_that_is_barely_larger_does_not_take_over(two):
    live = LiveState()
    live.add(two(0), 30, 0)
    live.add(two(1, boxes={1: (0, 0, 64, 64), 2: BIG}), 30, 0)
    assert live.shown == 2
    live.add(two(2, boxes={1: (0, 0, 80, 80), 2: BIG}), 30, 0)
    assert live.shown == 1


def test_a_selected_face_stays_selected_while_it_is_away(two):
    live = LiveState()
    live.add(two(0), 30, 0)
    live.select(1)
    live.add(two(1, faces=(2,)), 30, 0)
    assert live.lost
    assert live.shown == 1
    assert live.selected_prediction is None
    live.add(two(2), 30, 0)
    assert not live.lost
    assert live.selected_prediction.track_id == 1


def test_no_face_is_not_a_lost_face(make_analysis):
    live = LiveState()
    assert live.shown is None
    live.add(make_analysis(0, 0.0), 30, 0)
    assert not live.lost
    assert live.selected_prediction is None


def test_every_analysis_reaches_history_statistics_and_performance(two):
    live = LiveState()
    for index in range(5):
        live.add(two(index), 30, 2)
    assert len(live.history.curve(1, "valence").times) == 5
    assert live.statistics.face(2).shares["anger"] == pytest.approx(1)
    assert (live.performance.frames, live.performance.dropped) == (5, 2)


def test_reset_keeps_what_the_session_runs_on(two):
    live = LiveState()
    live.device, live.model = "cpu", "poster-rt"
    live.add(two(0), 30, 0)
    live.select(1)
    live.reset()
    assert (live.selected, live.analysis, live.shown) == (None, None, None)
    assert live.history.faces == {}
    assert live.statistics.faces() == ()
    assert live.performance.frames == 0
    assert (live.device, live.model) == ("cpu", "poster-rt")
