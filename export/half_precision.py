"""An fp32 network as fp16: the graph, a manifest that says so, and proof that it answers alike."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from onnx import ModelProto, NodeProto, TensorProto

from engine.errors import ModelError, SourceError
from engine.files import written
from engine.networks.manifest import Manifest, Metrics, load_manifest
from engine.networks.ort import submodule
from engine.reading.fusion import landmarks_of
from export.backends import graph_backend
from export.comparison import prove
from export.float_graph import float_model, save_graph, translated
from export.graph import write_manifest
from export.networks import FERPLUS, copy_network, served_figures

log = logging.getLogger(__name__)

float16 = submodule("transformers.float16")

# A sum over channels is bound by nothing, and neither is what is computed from it (DAN: the
# product, the pooling, the gate, the competition of heads) up to one of these.
BOUNDING: Final = frozenset(
    {
        "BatchNormalization",
        "GroupNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "LpNormalization",
        "MeanVarianceNormalization",
        "RMSNormalization",
        "Sigmoid",
        "Softmax",
        "Tanh",
    }
)
# What half precision, whose numbers end at 65,504 and have eleven bits, spoils: sums over many
# values, squares, logarithms, and the statistics that values are normalised with.
FLOAT_OPS: Final = BOUNDING | {
    "AveragePool",
    "Div",
    "Exp",
    "GlobalAveragePool",
    "Log",
    "LogSoftmax",
    "LpPool",
    "Pow",
    "Reciprocal",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Sqrt",
}
LINKS: Final = frozenset({"Add", "Sub", "Mul"})  # such as the epsilon between a mean and a root
THERE_AND_BACK: Final = (TensorProto.FLOAT16, TensorProto.FLOAT)


def export_half_precision(source: Path, out: Path, data: Path | None, cache: Path) -> None:
    """Write a network as fp16, its landmark network as it is beside it, and prove both.

    Args:
        source: fp32 ONNX file with its manifest.
        out: The fp16 file; its manifest states what the comparison with `source` found, and its own
            figures on FER+ where `source` was judged on that.
        data: Folder with the data packs, see `export.comparison.prove`.
        cache: Folder for decoded data.

    Raises:
        ModelError: As `write_half_precision`, or it answers otherwise than `source`.
        SinkError: It cannot be written.
    """
    manifest = load_manifest(source)
    beside = landmarks_of(manifest) if manifest.kind == "expression" else None
    write_half_precision(manifest, out)
    if beside is not None:
        copy_network(beside, out.with_name(beside.path.name))
    report = prove(graph_backend(manifest), out, data, cache)
    half = {key: value for key, value in load_manifest(out).data.items() if key != "sha256"}
    figures = _figures(manifest, out, data, cache)
    write_manifest(out, {**half, "parity": report.facts(), "metrics": figures})


def _figures(source: Manifest, out: Path, data: Path | None, cache: Path) -> dict[str, Any]:
    """Judge the fp16 file where the fp32 one was judged, if that can be done here."""
    if data is None or source.kind != "expression":
        return {}
    if source.read(Metrics, "metrics").data != FERPLUS:
        return {}
    try:
        return served_figures(out, data, cache)
    except SourceError as error:
        log.warning("%s: has no figures of its own: %s", out.name, error)
        return {}


def write_half_precision(manifest: Manifest, out: Path) -> None:
    """Write a network's graph in half precision, with a manifest that says so.

    What was measured on the fp32 graph is said of that one.

    Raises:
        ModelError: It is in reduced precision already, or there is nothing to halve.
        SinkError: It cannot be written.
    """
    kept = to_half_precision(manifest.path, out)
    facts = {key: value for key, value in manifest.data.items() if key != "sha256"}
    facts |= {"name": out.stem, "precision": "fp16", "made_from": manifest.sha256}
    facts["fp32"] = {"parity": facts.pop("parity", None), "metrics": facts["metrics"]}
    write_manifest(out, {**facts, "metrics": {}, "float32_nodes": len(kept)})


def to_half_precision(path: Path, out: Path) -> tuple[str, ...]:
    """Write an fp32 ONNX file as fp16, its inputs and outputs still float32.

    Weights and arithmetic are halved but for the nodes that `full_precision_nodes` names; no
    value between two of those passes through half precision.

    Returns:
        The names of the nodes that stay in float32.

    Raises:
        ModelError: Unreadable, in fp16 or int8 already, or nothing remains to be halved.
        SinkError: It cannot be written.
    """
    model = float_model(path)
    kept = full_precision_nodes(model)
    if len(kept) == len(model.graph.node):
        raise ModelError(f"{path}: every node must stay in float32; there is nothing to halve")
    with translated(path, "converted to fp16"):
        half = float16.convert_float_to_float16(
            model,
            keep_io_types=True,
            op_block_list=float16.DEFAULT_OP_BLOCK_LIST,
            node_block_list=sorted(kept),
        )
        _bridge(half)
        submodule("quantization.onnx_model").ONNXModel(half).topological_sort()
        del half.graph.value_info[:]  # some describe tensors of before the conversion
    with written(out) as partial:
        save_graph(half, path, partial)
    log.info("%s: fp16, %d of %d nodes in float32", out.name, len(kept), len(model.graph.node))
    return tuple(sorted(kept))


def full_precision_nodes(model: ModelProto) -> set[str]:
    """Name the nodes whose values half precision would spoil.

    Those of `FLOAT_OPS`, all that follows from a sum over channels up to one of `BOUNDING`,
    and additions and products that only carry a value from one such node to others.

    Args:
        model: Every node named.
    """
    nodes = model.graph.node
    kept = {node.name for node in nodes if node.op_type in FLOAT_OPS}
    unbound = {name for node in nodes if node.op_type == "ReduceSum" for name in node.output}
    for node in nodes:  # in topological order
        if unbound.intersection(node.input):
            kept.add(node.name)
            if node.op_type not in BOUNDING:
                unbound.update(node.output)
    return kept | _linking(nodes, kept)


def _linking(nodes: Sequence[NodeProto], kept: Collection[str]) -> set[str]:
    """Name nodes that only stand between nodes in `kept`, and the constants these read."""
    made = {name for node in nodes if node.name in kept for name in node.output}
    linking: set[str] = set()
    for node in reversed(nodes):
        readers = [n.name for n in nodes if set(node.output) & set(n.input)]
        inside = readers and all(name in kept or name in linking for name in readers)
        link = node.op_type in LINKS and made.intersection(node.input)
        if inside and (link or node.op_type == "Constant"):
            linking.add(node.name)
    return linking


def _bridge(model: ModelProto) -> None:
    """Take out pairs of casts to float16 and back, in place.

    The converter puts one between any two float32 nodes; a sum that float16 does not hold would
    come out of it as infinity (microsoft/onnxruntime#20346).
    """
    graph = model.graph
    ends = {output.name for output in graph.output}
    casts = {node.output[0]: node for node in graph.node if node.op_type == "Cast"}
    past: dict[str, str] = {}
    for name, node in casts.items():
        before = casts.get(node.input[0])
        if before is not None and (_target(before), _target(node)) == THERE_AND_BACK:
            node.input[0] = before.input[0]
            if name not in ends:
                past[name] = before.input[0]
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = past.get(name, name)
    for name in reversed(casts):
        if name not in ends and not any(name in node.input for node in graph.node):
            graph.node.remove(casts[name])


def _target(cast: NodeProto) -> int:
    return int(next(attribute.i for attribute in cast.attribute if attribute.name == "to"))
