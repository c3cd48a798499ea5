"""The network's outputs as readings, on a linear network made here."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engine.align import align, template, transform
from engine.errors import ModelError
from engine.fusion import Fusion
from engine.labels import EXPRESSIONS
from engine.manifest import load_manifest
from engine.preprocess import to_input
from engine.types import Face

SIZE = 8
SHAPES = {"logits": [8], "valence_arousal": [2], "landmarks": [68, 2], "presence": []}
STILL = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


def write(path, weights, **changes):
    """Save `outputs = crops @ weights[:-1] + weights[-1]` with a manifest."""
    counts = [int(np.prod(shape)) for shape in SHAPES.values()]
    parts = np.split(weights.astype(np.float32), np.cumsum(counts)[:-1], axis=1)
    nodes, constants, outputs = [helper.make_node("Flatten", ["crops"], ["flat"])], [], []
    for part, (name, shape) in zip(parts, SHAPES.items(), strict=True):
        tensors = {"w": part[:-1], "b": part[-1], "s": np.array([-1, *shape], np.int64)}
        constants += [numpy_helper.from_array(x, f"{name}_{k}") for k, x in tensors.items()]
        nodes.append(helper.make_node("Gemm", ["flat", f"{name}_w", f"{name}_b"], [f"{name}_y"]))
        nodes.append(helper.make_node("Reshape", [f"{name}_y", f"{name}_s"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape]))
    crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])
    graph = helper.make_graph(nodes, "linear", [crops], outputs, constants)
    onnx.save(
        helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)]), path
    )
    keys = {
        "name": "linear",
        "kind": "expression",
        "architecture": "linear",
        "opset": 18,
        "commit": "unknown",
        "licence": "CC0-1.0",
        "metrics": {},
        "temperature": 1.5,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "labels": list(EXPRESSIONS),
        "input": {"size": SIZE, "margin": 0.1, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
    }
    path.with_suffix(".json").write_text(json.dumps({**keys, **changes}))
    return path


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(0, 0.02, (3 * SIZE * SIZE + 1, 147))


def faces(count):
    crops = np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
    return [Face(crop, STILL) for crop in crops]


def test_reading_is_the_networks_answer_to_the_normalised_crop(tmp_path, weights):
    fusion = Fusion(load_manifest(write(tmp_path / "a.onnx", weights)), "cpu")
    assert (fusion.size, fusion.margin, fusion.temperature) == (SIZE, 0.1, 1.5)
    (face,) = faces(1)
    batch = to_input([face.crop], (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    wanted = batch.reshape(1, -1) @ weights[:-1] + weights[-1]
    (reading,) = fusion.read([face])
    np.testing.assert_allclose(reading.logits, wanted[0, :8], atol=1e-4)
    np.testing.assert_allclose(reading.valence_arousal, wanted[0, 8:10], atol=1e-4)
    pixels = wanted[0, 10:146].reshape(68, 2) * SIZE - 0.5
    np.testing.assert_allclose(reading.landmarks, pixels, atol=1e-3)
    assert reading.presence == pytest.approx(1 / (1 + np.exp(-wanted[0, 146])), abs=1e-5)
    assert reading.landmarks.dtype == reading.logits.dtype == np.float32


def test_faces_of_a_batch_do_not_touch_each_other(tmp_path, weights):
    fusion = Fusion(load_manifest(write(tmp_path / "a.onnx", weights)), "cpu")
    together = fusion.read(faces(3))
    for face, reading in zip(faces(3), together, strict=True):
        (alone,) = fusion.read([face])
        np.testing.assert_allclose(alone.logits, reading.logits, atol=1e-5)
        np.testing.assert_allclose(alone.landmarks, reading.landmarks, atol=1e-4)


def test_no_faces_are_no_readings(tmp_path, weights):
    assert Fusion(load_manifest(write(tmp_path / "a.onnx", weights)), "cpu").read([]) == []


def test_landmarks_come_back_in_source_pixels(tmp_path, weights):
    five = template(SIZE, 0.1)
    answer = np.zeros_like(weights)
    spots = np.resize((five + 0.5) / SIZE, (68, 2))
    answer[-1, 10:146] = spots.ravel()
    fusion = Fusion(load_manifest(write(tmp_path / "a.onnx", answer)), "cpu")
    source = transform(five, np.array([[3, -1, 40], [1, 3, 25]], np.float32))
    face = align(np.zeros((90, 90, 3), np.uint8), source, SIZE, 0.1)
    (reading,) = fusion.read([face])
    np.testing.assert_allclose(reading.landmarks[:5], source, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": ["neutral", "happiness"]}, "linear: labels: expected neutral, happiness, su"),
        ({"kind": "detector"}, "is a network of kind detector, not expression"),
        ({"temperature": None, "input": {}}, r"a\.json: input\.size: missing"),
        (
            {"input": {"size": 8, "margin": 0.1, "mean": [0.5], "std": [1, 1, 1]}},
            "linear: input.mean: expected three numbers, got",
        ),
    ],
)
def test_manifest_that_does_not_fit_is_a_model_error(tmp_path, weights, changes, says):
    with pytest.raises(ModelError, match=says):
        Fusion(load_manifest(write(tmp_path / "a.onnx", weights, **changes)), "cpu")


def test_crop_of_another_size_is_a_model_error(tmp_path, weights):
    fusion = Fusion(load_manifest(write(tmp_path / "a.onnx", weights)), "cpu")
    with pytest.raises(ModelError, match="linear: inference failed"):
        fusion.read([Face(np.zeros((9, 9, 3), np.uint8), STILL)])
