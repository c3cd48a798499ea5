"""Sums over a run: time per expression, means, stage times."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.command.summary import Quantiles, Summary
from engine.labels import Expression
from engine.types import Analysis, Frame, Prediction, Track


def analysis(time_s, **expressions):
    """An analysis whose faces `f1`, `f2` show the given expressions."""
    tracks, predictions = [], []
    for name, expression in expressions.items():
        id_ = int(name[1:])
        tracks.append(Track(id_, np.zeros(4, np.float32), np.zeros((68, 2), np.float32), 1.0))
        probabilities = np.eye(8, dtype=np.float32)[expression]
        predictions.append(Prediction(id_, probabilities, 0.5, -0.25, 1.0))
    frame = Frame(0, time_s, np.zeros((2, 2, 3), np.uint8))
    return Analysis(frame, tuple(tracks), tuple(predictions), {})


def test_time_counts_for_the_expression_shown_until_the_next_frame():
    summary = Summary()
    summary.add(analysis(10.0, f1=Expression.HAPPINESS), {})
    summary.add(analysis(10.5, f1=Expression.NEUTRAL, f2=Expression.FEAR), {})
    summary.add(analysis(12.5, f2=Expression.FEAR), {})
    assert summary.video_s == 2.5
    assert summary.faces[1].by_time() == [("neutral", 2.0), ("happiness", 0.5)]
    assert summary.faces[2].by_time() == [("fear", 2.0)]
    assert [face.frames for face in summary.faces.values()] == [2, 2]
    assert summary.faces[1].valence == 0.5
    assert summary.faces[1].arousal == -0.25


def test_json_holds_plain_values_in_a_stable_shape():
    summary = Summary()
    summary.add(analysis(0.0, f1=Expression.ANGER), {"decode": 1.0, "detect": 8.0})
    summary.add(analysis(1.0, f1=Expression.ANGER), {"decode": 1.0})
    result = json.loads(json.dumps(summary.to_json(elapsed_s=0.5)))
    assert result["frames"] == 2
    assert result["fps"] == 4.0
    assert result["faces"] == [
        {"id": 1, "frames": 2, "seconds": {"anger": 1.0}, "valence": 0.5, "arousal": -0.25}
    ]
    assert result["times_ms"]["decode"]["p50"] == pytest.approx(1.0, rel=0.01)
    assert result["times_ms"]["detect"]["p95"] == pytest.approx(8.0, rel=0.01)


def test_faces_of_pictures_are_counted_each_for_itself():
    summary = Summary()
    for file, faces in (
        ("a.jpg", {"f1": Expression.HAPPINESS, "f2": Expression.FEAR}),
        ("b.jpg", {"f1": Expression.HAPPINESS}),
        ("c.jpg", {}),
    ):
        film = analysis(0.0, **faces)
        summary.add(replace(film, frame=replace(film.frame, file=file)), {"decode": 1.0})
    text = summary.to_text(2.0)
    assert "3 pictures in 2.0 s (1.5 a second); 3 faces\nhappiness 2, fear 1\n" in text
    result = json.loads(json.dumps(summary.to_json(2.0)))
    assert (result["frames"], result["video_s"]) == (3, 0)
    assert [(face["file"], face["id"], face["expression"]) for face in result["faces"]] == [
        ("a.jpg", 1, "happiness"),
        ("a.jpg", 2, "fear"),
        ("b.jpg", 1, "happiness"),
    ]
    assert result["faces"][0]["seconds"] == {}


def test_most_faces_that_were_left_out_at_once_are_kept():
    summary = Summary()
    for left_out in (0, 3, 16, 2):
        summary.add(replace(analysis(0.0), left_out=left_out), {})
    assert summary.to_json(1.0)["faces_left_out"] == 16


def test_text_says_that_there_were_no_faces():
    summary = Summary()
    summary.add(analysis(0.0), {})
    assert "no faces" in summary.to_text(1.0)


def test_text_names_the_faces_seen_longest_and_counts_the_rest():
    summary = Summary()
    everyone = {f"f{id_}": Expression.NEUTRAL for id_ in range(1, 13)}
    summary.add(analysis(0.0, **everyone), {"decode": 2.0})
    summary.add(analysis(1.0, f12=Expression.NEUTRAL), {})
    lines = summary.to_text(1.0).splitlines()
    assert lines[1].startswith("face 12: neutral 1.0 s; mean valence +0.50, arousal -0.25")
    assert lines[-2] == "and 2 more faces, seen no longer"
    assert lines[-1] == "ms per frame, p50/p95: decode 2.0/2.0"


@given(st.lists(st.floats(0.01, 1e5), min_size=1), st.sampled_from([0.5, 0.95]))
def test_quantiles_are_within_one_percent(values, share):
    quantiles = Quantiles()
    for value in values:
        quantiles.add(value)
    exact = sorted(values)[max(0, int(np.ceil(share * len(values))) - 1)]
    assert quantiles.at(share) == pytest.approx(exact, rel=0.0101)


def test_text_and_json_state_the_same_times():
    """Three seconds of film at 25 frames a second: from the first frame to the last."""
    summary = Summary()
    for index in range(75):
        summary.add(analysis(index / 25, f1=Expression.HAPPINESS), {})
    result, text = summary.to_json(1.5), summary.to_text(1.5)
    assert result["video_s"] == result["faces"][0]["seconds"]["happiness"] == 2.96
    assert "75 frames, 2.96 s of video in 1.5 s" in text
    assert "face 1: happiness 2.96 s;" in text


def test_one_is_not_several():
    summary = Summary()
    summary.add(analysis(0.0, **{f"f{id_}": Expression.NEUTRAL for id_ in range(1, 12)}), {})
    summary.dropped = 1
    lines = summary.to_text(1.0).splitlines()
    assert lines[0].startswith("1 frame, 0.0 s of video in 1.0 s ")
    assert lines[1] == "1 more frame was left out: there was no time for it"
    assert lines[-1] == "and 1 more face, seen no longer"
