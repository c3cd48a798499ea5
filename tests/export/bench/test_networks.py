"""Figures of the networks, from known times and from tiny graphs."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.errors import ConfigError, ModelError
from export.bench.memory import is_measurable, peak_growth
from export.bench.networks import Case, NetworksConfig, Peak, measure_networks, row_of
from export.bench.workload import WorkloadSession, workloads_of


def silent(count, _):
    return range(count)


@pytest.fixture
def workload(write_gemm, tmp_path):
    (workload,) = workloads_of([write_gemm(tmp_path / "a.onnx", gmac=0.2)])
    return workload


def test_figures_follow_from_the_times(workload):
    times_ms = np.arange(1, 102, dtype=np.float32)[::-1]  # 1 to 101
    peak = Peak(device="cpu", threads=2, side=8, gmac_per_s=1600)
    case = Case(workload, "auto", 2, 4, SimpleNamespace(devices=("cpu", "cpu")))
    row = row_of(case, times_ms, peak, 12.5)
    assert (row.best_ms, row.p50_ms, row.p95_ms, row.p99_ms) == (1, 51, 96, 100)
    assert row.each_ms == 51 / 4
    assert row.per_s == pytest.approx(1000 * 4 * 101 / sum(range(1, 102)))
    assert row.peak_share == pytest.approx(0.2 * 4 / 0.001 / 1600)  # half
    assert (row.device, row.calls, row.memory_mib) == ("cpu", 101, 12.5)


def test_every_case_is_measured_and_the_rest_is_said(write_gemm, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "export.bench.networks.peak_growth", lambda _, __, ___, batch, seed: batch + seed
    )
    free = write_gemm(tmp_path / "free.onnx")
    fixed = write_gemm(tmp_path / "fixed.onnx", batch=2)
    config = NetworksConfig(devices=("cpu",), threads=(1, 2), batches=(1, 2), rounds=3, seed=7)
    found = measure_networks(workloads_of([free, fixed]), config, silent)
    cases = [(row.name, row.threads, row.batch, row.memory_mib) for row in found.rows]
    one = [("free", 1, 1, 8), ("free", 1, 2, 9), ("fixed", 1, 2, 9)]
    assert cases == one + [(name, 2, batch, memory) for name, _, batch, memory in one]
    assert found.left_out == ("fixed takes no batch of 1",)
    assert [(peak.device, peak.threads) for peak in found.peaks] == [("cpu", 1), ("cpu", 2)]
    assert all(peak.gmac_per_s > 0.1 for peak in found.peaks)
    assert all(0 < row.best_ms <= row.p50_ms <= row.p95_ms <= row.p99_ms for row in found.rows)
    assert {row.calls for row in found.rows} == {3}


def test_larger_network_takes_longer(write_gemm, tmp_path, monkeypatch):
    monkeypatch.setattr("export.bench.networks.is_measurable", lambda: False)
    paths = [write_gemm(tmp_path / f"{side}.onnx", side, side) for side in (8, 1024)]
    config = NetworksConfig(devices=("cpu",), threads=(1,), batches=(64,), rounds=5)
    small, large = measure_networks(workloads_of(paths), config, silent).rows
    assert large.best_ms > 3 * small.best_ms
    assert large.peak_share > small.peak_share


def test_nothing_to_measure_is_a_wrong_option(write_gemm, tmp_path):
    workloads = workloads_of([write_gemm(tmp_path / "a.onnx", batch=2)])
    with pytest.raises(ConfigError, match="nothing is left to be measured: a takes no batch of 1"):
        measure_networks(workloads, NetworksConfig(batches=(1,)), silent)


@pytest.mark.parametrize("wrong", [{"batches": ()}, {"batches": (0,)}, {"threads": (-1,)}])
def test_wrong_numbers_are_named(wrong):
    with pytest.raises(ConfigError, match=rf"{next(iter(wrong))}(\.0)?: must be "):
        NetworksConfig(**wrong)


def test_device_that_is_not_there_is_an_error(workload):
    with pytest.raises(ModelError, match="device cuda"):
        measure_networks([workload], NetworksConfig(devices=("cuda",), rounds=1), silent)


def test_device_that_only_runs_engines_has_no_peak(workload, monkeypatch):
    class Engines(WorkloadSession):
        def __init__(self, workload, device, threads):
            if workload.manifests[0].kind == "matrix product":
                raise ModelError("no engine beside it")
            super().__init__(workload, device, threads)

    monkeypatch.setattr("export.bench.networks.WorkloadSession", Engines)
    monkeypatch.setattr("export.bench.networks.is_measurable", lambda: False)
    config = NetworksConfig(devices=("cpu",), threads=(1,), batches=(1,), rounds=2)
    found = measure_networks([workload], config, silent)
    assert found.peaks == ()
    assert found.left_out == ("no peak of cpu: no engine beside it",)
    assert [row.peak_share for row in found.rows] == [None]


@pytest.mark.slow
@pytest.mark.skipif(not is_measurable(), reason="the system does not say what a process takes")
def test_memory_grows_by_the_weights(write_gemm, tmp_path):
    paths = [write_gemm(tmp_path / f"{side}.onnx", side, side) for side in (8, 4096)]
    small, large = (peak_growth(s, "cpu", 1, 1) for s in workloads_of(paths))
    assert 0 < small < 40
    assert large - small > 60  # its weights are 64 MiB


@pytest.mark.slow
def test_error_of_the_other_process_is_told(workload):
    workload.manifests[0].path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be loaded"):
        peak_growth(workload, "cpu", 1, 1)
