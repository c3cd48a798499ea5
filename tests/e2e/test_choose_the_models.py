"""`fer-video` with models that the user names: copied, tampered with, missing, unknown."""

import hashlib
import json
import shutil

import pytest

from app.command.cli import main
from engine.assets import asset_path


@pytest.fixture
def models(tmp_path):
    """A folder with a copy of the bundled networks."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("poster-rt", "landmark-net"):
        for ending in (".onnx", ".json"):
            shutil.copy(asset_path(name + ending), folder)
    return folder


def refusal(film, models, capsys):
    """The one line with which a run on these models ends; it leaves nothing behind."""
    rows = models.with_name("rows.csv")
    arguments = ["--records", str(rows), "--model", str(models / "poster-rt.onnx")]
    assert main([str(film), *arguments]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert not rows.exists()
    return line


def test_copied_models_are_as_good_as_the_bundled_ones(film, models, tmp_path):
    copied, bundled = tmp_path / "copied.csv", tmp_path / "bundled.csv"
    model = ["--model", str(models / "poster-rt.onnx")]
    part = ["--duration", "0.2", "--quiet", "--precision", "fp32"]
    assert main([str(film), "--records", str(copied), *model, *part]) == 0
    assert main([str(film), "--records", str(bundled), *part]) == 0
    assert copied.read_bytes() == bundled.read_bytes()


@pytest.mark.parametrize("name", ["poster-rt.onnx", "landmark-net.onnx"])
def test_tampered_model_is_refused(film, models, capsys, name):
    content = bytearray((models / name).read_bytes())
    content[len(content) // 2] ^= 1
    (models / name).write_bytes(content)
    line = refusal(film, models, capsys)
    assert name in line
    assert "sha256" in line


def test_landmark_network_of_another_training_is_refused(film, models, capsys):
    other, manifest = models / "landmark-net.onnx", models / "landmark-net.json"
    other.write_bytes(other.read_bytes() + b"\0")
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "sha256": digest}))
    line = refusal(film, models, capsys)
    assert "landmark-net.onnx: is not the landmark network that poster-rt was trained on" in line


@pytest.mark.parametrize("name", ["landmark-net.onnx", "landmark-net.json"])
def test_missing_landmark_network_is_named(film, models, capsys, name):
    (models / name).unlink()
    assert name in refusal(film, models, capsys)


@pytest.mark.parametrize("name", ["abacus", "no/such.onnx"])
def test_unknown_model_is_refused(film, tmp_path, capsys, name):
    rows = tmp_path / "rows.csv"
    assert main([str(film), "--records", str(rows), "--model", name]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line
    assert not rows.exists()


def test_unknown_detector_is_refused(film, tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    assert main([str(film), "--records", str(rows), "--detector", "abacus"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "abacus" in line
    assert "yunet" in line
    assert not rows.exists()


def test_precision_that_a_file_is_not_in_is_refused(film, tmp_path, capsys):
    model, rows = asset_path("poster-rt.onnx"), tmp_path / "r.csv"
    given = ["--model", str(model), "--precision", "int8", "--records", str(rows)]
    assert main([str(film), *given]) == 4
    said = capsys.readouterr().err
    assert f"fer-video: precision int8: {model} is in fp32; name another file" in said
    assert not rows.exists()


def test_device_that_is_not_there_is_refused(film, tmp_path, capsys):
    from engine.networks.ort import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    assert main([str(film), "--records", str(tmp_path / "r.csv"), "--device", "cuda"]) == 4
    assert "cuda" in capsys.readouterr().err
