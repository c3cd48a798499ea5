"""Reading an fp32 graph, and writing what is made of it in less."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import onnx
from onnx import ModelProto, TensorProto

from engine.errors import ModelError


def float_model(path: Path) -> ModelProto:
    """Read an fp32 graph and name its nodes.

    Raises:
        ModelError: Unreadable, or in fp16 or int8 already.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        raise ModelError(f"{path}: not a readable ONNX file: {error}") from error
    graph = model.graph
    kinds = {each.data_type for each in graph.initializer}
    kinds |= {each.type.tensor_type.elem_type for each in (*graph.input, *graph.value_info)}
    if kinds & {TensorProto.FLOAT16, TensorProto.BFLOAT16}:
        raise ModelError(f"{path}: is in half precision already; start from the fp32 file")
    if any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in graph.node):
        raise ModelError(f"{path}: is in int8 already; start from the fp32 file")
    taken = {node.name for node in graph.node}
    for place, node in enumerate(graph.node):
        if not node.name:
            node.name = next(n for n in _names(node.op_type, place) if n not in taken)
    return model


def _names(kind: str, place: int) -> Iterator[str]:
    yield f"{kind}_{place}"
    yield f"{kind}_{place}_"


def save_graph(model: ModelProto, path: Path, out: Path) -> None:
    """Write a graph made of `path`, checked, without the operator sets it does not use."""
    used = {node.domain for node in model.graph.node}
    sets = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(sets)
    if used - {"", "ai.onnx"}:
        raise ModelError(f"{path}: needs operators of {', '.join(sorted(used - {''}))}")
    onnx.save(model, out)
    with translated(path, "checked"):
        onnx.checker.check_model(out, full_check=True)


@contextmanager
def translated(path: Path, what: str) -> Iterator[None]:
    """Turn what the libraries raise into one line; a full disk stays one."""
    try:
        with redirect_stdout(StringIO()):  # the calibrator prints a line per feed
            yield
    except (OSError, ModelError):
        raise
    except Exception as error:
        raise ModelError(f"{path}: cannot be {what}: {error}") from error
