"""The bundled demo clip: what the product reads in it, and that it is what its script makes."""

import csv
import importlib
import itertools
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from app.cli import main

from engine.assets import asset_path

SCRIPTS = Path(__file__).parents[2] / "scripts"
MODULES = ("make_demo", "demo_face", "demo_looks")


@pytest.fixture
def make_demo(monkeypatch):
    """The script, found as it finds its own parts when it is run."""
    monkeypatch.syspath_prepend(SCRIPTS)
    yield importlib.import_module("make_demo")
    for name in MODULES:
        sys.modules.pop(name, None)


def held_labels(rows, *, seconds, fps=25):
    """Labels that a sizeable face keeps for a while, reliably."""
    labels = set()
    by_face = itertools.groupby(sorted(rows, key=lambda row: int(row["face_id"])), face_of)
    for _, face in by_face:
        for label, run in itertools.groupby(face, lambda row: row["expression"]):
            sure = [
                row for row in run if float(row["reliability"]) >= 0.3 and float(row["width"]) >= 60
            ]
            if len(sure) >= seconds * fps:
                labels.add(label)
    return labels


def face_of(row):
    return row["face_id"]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_demo_passes_through_five_expressions(tmp_path, precision):
    path = tmp_path / "rows.csv"
    given = ["--precision", precision, "--records", str(path), "--quiet"]
    assert main([str(asset_path("demo.mp4")), *given]) == 0
    with path.open() as file:
        rows = list(csv.DictReader(file))
    shown = {"neutral", "happiness", "surprise", "sadness", "anger"}
    assert held_labels(rows, seconds=0.5) >= shown
    assert len({row["face_id"] for row in rows}) == 3
    for name, reach in (("valence", 0.8), ("arousal", 0.4)):
        for face_id in ("1", "2"):
            curve = [float(row[name]) for row in rows if row["face_id"] == face_id]
            assert max(curve) - min(curve) > reach, (face_id, name)


def test_demo_is_what_its_script_makes(make_demo):
    from demo_face import change
    from demo_looks import look_at

    with av.open(str(asset_path("demo.mp4"))) as container:
        clip = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(clip) == make_demo.SECONDS * make_demo.FPS
    for index in (0, 65, 140, 220):
        time_s = index / make_demo.FPS
        places = make_demo.places_at(time_s)
        looks = [look_at(who, time_s) for who in range(len(places))]
        portraits = [change(make_demo.load_portrait(), look) for look in looks]
        made, _ = make_demo.compose(make_demo.backdrop(time_s), portraits, places)
        assert np.abs(clip[index].astype(int) - made).mean() < 3, index


def test_expressions_move_the_face_and_nothing_else(make_demo):
    from demo_face import change
    from demo_looks import LOOKS

    portrait = make_demo.load_portrait()
    assert np.abs(change(portrait, LOOKS["happiness"]).astype(int) - portrait).mean() < 1
    for name in ("neutral", "surprise", "sadness", "anger"):
        moved = np.abs(change(portrait, LOOKS[name]).astype(int) - portrait).max(axis=2)
        assert moved[62:178, 116:205].mean() > 4, name
        moved[56:204, 92:228] = 0
        assert not moved.any(), name
