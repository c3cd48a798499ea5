from dataclasses import replace

from app.live.readout import Standing, readout
from app.live.state import LiveState
from engine.labels import EXPRESSIONS


def test_a_certain_face_is_read_with_all_numbers(make_analysis):
    live = LiveState()
    live.add(make_analysis(0, 0.0, {3: ("fear", -0.5, 0.8)}), 20, 0)
    read = readout(live, 0.3)
    assert (read.standing, read.face_id, read.chosen) == (Standing.CERTAIN, 3, False)
    assert (read.label, read.top) == ("fear", 65)
    assert len(read.percent) == 8


def test_reliability_below_the_threshold_is_uncertain(make_analysis):
    live = LiveState()
    live.add(make_analysis(0, 0.0, {3: ("fear", -0.5, 0.8)}), 20, 0)  # reliability 0.6
    assert readout(live, 0.6).standing is Standing.CERTAIN
    assert readout(live, 0.61).standing is Standing.UNCERTAIN


def test_a_label_that_is_kept_while_another_is_more_probable_is_uncertain(make_analysis):
    live = LiveState()
    seen = make_analysis(0, 0.0, {3: ("fear", -0.5, 0.8)})
    kept = replace(seen.predictions[0], shown=EXPRESSIONS.index("anger"))
    live.add(replace(seen, predictions=(kept,)), 20, 0)
    read = readout(live, 0.0)
    assert (read.label, read.standing, read.unsure) == ("anger", Standing.UNCERTAIN, True)


def test_a_chosen_face_that_is_gone_is_away_not_nothing(make_analysis):
    live = LiveState()
    assert readout(live, 0.3).standing is Standing.NONE
    live.add(make_analysis(0, 0.0, {1: ("fear", 0, 0)}), 20, 0)
    live.select(1)
    live.add(make_analysis(1, 0.1), 20, 0)
    read = readout(live, 0.3)
    assert (read.standing, read.face_id, read.chosen, read.top) == (Standing.AWAY, 1, True, 0)
