"""`fer-video` with networks of other classes, of valence and arousal alone, and several at once."""

import csv
import json

import cv2
import numpy as np
import pytest

from app.command.cli import main
from engine.assets import asset_path
from engine.labels import EXPRESSIONS

ABAW = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other")
SEVEN = tuple(label for label in EXPRESSIONS if label != "contempt")
DEMO = str(asset_path("demo.mp4"))
FIRST = ["--duration", "0.2", "--quiet"]


@pytest.fixture
def rows(tmp_path):
    """Give `rows(model)`: the rows of the demo's first frames as texts, by column."""

    def rows(model, *more):
        path = tmp_path / "rows.csv"
        assert main([DEMO, "--model", str(model), "--records", str(path), *FIRST, *more]) == 0
        with path.open(encoding="utf-8", newline="") as text:
            found = list(csv.DictReader(text))
        assert found
        return found

    return rows


def test_network_with_other_has_a_column_more_and_an_empty_one(tiny_network, rows):
    (row, *_) = rows(tiny_network("abaw", ABAW, always="other"))
    assert list(row)[-4:] == ["file", "other", "contract", "affect_source"]
    assert (row["expression"], row["contempt"], row["contract"]) == ("other", "", "2")
    shares = {label: float(row[label]) for label in ABAW}
    assert max(shares, key=shares.get) == "other"
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert row["affect_source"] == "derived"
    assert float(row["reliability"]) > 0.5


def test_network_of_seven_classes_leaves_the_eighth_empty(tiny_network, rows):
    (row, *_) = rows(tiny_network("raf", SEVEN, always="fear"))
    assert list(row)[-3:] == ["file", "contract", "affect_source"]
    assert (row["expression"], row["contempt"]) == ("fear", "")
    # An even answer of seven is no more decided than one of eight.
    (even, *_) = rows(tiny_network("even", SEVEN, always="none"), "--overwrite")
    assert float(even["reliability"]) == pytest.approx(0, abs=1e-6)


def test_network_of_valence_and_arousal_alone_has_no_label(tiny_network, rows, tmp_path):
    film = tmp_path / "film.mp4"
    (row, *_) = rows(tiny_network("va", affect=True), "--out", str(film))
    assert (row["expression"], row["reliability"]) == ("", "")
    assert {row[label] for label in EXPRESSIONS} == {""}
    assert (row["valence"], row["arousal"], row["affect_source"]) == ("0.5", "-0.25", "network")
    drawn, plain = (cv2.VideoCapture(str(path)).read()[1] for path in (film, DEMO))
    assert (np.abs(drawn.astype(int) - plain) > 40).any(axis=2).mean() > 0.02


def test_ones_own_words_have_columns_and_no_place_on_the_plane(tiny_network, rows):
    (row, *_) = rows(tiny_network("own", ["blink", "très ouvert"], always="très ouvert"))
    assert list(row)[-5:] == ["file", "blink", "très ouvert", "contract", "affect_source"]
    assert row["expression"] == "très ouvert"
    assert (row["valence"], row["arousal"], row["affect_source"]) == ("", "", "")


def test_several_networks_give_each_output_once(tiny_network, rows, capsys):
    dan = tiny_network("dan", SEVEN, always="fear")
    affect = tiny_network("dan-va", affect=True, own=["quality"])
    (row, *_) = rows(f"{dan},{affect}", "--json")
    assert (row["expression"], row["valence"], row["affect_source"]) == ("fear", "0.5", "network")
    assert row["quality"] == "0.75"
    said = json.loads(capsys.readouterr().out)
    assert said["sources"] == {
        "expression": "dan",
        "valence_arousal": "dan-va",
        "quality": "dan-va",
    }
    assert said["faces"][0]["valence"] == 0.5


def test_own_confidence_of_a_network_is_its_reliability(tiny_network, rows):
    (row, *_) = rows(tiny_network("arbex", SEVEN, own=["confidence", "primary_confidence"]))
    assert (row["reliability"], row["primary_confidence"]) == ("0.75", "0.75")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("{a},{b}", "model b: has nothing that a lacks; leave it out"),
        ("{a},{a}", "is there twice; name each once"),
        ("{a},", "a name is missing beside a comma"),
        ("{a},nobody", "model nobody: unknown; choose poster-rt"),
    ],
)
def test_several_networks_that_cannot_be_are_one_line(tiny_network, tmp_path, capsys, model, says):
    named = {name: tiny_network(name, SEVEN) for name in "ab"}
    path = tmp_path / "rows.csv"
    options = [DEMO, "--model", model.format(**named), "--records", str(path), *FIRST]
    assert main(options) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not path.exists()
