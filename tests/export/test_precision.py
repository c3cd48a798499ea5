"""fp16 and int8 on graphs small enough to know the answer, and on the shipped networks."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import export.calibration
from engine.assets import asset_path
from engine.errors import ConfigError, ModelError, SinkError, SourceError
from engine.faces.alignment import CROP_SIZE
from engine.faces.preprocessing import batch_of
from engine.labels import EXPRESSIONS
from engine.networks.manifest import REQUIRED
from engine.networks.ort import onnxruntime
from engine.types import Face
from export.calibration import (
    Crop,
    Judge,
    aligned,
    calibration_feeds,
    open_inputs,
    training_faces,
    validation_judge,
)
from export.half_precision import full_precision_nodes, to_half_precision
from export.quantization import QuantizeConfig, fewest, quantize, quantize_within

FLOAT = TensorProto.FLOAT


def save(path, nodes, inputs, outputs, constants=(), kind=FLOAT):
    """Write a graph; `inputs` and `outputs` are shapes by name, `constants` arrays by name."""
    ends = [
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in shapes.items()]
        for shapes in (inputs, outputs)
    ]
    held = [numpy_helper.from_array(value, name) for name, value in dict(constants).items()]
    graph = helper.make_graph(nodes, "graph", *ends, held)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
    return path


def run(path, **feed):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def ops_of(path):
    return [node.op_type for node in onnx.load(path).graph.node]


@pytest.fixture
def dan(tmp_path):
    """A map summed over channels, multiplied with the features and pooled, then a gate."""
    gate = np.full((4, 4), 1e-5, np.float32)
    nodes = [
        helper.make_node("Mul", ["x", "one"], ["features"], "scale"),
        helper.make_node("ReduceSum", ["features", "axis"], ["map"], "sum", keepdims=1),
        helper.make_node("Mul", ["features", "map"], ["seen"], "product"),
        helper.make_node("ReduceMean", ["seen", "sides"], ["pooled"], "pool", keepdims=0),
        helper.make_node("MatMul", ["pooled", "gate"], ["told"], "gate"),
        helper.make_node("Sigmoid", ["told"], ["open"], "squash"),
        helper.make_node("MatMul", ["open", "gate"], ["y"], "head"),
    ]
    constants = {
        "one": np.ones(1, np.float32),
        "axis": np.array([1]),
        "sides": np.array([2, 3]),
        "gate": gate,
    }
    return save(tmp_path / "dan.onnx", nodes, {"x": ["N", 4, 2, 2]}, {"y": ["N", 4]}, constants)


def test_what_follows_from_a_channel_sum_never_passes_through_half_precision(dan, tmp_path):
    out = tmp_path / "half.onnx"
    kept = to_half_precision(dan, out)
    assert set(kept) == {"sum", "product", "pool", "gate", "squash"}
    x = np.full((1, 4, 2, 2), 300, np.float32)  # 300 * 1200 = 360,000; float16 ends at 65,504
    np.testing.assert_allclose(run(out, x=x)[0], run(dan, x=x)[0], rtol=2e-3)
    open_ = 1 / (1 + np.exp(-4 * 360_000 * 1e-5))
    np.testing.assert_allclose(run(out, x=x)[0], np.full((1, 4), 4e-5 * open_), rtol=2e-2)
    narrowed = [
        node
        for node in onnx.load(out).graph.node
        if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT16
    ]
    assert {node.input[0] for node in narrowed} & {"map", "seen", "pooled", "told"} == set()


def test_half_keeps_its_ends_and_halves_the_weights(dan, tmp_path):
    out = tmp_path / "half.onnx"
    to_half_precision(dan, out)
    graph = onnx.load(out).graph
    assert [end.type.tensor_type.elem_type for end in (*graph.input, *graph.output)] == [FLOAT] * 2
    kinds = {each.name: each.data_type for each in graph.initializer}
    assert kinds["one"] == kinds["gate"] == TensorProto.FLOAT16
    onnx.checker.check_model(out, full_check=True)


def test_half_is_the_same_twice_and_refused_of_itself(dan, tmp_path):
    first, second = tmp_path / "1.onnx", tmp_path / "2.onnx"
    to_half_precision(dan, first)
    to_half_precision(dan, second)
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(ModelError, match="half precision already"):
        to_half_precision(first, second)
    assert first.read_bytes() == second.read_bytes()


def test_statistics_of_a_normalisation_stay_whole_with_their_epsilon(tmp_path):
    nodes = [
        helper.make_node("Mul", ["x", "two"], ["a"], "before"),
        helper.make_node("ReduceMean", ["a", "axis"], ["mean"], "mean"),
        helper.make_node("Sub", ["a", "mean"], ["centred"], "centre"),
        helper.make_node("Pow", ["centred", "two"], ["square"], "square"),
        helper.make_node("ReduceMean", ["square", "axis"], ["variance"], "variance"),
        helper.make_node("Constant", [], ["epsilon"], "epsilon", value_float=1e-9),
        helper.make_node("Add", ["variance", "epsilon"], ["sure"], "add"),
        helper.make_node("Sqrt", ["sure"], ["root"], "root"),
        helper.make_node("Div", ["centred", "root"], ["n"], "divide"),
        helper.make_node("Mul", ["n", "two"], ["y"], "after"),
    ]
    constants = {"two": np.full(1, 2, np.float32), "axis": np.array([1])}
    path = save(tmp_path / "n.onnx", nodes, {"x": ["N", 4]}, {"y": ["N", 4]}, constants)
    kept = full_precision_nodes(onnx.load(path))
    assert kept == {"mean", "centre", "square", "variance", "epsilon", "add", "root", "divide"}
    to_half_precision(path, tmp_path / "half.onnx")
    x = np.array([[1e-4, 2e-4, 3e-4, 4e-4]], np.float32)  # squares that float16 does not hold
    whole = run(path, x=x)[0]
    np.testing.assert_allclose(run(tmp_path / "half.onnx", x=x)[0], whole, atol=0.02)


def test_nothing_to_halve_is_an_error(tmp_path):
    node = helper.make_node("Softmax", ["x"], ["y"])
    path = save(tmp_path / "s.onnx", [node], {"x": ["N", 4]}, {"y": ["N", 4]})
    with pytest.raises(ModelError, match="nothing to halve"):
        to_half_precision(path, tmp_path / "half.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_a_file_that_is_no_network_is_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="not a readable ONNX file"):
        to_half_precision(path, tmp_path / "out.onnx")
    with pytest.raises(ModelError, match="not a readable ONNX file"):
        quantize(path, tmp_path / "out.onnx", [{}])
    assert not (tmp_path / "out.onnx").exists()


def test_no_place_to_write_to_is_a_sink_error(dan, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError):
        to_half_precision(dan, tmp_path / "file" / "half.onnx")


@pytest.mark.parametrize("name", ["landmark-net", "poster-rt"])
def test_shipped_networks_answer_alike_in_half_precision(tmp_path, name):
    path, out = asset_path(f"{name}.onnx"), tmp_path / "half.onnx"
    kept = to_half_precision(path, out)
    assert out.stat().st_size < 0.52 * path.stat().st_size
    kinds = {node.name: node.op_type for node in onnx.load(path).graph.node}
    assert {"Softmax", "LayerNormalization"} <= {kinds[n] for n in kept} or name == "landmark-net"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    shapes = {each.name: (2, *each.shape[1:]) for each in session.get_inputs()}
    feed = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    feed["crops"] = rng.integers(0, 256, shapes["crops"], np.uint8)
    for whole, half in zip(session.run(None, feed), run(out, **feed), strict=True):
        assert half.dtype == np.float32
        np.testing.assert_allclose(half, whole, atol=1e-2 * np.abs(whole).max())


@pytest.fixture
def layers(tmp_path):
    """Three products in a row and a head; the second reads few huge values among small ones."""
    rng = np.random.default_rng(0)
    weights = {f"w{i}": (rng.standard_normal((16, 16)) / 4).astype(np.float32) for i in range(4)}
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], "first"),
        helper.make_node("Pow", ["a", "nine"], ["b"], "outliers"),
        helper.make_node("MatMul", ["b", "w1"], ["c"], "second"),
        helper.make_node("Tanh", ["c"], ["d"], "squash"),
        helper.make_node("MatMul", ["d", "w2"], ["e"], "third"),
        helper.make_node("Tanh", ["e"], ["f"], "again"),
        helper.make_node("MatMul", ["f", "w3"], ["g"], "head"),
        helper.make_node("Tanh", ["g"], ["y"], "last"),
    ]
    constants = {**weights, "nine": np.full((), 9, np.float32)}
    return save(tmp_path / "f.onnx", nodes, {"x": ["N", 16]}, {"y": ["N", 16]}, constants)


@pytest.fixture
def feeds():
    rng = np.random.default_rng(1)
    return [{"x": rng.standard_normal((8, 16)).astype(np.float32)} for _ in range(4)]


def one_product(path, weights):
    """Write a product with these weights, and an activation behind it."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "only"),
        helper.make_node("Relu", ["a"], ["y"], "after"),
    ]
    rows, columns = weights.shape
    return save(path, nodes, {"x": ["N", rows]}, {"y": ["N", columns]}, {"w": weights})


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_int8_answers_nearly_like_float(tmp_path, feeds, method):
    weights = np.random.default_rng(2).standard_normal((16, 16)).astype(np.float32)
    path, out = one_product(tmp_path / "f.onnx", weights), tmp_path / "q.onnx"
    done = quantize(path, out, feeds, config=QuantizeConfig(method=method))
    assert (done.layers, done.kept, done.tried) == (("only",), (), {})
    whole, said = run(path, **feeds[0])[0], run(out, **feeds[0])[0]
    # Entropy cuts off what is rare, and of so few values many are.
    assert np.abs(said - whole).mean() < (0.1 if method == "entropy" else 0.02) * whole.std()


def test_weights_have_a_scale_per_channel_and_none_is_shifted(tmp_path, feeds):
    weights = np.random.default_rng(2).standard_normal((16, 16)).astype(np.float32)
    weights[:, 3] *= 100
    path, out = one_product(tmp_path / "f.onnx", weights), tmp_path / "q.onnx"
    quantize(path, out, feeds)
    held = {e.name: numpy_helper.to_array(e) for e in onnx.load(out).graph.initializer}
    np.testing.assert_allclose(held["w_scale"], np.abs(weights).max(axis=0) / 64, rtol=1e-5)
    assert not held["w_zero_point"].any()


def test_int8_does_not_saturate_where_sixteen_bits_add_two_products(tmp_path):
    # The largest activations times the largest weights: 2 * 255 * 127 is beyond 32,767.
    path, out = one_product(tmp_path / "f.onnx", np.ones((64, 8), np.float32)), tmp_path / "q.onnx"
    x = np.ones((4, 64), np.float32)
    for reduce_range, most in ((False, 127), (True, 64)):
        quantize(path, out, [{"x": x}], config=QuantizeConfig(reduce_range=reduce_range))
        (held,) = (e for e in onnx.load(out).graph.initializer if e.name == "w_quantized")
        assert np.abs(numpy_helper.to_array(held).astype(int)).max() == most
    np.testing.assert_allclose(run(out, x=x)[0], np.full((4, 8), 64), rtol=0.01)
    assert QuantizeConfig().reduce_range


def test_what_makes_an_output_stays_in_float(layers, feeds, tmp_path):
    assert quantize(layers, tmp_path / "q.onnx", feeds).layers == ("first", "second", "third")
    assert kept_in(tmp_path / "q.onnx") == {"head"}


def test_activations_around_zero_on_request(layers, feeds, tmp_path):
    out = tmp_path / "q.onnx"
    for activations, kind in (("int8", TensorProto.INT8), ("uint8", TensorProto.UINT8)):
        quantize(layers, out, feeds, config=QuantizeConfig(activations=activations))
        points = {e.name: e for e in onnx.load(out).graph.initializer if "zero_point" in e.name}
        assert points["x_zero_point"].data_type == kind
        assert bool(numpy_helper.to_array(points["x_zero_point"])) == (activations == "uint8")


def test_int8_uses_no_operator_of_a_library(layers, feeds, tmp_path):
    out = tmp_path / "q.onnx"
    quantize(layers, out, feeds)
    model = onnx.load(out)
    assert [each.domain for each in model.opset_import] == [""]
    assert {node.domain for node in model.graph.node} == {""}
    assert "QuantizeLinear" in ops_of(out)


def test_kept_layers_read_floats(layers, feeds, tmp_path):
    out = tmp_path / "q.onnx"
    done = quantize(layers, out, feeds, keep=["second"])
    assert (done.layers, done.kept) == (("first", "third"), ("second",))
    graph = onnx.load(out).graph
    unpacked = {n.output[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    reads = {n.name: set(n.input) <= unpacked for n in graph.node if n.op_type == "MatMul"}
    assert reads == {"first": True, "second": False, "third": True, "head": False}


def test_a_product_of_two_activations_is_no_layer(tmp_path, feeds):
    weights = {"w": np.eye(16, dtype=np.float32)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "weighed"),
        helper.make_node("Transpose", ["a"], ["t"], "turn"),
        helper.make_node("MatMul", ["a", "t"], ["b"], "attention"),
        helper.make_node("Softmax", ["b"], ["y"], "after"),
    ]
    path = save(tmp_path / "f.onnx", nodes, {"x": ["N", 16]}, {"y": ["N", "N"]}, weights)
    assert quantize(path, tmp_path / "q.onnx", feeds).layers == ("weighed",)


@pytest.mark.parametrize(
    ("given", "keep", "error", "says"),
    [
        ([], [], ConfigError, "nothing to calibrate on"),
        ([{"z": np.zeros((1, 16), np.float32)}], [], ConfigError, "inputs x; the feeds have z"),
        ([{"x": np.zeros((1, 3), np.float32)}], [], ModelError, "cannot be quantised"),
        (None, ["nobody"], ConfigError, "keep: nobody: no such layer; known here: first"),
        (None, ["first", "second", "third"], ModelError, "no layer is left"),
    ],
)
def test_what_cannot_be_quantised_says_why(layers, feeds, tmp_path, given, keep, error, says):
    out = tmp_path / "q.onnx"
    with pytest.raises(error, match=says):
        quantize(layers, out, feeds if given is None else given, keep=keep)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.onnx"]


def test_int8_of_int8_and_of_half_is_refused(layers, feeds, tmp_path):
    quantize(layers, tmp_path / "q.onnx", feeds)
    to_half_precision(layers, tmp_path / "h.onnx")
    for make in (
        lambda p: quantize(p, tmp_path / "x.onnx", feeds),
        lambda p: to_half_precision(p, p),
    ):
        with pytest.raises(ModelError, match="int8 already; start from the fp32 file"):
            make(tmp_path / "q.onnx")
    with pytest.raises(ModelError, match="half precision already"):
        quantize(tmp_path / "h.onnx", tmp_path / "x.onnx", feeds)


def kept_in(path):
    graph = onnx.load(path).graph
    unpacked = {n.output[0] for n in graph.node if n.op_type == "DequantizeLinear"}
    return {n.name for n in graph.node if n.op_type == "MatMul" and not set(n.input) <= unpacked}


def test_the_most_sensitive_layer_returns_to_float_and_no_other(layers, feeds, tmp_path):
    out = tmp_path / "q.onnx"
    judge = lambda path: 0.9 if path == layers or "second" in kept_in(path) else 0.8  # noqa: E731
    done = quantize_within(layers, out, feeds, judge)
    assert next(iter(done.errors)) == "second"
    assert list(done.errors.values()) == sorted(done.errors.values(), reverse=True)
    assert (done.kept, done.tried, done.reference) == (("second",), {0: 0.8, 1: 0.9}, 0.9)
    assert set(done.layers) == {"first", "third"}
    assert kept_in(out) == {"second", "head"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.onnx", "q.onnx"]


def test_a_loss_within_the_limit_is_taken(layers, feeds, tmp_path):
    judge = lambda path: 0.900 if path == layers else 0.896  # noqa: E731
    out = tmp_path / "q.onnx"
    assert quantize_within(layers, out, feeds, judge).kept == ()
    strict = QuantizeConfig(loss_max_points=0.3)
    with pytest.raises(ModelError, match=r"more than 0.3 points of 90.00 %"):
        quantize_within(layers, tmp_path / "none.onnx", feeds, judge, config=strict)
    assert not (tmp_path / "none.onnx").exists()


def test_a_loss_of_exactly_the_limit_is_taken(layers, feeds, tmp_path):
    judge = lambda path: 1.0 if path == layers else 0.99  # noqa: E731
    config = QuantizeConfig(loss_max_points=1.0)
    assert quantize_within(layers, tmp_path / "q.onnx", feeds, judge, config=config).kept == ()


def test_layers_that_must_stay_are_not_ranked(layers, feeds, tmp_path):
    done = quantize_within(layers, tmp_path / "q.onnx", feeds, lambda _: 0.5, keep=["first"])
    assert set(done.errors) == {"second", "third"}
    assert kept_in(tmp_path / "q.onnx") == {"first", "head"}


def test_a_judge_that_says_nan_is_not_believed(layers, feeds, tmp_path):
    judge = lambda path: 0.9 if path == layers else float("nan")  # noqa: E731
    with pytest.raises(ModelError, match="loses more than"):
        quantize_within(layers, tmp_path / "q.onnx", feeds, judge)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 40])
def test_the_fewest_are_found_wherever_they_are(limit):
    for least in range(limit + 2):
        tried = []

        def holds(count, least=least, tried=tried):
            tried.append(count)
            return count >= least

        assert fewest(limit, holds) == (least if least < limit else None)
        assert len(tried) == len(set(tried)) <= 2 * limit.bit_length() + 1
        assert all(0 <= count < limit for count in tried)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"method": "guess"}, "choose minmax, percentile, entropy"),
        ({"activations": "int4"}, "choose int8, uint8"),
        ({"percentile": 10.0}, "percentile: must be above 50"),
        ({"loss_max_points": -1.0}, "loss_max_points: must be at least 0"),
        ({"loss_max_points": float("nan")}, "loss_max_points: must be finite"),
        ({"ops": ()}, "ops: must be a list of 1 or more"),
    ],
)
def test_settings_are_checked(setting, says):
    with pytest.raises(ConfigError, match=says):
        QuantizeConfig(**setting)


SIDE = 48


@pytest.fixture
def ferplus(monkeypatch, gray_faces):
    """A FER+ of noise, happy by seven of ten votes; one training row is a test picture as well."""

    def split(seed, count):
        votes = np.zeros((count, 10), np.float32)
        votes[:, 1], votes[:, 0] = 7, 3
        pixels = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE), np.uint8)
        return pixels, votes

    made = {"train": split(0, 12), "valid": split(1, 6), "test": split(2, 4)}
    made["train"][0][7] = made["test"][0][2]
    splits = {name: gray_faces(*each, labels_from=name) for name, each in made.items()}
    monkeypatch.setattr(export.calibration, "read_dataset", lambda _name, _root, s, _c: splits[s])
    return splits


def test_calibration_draws_training_faces_only(ferplus, tmp_path):
    faces = training_faces(tmp_path, tmp_path, count=5)
    assert len(faces) == 5
    rest = [f"{row}.png" for row in range(12) if row != 7]
    assert list(training_faces(tmp_path, tmp_path, 99).names) == rest
    assert set(faces.names) < set(rest)
    assert list(training_faces(tmp_path, tmp_path, 5).names) == list(faces.names)


def test_feeds_are_the_engines_own_crops_and_maps(ferplus, tmp_path):
    path = asset_path("poster-rt.onnx")
    feeds = calibration_feeds(path, tmp_path, tmp_path, count=8, batch=3)
    assert [len(feed["crops"]) for feed in feeds] == [3, 3]
    inputs = open_inputs(path)
    assert set(feeds[0]) == {"crops", "map4", "map8", "map16"}
    crops = aligned(inputs.landmarker, training_faces(tmp_path, tmp_path, 8))
    seen = inputs.landmarker.locate([crop.face for crop in crops[:3]])
    fed = batch_of([crop.face.crop for crop in crops[:3]], inputs.form)
    np.testing.assert_array_equal(feeds[0]["crops"], fed)
    np.testing.assert_allclose(feeds[0]["map8"], np.stack([s.maps[1] for s in seen]), atol=1e-5)
    alone = calibration_feeds(asset_path("landmark-net.onnx"), tmp_path, tmp_path, count=2, batch=2)
    assert [set(feed) for feed in alone] == [{"crops"}]


def test_too_few_faces_for_a_feed_are_named(ferplus, tmp_path):
    with pytest.raises(SourceError, match="11 training faces are no feed of 16"):
        calibration_feeds(asset_path("landmark-net.onnx"), tmp_path, tmp_path)


def test_missing_faces_are_named(tmp_path):
    with pytest.raises(
        SourceError, match=r"calibrated on the training faces of FER\+: .*label\.csv: missing"
    ):
        calibration_feeds(asset_path("landmark-net.onnx"), tmp_path, tmp_path)


def test_a_network_that_takes_no_crops_is_refused(tmp_path):
    with pytest.raises(ModelError, match="kind detector takes no aligned crops"):
        calibration_feeds(asset_path("fer-detector.onnx"), tmp_path, tmp_path)
    with pytest.raises(ModelError, match="landmarks, not expression"):
        validation_judge(asset_path("landmark-net.onnx"), tmp_path, tmp_path)


@pytest.fixture
def small(tmp_path):
    """A network of crops of 4 pixels that says what is brightest: red, green or blue."""
    weights = np.repeat(np.eye(3, dtype=np.float32), 16, axis=0)
    nodes = [
        helper.make_node("Flatten", ["crops"], ["flat"], "flatten"),
        helper.make_node("MatMul", ["flat", "w"], ["logits"], "sum"),
    ]
    ends = {"crops": ["N", 3, 4, 4]}, {"logits": ["N", 3]}
    path = save(tmp_path / "small.onnx", nodes, *ends, {"w": weights})
    for suffix in (".onnx", ".json"):
        beside = asset_path("landmark-net.onnx").with_suffix(suffix)
        (tmp_path / beside.name).write_bytes(beside.read_bytes())
    landmarks = json.loads((tmp_path / "landmark-net.json").read_text())["sha256"]
    facts = {
        **dict.fromkeys(REQUIRED, ""),
        "name": path.stem,
        "opset": 18,
        "metrics": {},
        "kind": "expression",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "labels": ["anger", "happiness", "neutral"],
        "landmarks": {"file": "landmark-net.onnx", "sha256": landmarks, "maps": []},
        "input": {"size": 4, "margin": 0.05, "mean": [0, 0, 0], "std": [1, 1, 1]},
    }
    path.with_suffix(".json").write_text(json.dumps(facts))
    return path


def coloured(*channels):
    """Crops of one colour each: 0 blue, 1 green, 2 red."""
    images = [np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8) for _ in channels]
    for image, channel in zip(images, channels, strict=True):
        image[..., channel] = 200
    still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    return [Crop(image, Face(image, still)) for image in images]


def test_judge_reads_classes_in_the_networks_order(small):
    crops = coloured(2, 1, 0, 0)
    wanted = [EXPRESSIONS.index(name) for name in ("anger", "happiness", "neutral", "neutral")]
    judge = Judge(open_inputs(small), crops, np.array(wanted))
    assert list(judge.answers(small)) == wanted
    assert judge.fusion(small) == 1
    wrong = Judge(judge.inputs, crops, np.array([*wanted[:3], 7]))
    assert wrong.fusion(small) == 0.75
    with pytest.raises(ModelError, match="reads no maps"):
        judge.landmarks(small)


def test_judge_of_affect_alone_gives_the_concordance(small):
    model = onnx.load(small)
    model.graph.output[0].name = "valence_arousal"
    for node in model.graph.node:
        node.output[:] = ["valence_arousal" if x == "logits" else x for x in node.output]
    onnx.save(model, small)
    path = small.with_suffix(".json")
    facts = json.loads(path.read_text()) | {"labels": [], "outputs": ["valence_arousal"]}
    facts["sha256"] = hashlib.sha256(small.read_bytes()).hexdigest()
    path.write_text(json.dumps(facts))
    crops, nobody = coloured(2, 1, 0, 0), np.zeros(4, int)
    said = Judge(open_inputs(small), crops, nobody)._said(small, None, "valence_arousal")
    judge = Judge(open_inputs(small), crops, nobody, affect=said)
    assert judge.by == "ccc"
    assert judge.fusion(small) == pytest.approx(1)
    turned = Judge(open_inputs(small), crops, nobody, affect=-said)
    assert turned.fusion(small) < 0


def test_a_fixed_batch_is_fed_whole(small):
    facts = json.loads(small.with_suffix(".json").read_text())
    facts["input"]["batch"] = 3
    small.with_suffix(".json").write_text(json.dumps(facts))
    judge = Judge(open_inputs(small), coloured(2, 2, 2, 2), np.zeros(4, int))
    assert len(judge.answers(small)) == 3


def test_validation_faces_are_spread_over_the_split(ferplus, small, tmp_path):
    judge = validation_judge(small, tmp_path, tmp_path, count=3)
    assert [crop.image.tobytes() for crop in judge.crops] == [
        ferplus["valid"].image(row).tobytes() for row in (0, 2, 5)
    ]
    assert list(judge.labels) == [1, 1, 1]
    assert len(validation_judge(small, tmp_path, tmp_path).labels) == 6


def test_judge_puts_another_landmark_network_in_the_place_of_the_first(ferplus, tmp_path):
    judge = validation_judge(asset_path("poster-rt.onnx"), tmp_path, tmp_path)
    assert judge.landmarks(asset_path("landmark-net.onnx")) == judge.fusion(
        asset_path("poster-rt.onnx")
    )
    blind = onnx.load(asset_path("landmark-net.onnx"))
    for held in blind.graph.initializer:
        if held.data_type == FLOAT:
            held.CopyFrom(
                numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(held)), held.name)
            )
    onnx.save(blind, tmp_path / "blind.onnx")
    fusion = judge.inputs.manifest.path
    assert list(judge.answers(fusion, tmp_path / "blind.onnx")) != list(judge.answers(fusion))


def test_small_sums_stay_in_float_and_a_cut_belongs_to_its_layer(tmp_path):
    rng = np.random.default_rng(0)
    shapes = {"first": (16, 3, 3, 3), "deep": (16, 1, 7, 7), "dense": (16, 16, 3, 3)}
    nodes, value = [], "x"
    for name, shape in shapes.items():
        groups, pad = 16 if shape[1] == 1 else 1, shape[2] // 2
        nodes.append(
            helper.make_node(
                "Conv", [value, name], [f"{name}.y"], name, group=groups, pads=[pad] * 4
            )
        )
        nodes.append(helper.make_node("Relu", [f"{name}.y"], [f"{name}.cut"], f"{name}.relu"))
        value = f"{name}.cut"
    nodes.append(helper.make_node("Sigmoid", [value], ["y"], "after"))
    weights = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    path = save(tmp_path / "f.onnx", nodes, {"x": ["N", 3, 8, 8]}, {"y": ["N", 16, 8, 8]}, weights)
    x = rng.standard_normal((4, 3, 8, 8)).astype(np.float32)
    assert quantize(path, tmp_path / "q.onnx", [{"x": x}]).layers == ("dense",)
    graph = onnx.load(tmp_path / "q.onnx").graph
    assert [n.name for n in graph.node if n.op_type == "Relu"] == ["first.relu", "deep.relu"]
    points = {e.name: numpy_helper.to_array(e) for e in graph.initializer}
    assert points["dense.cut_zero_point"] == 0  # every step is above zero
    quantize(path, tmp_path / "s.onnx", [{"x": x}], config=QuantizeConfig(activations="int8"))
    assert "dense.relu" in {n.name for n in onnx.load(tmp_path / "s.onnx").graph.node}
