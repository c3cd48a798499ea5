"""Every command, given a file that is not there or is something else: one line, README's code."""

import importlib
import signal
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SETTINGS, DATA, MODEL, OUTPUT = 2, 3, 4, 5
# Command, its words, what is wrong: the file that the line begins with, and the exit code.
MISSING = [
    ("fer-video", "gone.mp4 --records r.csv", "gone.mp4", DATA),
    ("fer-video", "face.png --records r.csv --model gone.onnx", "gone.onnx", MODEL),
    ("fer-video", "face.png --records r.csv --model gone.fer", "gone.fer", MODEL),
    ("fer-video", "face.png --records gone/r.csv", "gone/r.csv", OUTPUT),
    ("fer-train", "gone.toml", "gone.toml", SETTINGS),
    ("fer-grid", "gone.toml", "gone.toml", SETTINGS),
    ("fer-eval", "gone", "gone", MODEL),
    ("fer-eval", "gone.onnx", "gone.onnx", MODEL),
    ("fer-eval", "gone.safetensors", "gone.safetensors", MODEL),
    ("fer-eval", "gone gone2", "gone", MODEL),
    ("fer-eval", "face.png", "face.png", MODEL),
    ("fer-eval", "empty", "empty", MODEL),
    ("fer-report", "gone", "gone", MODEL),
    ("fer-report", "face.png", "face.png", MODEL),
    ("fer-report", "empty", "empty", MODEL),
    ("fer-export", "gone", "gone", MODEL),
    ("fer-export", "gone.onnx", "gone.onnx", MODEL),
    ("fer-export", "gone.safetensors", "gone.safetensors", MODEL),
    ("fer-export", "face.png", "face.png", MODEL),
    ("fer-export", "empty", "empty/model.safetensors", MODEL),
    ("fer-export", "verify gone gone2", "gone", MODEL),
    ("fer-bench", "gone.onnx --out -", "", MODEL),
    ("fer-bench", "--clips gone.mp4 --parts command --out -", "gone.mp4", DATA),
    ("fer-data", "check jaffe gone", "gone", DATA),
]


@pytest.fixture(autouse=True)
def no_program_hears_signals(monkeypatch):
    """Programs are run in this process, which is not theirs."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def test_every_command_that_takes_files_is_here():
    assert {command for command, *_ in MISSING} == PROJECT["scripts"].keys()


@pytest.mark.parametrize(("command", "words", "named", "code"), MISSING, ids=str)
def test_what_is_missing_is_named_with_the_exit_code_of_the_readme(
    command, words, named, code, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "face.png").write_bytes((ROOT / "docs" / "demo.png").read_bytes())
    (tmp_path / "empty").mkdir()
    module, _, function = PROJECT["scripts"][command].partition(":")
    main = getattr(importlib.import_module(module), function)
    before = {path.name for path in tmp_path.iterdir()}
    assert main(words.split()) == code
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"{command}: {named}")
    assert {path.name for path in tmp_path.iterdir()} == before
