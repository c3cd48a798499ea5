"""ONNX files as TensorRT engines, built on the machine that runs them."""

from pathlib import Path

from engine.errors import ConfigError, ModelError
from engine.networks.manifest import Manifest, load_manifest
from engine.networks.tensorrt.build import BuildConfig, check_precision, load_tensorrt
from engine.networks.tensorrt.cuda import Cuda
from engine.networks.tensorrt.engine_file import SUFFIX, precision_of, write_engine
from engine.reading.fusion import landmarks_of
from export.networks import copy_network


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
        precision: Of `engine.networks.tensorrt.build.PRECISIONS`; that of `source` by default.
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
        copy_network(manifest, place)
    elif (has, precision) == ("fp32", "fp16"):
        if place.exists() and place.samefile(manifest.path):
            raise ConfigError(
                f"{place.with_suffix(SUFFIX)}: its graph would replace {manifest.path}; "
                "choose another --out"
            )
        # It brings torch along, which a machine that builds from a ready graph may lack.
        from export.half_precision import write_half_precision

        write_half_precision(manifest, place)
    else:
        raise ModelError(
            f"{manifest.path}: is {has}, and TensorRT takes its types from the graph; "
            f"convert it to {precision} first: fer-export --to onnx --precision {precision}"
        )
    graph = load_manifest(place)
    if precision_of(graph) != precision:
        raise ModelError(f"{place}: its manifest says {precision_of(graph)}, not {precision}")
    return graph
