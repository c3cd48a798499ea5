"""Engines from ONNX files, on a stand-in for TensorRT: precision, what lies beside, refusals."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engine.assets import asset_path
from engine.errors import ConfigError, ModelError, SinkError
from engine.files import staged
from engine.networks.manifest import load_manifest
from engine.networks.runtime import Session
from engine.networks.tensorrt.build import BuildConfig
from engine.networks.tensorrt.session import EngineSession
from export.tensorrt import export_engine, export_engines

FACTS = {
    "architecture": "linear",
    "opset": 18,
    "commit": "unknown",
    "licence": "CC0-1.0",
    "metrics": {"accuracy": 0.5},
    "parity": 1e-6,
}


@pytest.fixture
def fake(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = Path(__file__).parents[1] / "fake_tensorrt.py"
    spec = importlib.util.spec_from_file_location("fake_tensorrt", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(fake, monkeypatch):
    return fake.install(monkeypatch, fake.Machine())


def write_network(path, kind="landmarks", quantised=False, **more):
    """A network that multiplies a batch of three numbers with a matrix."""
    path.parent.mkdir(exist_ok=True)
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="gemm")]
    tensors = {"w": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.ones(2, np.float32)}
    if quantised:
        tensors["s"], tensors["z"] = np.float32(1), np.int8(0)
        nodes.append(helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantise"))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in tensors.items()],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)])
    onnx.save(model, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = {**FACTS, "name": path.stem, "kind": kind, "outputs": ["y"], "sha256": digest, **more}
    path.with_suffix(".json").write_text(json.dumps(facts))
    return path


def maps_of(batch):
    """Shapes that poster-rt takes for a batch."""
    sizes = {"crops": (3, 112), "map4": (32, 28), "map8": (80, 14), "map16": (160, 7)}
    return {name: (batch, channels, side, side) for name, (channels, side) in sizes.items()}


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_engine_lies_beside_the_graph_it_was_built_from(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    out = tmp_path / "out" / "fast.engine"
    graph = export_engine(source, out, config=BuildConfig(max_batch=5))
    assert names_in(out.parent) == [
        "fast.engine",
        "fast.engine.json",
        "fast.json",
        "fast.onnx",
        "fast.timing",
    ]
    assert graph == out.with_suffix(".onnx")
    assert load_manifest(graph).sha256 == load_manifest(source).sha256
    (y,) = EngineSession(out).run({"x": np.ones((5, 3), np.float32)})
    np.testing.assert_array_equal(y, [[7, 10]] * 5)


def test_engine_beside_its_source_leaves_that_as_it_is(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    before = source.read_bytes(), source.with_suffix(".json").read_bytes()
    assert export_engine(source, source.with_suffix(".engine")) == source
    assert (source.read_bytes(), source.with_suffix(".json").read_bytes()) == before


def test_staged_engine_fits_where_it_was_moved_to(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    out = tmp_path / "out" / "net.engine"
    for _ in range(2):
        with staged(out) as inside:
            export_engine(source, inside, earlier=out)
    EngineSession(out)
    assert len(machine.builds) == 2  # it was not stale
    assert machine.builds[1].timing == machine.builds[0].timing + b"+timed"


def test_half_precision_is_another_graph_beside_the_engine(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    out = tmp_path / "out" / "half.engine"
    graph = load_manifest(export_engine(source, out, precision="fp16"))
    assert graph.path == out.with_suffix(".onnx")
    assert graph.data["precision"] == "fp16"
    assert graph.data["made_from"] == load_manifest(source).sha256
    assert graph.data["metrics"] == {}
    assert graph.data["fp32"] == {"parity": 1e-6, "metrics": {"accuracy": 0.5}}
    kinds = {tensor.data_type for tensor in onnx.load(graph.path).graph.initializer}
    assert TensorProto.FLOAT16 in kinds
    assert machine.builds[0].tf32  # no fp32 promise to keep
    session = EngineSession(out)
    assert session.manifest.sha256 == graph.sha256
    (y,) = session.run({"x": np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(y, [[7, 10]] * 2)


def test_half_precision_does_not_replace_its_source(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    before = source.read_bytes()
    with pytest.raises(ConfigError, match=r"net\.engine: its graph would replace .*net\.onnx"):
        export_engine(source, source.with_suffix(".engine"), precision="fp16")
    assert source.read_bytes() == before


def test_quantised_graph_is_built_as_it_is(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx", quantised=True, precision="int8")
    export_engine(source, tmp_path / "out" / "net.engine")
    card = json.loads((tmp_path / "out" / "net.engine.json").read_text())
    assert card["key"]["precision"] == "int8"


def test_graph_that_is_not_what_its_manifest_says_is_refused(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx", precision="int8")
    with pytest.raises(
        ModelError, match=r"net\.onnx: computes nothing in int8, and TensorRT takes"
    ):
        export_engine(source, tmp_path / "out" / "net.engine")
    assert not (tmp_path / "out" / "net.engine").exists()


@pytest.mark.parametrize("precision", ["bf16", "int8", "fp8"])
def test_precision_that_needs_another_graph_names_the_command(tmp_path, machine, precision):
    source = write_network(tmp_path / "in" / "net.onnx")
    machine.gpu = ("Fake", 9, 0)
    with pytest.raises(ModelError) as raised:
        export_engine(source, tmp_path / "out" / "net.engine", precision=precision)
    assert str(raised.value) == (
        f"{source}: is fp32, and TensorRT takes its types from the graph; convert it to "
        f"{precision} first: fer-export --to onnx --precision {precision}"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("gpu", "precision"), [(("Tesla T4", 7, 5), "bf16"), (("RTX 3090", 8, 6), "fp8")]
)
def test_precision_that_the_gpu_lacks_is_refused_at_once(tmp_path, machine, gpu, precision):
    machine.gpu = gpu
    source = write_network(tmp_path / "in" / "net.onnx", precision=precision)
    with pytest.raises(ModelError, match=f"precision {precision}: needs compute .* {gpu[0]} has"):
        export_engine(source, tmp_path / "out" / "net.engine")
    assert not (tmp_path / "out").exists()


def test_missing_tensorrt_is_said_before_anything_is_written(tmp_path, fake, monkeypatch):
    fake.remove(monkeypatch, "tensorrt")
    source = write_network(tmp_path / "in" / "net.onnx")
    with pytest.raises(ModelError, match="TensorRT not installed: pip install tensorrt cuda-pyth"):
        export_engine(source, tmp_path / "out" / "net.engine", precision="fp16")
    assert not (tmp_path / "out").exists()


def test_missing_driver_is_said_before_anything_is_written(tmp_path, machine):
    machine.status = "cudaErrorInsufficientDriver"
    source = write_network(tmp_path / "in" / "net.onnx")
    with pytest.raises(ModelError, match="no NVIDIA driver that works"):
        export_engine(source, tmp_path / "out" / "net.engine")
    assert not (tmp_path / "out").exists()


def test_other_ending_is_refused(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    with pytest.raises(ConfigError, match=r"net\.plan: an engine's name ends in \.engine"):
        export_engine(source, tmp_path / "net.plan")


def test_file_without_manifest_is_refused(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    source.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match="manifest cannot be read"):
        export_engine(source, tmp_path / "out" / "net.engine")


def test_place_that_cannot_be_written_to_is_a_sink_error(tmp_path, machine):
    source = write_network(tmp_path / "in" / "net.onnx")
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SinkError, match="cannot be written"):
        export_engine(source, tmp_path / "out" / "net.engine")


def test_expression_network_brings_its_landmark_network(tmp_path, machine):
    landmarks = load_manifest(write_network(tmp_path / "in" / "points.onnx"))
    names = {"file": "points.onnx", "sha256": landmarks.sha256, "maps": []}
    source = write_network(tmp_path / "in" / "net.onnx", "expression", landmarks=names)
    out = tmp_path / "out" / "net.engine"
    graphs = export_engines(source, out, precision="fp16")
    assert [path.name for path in graphs] == ["net.onnx", "points.onnx"]
    assert load_manifest(graphs[0]).data["landmarks"] == names
    assert load_manifest(graphs[1]).sha256 == landmarks.sha256  # the very bytes that are named
    assert out.with_name("points.engine").is_file()


def test_expression_network_without_its_landmark_network_is_refused(tmp_path, machine):
    names = {"file": "points.onnx", "sha256": "0", "maps": []}
    source = write_network(tmp_path / "in" / "net.onnx", "expression", landmarks=names)
    with pytest.raises(ModelError, match=r"points\.onnx: no such model file"):
        export_engines(source, tmp_path / "out" / "net.engine")


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("tensorrt") is None, reason="needs TensorRT and an NVIDIA GPU"
)
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("landmark-net", [{"crops": (batch, 3, 112, 112)} for batch in (1, 2, 7)]),
        ("poster-rt", [maps_of(batch) for batch in (1, 2, 7)]),
        ("fer-detector", [{"image": (1, 1, *size)} for size in ((544, 960), (192, 320))]),
    ],
)
def test_shipped_network_agrees_with_the_cpu(tmp_path, monkeypatch, name, shapes):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    source = asset_path(f"{name}.onnx")
    export_engine(source, tmp_path / f"{name}.engine")
    there, here = EngineSession(tmp_path / f"{name}.engine"), Session(load_manifest(source), "cpu")
    draw = np.random.default_rng(0)
    for shape in (*shapes, shapes[0]):  # the first again: its recording is launched
        inputs = {
            key: draw.integers(0, 256, size, np.uint8)
            if key == "image"
            else draw.standard_normal(size, np.float32)
            for key, size in shape.items()
        }
        for one, other in zip(there.run(inputs), here.run(inputs), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
