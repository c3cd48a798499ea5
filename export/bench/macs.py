"""Multiply-accumulates of an ONNX graph, counted from the shapes of its products."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import onnx
from onnx import NodeProto

from engine.errors import ModelError

Shape = tuple[int, ...]


def gmac_of(path: Path, inputs: Mapping[str, Shape]) -> float:
    """Count thousand million multiply-accumulates of a call: convolutions and matrix products.

    What `training.models.flops` counts of a torch module, attention products included.

    Args:
        path: The ONNX file.
        inputs: Shape of each input.

    Raises:
        ModelError: Unreadable, or a shape does not follow from those of the inputs.
    """
    try:
        model = onnx.load(path)
        for value in model.graph.input:
            if value.name in inputs:
                del value.type.tensor_type.shape.dim[:]
                for size in inputs[value.name]:
                    value.type.tensor_type.shape.dim.add(dim_value=size)
        del model.graph.value_info[:]  # of any batch: they would hold against the sizes given
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
        graph = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    except Exception as error:
        raise ModelError(f"{path}: its multiply-accumulates cannot be counted: {error}") from error
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims)
    total = 0
    for node in graph.node:
        if node.op_type in PRODUCTS:
            total += PRODUCTS[node.op_type](node, _known(node, shapes, path))
    return total / 1e9


def _known(node: NodeProto, shapes: Mapping[str, Shape], path: Path) -> list[Shape]:
    """Give the shapes of a node's inputs, then of its first output."""
    names = [*node.input, node.output[0]]
    found = [shapes.get(name, ()) for name in names]
    for name, shape in zip(names, found, strict=True):
        if -1 in shape or (not shape and name == node.output[0]):
            raise ModelError(
                f"{path}: its multiply-accumulates cannot be counted: node {node.name or name}: "
                f"the shape of {name} is not known"
            )
    return found


def _convolution(weights: int) -> Callable[[NodeProto, Sequence[Shape]], int]:
    """Count a convolution whose weights (out, in / groups, ...) are this input."""

    def count(_: NodeProto, shapes: Sequence[Shape]) -> int:
        return math.prod(shapes[-1]) * math.prod(shapes[weights][1:])

    return count


def _transposed(_: NodeProto, shapes: Sequence[Shape]) -> int:
    return math.prod(shapes[0]) * math.prod(shapes[1][1:])


def _gemm(node: NodeProto, shapes: Sequence[Shape]) -> int:
    flipped = any(a.name == "transA" and a.i for a in node.attribute)
    return math.prod(shapes[-1]) * shapes[0][0 if flipped else 1]


def _product(_: NodeProto, shapes: Sequence[Shape]) -> int:
    return math.prod(shapes[-1]) * shapes[0][-1]


PRODUCTS: Final[Mapping[str, Callable[[NodeProto, Sequence[Shape]], int]]] = {
    "Conv": _convolution(1),
    "ConvInteger": _convolution(1),
    "QLinearConv": _convolution(3),
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "MatMul": _product,
    "MatMulInteger": _product,
    "QLinearMatMul": _product,
}
