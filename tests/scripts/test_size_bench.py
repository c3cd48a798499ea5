"""Sizes of poster-rt: named, counted and timed; and the plot drawn from a benchmark."""

import json
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from engine.assets import asset_path
from export.landmark_net import MAPS
from scripts.benches import plot
from scripts.benches.frontier import feeds_of, session_of
from scripts.benches.sizes import COMPARED, Shape, times, write

BENCH = Path(__file__).parents[2] / "docs/benchmarks/2026-11-27-networks/bench.json"


def test_a_shape_is_read_as_it_is_written():
    for shape in COMPARED:
        assert Shape.parse(str(shape)) == shape
    assert str(Shape()) == "32,80,160/2,3,3/1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("40,100,200", "not of the form 32,80,160/2,3,3/1"),
        ("40,100/2,3,3/1", "not of the form"),
        ("40,100,x/2,3,3/1", "not of the form"),
        ("40,100,200/2,0,3/1", "not of the form"),
        ("40,100,201/2,3,3/1", "channels must be multiples of 2, 4 and 5"),
    ],
)
def test_what_is_no_shape_is_refused(text, says):
    with pytest.raises(ArgumentTypeError, match=says):
        Shape.parse(text)


def test_larger_shapes_cost_what_their_table_says():
    today, *larger = (shape.size() for shape in COMPARED)
    assert today.parameters == 2_716_089
    assert today.gmac == pytest.approx(0.281, abs=5e-4)
    assert all(0.37 < size.gmac < 0.43 for size in larger)


@pytest.mark.slow
def test_both_forms_of_a_shape_are_timed(tmp_path):
    shape = Shape(channels=(8, 16, 20), blocks=(1, 1, 1))
    text = times({shape: write(shape, tmp_path)}, rounds=2, threads=1)
    head, _, row = text.splitlines()
    assert head.count("ms (times the first)") == 2
    assert row.startswith("| 8,16,20/1,1,1/1 | ")
    assert row.count(" (1.00) ") == 2


def test_inputs_are_what_the_shipped_networks_take():
    fusion = asset_path("poster-rt.onnx")
    seen, read = feeds_of(asset_path("landmark-net.onnx"), MAPS, faces=2)
    logits, affect = session_of(fusion, 1).run(None, dict(read))
    assert (logits.shape, affect.shape) == ((2, 8), (2, 2))
    assert seen["crops"] is read["crops"]


def test_plot_takes_what_was_measured_and_nothing_else(tmp_path):
    systems = plot.measured(BENCH)
    assert systems
    assert {system.kind for system in systems} == {"measured"}
    path = tmp_path / "plot.png"
    assert plot.main([str(BENCH), str(path)]) == 0
    assert path.stat().st_size > 10_000


def test_benchmark_without_networks_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"systems": []}))
    assert plot.main([str(path), str(tmp_path / "plot.png")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("no measured systems; name the bench.json of fer-bench")
    assert not (tmp_path / "plot.png").exists()
