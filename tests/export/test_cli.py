"""`fer-export`: exit codes and messages."""

import json

import pytest

import export.detector
import export.poster_rt
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
    """Replace both exports; give what they were called with."""
    calls = []
    monkeypatch.setattr(export.detector, "export_detector", lambda *given: calls.append(given))
    monkeypatch.setattr(export.poster_rt, "export_poster_rt", lambda *given: calls.append(given))
    return calls


def test_expression_run_goes_to_its_asset(run, exports):
    folder = run("expression")
    assert main([str(folder), "--data", "packs"]) == 0
    ((weights, out, data, cache),) = exports
    assert weights == folder / "model.safetensors"
    assert (str(out), str(data), str(cache)) == ("assets/poster-rt.onnx", "packs", "cache")


def test_detector_run_takes_its_metrics_along(run, exports):
    assert main([str(run("detector")), "--out", "mine.onnx"]) == 0
    ((_, out, metrics),) = exports
    assert str(out) == "mine.onnx"
    assert metrics == {"threshold": 0.4}


@pytest.mark.parametrize("missing", ["model.safetensors", "recipe.json"])
def test_unfinished_run_is_one_line(run, exports, capsys, missing):
    folder = run("expression")
    (folder / missing).unlink()
    assert main([str(folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-export: ")
    assert f"{missing}: missing; is this a finished run of fer-train?" in line
    assert exports == []


def test_task_without_a_graph_is_one_line(run, exports, capsys):
    assert main([str(run("landmarks"))]) == 2
    assert "nothing to export for task landmarks" in capsys.readouterr().err
