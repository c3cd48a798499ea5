"""Networks of strangers: wrong answers, and appetite for memory."""

import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.command.cli import main
from engine.assets import asset_path
from engine.errors import ModelError
from engine.networks import ort
from engine.networks.manifest import load_manifest
from engine.networks.outputs import LARGEST, answer
from engine.networks.runtime import Session

ROOT = Path(__file__).parents[3]
NAN, INF = float("nan"), float("inf")


def test_an_answer_of_the_right_shape_is_given():
    values = np.array([[0, LARGEST, -LARGEST]], np.float16 if LARGEST < 6e4 else np.float64)
    said = answer("net", [values], 0, (1, 3))
    assert said.dtype == np.float32
    np.testing.assert_array_equal(said, [[0, LARGEST, -LARGEST]])
    assert answer("net", [np.zeros((0, 2), np.float32)], 0, (0, 2)).shape == (0, 2)


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ([], r"output 0: missing; expected one of \(2, 2\)"),
        ([np.zeros((2, 3), np.float32)], r"output 0: expected numbers \(2, 2\), got \(2, 3\)"),
        ([np.zeros((2, 2), np.int64)], r"expected numbers \(2, 2\), got \(2, 2\) int64"),
        ([np.array([["a", "b"]] * 2, object)], "expected numbers"),
        ([[0.0]], r"expected numbers \(2, 2\), got list"),
        ([np.full((2, 2), NAN, np.float32)], "not finite or over 1e"),
        ([np.array([[0, 0], [0, INF]], np.float32)], "not finite or over 1e"),
        ([np.array([[0, 0], [0, -1e7]], np.float32)], "not finite or over 1e"),
    ],
)
def test_an_answer_that_means_nothing_is_a_model_error(outputs, says):
    with pytest.raises(ModelError, match=f"^net: .*{says}"):
        answer("net", outputs, 0, (2, 2))


@pytest.fixture
def write(tmp_path):
    """Give `write(nodes, constants, like)`: a network with the manifest of a shipped one.

    It takes crops as networks of before did, normalised.
    """

    def write(nodes, constants=(), like="landmark-net", outputs=(), name="marks"):
        shipped = onnx.load(asset_path(f"{like}.onnx")).graph
        ends = [
            helper.make_tensor_value_info(out, kind, None) for out, kind in dict(outputs).items()
        ]
        values = [numpy_helper.from_array(value, key) for key, value in dict(constants).items()]
        crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["n", 3, 112, 112])
        inputs = [crops if each.name == "crops" else each for each in shipped.input]
        graph = helper.make_graph(nodes, "g", inputs, ends, values)
        path = tmp_path / f"{name}.onnx"
        opset = [helper.make_opsetid("", 18)]
        onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
        data = json.loads(asset_path(f"{like}.json").read_text())
        data["input"] |= {"colour": "rgb", "dtype": "float32"}
        data["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_suffix(".json").write_text(json.dumps(data))
        return path

    return write


def hungry(write, count, folded):
    """Write a network of some hundred bytes that fills `count` numbers."""
    first = helper.make_node("ReduceMax", ["crops"], ["m"], keepdims=0)
    fill = (
        [helper.make_node("ConstantOfShape", ["n"], ["big"])]
        if folded
        else [first, helper.make_node("Expand", ["m", "n"], ["big"])]
    )
    last = helper.make_node("ReduceMax", ["big"], ["r"], keepdims=0)
    return write(
        [*fill, last], {"n": np.array([count], np.int64)}, outputs={"r": TensorProto.FLOAT}
    )


CROPS = {"crops": np.zeros((1, 3, 112, 112), np.float32)}


@pytest.mark.parametrize("folded", [False, True])
def test_memory_is_refused_before_it_is_taken(write, folded, capfd):
    path = hungry(write, 10**9, folded)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    session = Session(load_manifest(path), "cpu", 1)
    with pytest.raises(ModelError, match=r"more memory.*--max-network-mib N allows more$"):
        session.run(CROPS)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
    assert capfd.readouterr() == ("", "")


def test_the_limit_counts_for_networks_that_are_opened_after_it(write):
    path = hungry(write, 5_000_000, folded=False)
    try:
        ort.allow_memory(10)
        small = Session(load_manifest(path), "cpu", 1)
        ort.allow_memory(40)
        large = Session(load_manifest(path), "cpu", 1)
        with pytest.raises(ModelError, match="--max-network-mib"):
            small.run(CROPS)
        large.run(CROPS)
    finally:
        ort.allow_memory(ort.MEMORY_MIB)


def test_a_release_that_cannot_change_the_limit_says_so(monkeypatch):
    def refuse(*_):
        raise RuntimeError("already registered")

    monkeypatch.setattr(ort.onnxruntime, "create_and_register_allocator", refuse)
    ort.allow_memory(ort.MEMORY_MIB)
    with pytest.raises(ModelError, match=r"max_network_mib: .* install 1\.23 or newer"):
        ort.allow_memory(ort.MEMORY_MIB + 1)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : No graph\nwas found.", "No graph was found."),
        ("", "Exception"),
        ("x" * 500, "x" * 200 + "…"),
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Add node. "
            "Name:'a' Status Message: /src/core/math.cc:540 void onnxruntime::Broadcast(ptrdiff_t) "
            "axis == 1 was false.",
            "Non-zero status code returned while running Add node. Name:'a' Status Message: "
            "axis == 1 was false.",
        ),
    ],
)
def test_errors_of_onnx_runtime_are_one_line(said, line):
    assert ort.reason(Exception(said)) == line


SHAPES = {"landmarks": [-1, 68, 2], "presence": [-1], "map": [-1, 3, 112, 112]}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "ends well"),
        ({"landmarks": [-1, 2, 68]}, r"landmark-net: output 0: expected numbers \(1, 68, 2\)"),
        ({"presence": [-1, 1]}, r"output 1: expected numbers \(1,\), got \(1, 1\)"),
        ({"presence": [2, -1]}, r"output 1: expected numbers \(1,\), got"),
        ({"presence": None, "map": None}, "output 1: missing"),
    ],
)
def test_landmarks_of_another_shape_are_a_model_error(write, wrong, says):
    from engine.faces.landmarker import Landmarker
    from engine.types import Face

    shapes = {name: shape for name, shape in {**SHAPES, **wrong}.items() if shape}
    sizes = {"landmarks": 136, "presence": 2 if wrong.get("presence") == [2, -1] else 1}
    nodes, constants = [], {"zero": np.zeros(1, np.float32)}
    for name, shape in shapes.items():
        constants[f"{name}_shape"] = np.array(shape, np.int64)
        source = "crops"
        if name in sizes:
            source = f"{name}_few"
            constants[f"{name}_start"] = np.array([0], np.int64)
            constants[f"{name}_end"] = np.array([sizes[name]], np.int64)
            constants[f"{name}_axis"] = np.array([1], np.int64)
            nodes.append(helper.make_node("Flatten", ["crops"], [f"{name}_flat"]))
            edges = [f"{name}_{part}" for part in ("flat", "start", "end", "axis")]
            nodes.append(helper.make_node("Slice", edges, [source]))
        nodes.append(helper.make_node("Reshape", [source, f"{name}_shape"], [name]))
    path = write(nodes, constants, outputs=dict.fromkeys(shapes, TensorProto.FLOAT))
    still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    crop = np.arange(112 * 112 * 3, dtype=np.uint8).reshape(112, 112, 3)
    faces = [Face(crop, still)]
    landmarker = Landmarker(load_manifest(path), "cpu", 1)
    if not wrong:
        assert len(landmarker.locate(faces)) == 1
        return
    with pytest.raises(ModelError, match=says):
        landmarker.locate(faces)


def test_a_model_that_answers_nan_gives_an_error_and_no_rows(write, tmp_path, capsys):
    asset = asset_path("poster-rt.onnx")
    model = onnx.load(asset)
    (last,) = (node for node in model.graph.node if "logits" in node.output)
    index = list(last.output).index("logits")
    last.output[index] = "sound"
    model.graph.node.append(helper.make_node("Log", ["negative"], ["nan"]))
    model.graph.node.append(helper.make_node("Add", ["sound", "nan"], ["logits"]))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(-1), "negative"))
    nodes = sorted(model.graph.node, key=lambda node: "logits" in node.output)
    log = [node for node in nodes if node.op_type == "Log" and "nan" in node.output]
    rest = [node for node in nodes if node not in log]
    del model.graph.node[:]
    model.graph.node.extend([*log, *rest])
    path = tmp_path / "poster-rt.onnx"
    onnx.save(model, path)
    data = json.loads(asset.with_suffix(".json").read_text())
    data["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(data))
    for ending in (".onnx", ".json"):
        (tmp_path / f"landmark-net{ending}").symlink_to(asset_path(f"landmark-net{ending}"))
    rows = tmp_path / "r.csv"
    given = [str(asset_path("demo.mp4")), "--records", str(rows), "--model", str(path)]
    assert main([*given, "--duration", "0.2", "--quiet"]) == 4
    said = capsys.readouterr().err
    assert "poster-rt: output 0: not finite" in said
    assert said.count("\n") == 1
    assert not rows.exists()


def test_nothing_of_onnx_runtime_reaches_the_terminal(write):
    """Its log is native code's own: only another process shows it."""
    bad = write([helper.make_node("Gone", ["crops"], ["r"])], outputs={"r": TensorProto.FLOAT})
    code = (
        "import sys; from pathlib import Path; from engine.errors import ModelError;"
        "from engine.networks.manifest import load_manifest;"
        "from engine.networks.runtime import Session\n"
        "try: Session(load_manifest(Path(sys.argv[1])), 'cpu')\n"
        "except ModelError as error: assert '\\n' not in str(error), error\n"
        "else: raise SystemExit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bad)], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
