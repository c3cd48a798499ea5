"""What a machine can do at best, measured: a float32 matrix product on the same runtime."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engine.networks.manifest import Manifest
from export.bench.workload import Input, Workload

# Of the square matrices. Large ones run a little faster, small ones are less often disturbed.
SIDES: Final = (256, 512, 1024)
NAME: Final = "matrix product"


def matrix_product(folder: Path, side: int, seed: int = 0) -> Workload:
    """Write a graph that multiplies by a constant matrix, as a layer does by its weights.

    Returns:
        It, to be measured as the networks are; a row stands for a face, and it takes `side`.
    """
    values = np.random.default_rng(seed).standard_normal((side, side), np.float32)
    sizes = [side, side]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["rows", "weights"], ["products"])],
        "matrix_product",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("products", TensorProto.FLOAT, sizes)],
        [numpy_helper.from_array(values, "weights")],
    )
    path = folder / f"matrix-product-{side}.onnx"
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Workload(
        name=NAME,
        precision="fp32",
        manifests=(Manifest(path, NAME, "matrix product", sha256, {}),),
        inputs=((Input("rows", TensorProto.FLOAT, (side, side)),),),
        parameters=side * side,
        gmac=side**2 / 1e9,
        megabytes=path.stat().st_size / 1e6,
    )
