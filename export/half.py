"""An fp32 network as fp16: the graph, a manifest that says so, and proof that it answers alike."""

from pathlib import Path

from engine.fusion import landmarks_of
from engine.manifest import Manifest, load_manifest
from export.graph import write_manifest
from export.parity import Report
from export.precision import to_half
from export.sides import graph_side
from export.staging import copy_network
from export.verify import Faces, check_alike, compare


def export_half(source: Path, out: Path, faces: Faces | None = None) -> Report:
    """Write a network as fp16, its landmark network as it is beside it, and prove both.

    Args:
        source: fp32 ONNX file with its manifest.
        out: The fp16 file.
        faces: Real ones to compare on, see `export.verify.real_faces`; None is hostile ones only.

    Returns:
        What the comparison with `source` found, which the manifest states too.

    Raises:
        ModelError: As `write_half`, or it answers otherwise than `source`.
        SinkError: It cannot be written.
    """
    manifest = load_manifest(source)
    beside = landmarks_of(manifest) if manifest.kind == "expression" else None
    write_half(manifest, out)
    if beside is not None:
        copy_network(beside, out.with_name(beside.path.name))
    truth, other = graph_side(manifest), graph_side(load_manifest(out), path=Path(out.name))
    check_alike(truth, other)
    report = compare(truth, other, faces)
    report.require()
    half = {key: value for key, value in load_manifest(out).data.items() if key != "sha256"}
    write_manifest(out, {**half, "parity": report.facts()})
    return report


def write_half(manifest: Manifest, out: Path) -> None:
    """Write a network's graph in half precision, with a manifest that says so.

    What was measured on the fp32 graph is said of that one.

    Raises:
        ModelError: It is in reduced precision already, or there is nothing to halve.
        SinkError: It cannot be written.
    """
    kept = to_half(manifest.path, out)
    facts = {key: value for key, value in manifest.data.items() if key != "sha256"}
    made = {"precision": "fp16", "made_from": manifest.sha256, "float32_nodes": len(kept)}
    facts["fp32"] = {"parity": facts.pop("parity", None), "metrics": facts["metrics"]}
    write_manifest(out, {**facts, "metrics": {}, **made})
