"""Readings over time around a network that says what the crops' numbers tell it."""

import numpy as np
import pytest

import engine.reading.reader
from engine.faces.landmarks import box_of
from engine.labels import EXPRESSIONS
from engine.reading.fusion import Reading
from engine.reading.reader import Reader
from engine.types import Face, Found, Frame, Sighting, Track

IMAGE = np.zeros((48, 64, 3), np.uint8)
HAPPY = np.array([0, 4, 0, 0, 0, 0, 0, 0], np.float32)
POINTS = np.stack(np.meshgrid(np.arange(17), np.arange(4)), -1).reshape(68, 2).astype(np.float32)
STILL = np.eye(2, 3, dtype=np.float32)


class FakeFusion:
    """Reads happiness as strong as the crop is bright: 255 is `HAPPY`, 0 its contrary."""

    temperature, device = 1.0, "fake"
    labels, derived, measures = EXPRESSIONS, False, ()

    def __init__(self):
        self.calls, self.closed = [], False

    def read(self, sightings, images):
        self.calls.append(list(sightings))
        return [self._read(sighting.face.crop[0, 0, 0] / 255) for sighting in sightings]

    def close(self):
        self.closed = True

    def _read(self, joy):
        logits = ((2 * joy - 1) * HAPPY).astype(np.float32)
        affect = np.array([0.8 * joy, 2.0 * joy], np.float32)
        return Reading(logits, affect, temperature=self.temperature)


def found(index=0, faces=None):
    """A frame with faces of these ids and brightnesses."""
    faces = {1: 255} if faces is None else faces
    crops = [np.full((2, 2, 3), bright, np.uint8) for bright in faces.values()]
    return Found(
        Frame(index, index / 30, IMAGE),
        tuple(Track(number, box_of(POINTS), POINTS, 0.9) for number in faces),
        tuple(Sighting(Face(crop, STILL), POINTS, 0.9, ()) for crop in crops),
        {"track": 2.0},
    )


def test_face_is_read_clipped_and_calibrated():
    reader = Reader(FakeFusion(), 0.25)
    here = found()
    (analysis,) = reader.read([here])
    assert (analysis.frame, analysis.tracks) == (here.frame, here.tracks)
    (prediction,) = analysis.predictions
    assert prediction.track_id == 1
    assert prediction.expression == "happiness"
    assert prediction.probabilities[1] == pytest.approx(np.exp(4) / (np.exp(4) + 7), abs=1e-5)
    assert (prediction.valence, prediction.arousal) == (pytest.approx(0.8), 1.0)
    assert 0 < prediction.reliability < 1
    assert reader.device == "fake"


@pytest.mark.parametrize("said", [(-1.5, 2.5), (1.5, -2.5)])
def test_valence_and_arousal_are_clipped(said):
    class Loud(FakeFusion):
        def _read(self, joy):
            return Reading(HAPPY, np.array(said, np.float32))

    ((prediction,),) = (a.predictions for a in Reader(Loud(), 0).read([found()]))
    assert (prediction.valence, prediction.arousal) == tuple(np.sign(said))


def test_derived_valence_and_arousal_are_pulled_to_the_middle_where_the_class_is_unsure():
    class Derived(FakeFusion):
        derived = True

        def _read(self, joy):
            return Reading(HAPPY * joy, np.array([-0.4, 0.8], np.float32))

    said = [
        Reader(Derived(), 0).read([found(0, {1: bright})])[0].predictions[0]
        for bright in (0, 60, 255)
    ]
    for one in said:
        assert one.valence == pytest.approx(-0.4 * one.reliability, abs=1e-6)
        assert one.arousal == pytest.approx(0.8 * one.reliability, abs=1e-6)
    assert (said[0].valence, said[0].arousal) == (pytest.approx(0, abs=1e-6),) * 2
    assert 0 < said[1].arousal < said[2].arousal


def test_annotated_valence_and_arousal_are_left_alone():
    class Annotated(FakeFusion):
        def _read(self, joy):
            return Reading(HAPPY * 0, np.array([-0.4, 0.8], np.float32))

    ((prediction,),) = (a.predictions for a in Reader(Annotated(), 0.25).read([found()]))
    assert prediction.reliability == pytest.approx(0, abs=1e-6)
    assert (prediction.valence, prediction.arousal) == (pytest.approx(-0.4), pytest.approx(0.8))


def test_bad_picture_counts_less_over_time_and_is_less_sure():
    class Spoilt(FakeFusion):
        def _read(self, joy):
            bad = joy < 0.5
            return Reading(
                -HAPPY if bad else HAPPY, np.zeros(2, np.float32), temperature=8.0 if bad else 1.0
            )

    reader = Reader(Spoilt(), 10)
    good, after = (a.predictions[0] for a in reader.read([found(0), found(1, {1: 0})]))
    assert after.reliability < good.reliability
    assert after.expression == good.expression == "happiness"
    alone = Reader(Spoilt(), 0).read([found(0, {1: 0})])[0].predictions[0]
    assert alone.probabilities[1] == pytest.approx(np.exp(-0.5) / (np.exp(-0.5) + 7), abs=1e-5)


def test_temperature_of_the_network_calibrates():
    fusion = FakeFusion()
    fusion.temperature = 2.0
    ((prediction,),) = (a.predictions for a in Reader(fusion, 0.25).read([found()]))
    assert prediction.probabilities[1] == pytest.approx(np.exp(2) / (np.exp(2) + 7), abs=1e-5)


def test_faces_of_all_frames_are_one_network_call():
    fusion, several = FakeFusion(), [found(0, {1: 9, 2: 8}), found(1, {}), found(2, {2: 7})]
    analyses = Reader(fusion, 0).read(several)
    (call,) = fusion.calls
    assert call == [sighting for one in several for sighting in one.sightings]
    assert [analysis.frame.index for analysis in analyses] == [0, 1, 2]
    assert [[p.track_id for p in a.predictions] for a in analyses] == [[1, 2], [], [2]]


FILM = [
    found(0, {1: 255, 2: 0}),
    found(1, {1: 200, 2: 30}),
    found(2, {}),
    found(3, {2: 90}),
    found(4, {2: 10, 3: 250}),
    found(5, {3: 0}),
    found(6, {1: 0, 3: 100}),
]


def values(analyses):
    return [
        (a.frame.index, p.track_id, *p.probabilities.tolist(), p.valence, p.arousal, p.reliability)
        for a in analyses
        for p in a.predictions
    ]


@pytest.mark.parametrize("together", [2, 3, 4, 7])
def test_frames_read_together_are_what_they_are_one_by_one(together):
    alone, grouped = Reader(FakeFusion(), 0.25), Reader(FakeFusion(), 0.25)
    wanted = [analysis for one in FILM for analysis in alone.read([one])]
    groups = [FILM[first : first + together] for first in range(0, len(FILM), together)]
    said = [analysis for group in groups for analysis in grouped.read(group)]
    assert [a.frame.index for a in said] == list(range(7))
    assert [a.tracks for a in said] == [one.tracks for one in FILM]
    assert values(said) == values(wanted)
    assert len(values(said)) == 10


def test_expression_is_smoothed_over_time():
    reader = Reader(FakeFusion(), 0.25)
    film = [found(0), found(1), found(2, {1: 0})]
    _, before, after = (analysis.predictions[0] for analysis in reader.read(film))
    assert 0.5 < after.probabilities[1] < before.probabilities[1]
    assert 0 < after.valence < 0.8


def test_smoothing_of_zero_takes_each_frame_as_it_is():
    reader = Reader(FakeFusion(), 0)
    _, after = reader.read([found(0), found(1, {1: 0})])
    assert after.predictions[0].probabilities[1] < 0.01
    assert after.predictions[0].valence == 0


def test_track_that_was_lost_is_forgotten_within_a_call_and_between_two():
    fresh = values(Reader(FakeFusion(), 10).read([found(2, {1: 0})]))
    within = Reader(FakeFusion(), 10).read([found(0), found(1, {}), found(2, {1: 0})])
    assert values(within)[1:] == fresh
    reader = Reader(FakeFusion(), 10)
    reader.read([found(0)])
    reader.read([found(1, {2: 0})])
    assert values(reader.read([found(2, {1: 0})])) == fresh


def test_times_gain_each_frames_share_of_the_network(monkeypatch):
    ticks = iter([10.0, 10.012])
    monkeypatch.setattr(engine.reading.reader.time, "perf_counter", lambda: next(ticks))
    several = [found(0, {1: 9, 2: 8}), found(1, {}), found(2, {2: 7})]
    two, none, one = (a.times_ms for a in Reader(FakeFusion(), 0).read(several))
    assert two == {"track": 2.0, "fusion": pytest.approx(8)}
    assert none == {"track": 2.0}
    assert one == {"track": 2.0, "fusion": pytest.approx(4)}
    assert several[0].times_ms == {"track": 2.0}


def test_closing_the_reader_closes_its_network():
    fusion = FakeFusion()
    reader = Reader(fusion, 0)
    assert not fusion.closed
    reader.close()
    assert fusion.closed


def test_reader_says_what_its_network_calculates_in():
    fusion = FakeFusion()
    fusion.precision = "fp8"
    assert Reader(fusion, 0).precision == "fp8"
