"""`fer-eval`: exit codes, messages, and what it judges."""

import json
import shutil

import pytest

from engine.assets import asset_path
from engine.errors import ModelError
from training.evaluation import cli
from training.evaluation.cli import main
from training.evaluation.served import open_network


def test_missing_model_is_one_line_and_exit_code_four(tmp_path, capsys):
    assert main([str(tmp_path / "none.onnx")]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-eval: ")
    assert "none.onnx: no such run folder, weights file or ONNX file" in line


def test_run_folder_is_judged_on_the_data_it_was_trained_on(
    system_run, ferplus_root, tmp_path, capsys
):
    where = ["--data", str(ferplus_root), "--cache", str(tmp_path / "cache")]
    assert main([str(system_run), "--json", *where]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["dataset"], figures["split"], figures["images"]) == ("ferplus", "test", 8)
    assert {"ece", "ece_raw", "temperature", "macro_f1", "confusion"} <= figures.keys()
    assert main([str(system_run / "model.safetensors"), "--split", "valid", *where]) == 0
    assert "| split | valid |" in capsys.readouterr().out


def test_several_runs_vote(system_run, ferplus_root, tmp_path, capsys):
    shutil.copytree(system_run, tmp_path / "runs" / "second")
    runs = [str(system_run), str(tmp_path / "runs" / "second")]
    where = ["--data", str(ferplus_root), "--cache", str(tmp_path / "cache")]
    assert main([*runs, "--split", "valid", *where]) == 0
    text = capsys.readouterr().out
    assert "| run | tiny + second |" in text
    assert "| system | vote of 2: neural_resizer |" in text
    assert "| split | valid |" in text


def test_what_is_no_run_cannot_vote(tmp_path, capsys):
    network = str(asset_path("poster-rt.onnx"))
    assert main([str(tmp_path), network]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fer-eval: {network}: neither a run folder nor a weights file")


def test_folder_that_is_no_run_of_a_system_is_refused(tmp_path, capsys):
    (tmp_path / "recipe.json").write_text('{"task": "landmarks"}')
    (tmp_path / "model.json").write_text("{}")
    assert main([str(tmp_path)]) == 4
    assert "holds a run of task landmarks, expected system" in capsys.readouterr().err


def test_exported_network_on_another_dataset_is_refused(capsys):
    assert main([str(asset_path("poster-rt.onnx")), "--dataset", "raf-db"]) == 2
    wanted = "--dataset raf-db: an exported network is judged on ferplus or landmarks"
    assert wanted in capsys.readouterr().err


def test_network_beside_another_landmark_network_is_refused(tmp_path, capsys):
    for name in ("poster-rt.onnx", "poster-rt.json", "landmark-net.onnx", "landmark-net.json"):
        shutil.copy(asset_path(name), tmp_path)
    path = tmp_path / "poster-rt.json"
    data = json.loads(path.read_text())
    data["landmarks"]["sha256"] = "ab" * 32
    path.write_text(json.dumps(data))
    with pytest.raises(ModelError, match="is not the landmark network that poster-rt was trained"):
        open_network(tmp_path / "poster-rt.onnx")
    assert main([str(tmp_path / "poster-rt.onnx"), "--dataset", "landmarks"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-eval: ")


def test_interruption_is_one_line_and_exit_code_130(monkeypatch, capsys, tmp_path):
    def stop(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "evaluate", stop)
    assert main([str(tmp_path)]) == 130
    assert capsys.readouterr() == ("", "fer-eval: interrupted\n")
