"""Sums of a running session."""

import pytest

from app.session.statistics import SessionStatistics
from engine.errors import ConfigError

GLAD = ("happiness", 0.8, 0.4)
SAD = ("sadness", -0.6, -0.2)


def test_label_shares_and_means_of_two_faces(make_analysis):
    statistics = SessionStatistics()
    for index, (time_s, first) in enumerate([(0.0, GLAD), (0.5, GLAD), (1.0, SAD), (1.25, SAD)]):
        statistics.add(make_analysis(index, time_s, {1: first, 2: SAD}))
    one, two = statistics.faces()
    assert (one.id, one.frames, one.first_s, one.last_s) == (1, 4, 0.0, 1.25)
    assert one.seen_s == pytest.approx(1.25)
    assert one.shares["happiness"] == pytest.approx(0.8)
    assert one.shares["sadness"] == pytest.approx(0.2)
    assert sum(one.shares.values()) == pytest.approx(1.0)
    assert one.label == "happiness"
    assert one.valence == pytest.approx(0.1)
    assert one.arousal == pytest.approx(0.1)
    assert two.shares["sadness"] == 1.0
    assert two.valence == pytest.approx(-0.6)
    assert statistics.face(2) == two
    assert statistics.face(3) is None


def test_a_face_seen_once_has_no_time_yet(make_analysis):
    statistics = SessionStatistics()
    statistics.add(make_analysis(0, 5.0, {7: GLAD}))
    (face,) = statistics.faces()
    assert face.seen_s == 0.0
    assert set(face.shares.values()) == {0.0}
    assert face.valence == pytest.approx(0.8)


def test_silence_and_a_rewound_file_count_no_time(make_analysis):
    statistics = SessionStatistics(gap_s=1.0)
    for index, time_s in enumerate([0.0, 0.5, 30.0, 30.5, 2.0, 2.5]):
        statistics.add(make_analysis(index, time_s, {1: GLAD}))
    assert statistics.faces()[0].seen_s == pytest.approx(1.5)


def test_what_is_played_again_counts_once(make_analysis):
    statistics = SessionStatistics()
    steps = [*range(100), *range(90, 110), *range(20, 30), 50, 49, 48]  # back, on, and by steps
    for step in steps:
        statistics.add(make_analysis(step, step / 10, {1: GLAD if step < 100 else SAD}))
    face = statistics.faces()[0]
    assert face.frames == 110
    assert face.seen_s == pytest.approx(10.9)
    assert (face.first_s, face.last_s) == (0.0, 10.9)
    assert face.shares["happiness"] == pytest.approx(10 / 10.9)


def test_memory_is_bounded_and_the_briefest_absent_face_goes_first(make_analysis):
    statistics = SessionStatistics(faces=2)
    for index in range(10):
        statistics.add(make_analysis(index, index / 10, {1: GLAD}))
    for index in range(10, 14):
        statistics.add(make_analysis(index, index / 10, {index: GLAD}))
    assert [face.id for face in statistics.faces()] == [1, 13]
    assert statistics.forgotten == 3
    statistics.add(make_analysis(14, 1.4, {20: GLAD, 21: GLAD, 22: SAD}))
    assert [face.id for face in statistics.faces()] == [20, 21, 22]  # all present, none may go


def test_limits_are_checked():
    with pytest.raises(ConfigError, match=r"statistics\.faces"):
        SessionStatistics(faces=0)
    with pytest.raises(ConfigError, match=r"statistics\.gap_s"):
        SessionStatistics(gap_s=0)
