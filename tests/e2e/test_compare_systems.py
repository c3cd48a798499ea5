"""`fer-video --compare`: several systems on the same faces, in one film and one table."""

import csv
import json

import cv2
import numpy as np
import pytest

import fer_live
from app.command.cli import main
from app.session.records import read_records
from engine.assets import asset_path
from engine.errors import SourceError
from engine.labels import EXPRESSIONS

ABAW = (*EXPRESSIONS[:7], "other")
DEMO = str(asset_path("demo.mp4"))
FIRST = ["--duration", "0.4", "--quiet", "--no-audio"]


@pytest.fixture
def systems(tiny_network):
    """Three systems: one with `other`, one of valence and arousal alone, one of its own words."""
    dan = tiny_network("dan", ABAW, always="other", own=["quality"])
    affect = tiny_network("dan-va", affect=True)
    return f"poster-rt,{dan},{affect},{tiny_network('words', ['blink', 'speech'])}"


def read(path):
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def frames(path):
    video = cv2.VideoCapture(str(path))
    found = []
    while (image := video.read()[1]) is not None:
        found.append(image)
    return found


def test_each_face_has_a_row_of_each_system(systems, tmp_path, capsys):
    rows, alone = tmp_path / "rows.csv", tmp_path / "alone.csv"
    assert main([DEMO, "--compare", systems, "--records", str(rows), *FIRST, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert main([DEMO, "--records", str(alone), *FIRST]) == 0
    found, one = read(rows), read(alone)
    assert [row["model"] for row in found[:4]] == ["poster-rt", "dan", "dan-va", "words"]
    assert len(found) == 4 * len(one)
    assert list(found[0])[-8:] == [
        *("file", "other", "blink", "speech"),
        *("contract", "affect_source", "quality", "model"),
    ]
    for row, faces in zip(one, [found[n : n + 4] for n in range(0, len(found), 4)], strict=True):
        assert {face["face_id"] for face in faces} == {row["face_id"]}  # ids are shared
        assert {name: faces[0][name] for name in row} == row  # and read as if it were alone
    _, dan, affect, words = found[:4]
    assert (dan["expression"], dan["contempt"], dan["blink"], dan["quality"]) == (
        *("other", "", ""),
        "0.75",
    )
    assert (affect["expression"], affect["valence"], affect["other"]) == ("", "0.5", "")
    assert (words["expression"], words["valence"]) == ("blink", "")
    assert said["sources"]["dan-va"] == {"expression": None, "valence_arousal": "dan-va"}
    assert {face["model"] for face in said["faces"]} == {"poster-rt", "dan", "dan-va", "words"}
    pairs = [pair["models"] for pair in said["agreement"]]
    assert pairs == [["poster-rt", "dan"], ["poster-rt", "words"], ["dan", "words"]]
    assert said["agreement"][0]["labels"] == len(one)
    assert said["agreement"][0]["same"] == 0


def test_film_has_the_picture_and_columns_beside_it(systems, tmp_path):
    film, plain = tmp_path / "film.mp4", frames(DEMO)
    assert main([DEMO, "--compare", systems, "--out", str(film), *FIRST]) == 0
    drawn = frames(film)
    assert len(drawn) == 10
    height, width = plain[0].shape[:2]
    assert drawn[0].shape[0] > 1.5 * height
    left = (drawn[0].shape[1] - width) // 2
    inside = drawn[5][:height, left : left + width].astype(int)
    changed = (np.abs(inside - plain[5]) > 60).any(axis=2)
    assert 0 < changed.mean() < 0.03  # a box and an id, and no words over anybody
    panel = drawn[5][height:]
    columns = np.array_split(panel[:, 90:], 4, axis=1)
    assert all((column > 150).any() for column in columns)


def test_picture_and_its_copy_can_be_compared(systems, tmp_path):
    picture, out = str(asset_path("portrait.jpg")), tmp_path / "out.png"
    assert main([picture, "--compare", systems, "--out", str(out), "--quiet"]) == 0
    assert cv2.imread(str(out)).shape[0] > cv2.imread(picture).shape[0]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_other_tables_say_the_system_too(systems, tmp_path, ending):
    path = tmp_path / f"rows.{ending}"
    summary = fer_live.annotate(
        DEMO, records=path, compare=systems.split(","), duration=0.2, smooth=0.0
    )
    assert summary["model"] == systems
    if ending == "jsonl":
        models = [json.loads(line)["model"] for line in path.read_text().splitlines()]
    else:
        import pyarrow.parquet

        models = pyarrow.parquet.read_table(path)["model"].to_pylist()
    assert models[:4] == ["poster-rt", "dan", "dan-va", "words"]
    with pytest.raises(SourceError, match="compares systems, a row for each"):
        read_records(path)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--compare", "{a}"), 2, "names 1; name 2 to 12 networks with commas between them"),
        (("--compare", "{a},{a}"), 4, "is there twice; name each once"),
        (("--compare", "{a},{twin}"), 4, "model twin: is the same network as a; name each once"),
        (("--compare", "{a},nobody"), 4, "model nobody: unknown; choose poster-rt"),
        (("--compare", "{a},{b}", "--model", "{a}"), 2, "--compare: names the networks itself"),
        (("--compare", ""), 2, "--compare: "),
    ],
)
def test_comparison_that_cannot_be_is_one_line(tiny_network, tmp_path, capsys, options, code, says):
    named = {
        name: tiny_network(name, EXPRESSIONS[:3], always=EXPRESSIONS[at])
        for at, name in enumerate("ab")
    }
    named["twin"] = named["a"].with_name("twin.onnx")
    for ending in (".onnx", ".json"):
        named["twin"].with_suffix(ending).write_bytes(named["a"].with_suffix(ending).read_bytes())
    rows = tmp_path / "rows.csv"
    given = [option.format(**named) for option in options]
    assert main([DEMO, *given, "--records", str(rows), *FIRST]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not rows.exists()


def test_files_of_one_name_are_called_by_their_paths(tiny_network, tmp_path):
    one = tiny_network("dan", EXPRESSIONS[:3])
    other = tmp_path / "other"
    one.parent.rename(other)
    two = tiny_network("dan", EXPRESSIONS[:4])
    rows = tmp_path / "rows.csv"
    names = [str(other / "dan.onnx"), str(two)]
    assert main([DEMO, "--compare", ",".join(names), "--records", str(rows), *FIRST]) == 0
    assert [row["model"] for row in read(rows)[:2]] == names


def test_python_says_its_own_arguments():
    with pytest.raises(fer_live.ConfigError, match=r"^compare poster-rt: names 1; name 2 to 12"):
        fer_live.annotate(DEMO, records="r.csv", compare=["poster-rt"])
    with pytest.raises(fer_live.ConfigError, match=r"^compare: names the networks itself"):
        fer_live.annotate(DEMO, records="r.csv", compare="a,b", model="a")
