"""The table of what others state, against where it comes from."""

from pathlib import Path

import pytest
import torch

from export.bench.networks import NetworkCost, Networks
from export.bench.published import measured_systems, stated_systems
from export.bench.workload import workloads_of
from training.models.cern import Cern
from training.models.flops import size_of

RESULTS = Path(__file__).parents[3] / "docs" / "results.md"


def results():
    """Rows of docs/results.md: name to M parameters, GMAC and accuracy."""
    lines = [line.strip("|").split("|") for line in RESULTS.read_text().splitlines()]
    rows = [[cell.strip().partition(" ± ")[0] for cell in cells] for cells in lines]
    rows = [row for row in rows if len(row) == 12]
    return {row[0]: tuple(map(float, row[1:4])) for row in rows[2:]}


def test_what_was_trained_here_is_what_the_results_say():
    here = [system for system in stated_systems() if system.kind == "here"]
    table = {s.accuracy_source.partition(": ")[2]: s for s in here}
    assert table.keys() == results().keys()
    for name, (parameters, gmac, accuracy) in results().items():
        system = table[name]
        assert (system.parameters, system.gmac) == (parameters, gmac)
        assert system.accuracy == pytest.approx(100 * accuracy)


def test_every_system_says_where_its_numbers_come_from():
    systems = stated_systems()
    assert len({(system.name, system.kind) for system in systems}) == len(systems)
    for system in systems:
        assert system.accuracy_source
        assert bool(system.cost_source) == (system.parameters is not None)
        assert 50 < system.accuracy < 100
        assert system.ms is None


def test_published_rows_are_those_of_the_papers():
    published = {s.name: s.accuracy for s in stated_systems() if s.kind == "published"}
    assert published["POSTER"] == 91.62
    assert published["POSTER++"] == 92.28
    assert published["ARBEx"] == 93.09
    assert published["CERN"] == 88.17
    assert published["VGG13"] == 84.99
    assert "DAN" not in published, "its paper states nothing on FER+"


def test_published_rows_say_what_they_start_from():
    published = {s.name: s for s in stated_systems() if s.kind == "published"}
    silent = [name for name, s in published.items() if s.look == "not stated"]
    assert silent == ["VGG16"], "the goals name no paper"
    assert published["VGG13"].look == "nothing"
    assert published["CERN"].look == published["POSTER"].look == "faces"
    assert published["Swin-S"].look == "ImageNet"
    assert {s.look for s in stated_systems() if s.kind == "here"} == {"here"}


def test_compact_network_is_counted_as_it_is_built_here():
    (stated,) = (s for s in stated_systems() if s.name == "CERN")
    with torch.device("meta"):
        size = size_of(Cern(8), torch.zeros(1, 3, 128, 128))
    assert stated.parameters == pytest.approx(size.parameters / 1e6, abs=0.005)
    assert stated.gmac == pytest.approx(size.gmac, abs=5e-4)


def test_measured_system_has_the_fastest_time_of_one_face(write_pair):
    _, fusion = write_pair()
    workloads = workloads_of([fusion])
    figures = {"best_ms": 1, "p95_ms": 1, "p99_ms": 1, "each_ms": 1, "per_s": 1, "calls": 3}
    figures |= {"precision": "fp32", "device": "cpu", "peak_share": 1, "memory_mib": None}
    rows = tuple(
        NetworkCost(name=name, threads=threads, batch=batch, p50_ms=ms, **figures)
        for name, threads, batch, ms in [
            ("fusion", 1, 1, 0.5),
            ("points + fusion", 1, 1, 4.0),
            ("points + fusion", 2, 1, 3.0),
            ("points + fusion", 2, 2, 2.0),
        ]
    )
    (system,) = measured_systems(Networks(tuple(workloads), rows, (), ()))
    assert (system.name, system.accuracy, system.ms) == ("fusion fp32", 75.0, 3.0)
    assert system.parameters == pytest.approx(10 / 1e6)


def test_name_says_the_precision_once(write_gemm, tmp_path):
    metrics = {"data": "FER+ majority", "test": {"accuracy": 0.8}}
    path = write_gemm(tmp_path / "small-int8.onnx", precision="int8", metrics=metrics)
    (system,) = measured_systems(Networks(tuple(workloads_of([path])), (), (), ()))
    assert (system.name, system.ms) == ("small-int8", None)
