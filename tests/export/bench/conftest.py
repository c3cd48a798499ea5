"""Networks of one layer, with manifests."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

MANIFEST = {
    "architecture": "one layer",
    "opset": 18,
    "commit": "unknown",
    "licence": "CC0-1.0",
    "metrics": {},
}


@pytest.fixture
def write_network():
    """Give `write_network(path, nodes, inputs, outputs, constants, **manifest)`.

    `inputs` and `outputs` are shapes by name.
    """

    def write(path, nodes, inputs, outputs, constants=None, element=TensorProto.FLOAT, **manifest):
        def ends(shapes, kind):
            return [helper.make_tensor_value_info(name, kind, s) for name, s in shapes.items()]

        graph = helper.make_graph(
            nodes,
            "network",
            ends(inputs, element),
            ends(outputs, TensorProto.FLOAT),
            [numpy_helper.from_array(x, name) for name, x in (constants or {}).items()],
        )
        opset = [helper.make_opsetid("", 18)]
        onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
        data = {**MANIFEST, "name": path.stem, "kind": "landmarks", "parameters": 15, **manifest}
        data["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_suffix(".json").write_text(json.dumps(data))
        return path

    return write


@pytest.fixture
def write_gemm(write_network):
    """Give `write_gemm(path, rows, columns, batch, **manifest)`: rows x of `crops` to x @ w."""

    def write(path, rows=3, columns=5, batch="N", output="y", **manifest):
        weights = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
        node = helper.make_node("Gemm", ["crops", "w"], [output])
        inputs, outputs = {"crops": [batch, rows]}, {output: [batch, columns]}
        return write_network(path, [node], inputs, outputs, {"w": weights}, **manifest)

    return write


@pytest.fixture
def write_pair(write_gemm, write_network, tmp_path):
    """A landmark network and the fusion that adds its map to the crops' sum: 3 and 7 parameters."""

    def write():
        landmarks = write_gemm(tmp_path / "points.onnx", 3, 5, output="map4", parameters=3)
        digest = hashlib.sha256(landmarks.read_bytes()).hexdigest()
        nodes = [
            helper.make_node("Gemm", ["crops", "w"], ["scaled"]),
            helper.make_node("Add", ["scaled", "map4"], ["logits"]),
        ]
        return landmarks, write_network(
            tmp_path / "fusion.onnx",
            nodes,
            {"crops": ["N", 3], "map4": ["N", 5]},
            {"logits": ["N", 5]},
            {"w": np.ones((3, 5), np.float32)},
            kind="expression",
            landmarks={"file": "points.onnx", "sha256": digest, "maps": ["map4"]},
            parameters=10,
            metrics={"data": "FER+ majority", "test": {"accuracy": 0.75}},
        )

    return write
