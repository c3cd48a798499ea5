"""`scripts/gpu` in its tiny setting, on a CPU: every stage runs or says what it lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.networks.ort import onnxruntime
from scripts import gpu_stages, gpu_work

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A pack of sixteen faces of noise."""
    draws = np.random.default_rng(0)
    shares = np.eye(8, dtype=np.float32)[np.arange(16) % 8]
    parts = {
        name: draws.integers(0, 256, (16, 56, 56), np.uint8) for name in ("train", "valid")
    } | {"train_shares": shares, "valid_shares": shares}
    path = tmp_path_factory.mktemp("pack") / "gpu.npz"
    np.savez_compressed(path, **parts)
    return path


def run(out, *options):
    done = subprocess.run(
        [str(ROOT / "scripts" / "gpu"), "--tiny", "--out", str(out), *map(str, options)],
        env={**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
    return done, found


@pytest.mark.slow
def test_every_stage_runs_or_says_what_it_lacks(faces, tmp_path):
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    done, found = run(tmp_path, "--faces", faces)
    assert done.returncode == 0, done.stderr
    assert set(found) == set(gpu_stages.STAGES)
    status = {name: result["status"] for name, result in found.items()}
    assert status == {
        **dict.fromkeys(("about", "cpu", "torch", "speed", "train"), "done"),
        **dict.fromkeys(("cuda", "tensorrt", "engine"), "skipped"),
    }
    assert "no CUDAExecutionProvider" in found["cuda"]["reason"]
    assert "not installed" in found["engine"]["reason"] or "GPU" in found["engine"]["reason"]
    judged = {row["network"] for row in found["cpu"]["figures"]["parity"]}
    assert judged == {path.stem for path in (ROOT / "assets").glob("*.onnx")}
    assert max(row["error"] for row in found["cpu"]["figures"]["parity"]) <= gpu_work.BOUNDS["cpu"]
    batches = {row["batch"] for row in found["speed"]["figures"]["speed"]}
    assert batches == {1, 2}
    trained = found["train"]["figures"]
    assert (trained["step"], trained["judged"], trained["faces"]) == (2, 16, 16)
    assert "| cuda | skipped |" in (tmp_path / "gpu.md").read_text()
    # What is done is not done again; what was left out is tried again.
    before = (tmp_path / "train.json").stat().st_mtime_ns
    done, found = run(tmp_path, "--faces", faces, "--stages", "cuda,train")
    assert "gpu: train: done (from before)" in done.stderr
    assert "gpu: cuda: skipped in" in done.stderr
    assert (tmp_path / "train.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_training_goes_on_where_it_stopped(faces, tmp_path, monkeypatch, capsys):
    times = iter([0.0, 0.0, 100.0, 100.0])  # began, before the first step, before the second, after
    clock = SimpleNamespace(monotonic=lambda: next(times))
    with monkeypatch.context() as patch:
        patch.setattr(gpu_work, "time", clock)
        gpu_work.train(gpu_work.Task(tmp_path, faces, 60.0, tiny=True))
    first = _joined(capsys)
    assert (first["step"], first["status"]) == (1, "unfinished")
    gpu_work.train(gpu_work.Task(tmp_path, faces, 60.0, tiny=True))
    second = _joined(capsys)
    assert second["step"] == second["steps"] == 2
    assert "status" not in second


def _joined(capsys):
    figures = {}
    for line in capsys.readouterr().out.splitlines():
        figures |= json.loads(line)
    return figures


def test_stage_without_faces_or_packages_says_so(tmp_path, monkeypatch, capsys):
    assert gpu_work.main(["train", str(tmp_path), "", "60", "tiny"]) == gpu_stages.SKIPPED
    assert json.loads(capsys.readouterr().out) == {"reason": "needs --faces; make them with --pack"}
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    assert gpu_work.main(["train", str(tmp_path), "", "60", "tiny"]) == gpu_stages.SKIPPED
    assert json.loads(capsys.readouterr().out) == {"reason": "the package torch is missing"}


def test_stage_over_its_time_keeps_what_it_said(tmp_path):
    log = tmp_path / "speed.log"
    log.write_text("loading\n")
    said = b'{"speed": [1]}\n{"speed": [1, 2]}\n{"spe'
    result = gpu_stages._result(None, said, log)
    assert result == {"status": "failed", "reason": "over its time", "figures": {"speed": [1, 2]}}


def test_answers_that_differ_fail_the_stage(tmp_path):
    result = gpu_stages._result(0, b'{"parity": [], "differs": ["dan logits"]}\n', tmp_path)
    assert (result["status"], result["reason"]) == ("failed", "answers differ from the CPU's")


def test_broken_stage_says_its_last_line(tmp_path):
    log = tmp_path / "cpu.log"
    log.write_text("Traceback\nValueError: no luck\n")
    result = gpu_stages._result(1, b"", log)
    assert result["reason"] == "exit code 1: ValueError: no luck"


def test_half_written_result_is_none(tmp_path):
    (tmp_path / "cpu.json").write_text('{"status": "do')
    assert gpu_stages._found(tmp_path, "cpu") is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--minutes", "8"], "--minutes: from 0.05 to 7, got 8"),
        (["--faces", "/nowhere.npz"], "/nowhere.npz: no such file; make it with --pack"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, capsys, options, says):
    assert gpu_stages.main(["--out", str(tmp_path / "gpu"), *options]) == 2
    assert capsys.readouterr().err == f"gpu: {says}\n"
    assert not (tmp_path / "gpu").exists()


def test_pack_holds_what_fits(tmp_path, monkeypatch):
    import training.data.samples

    crops = np.random.default_rng(0).integers(0, 256, (1000, 56, 56, 3), np.uint8)

    def load(config, split, side, **_):
        count = 100 if split == "valid" else len(crops)
        table = SimpleNamespace(
            labels=np.zeros(count), shares=np.full((count, 8), 0.125, np.float32)
        )
        return SimpleNamespace(table=table, crops=crops[:count])

    monkeypatch.setattr(training.data.samples, "load_samples", load)
    monkeypatch.setattr(gpu_work, "PACK_BYTES", 1_000_000)
    path = tmp_path / "gpu.npz"
    gpu_work.make_pack(path, tmp_path, tmp_path)
    assert 800_000 < path.stat().st_size <= 1_000_000
    with np.load(path) as pack:
        assert len(pack["valid"]) == len(pack["valid_shares"]) == 100
        assert 150 < len(pack["train"]) == len(pack["train_shares"]) < 1000
        assert pack["train"].dtype == np.uint8
