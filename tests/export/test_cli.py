"""`fer-export`: exit codes and messages."""

import json
from pathlib import Path

import pytest

import export.detector
import export.poster_rt
import export.system
import export.targets
from engine.errors import ModelError
from engine.labels import EXPRESSIONS
from export.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Give `run(task)`, which makes a finished run of that task."""
    monkeypatch.chdir(tmp_path)

    def make(task):
        folder = tmp_path / "run"
        folder.mkdir()
        (folder / "model.safetensors").touch()
        (folder / "recipe.json").write_text(json.dumps({"task": task}))
        (folder / "metrics.json").write_text(json.dumps({"threshold": 0.4}))
        return folder

    return make


@pytest.fixture
def exports(monkeypatch):
    """Replace all exports by one that writes a file; give what they were called with."""
    calls = []

    def write(weights, out, *rest):
        out.write_bytes(b"graph")
        calls.append((weights, out, *rest))

    monkeypatch.setattr(export.detector, "export_detector", write)
    monkeypatch.setattr(export.poster_rt, "export_poster_rt", write)
    monkeypatch.setattr(export.system, "export_system", write)
    monkeypatch.setattr(export.targets, "check_opens", lambda path: None)
    return calls


def test_expression_run_goes_to_its_asset(run, exports):
    folder = run("expression")
    assert main([str(folder), "--data", "packs"]) == 0
    ((weights, out, data, cache),) = exports
    assert weights == folder / "model.safetensors"
    assert (out.name, str(data), str(cache)) == ("poster-rt.onnx", "packs", "cache")
    assert Path("assets/poster-rt.onnx").read_bytes() == b"graph"


def test_run_of_the_system_poster_rt_is_shipped_as_its_two_graphs(run, exports):
    folder = run("system")
    facts = {"task": "system", "system": {"name": "poster_rt"}}
    (folder / "recipe.json").write_text(json.dumps(facts))
    card = {"dataset": "ferplus", "input_size": 112, "parameters": 1, "gmac": 0.1}
    for classes, shipped in ((EXPRESSIONS, True), (EXPRESSIONS[::-1], False)):
        (folder / "model.json").write_text(json.dumps({**card, "classes": classes}))
        assert main([str(folder), "--overwrite"]) == 0
        assert exports[-1][1].name.startswith("poster-rt" if shipped else "run")
        assert exports[-1][0] == (folder / "model.safetensors" if shipped else folder)


def test_detector_run_takes_its_metrics_along(run, exports):
    assert main([str(run("detector")), "--out", "mine.onnx"]) == 0
    ((_, _, metrics, *_),) = exports
    assert metrics == {"threshold": 0.4}
    assert Path("mine.onnx").read_bytes() == b"graph"


def test_system_goes_into_its_run_with_the_batch_asked_for(run, exports):
    folder = run("system")
    assert main([str(folder), "--batch", "4"]) == 0
    ((source, *_, batch),) = exports
    assert (source, batch) == (folder, 4)
    assert (folder / "run.onnx").read_bytes() == b"graph"


@pytest.mark.parametrize("batch", ["0", "-1", "many"])
def test_batch_that_is_no_count_is_a_usage_error(run, exports, capsys, batch):
    assert main([str(run("system")), f"--batch={batch}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "neither dynamic nor a number above 0; see fer-export --help" in line


def test_fixed_batch_is_for_systems(run, exports, capsys):
    assert main([str(run("expression")), "--batch", "4"]) == 2
    assert "--batch: the graphs of task expression have their batch" in capsys.readouterr().err
    assert exports == []


def test_failed_export_leaves_nothing_behind(run, monkeypatch, capsys):
    def fail(weights, out, *rest):
        out.write_bytes(b"half a graph")
        raise ModelError("differs from torch")

    monkeypatch.setattr(export.poster_rt, "export_poster_rt", fail)
    folder = run("expression")
    assert main([str(folder), "--out", str(folder / "mine.onnx")]) == 4
    assert capsys.readouterr().err == "fer-export: differs from torch\n"
    assert sorted(p.name for p in folder.iterdir()) == [
        "metrics.json",
        "model.safetensors",
        "recipe.json",
    ]


@pytest.mark.parametrize("missing", ["model.safetensors", "recipe.json"])
def test_unfinished_run_is_one_line(run, exports, capsys, missing):
    folder = run("expression")
    (folder / missing).unlink()
    assert main([str(folder)]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-export: ")
    assert f"{missing}: missing; is this a finished run of fer-train?" in line
    assert exports == []


def test_task_without_a_graph_is_one_line(run, exports, capsys):
    assert main([str(run("super_resolution"))]) == 2
    assert "nothing to export for task super_resolution" in capsys.readouterr().err
