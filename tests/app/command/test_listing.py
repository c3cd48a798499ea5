"""`fer-video --list-models`: what manifests say, at once; measured on request."""

import json
import shutil

import pytest

import engine.networks.models
import engine.reading.catalogue
from app.command.cli import main
from app.settings.speed import measure_face
from engine.analyze import AnalyzerConfig
from engine.assets import asset_path
from engine.labels import EXPRESSIONS

METRICS = {
    "data": "FER+ label.csv, majority labels, 8 classes",
    "valid": {"images": 3191, "accuracy": 0.81, "ece": 0.02},
    "test": {"images": 3137, "accuracy": 0.8, "ece": 0.03},
}
ABAW = (*EXPRESSIONS[:7], "other")


def listed(capsys, *options, code=0):
    assert main(["--list-models", *map(str, options)]) == code
    return capsys.readouterr()


@pytest.fixture
def folder(tiny_network):
    """Two networks: ABAW's classes with figures, and valence and arousal alone."""
    size = {"parameters": 1_230_000, "gmac": 0.5}
    path = tiny_network("dan", ABAW, own=["quality"], metrics=METRICS, **size)
    affect = {"valid": {"affect_images": 40, "ccc_valence": 0.5, "ccc_arousal": 0.25}}
    tiny_network("dan-va", affect=True, metrics={"data": "aff-wild2-va", **affect})
    return path.parent


@pytest.fixture
def installed(folder, monkeypatch):
    """What ships is that folder, with poster-rt's files."""
    for name in ("poster-rt.onnx", "poster-rt.json"):
        shutil.copy(asset_path(name), folder / name)

    def there(name):
        return asset_path(name) if name.startswith("fer-detector") else folder / name

    for module in (engine.networks.models, engine.reading.catalogue):
        monkeypatch.setattr(module, "asset_path", there)
    return folder


def test_shipped_networks_are_listed_by_name_with_their_figures(capsys):
    models = json.loads(listed(capsys, "--json").out)["models"]
    assert [(m["model"], m["precision"]) for m in models][:2] == [
        ("poster-rt", "fp32"),
        ("poster-rt", "int8"),
    ]
    for model in models:
        for fact in ("parameters", "gmac", *(["images"] if model["labels"] else [])):
            assert model[fact] > 0, fact
        assert model["accuracy"] is None or 0.5 < model["accuracy"] < 1
        assert (model["accuracy"] is None) == (not model["labels"])
    manifest = json.loads(asset_path("poster-rt.json").read_text())
    assert models[0]["accuracy"] == manifest["metrics"]["test"]["accuracy"]


def test_table_says_classes_outputs_and_what_judged(capsys, folder):
    head, dan, affect = listed(capsys, folder).out.splitlines()
    assert "accuracy" in head
    assert f"{folder}/dan.onnx" in dan
    for said in (" 1.23 ", " 0.50 ", "80.0 %", "0.030", "FER+ label.csv test, 3137"):
        assert said in dan, said
    assert "8 (with other, no contempt)" in dan
    assert dan.endswith("expression, valence-arousal (derived), quality")
    assert "0.500, 0.250" in affect
    assert "aff-wild2-va valid, 40" in affect
    assert affect.endswith("valence-arousal")
    at = head.index("accuracy")
    assert dan[at : at + len("accuracy")].strip() == "80.0 %"


def test_no_network_is_opened_for_a_list(capsys, folder, monkeypatch):
    (folder / "dan.onnx").write_bytes(b"no network at all")

    def refuse(*_, **__):
        raise AssertionError("a graph was loaded")

    monkeypatch.setattr("onnxruntime.InferenceSession", refuse)
    monkeypatch.setattr(engine.networks.models, "load_manifest", refuse)
    assert "dan.onnx" in listed(capsys, folder).out


def test_damaged_network_is_named_and_the_others_are_listed(capsys, folder):
    (folder / "dan.json").write_text('{"name": ')
    said = listed(capsys, folder)
    (line,) = said.err.splitlines()
    assert "dan.json: the model's manifest cannot be read" in line
    assert "dan-va.onnx" in said.out
    facts = json.loads((folder / "dan-va.json").read_text())
    (folder / "dan-va.json").write_text(
        json.dumps({**facts, "metrics": {"valid": {"images": "x"}}})
    )
    said = listed(capsys, folder, "--json")
    assert "metrics.valid.images: must be a whole number" in said.err
    assert len(json.loads(said.out)["warnings"]) == 2


def test_measured_networks_say_their_milliseconds(capsys, folder):
    said = json.loads(listed(capsys, folder, "--measure", "--json").out)
    assert [model["device"] for model in said["models"]] == ["cpu", "cpu"]
    assert all(0 < model["expression_ms"] < 1000 for model in said["models"])
    assert "ms a face" in listed(capsys, folder, "--measure").out.splitlines()[0]


def test_network_that_cannot_be_measured_is_named_at_the_end(capsys, folder):
    content = (folder / "dan.onnx").read_bytes()
    (folder / "dan.onnx").write_bytes(content + b"\0")
    said = listed(capsys, folder, "--measure", "--json", code=4)
    assert "dan.onnx: sha256 is" in said.err
    broken, whole = json.loads(said.out)["models"]
    assert broken["expression_ms"] is None
    assert whole["expression_ms"] > 0


def test_what_ships_is_what_lies_in_the_assets(capsys, installed, tmp_path):
    models = json.loads(listed(capsys, "--json").out)["models"]
    assert [model["model"] for model in models] == ["poster-rt", "dan", "dan-va"]
    rows = tmp_path / "rows.csv"
    demo = str(asset_path("demo.mp4"))
    options = ["--duration", "0.1", "--quiet", "--records", str(rows), "--precision", "fp32"]
    assert main([demo, "--model", "dan,dan-va", *options]) == 0
    assert rows.read_text().splitlines()[1:]


def test_network_that_ships_reduced_runs_so_and_is_no_other(capsys, installed, tiny_network):
    tiny_network("arbex-int8", EXPRESSIONS, precision="int8")
    models = json.loads(listed(capsys, "--json", "--model", "arbex").out)["models"]
    assert [(m["model"], m["precision"]) for m in models] == [("arbex", "int8")]
    assert measure_face(AnalyzerConfig(model="arbex")).device == "cpu"
    demo = str(asset_path("demo.mp4"))
    for options, says in (
        (("--precision", "fp32"), "precision fp32: arbex ships in int8; leave --precision out"),
        (("--device", "cuda"), "device cuda: arbex ships in int8, which is made for the CPU"),
    ):
        assert main([demo, "--model", "arbex", "--records", "-", *options]) == 4
        assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--list-models", "--model", "nobody"), 4, "model nobody: unknown; choose poster-rt"),
        (("--list-models", "/nowhere"), 4, "/nowhere: cannot be read: No such file"),
        (("--list-models", "{empty}"), 4, "no expression network with its manifest in it"),
        (("a.mp4", "--list-models"), 2, "--list-models: reads no video, and takes no INPUT"),
        (("--list-models", "--out", "o.mp4"), 2, "takes no --out"),
        (("a.mp4", "--out", "o.mp4", "--measure"), 2, "--measure: goes with --list-models"),
    ],
)
def test_what_cannot_be_listed_is_one_line(capsys, tmp_path, options, code, says):
    assert main([option.format(empty=tmp_path) for option in options]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
