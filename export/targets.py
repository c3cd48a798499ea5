"""From a checkpoint to a target: exported, converted, proved, and moved into place whole."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from engine.errors import ConfigError, ModelError, SinkError
from engine.files import folder_beside, staged
from engine.networks.bundle import SUFFIX as BUNDLE
from engine.networks.manifest import Manifest, load_manifest
from engine.networks.tensorrt.build import BuildConfig, check_precision, load_tensorrt
from engine.networks.tensorrt.cuda import Cuda
from engine.networks.tensorrt.engine_file import SUFFIX as ENGINE
from engine.networks.tensorrt.engine_file import precision_of
from engine.reading.fusion import landmarks_of
from export.backends import graph_backend
from export.bundle import write_bundle
from export.checkpoint import GRAPH, Weights, open_ensemble
from export.comparison import prove
from export.half_precision import export_half_precision
from export.networks import copy_network
from export.opening import check_opens
from export.tensorrt import export_engines
from export.triton import CROPS, TritonConfig, write_triton
from export.verify import in_torch

log = logging.getLogger(__name__)

Target = Literal["onnx", "tensorrt", "triton", "bundle"]
Precision = Literal["fp32", "fp16", "int8"]
Found = Weights | Manifest

# What a run's network is called, by task; a system is called after its run.
NAMES: Final[Mapping[str, str]] = {
    "detector": "fer-detector",
    "landmarks": "landmark-net",
    "expression": "poster-rt",
}
SHIPPED: Final = ("detector", "expression")  # tasks whose fp32 file goes to assets/ by default
SUFFIXES: Final[Mapping[Target, str]] = {"onnx": GRAPH, "tensorrt": ENGINE, "bundle": BUNDLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants.

    Attributes:
        checkpoint: Run folder, weights file or ONNX file.
        others: More run folders, for an ensemble.
        to: What to make.
        precision: None is the checkpoint's own.
        batch: Faces of a call; 0 is any number.
        out: File or folder; None is the default.
        overwrite: Replace what exists.
        data: Folder with the data packs.
        cache: Folder for decoded data.
        own: Options of the target, by the names of `BuildConfig` and `TritonConfig`; ``detector``
            is the ONNX file that a bundle or a server's repository gets.
    """

    checkpoint: Path
    to: Target
    precision: Precision | None
    batch: int
    out: Path | None
    overwrite: bool
    data: Path
    cache: Path
    own: Mapping[str, Any]
    others: tuple[Path, ...] = ()

    @property
    def detector(self) -> Path | None:
        """Of a bundle or a server's repository; None is the shipped one."""
        return self.own.get("detector")


def export(request: Request) -> Path:
    """Make what is wanted; give where it is. Without success nothing is left.

    Raises:
        ConfigError: The checkpoint is none, or options do not fit it or each other.
        SourceError: Data that the export needs is missing.
        ModelError: The checkpoint or a network is damaged, what is made answers otherwise, or
            this machine lacks what the target needs.
        SinkError: The output exists already or cannot be written.
    """
    found = open_ensemble([request.checkpoint, *request.others])
    _check(found, request)
    out = request.out or default_out(found, request)
    _check_out(found, out, request)
    TARGETS[request.to](found, out, request)
    log.info("%s is ready", out)
    return out


def default_out(found: Found, request: Request) -> Path:
    """Give where an export goes: beside the checkpoint, in its run, or to assets/."""
    suffix, own = SUFFIXES.get(request.to, ""), _own_precision(found)
    reduced = request.precision not in (None, own)
    stem = f"{_name(found)}-{request.precision}" if reduced else _name(found)
    if request.to == "triton":
        stem += "-triton"
    if isinstance(found, Manifest):
        return found.path.with_name(f"{stem}{suffix}")
    if _is_shipped(found, request):
        return Path("assets", f"{stem}{suffix}")
    return found.file.with_name(f"{stem}{suffix}")


def _is_shipped(found: Found, request: Request) -> bool:
    """Whether it replaces a network in assets/, as the recipes of these do."""
    return (
        isinstance(found, Weights)
        and found.in_run
        and found.task in SHIPPED
        and (request.to, request.precision or "fp32", request.out) == ("onnx", "fp32", None)
    )


def _name(found: Found) -> str:
    if isinstance(found, Manifest):
        return found.path.stem
    return NAMES.get(found.task) or re.sub(r"[^A-Za-z0-9_-]+", "-", found.name)


def _own_precision(found: Found) -> str:
    return precision_of(found) if isinstance(found, Manifest) else "fp32"


def _kind(found: Found) -> str:
    if isinstance(found, Manifest):
        return found.kind
    return "expression" if found.task == "system" else found.task


def _check(found: Found, request: Request) -> None:
    """Refuse what cannot be, before anything is loaded or written."""
    given, own = request.checkpoint, _own_precision(found)
    if isinstance(found, Weights) and found.task not in EXPORTS:
        raise ConfigError(f"{given}: nothing to export for task {found.task}")
    if request.batch and not (isinstance(found, Weights) and found.task == "system"):
        of = "an exported file" if isinstance(found, Manifest) else f"task {found.task}"
        raise ConfigError(f"--batch: the graphs of {of} have their batch; leave it out")
    if request.to in ("triton", "bundle") and _kind(found) != "expression":
        raise ConfigError(
            f"{given}: --to {request.to} starts from an expression network, not {_kind(found)}"
        )
    wanted = request.precision or own
    if wanted != own and own != "fp32":
        raise ModelError(f"{given}: is {own} already; start from the fp32 file to get {wanted}")
    if (request.to, wanted, own) == ("tensorrt", "int8", "fp32"):
        raise ModelError(
            f"{given}: the int8 that is made here is for CPUs, and TensorRT takes another form of "
            "it; choose --precision fp16, or start from an int8 ONNX file that is symmetric"
        )
    if isinstance(found, Manifest) and request.to == "onnx" and wanted == own:
        raise ConfigError(
            f"{given}: is an {own} ONNX file already; choose --precision fp16 or int8, or --to"
        )


def _check_out(found: Found, out: Path, request: Request) -> None:
    suffix = SUFFIXES.get(request.to)
    if suffix is None:
        return  # a folder, see `_triton`
    if out.suffix != suffix:
        raise ConfigError(f"--out {out}: must end in {suffix} for --to {request.to}")
    if out.is_dir():
        raise SinkError(f"{out}: is a folder; name a file")
    if isinstance(found, Manifest) and request.to in ("onnx", "tensorrt"):
        _check_source(found.path, out, request.precision or _own_precision(found))
    if out.exists() and not (request.overwrite or _is_shipped(found, request)):
        raise SinkError(f"{out}: exists already; use --overwrite or another --out")


def _check_source(source: Path, out: Path, precision: str) -> None:
    """Refuse to put a graph of another precision in the place of the one it is made from."""
    graph = out.with_suffix(GRAPH)
    if (
        graph.exists()
        and graph.samefile(source)
        and precision != _own_precision(load_manifest(source))
    ):
        raise ConfigError(f"--out {out}: its graph would replace {source}; choose another --out")


def _onnx(found: Found, out: Path, request: Request) -> None:
    free = request.overwrite or _is_shipped(found, request)
    with staged(out, overwrite=free) as inside:
        write_onnx(found, inside, request)
        check_opens(inside)


def _tensorrt(found: Found, out: Path, request: Request) -> None:
    load_tensorrt()  # what this machine lacks is said before anything is exported
    check_precision(request.precision or _own_precision(found), Cuda().gpu)
    config = BuildConfig(**_options(request, BuildConfig))
    with folder_beside(out) as folder, staged(out, overwrite=request.overwrite) as inside:
        source = _source(found, folder, request)
        export_engines(source.path, inside, config=config, earlier=out)
        check_opens(source.path)
        truth = graph_backend(found) if isinstance(found, Manifest) else in_torch(found)
        prove(truth, inside, request.data, request.cache)


def _triton(found: Found, out: Path, request: Request) -> None:
    _check_folder(out, request)
    config = TritonConfig(**_options(request, TritonConfig))
    with folder_beside(out) as folder:
        source = _source(found, folder, request)
        made = folder / "repository"
        write_triton(source.path, made, config, request.detector)
        check_opens(source.path)
        _swap(made, out, folder / "before")


def _check_folder(out: Path, request: Request) -> None:
    """Refuse to replace a folder that is no repository of this program's."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / CROPS / "config.pbtxt").is_file():
        raise SinkError(f"{out}: exists already and is no model repository; name a new folder")
    if not request.overwrite:
        raise SinkError(f"{out}: exists already; use --overwrite or another --out")


def _swap(made: Path, out: Path, before: Path) -> None:
    """Put a folder in the place of another one, which comes back where that fails."""
    if not out.exists():
        made.replace(out)
        return
    out.replace(before)
    try:
        made.replace(out)
    except BaseException:
        before.replace(out)
        raise


def _bundle(found: Found, out: Path, request: Request) -> None:
    with folder_beside(out) as folder:
        source = _source(found, folder, request)
        check_opens(source.path)
        write_bundle(source.path, out, request.detector)


TARGETS: Final[Mapping[Target, Callable[[Found, Path, Request], None]]] = {
    "onnx": _onnx,
    "tensorrt": _tensorrt,
    "triton": _triton,
    "bundle": _bundle,
}


def _options(request: Request, config: type[Any]) -> dict[str, Any]:
    """Give the options that a configuration has."""
    known = {field.name for field in fields(config)}
    given = {name: value for name, value in request.own.items() if name in known}
    return {name: tuple(x) if isinstance(x, list) else x for name, x in given.items()}


def _source(found: Found, folder: Path, request: Request) -> Manifest:
    """Give the ONNX file that a target is made of; what has to be made for it is in `folder`."""
    if isinstance(found, Manifest) and request.precision in (None, precision_of(found)):
        return found
    out = folder / f"{_name(found)}{GRAPH}"
    write_onnx(found, out, request)
    return load_manifest(out)


def write_onnx(found: Found, out: Path, request: Request) -> None:
    """Write an ONNX file of the precision that is wanted, with all that belongs beside it.

    Args:
        found: Weights, or a manifest of an fp32 file.
        out: In a folder that may hold half of it if this fails.
        request: Says which precision, and where data lies.

    Raises:
        FerError: As `export`.
    """
    reduced = request.precision if request.precision != "fp32" else None
    if isinstance(found, Manifest):
        _convert(found, out, request)
    elif reduced is None:
        EXPORTS[found.task](found, out, request)
    else:
        with folder_beside(out) as folder:
            whole = folder / f"{_name(found)}{GRAPH}"
            EXPORTS[found.task](found, whole, request)
            _convert(load_manifest(whole), out, request)


def _convert(manifest: Manifest, out: Path, request: Request) -> None:
    if request.precision == "fp16":
        export_half_precision(manifest.path, out, request.data, request.cache)
        return
    from export.int8 import export_int8

    export_int8(manifest.path, out, request.data, request.cache)
    made = load_manifest(out)
    if precision_of(made) != "int8":
        raise ModelError(f"{out.name}: was made as {precision_of(made)}, not int8")
    if made.kind == "expression":
        beside = out.with_name(str(made.value("landmarks.file")))
        if not beside.exists():  # where it was not reduced as well
            copy_network(landmarks_of(manifest), beside)
    prove(graph_backend(manifest), out, request.data, request.cache)


# What brings the trainers along is imported where it is used.


def _export_detector(found: Weights, out: Path, request: Request) -> None:
    from export.detector import export_detector

    if "threshold" not in found.metrics:
        raise ConfigError(f"{found.given}: metrics.json: threshold: missing; is the run finished?")
    export_detector(found.file, out, found.metrics, request.data, request.cache)


def _export_landmarks(found: Weights, out: Path, request: Request) -> None:
    from export.landmark_net import export_landmark_net
    from training.models.landmark_net import LandmarkNet
    from training.weights import load_weights

    network = LandmarkNet()
    load_weights(network, found.file)
    export_landmark_net(network, out, request.data, request.cache)


def _export_expression(found: Weights, out: Path, request: Request) -> None:
    from export.poster_rt import export_poster_rt

    export_poster_rt(found.file, out, request.data, request.cache)


def _export_system(found: Weights, out: Path, request: Request) -> None:
    from export.system import export_system, export_vote

    if found.others:
        export_vote(found.members, out, request.data, request.cache, request.batch)
        return
    export_system(found.given, out, request.data, request.cache, request.batch)


# Task to what writes its graph.
EXPORTS: Final[Mapping[str, Callable[[Weights, Path, Request], None]]] = {
    "detector": _export_detector,
    "landmarks": _export_landmarks,
    "expression": _export_expression,
    "system": _export_system,
}
