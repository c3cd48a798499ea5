"""Multiply-accumulates, against numbers worked out by hand and what torch counts."""

import numpy as np
import pytest
from onnx import helper

from engine.assets import asset_path
from engine.errors import ModelError
from export.bench.macs import gmac_of


def test_gemm_counts_rows_times_inner_times_columns(write_gemm, tmp_path):
    path = write_gemm(tmp_path / "a.onnx", 3, 5)
    assert gmac_of(path, {"crops": (1, 3)}) * 1e9 == pytest.approx(15)
    assert gmac_of(path, {"crops": (7, 3)}) * 1e9 == pytest.approx(105)


def test_transposed_gemm_takes_the_other_side_as_inner(write_network, tmp_path):
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transA=1)
    constants = {"w": np.zeros((4, 6), np.float32)}
    path = write_network(tmp_path / "a.onnx", [node], {"x": [4, 2]}, {"y": [2, 6]}, constants)
    assert gmac_of(path, {"x": (4, 2)}) * 1e9 == pytest.approx(2 * 4 * 6)


@pytest.mark.parametrize(("group", "wanted"), [(1, 8 * 25 * 4 * 9), (2, 8 * 25 * 2 * 9)])
def test_convolution_counts_its_groups(write_network, tmp_path, group, wanted):
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], group=group)
    weights = np.zeros((8, 4 // group, 3, 3), np.float32)
    inputs, outputs = {"x": ["N", 4, "H", "W"]}, {"y": ["N", 8, "H", "W"]}
    path = write_network(tmp_path / "a.onnx", [node], inputs, outputs, {"w": weights})
    assert gmac_of(path, {"x": (1, 4, 5, 5)}) * 1e9 == pytest.approx(wanted)


def test_transposed_convolution_counts_its_input(write_network, tmp_path):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    weights = np.zeros((4, 6, 2, 2), np.float32)
    inputs, outputs = {"x": [1, 4, 5, 5]}, {"y": [1, 6, 10, 10]}
    path = write_network(tmp_path / "a.onnx", [node], inputs, outputs, {"w": weights})
    assert gmac_of(path, {"x": (1, 4, 5, 5)}) * 1e9 == pytest.approx(4 * 25 * 6 * 4)


def test_product_of_two_activations_counts(write_network, tmp_path):
    node = helper.make_node("MatMul", ["x", "z"], ["y"])
    inputs = {"x": ["N", 2, 3, 4], "z": ["N", 2, 4, 5]}
    path = write_network(tmp_path / "a.onnx", [node], inputs, {"y": ["N", 2, 3, 5]})
    shapes = {"x": (1, 2, 3, 4), "z": (1, 2, 4, 5)}
    assert gmac_of(path, shapes) * 1e9 == pytest.approx(2 * 3 * 4 * 5)


def test_landmark_network_counts_what_torch_counts():
    import torch

    from training.models.flops import size_of
    from training.models.landmark_net import LandmarkNet

    torch_says = size_of(LandmarkNet().eval(), torch.zeros(1, 3, 112, 112)).gmac
    graph_says = gmac_of(asset_path("landmark-net.onnx"), {"crops": (1, 3, 112, 112)})
    assert graph_says == pytest.approx(torch_says, rel=0.01)


def test_file_that_is_no_graph_is_named(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"a\.onnx: its multiply-accumulates cannot be counted"):
        gmac_of(path, {})


def test_shape_that_is_not_known_is_named(write_network, tmp_path):
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Cast", ["places"], ["z"], to=1),
        helper.make_node("MatMul", ["w", "z"], ["y"], name="product"),
    ]
    constants = {"w": np.zeros((5, 2), np.float32)}
    path = write_network(tmp_path / "a.onnx", nodes, {"x": [2, 3]}, {"y": [5, "M"]}, constants)
    with pytest.raises(ModelError, match="node product: the shape of z is not known"):
        gmac_of(path, {"x": (2, 3)})
