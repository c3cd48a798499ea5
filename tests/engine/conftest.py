"""Networks small enough to work out by hand."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.types import Floats

LINEAR = {
    "name": "linear",
    "architecture": "linear",
    "opset": 18,
    "commit": "unknown",
    "licence": "CC0-1.0",
    "metrics": {},
}


@pytest.fixture
def write_linear() -> Callable[..., Path]:
    """Give `write_linear(path, inputs, outputs, weights, **manifest)`.

    It saves `outputs = inputs @ weights[:-1] + weights[-1]`, both sides flattened and side by
    side, with a manifest of these keys; `inputs` and `outputs` are shapes by name.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def write(
        path: Path,
        inputs: dict[str, list[int]],
        outputs: dict[str, list[int]],
        weights: Floats,
        **manifest: object,
    ) -> Path:
        counts = [int(np.prod(shape)) for shape in outputs.values()]
        parts = np.split(weights.astype(np.float32), np.cumsum(counts)[:-1], axis=1)
        nodes = [helper.make_node("Flatten", [name], [f"{name}_flat"]) for name in inputs]
        nodes.append(
            helper.make_node("Concat", [f"{name}_flat" for name in inputs], ["flat"], axis=1)
        )
        constants = []
        for part, (name, shape) in zip(parts, outputs.items(), strict=True):
            tensors = {"w": part[:-1], "b": part[-1], "s": np.array([-1, *shape], np.int64)}
            constants += [numpy_helper.from_array(x, f"{name}_{k}") for k, x in tensors.items()]
            gemm = ["flat", f"{name}_w", f"{name}_b"]
            nodes.append(helper.make_node("Gemm", gemm, [f"{name}_y"]))
            nodes.append(helper.make_node("Reshape", [f"{name}_y", f"{name}_s"], [name]))
        ends = [
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
                for name, shape in shapes.items()
            ]
            for shapes in (inputs, outputs)
        ]
        graph = helper.make_graph(nodes, "linear", *ends, constants)
        opset = [helper.make_opsetid("", 18)]
        onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        data = {**LINEAR, "sha256": digest, **manifest}
        path.with_suffix(".json").write_text(json.dumps(data))
        return path

    return write


@pytest.fixture
def full_disk(monkeypatch) -> None:
    """Let every file that is newly made be on a device that is always full."""
    create = os.open

    def on_full_disk(path, flags, *rest, **more):
        if not flags & os.O_EXCL:
            return create(path, flags, *rest, **more)
        Path(path).symlink_to("/dev/full")
        return create(path, os.O_WRONLY)

    monkeypatch.setattr(os, "open", on_full_disk)
