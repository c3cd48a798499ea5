"""What is measured, and what it is fed."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from engine.errors import ConfigError, ModelError
from export.bench.workload import WorkloadSession, shipped_models, workloads_of


def test_fusion_is_measured_alone_and_with_its_landmark_network(write_pair):
    _, fusion = write_pair()
    alone, both = workloads_of([fusion])
    assert [alone.name, both.name] == ["fusion", "points + fusion"]
    assert [alone.parameters, both.parameters] == [7, 10]
    assert [alone.gmac * 1e9, both.gmac * 1e9] == pytest.approx([15, 30])
    assert [alone.accuracy, both.accuracy] == [None, 0.75]
    assert both.megabytes == pytest.approx(sum(m.path.stat().st_size for m in both.manifests) / 1e6)


def test_maps_go_from_one_network_to_the_next(write_pair):
    _, fusion = write_pair()
    both = workloads_of([fusion])[1]
    crops = np.array([[1, 2, 3], [0, 1, 0]], np.float32)
    (logits,) = WorkloadSession(both, "cpu", 1).run({"crops": crops})
    weights = np.arange(15, dtype=np.float32).reshape(3, 5)
    np.testing.assert_allclose(logits, crops @ weights + crops.sum(axis=1, keepdims=True))


def test_feed_is_the_same_for_the_same_seed_and_fits_the_graph(write_gemm, tmp_path):
    (workload,) = workloads_of([write_gemm(tmp_path / "a.onnx")])
    first, again, other = (workload.feed(4, seed)["crops"] for seed in (0, 0, 1))
    assert first.shape == (4, 3)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_batch_is_refused_where_the_graph_has_its_own(write_gemm, tmp_path):
    (workload,) = workloads_of([write_gemm(tmp_path / "a.onnx", batch=2)])
    assert [workload.takes(batch) for batch in (1, 2, 4)] == [False, True, False]


def test_gmac_of_a_fixed_batch_is_that_of_one(write_gemm, tmp_path):
    (workload,) = workloads_of([write_gemm(tmp_path / "a.onnx", batch=2)])
    assert workload.gmac * 1e9 == pytest.approx(15)


def test_gmac_of_the_manifest_goes_before_the_graphs(write_gemm, tmp_path):
    (workload,) = workloads_of([write_gemm(tmp_path / "a.onnx", gmac=0.5)])
    assert workload.gmac == 0.5


def test_only_networks_of_the_precision_asked_for(write_gemm, tmp_path):
    full = write_gemm(tmp_path / "a.onnx")
    small = write_gemm(tmp_path / "b.onnx", precision="int8")
    assert [s.name for s in workloads_of([full, small], ["int8"])] == ["b"]
    with pytest.raises(ConfigError, match="--precision fp16: these networks have only fp32, int8"):
        workloads_of([full, small], ["fp16"])
    with pytest.raises(ConfigError, match="--precision int4: unknown; choose fp32, fp16"):
        workloads_of([full], ["int4"])


def test_same_file_counts_once_and_namesakes_are_told_apart(write_gemm, tmp_path):
    (tmp_path / "other").mkdir()
    first = write_gemm(tmp_path / "a.onnx")
    second = write_gemm(tmp_path / "other" / "a.onnx", 3, 4)
    assert len(workloads_of([first, first])) == 1
    names = [workload.name for workload in workloads_of([first, second])]
    assert len(set(names)) == 2
    assert all(name.startswith("a ") for name in names)


@pytest.mark.parametrize(
    ("shape", "element", "said"),
    [
        (["N", 3], TensorProto.INT64, "input x is INT64; known are FLOAT"),
        (["N", "M"], TensorProto.FLOAT, "what to feed is not known"),
    ],
)
def test_input_that_cannot_be_made_up_is_named(write_network, tmp_path, shape, element, said):
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)]
    path = tmp_path / "a.onnx"
    write_network(path, nodes, {"x": shape}, {"y": shape}, element=element)
    with pytest.raises(ModelError, match=said):
        workloads_of([path])


def test_shipped_networks_are_all_found():
    assert {"fer-detector", "landmark-net", "poster-rt"} <= {p.stem for p in shipped_models()}
    names = {workload.name for workload in workloads_of(shipped_models())}
    assert "landmark-net + poster-rt" in names
