"""Reports of runs: figures with known values, pages, comparison, command line."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import ConfigError, ModelError, SinkError
from training.evaluation.calibration import expected_calibration_error
from training.models.neural_resizer import NeuralResizer
from training.models.resizer import LearnedResizer
from training.report import page
from training.report.cli import folders_of, main
from training.report.comparison import comparison_table, rows_of
from training.report.curves import read_log
from training.report.drawing import class_look, figure_of, write_figure
from training.report.embeddings import sample, tsne
from training.report.expressions import reliability
from training.report.norms import clipped, sharpness, spearman
from training.report.reliability import spread_of
from training.report.resized import reduced


def test_gaps_of_the_reliability_diagram_add_up_to_the_calibration_error():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    labels = rng.integers(0, 4, 50)
    bins = reliability(probabilities, labels)
    gap = float((bins.share * np.abs(bins.accuracy - bins.confidence)).sum())
    assert gap == pytest.approx(expected_calibration_error(probabilities, labels), abs=1e-6)
    assert bins.share.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        ([1, 2, 3, 9], [10, 20, 30, 31], 1),
        ([1, 2, 3, 9], [4, 3, 2, 1], -1),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486833),
        ([5, 5, 5], [1, 2, 3], 0),
    ],
)
def test_rank_correlation_of_known_series(x, y, wanted):
    assert spearman(np.array(x), np.array(y)) == pytest.approx(wanted)


def test_flat_crop_is_not_sharp_and_a_checkered_one_is():
    flat = np.full((16, 16, 3), 90, np.uint8)
    checks = np.repeat(np.indices((16, 16)).sum(0)[..., None] % 2 * 255, 3, axis=2)
    assert sharpness(flat) == 0
    assert sharpness(checks.astype(np.uint8)) > 1000


def test_clipped_fraction_counts_both_ends():
    assert clipped(np.array([-1, 0.5, 1, 0], np.float32)) == 0.5


def test_spread_of_certain_and_of_uniform_distributions():
    certain = spread_of(np.eye(8, dtype=np.float32), np.ones(8, np.float32))
    uniform = spread_of(np.full((3, 8), 1 / 8, np.float32), np.zeros(3, np.float32))
    assert certain["std of probabilities"] == pytest.approx(np.sqrt(1 / 8 - 1 / 64))
    assert certain["largest probability"] == 1
    assert uniform["std of probabilities"] == pytest.approx(0, abs=1e-7)


def test_resizer_without_its_last_layer_differs_in_nothing_from_bilinear():
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    body.features = 3
    network = NeuralResizer("b", body, nn.Identity(), upscaled_size=32, backbone_size=16).eval()
    images = torch.randn(2, 3, 32, 32)
    assert np.abs(reduced(network, images).difference).max() > 0.1
    assert isinstance(network.resizer, LearnedResizer)
    nn.init.zeros_(network.resizer.picture.weight)
    nn.init.zeros_(network.resizer.picture.bias)
    assert np.abs(reduced(network, images).difference).max() < 1e-3


def test_sample_has_labelled_faces_only_and_is_the_same_each_time():
    labels = np.array([0, -1, 1, 1, -1, 0])
    assert set(sample(labels, 3).tolist()) < {0, 2, 3, 5}
    assert len(sample(labels, 3)) == 3
    np.testing.assert_array_equal(sample(labels, 3), sample(labels, 3))


def test_map_is_the_same_each_time():
    rows = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    np.testing.assert_array_equal(tsne(rows), tsne(rows))


def test_no_two_classes_look_alike():
    assert len({class_look(index) for index in range(64)}) == 64


@pytest.mark.parametrize("content", [b"", b"step,accuracy\n1,0.5\n", b"step,loss\n1,\xff\n"])
def test_what_is_no_log_is_named(tmp_path, content):
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(ModelError, match=r"log\.csv: (cannot be read|.*no such column)"):
        read_log(tmp_path / "log.csv")


def test_broken_log_is_named_with_its_line(tmp_path):
    (tmp_path / "log.csv").write_text("step,loss\n1,2.5\n2\n")
    with pytest.raises(ModelError, match=r"log\.csv, line 3: loss: expected a number"):
        read_log(tmp_path / "log.csv")


def test_figure_that_a_row_lacks_is_a_gap(tmp_path):
    (tmp_path / "log.csv").write_text("step,loss,ccc\n1,2.5,\n2,2,0.5\n")
    rows = read_log(tmp_path / "log.csv")
    np.testing.assert_array_equal(rows["ccc"], [np.nan, 0.5])
    assert rows["loss"] == [2.5, 2]


def test_figure_leaves_nothing_but_itself(tmp_path):
    write_figure(figure_of()[0], tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_report_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "out").write_text("in the way")
    figures = {"run": "a", "system": "dan", "dataset": "ferplus", "split": "test"}
    monkeypatch.setattr(page, "SECTIONS", ())
    with pytest.raises(SinkError, match=r"out/a/metrics\.json: cannot be written"):
        page.write_report(SimpleNamespace(figures=lambda: figures), tmp_path / "out" / "a")
    with pytest.raises(SinkError, match=r"out/a\.png: cannot be written"):
        write_figure(figure_of()[0], tmp_path / "out" / "a.png")


def said(run, accuracy, data="d"):
    size = {"parameters": 1_500_000, "gmac": 0.25}
    return {"run": run, "system": "dan", "accuracy": accuracy, "data_sha256": data, **size}


def test_runs_that_differ_in_their_seed_alone_are_one_row_with_mean_and_deviation():
    recipes = [
        {"task": "system", "loop": {"seed": 0, "workers": 1, "steps": 9}},
        {"task": "system", "loop": {"seed": 1, "workers": 4, "steps": 9}},
        {"task": "system", "loop": {"seed": 0, "workers": 1, "steps": 5}},
    ]
    rows = rows_of(recipes, [said("a", 0.8), said("b", 0.9), said("c", 0.5)])
    assert [row.runs for row in rows] == [("a", "b"), ("c",)]
    lines = comparison_table(rows)
    assert lines[2].startswith("| a, b | dan | 1.50 | 0.250 | 0.8500 ± 0.0707 | - |")
    assert lines[3].startswith("| c | dan | 1.50 | 0.250 | 0.5000 | - |")
    assert len(rows_of(recipes[:2], [said("a", 0.8), said("b", 0.9, "other")])) == 2


def test_runs_of_the_same_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="two runs named x"):
        folders_of([tmp_path / "a" / "x", tmp_path / "b" / "x"], tmp_path)


def test_missing_run_is_one_line_and_exit_code_four(tmp_path, capsys):
    assert main([str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 4
    assert capsys.readouterr().err.startswith("fer-report: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_run_is_reported_and_a_report_is_not_overwritten_unasked(
    system_run, ferplus_root, tmp_path, capsys
):
    out = tmp_path / "out"
    command = [str(system_run), "--out", str(out), "--data", str(ferplus_root)]
    command += ["--cache", str(tmp_path / "cache")]
    assert main(command) == 0
    names = {path.name for path in (out / "tiny").iterdir()}
    pictures = {"confusion.png", "reliability.png", "tsne.png", "resizer.png", "curves.png"}
    assert names == pictures | {"report.md", "metrics.json"}
    text = (out / "tiny" / "report.md").read_text()
    assert all(f"]({name})" in text for name in pictures)
    assert json.loads((out / "tiny" / "metrics.json").read_text())["images"] == 8
    assert main(command) == 5
    assert "report.md: exists already; use --overwrite" in capsys.readouterr().err
