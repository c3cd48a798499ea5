"""`fer-bench`: what it writes, what it refuses, and with which exit code."""

import csv
import json
from pathlib import Path

import pytest

from export.bench.cli import PARTS, command_line, main

FILES = {"bench.json", "bench.csv", "bench.md", "bench.png"}
QUICK = ["--parts", "networks", "--rounds", "3", "--batches", "1,2", "--threads", "1"]


@pytest.fixture(autouse=True)
def without_memory(monkeypatch, tmp_path):
    """Memory takes a process for each case; it has tests of its own."""
    monkeypatch.setattr("export.bench.networks.is_measurable", lambda: False)
    monkeypatch.chdir(tmp_path)


def refused(capsys, *arguments):
    """Give the exit code and the only line that was said."""
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("fer-bench: ")
    assert said.out == ""
    return code, line


def test_table_figures_and_plot_are_written(write_pair, tmp_path, capsys):
    landmarks, fusion = write_pair()
    out = tmp_path / "out"
    models = [str(landmarks), str(fusion)]
    assert main([*models, *QUICK, "--device", "cpu", "--note", "quiet", "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == FILES
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads((out / "bench.json").read_text())
    with (out / "bench.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content["rows"]) == 6
    assert {row["name"] for row in rows} == {"points", "fusion", "points + fusion"}
    assert [float(row["p50_ms"]) for row in rows] == [row["p50_ms"] for row in content["rows"]]
    assert content["networks"][2]["accuracy"] == 0.75
    page = (out / "bench.md").read_text()
    assert "![Accuracy on FER+ against parameters, GMAC and milliseconds](bench.png)" in page
    assert "| fusion fp32 | measured | 75.00 |" in page
    assert "\nquiet\n" in page
    for name in ("bench.json", "bench.csv", "bench.md"):
        assert str(tmp_path) not in (out / name).read_text()


def test_page_can_go_to_standard_output(write_gemm, tmp_path, capsys):
    assert main([str(write_gemm(tmp_path / "a.onnx")), *QUICK, "--out", "-"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("# Benchmark\n")
    assert "bench.png" not in said.out
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx", "a.json"}


def test_figures_that_are_there_stay_unless_asked(write_gemm, tmp_path, capsys):
    model = write_gemm(tmp_path / "a.onnx")
    out = tmp_path / "out"
    out.mkdir()
    (out / "bench.md").write_text("old")
    code, line = refused(capsys, model, *QUICK, "--out", out)
    assert code == 5
    assert "bench.md: exists already; use --overwrite" in line
    assert (out / "bench.md").read_text() == "old"
    assert main([str(model), *QUICK, "--out", str(out), "--overwrite"]) == 0
    assert (out / "bench.md").read_text().startswith("# Benchmark")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "gpu"], "'gpu' is unknown; choose of auto, cpu, cuda, tensorrt"),
        (["--batches", "1,none"], "'none' is no number from 1 on"),
        (["--batches", "0"], "'0' is no number from 1 on"),
        (["--threads", ","], "expected at least one value"),
        (["--rounds", "-3"], "no number"),
        (["--parts", "all"], f"'all' is unknown; choose of {', '.join(PARTS)}"),
        (["--soak", "forever"], "no number of minutes"),
        (["--precision", "int3"], "--precision int3: unknown; choose fp32"),
        (["--unheard-of"], "unrecognized arguments"),
    ],
)
def test_wrong_option_is_one_line(capsys, arguments, said):
    code, line = refused(capsys, *arguments)
    assert code == 2
    assert said in line
    assert not Path("bench").exists()


def test_missing_or_damaged_model_is_one_line(write_gemm, tmp_path, capsys):
    assert refused(capsys, "no.onnx", *QUICK)[0] == 4
    model = write_gemm(tmp_path / "a.onnx")
    with model.open("ab") as file:
        file.write(b"more")
    code, line = refused(capsys, model, *QUICK)
    assert code == 4
    assert "sha256 is" in line
    model.with_suffix(".json").unlink()
    assert refused(capsys, model, *QUICK)[0] == 4
    assert not Path("bench").exists()


def test_device_that_is_not_there_is_one_line(write_gemm, tmp_path, capsys):
    code, line = refused(capsys, write_gemm(tmp_path / "a.onnx"), *QUICK, "--device", "cuda")
    assert code == 4
    assert "device cuda" in line


def test_missing_clip_is_one_line(capsys):
    code, line = refused(capsys, "--parts", "stages", "--clips", "no.mp4")
    assert (code, line) == (3, "fer-bench: no.mp4: no such video file")


def test_file_in_the_place_of_the_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert refused(capsys, *QUICK, "--out", tmp_path / "taken")[0] == 5
    assert refused(capsys, *QUICK, "--out", tmp_path / "taken" / "inside")[0] == 5


def test_interruption_leaves_nothing_behind(write_gemm, tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    model = write_gemm(tmp_path / "a.onnx")
    monkeypatch.setattr("export.bench.networks.take_turns", interrupted)
    assert refused(capsys, model, *QUICK) == (130, "fer-bench: interrupted; nothing was written")
    assert not Path("bench").exists()


def test_failure_at_the_end_leaves_the_old_files(write_gemm, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    model = write_gemm(tmp_path / "a.onnx")
    out = tmp_path / "out"
    assert main([str(model), *QUICK, "--out", str(out)]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    monkeypatch.setattr("engine.files.write_text", full)
    code, line = refused(capsys, model, *QUICK, "--out", out, "--overwrite")
    assert code == 5
    assert "No space left on device" in line
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_command_line_is_told_without_folders_and_note():
    given = ["models/a b.onnx", "--note", "quiet", "--out=x/y", "--rounds", "3"]
    assert command_line(given) == "fer-bench 'a b.onnx' --rounds 3"


@pytest.mark.slow
def test_stages_of_the_shipped_clip(capsys):
    assert main(["--parts", "stages", "--device", "cpu", "--out", "-"]) == 0
    page = capsys.readouterr().out
    for stage in ("detect", "align", "landmarks", "track", "fusion", "all"):
        assert f"| demo.mp4 | alone | {stage} |" in page
