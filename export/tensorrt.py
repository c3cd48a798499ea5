"""ONNX files as TensorRT engines, built on the machine that runs them."""

import shutil
from pathlib import Path

from engine._cuda import Cuda
from engine._tensorrt_build import BuildConfig, check_precision, load_tensorrt
from engine._tensorrt_file import SUFFIX, precision_of, write_engine
from engine.errors import ConfigError, ModelError, SinkError
from engine.fusion import landmarks_of
from engine.manifest import Manifest, load_manifest


def export_engine(
    source: Path,
    out: Path,
    *,
    precision: str | None = None,
    config: BuildConfig | None = None,
    earlier: Path | None = None,
) -> Path:
    """Build the engine of one network, for the GPU of this machine.

    TensorRT computes in the types of the graph, so another precision is another graph. The graph
    that was built from lies beside the engine under its name, with its manifest: the engine runs
    where that is opened, and a stale engine is built from it again.

    Args:
        source: ONNX file with its manifest.
        out: The ``.engine`` file.
        precision: Of `engine._tensorrt_build.PRECISIONS`; that of `source` by default.
        config: Sizes.
        earlier: Engine whose timing cache is used; `out` by default.

    Returns:
        The graph beside the engine, which is what to open.

    Raises:
        ConfigError: `out` is no ``.engine`` file.
        ModelError: TensorRT, the driver or a GPU is missing, the GPU lacks the precision, the
            graph is of another one, or TensorRT refuses it.
        SinkError: It cannot be written.
    """
    if out.suffix != SUFFIX:
        raise ConfigError(f"{out}: an engine's name ends in {SUFFIX}")
    manifest = load_manifest(source)
    # What this machine lacks is said before anything is written.
    load_tensorrt()
    cuda = Cuda()
    wanted = precision or precision_of(manifest)
    check_precision(wanted, cuda.gpu)
    graph = _graph(manifest, out.with_suffix(".onnx"), wanted)
    write_engine(graph, out, cuda, config or BuildConfig(), earlier)
    return graph.path


def export_engines(
    source: Path,
    out: Path,
    *,
    precision: str | None = None,
    config: BuildConfig | None = None,
    earlier: Path | None = None,
) -> list[Path]:
    """Build a network's engine, and for an expression network its landmark network's.

    The landmark network keeps its own precision: the expression network names its very bytes.

    Args:
        source: As `export_engine`.
        out: As `export_engine`.
        precision: Of the network itself.
        config: As `export_engine`.
        earlier: As `export_engine`; the landmark network's timing cache is looked for beside it.

    Returns:
        The graphs, the network's first.

    Raises:
        ConfigError: As `export_engine`.
        ModelError: As `export_engine`, or the landmark network is missing.
        SinkError: As `export_engine`.
    """
    manifest = load_manifest(source)
    graphs = [
        export_engine(source, out, precision=precision, config=config, earlier=earlier),
    ]
    if manifest.kind == "expression":
        landmarks = landmarks_of(manifest).path
        beside = out.with_name(landmarks.name).with_suffix(SUFFIX)
        known = (earlier or out).with_name(beside.name)
        graphs.append(export_engine(landmarks, beside, config=config, earlier=known))
    return graphs


def _graph(manifest: Manifest, place: Path, precision: str) -> Manifest:
    """Put the graph of a precision beside the engine; give its manifest."""
    has = precision_of(manifest)
    if precision == has:
        _copy(manifest.path, place)
    elif (has, precision) == ("fp32", "fp16"):
        if place.exists() and place.samefile(manifest.path):
            raise ConfigError(
                f"{place.with_suffix(SUFFIX)}: its graph would replace {manifest.path}; "
                "choose another --out"
            )
        _to_half(manifest, place)
    else:
        raise ModelError(
            f"{manifest.path}: is {has}, and TensorRT takes its types from the graph; "
            f"convert it to {precision} first: fer-export --to onnx --precision {precision}"
        )
    graph = load_manifest(place)
    if precision_of(graph) != precision:
        raise ModelError(f"{place}: its manifest says {precision_of(graph)}, not {precision}")
    return graph


def _copy(source: Path, place: Path) -> None:
    if place.exists() and place.samefile(source):
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".onnx", ".json"):  # the manifest last: without it nothing is opened
            shutil.copyfile(source.with_suffix(suffix), place.with_suffix(suffix))
    except OSError as error:
        raise SinkError(f"{place}: cannot be written: {error.strerror or error}") from error


def _to_half(manifest: Manifest, place: Path) -> None:
    """Write a network's graph in half precision, with a manifest that says so."""
    # They bring onnx and torch along, which a machine that builds from a ready graph may lack.
    from export.graph import write_manifest
    from export.precision import to_half

    kept = to_half(manifest.path, place)
    facts = {key: value for key, value in manifest.data.items() if key != "sha256"}
    made = {"precision": "fp16", "made_from": manifest.sha256, "float32_nodes": len(kept)}
    # What was measured on the fp32 graph is said of that one.
    facts["fp32"] = {"parity": facts.pop("parity", None), "metrics": facts["metrics"]}
    write_manifest(place, {**facts, "metrics": {}, **made})
