"""From an ONNX graph to a serialized TensorRT engine, for TensorRT 10 and 11."""

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.config import Positive, checked, require
from engine.errors import ModelError
from engine.networks.tensorrt.cuda import INSTALL, Gpu

log = logging.getLogger(__name__)

# Least compute capability, and what TensorRT calls the type. NVIDIA's support matrix.
PRECISIONS: Final[Mapping[str, tuple[tuple[int, int], str]]] = {
    "fp32": ((0, 0), "FLOAT"),
    "fp16": ((7, 0), "HALF"),
    "bf16": ((8, 0), "BF16"),
    "int8": ((7, 2), "INT8"),
    "fp8": ((8, 9), "FP8"),
}
BATCH, HEIGHT, WIDTH = 0, 2, 3  # axes that may vary

Shape = tuple[int, ...]
Foreign = Any  # TensorRT's module and objects, which have no types


@checked("tensorrt")
class BuildConfig:
    """What sizes an engine takes and what it is tuned for.

    Attributes:
        max_batch: Most faces of a call.
        usual_batch: Faces of a call that it is fastest at.
        max_side: Longest side of a detector's picture, pixels; the most that
            `engine.faces.detection` asks for.
        usual_height: Height of a detector's picture that it is fastest at, pixels.
        usual_width: Width of a detector's picture that it is fastest at, pixels.
        workspace_mib: Most memory that one layer may use for itself, MiB.
    """

    max_batch: Positive = 64
    usual_batch: Positive = 4
    max_side: Positive = 960
    usual_height: Positive = 544
    usual_width: Positive = 960
    workspace_mib: Positive = 1024

    def __post_init__(self) -> None:
        fits = self.usual_batch <= self.max_batch
        require(self, "usual_batch", fits, f"at most max_batch {self.max_batch}")


@dataclass(frozen=True, slots=True)
class ShapeRange:
    """Shapes that an input may take."""

    least: Shape
    usual: Shape
    most: Shape


def range_of(name: str, shape: Sequence[int], config: BuildConfig, multiple: int = 1) -> ShapeRange:
    """Choose the shapes that an engine takes.

    Args:
        name: Of the input.
        shape: -1 where an axis may vary.
        config: Chooses them.
        multiple: What height and width are multiples of, pixels.

    Raises:
        ModelError: An axis varies that is none of batch, height and width.
    """
    picture = -(-config.max_side // multiple) * multiple
    sizes = {
        BATCH: (1, config.usual_batch, config.max_batch),
        HEIGHT: (multiple, _rounded(config.usual_height, multiple, picture), picture),
        WIDTH: (multiple, _rounded(config.usual_width, multiple, picture), picture),
    }
    columns = []
    for axis, size in enumerate(shape):
        if size >= 0:
            columns.append((size, size, size))
        elif axis in sizes:
            columns.append(sizes[axis])
        else:
            raise ModelError(f"input {name}: axis {axis} varies; only batch, height, width may")
    least, usual, most = zip(*columns, strict=True)
    return ShapeRange(least, usual, most)


def _rounded(size: int, multiple: int, most: int) -> int:
    return min(max(multiple, -(-size // multiple) * multiple), most)


def load_tensorrt() -> Foreign:
    """Give TensorRT's Python module.

    Raises:
        ModelError: It is not installed, is damaged, or is older than 10.
    """
    try:
        trt = importlib.import_module("tensorrt")
    except ImportError as error:
        raise ModelError(f"TensorRT not installed: {INSTALL}") from error
    except OSError as error:
        raise ModelError(f"TensorRT cannot be loaded: {error}; run: {INSTALL}") from error
    if int(trt.__version__.split(".")[0]) < 10:
        raise ModelError(f"TensorRT {trt.__version__} is too old, 10 is needed: {INSTALL}")
    return trt


class MessageLog:
    """What TensorRT says: to the log, and its errors also kept.

    Attributes:
        logger: What TensorRT's objects take.
        errors: In the order they came.
    """

    def __init__(self, trt: Foreign) -> None:
        self.errors: list[str] = []
        severity = trt.ILogger.Severity
        levels = {
            severity.INTERNAL_ERROR: logging.ERROR,
            severity.ERROR: logging.ERROR,
            severity.WARNING: logging.DEBUG,
        }
        errors = self.errors

        class Logger(trt.ILogger):  # type: ignore[misc] # no types
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: object, msg: str) -> None:
                level = levels.get(severity)
                if level == logging.ERROR:
                    errors.append(msg)
                if level is not None:
                    log.log(level, "TensorRT: %s", msg)

        self.logger = Logger()

    def last(self) -> str:
        """Give the last error, one line."""
        return " ".join(self.errors[-1].split()) if self.errors else "TensorRT does not say why"


@dataclass(frozen=True, slots=True)
class Plan:
    """A built engine.

    Attributes:
        engine: Serialized.
        timing: Serialized timing cache, which makes the next build faster.
    """

    engine: bytes
    timing: bytes


def check_precision(precision: str, gpu: Gpu) -> None:
    """Raise ModelError unless this GPU computes in a precision."""
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise ModelError(f"precision {precision}: unknown; choose one of {known}")
    least = PRECISIONS[precision][0]
    if gpu.capability < least:
        has, needs = (".".join(map(str, pair)) for pair in (gpu.capability, least))
        raise ModelError(
            f"precision {precision}: needs compute capability {needs}, {gpu.name} has {has}"
        )


def build_plan(
    graph: bytes,
    config: BuildConfig,
    *,
    name: str,
    precision: str,
    multiple: int = 1,
    timing: bytes = b"",
) -> Plan:
    """Build an engine for the GPU of this machine; takes from seconds to minutes.

    Args:
        graph: ONNX file, without external data.
        config: Sizes.
        name: Of the file, for messages.
        precision: Of the graph: TensorRT computes in the types that it finds there.
        multiple: What height and width are multiples of, pixels.
        timing: Timing cache of an earlier build, or empty.

    Raises:
        ModelError: TensorRT does not take the graph, or it is not of this precision.
    """
    trt = load_tensorrt()
    messages = MessageLog(trt)
    builder = trt.Builder(messages.logger)
    # From TensorRT 11 on this is the only kind of network and the flag does nothing.
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if flag is None else 1 << int(flag))
    parser = trt.OnnxParser(network, messages.logger)
    # From memory, not by its path: then it cannot make the parser read other files.
    if not parser.parse(graph):
        raise ModelError(f"{name}: TensorRT cannot take this graph: {_why(parser)}")
    _check_types(trt, network, name, precision)
    settings = builder.create_builder_config()
    settings.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, config.workspace_mib << 20)
    if precision == "fp32":
        # On by default; its 10-bit mantissas would miss the 1e-4 that fp32 promises.
        settings.clear_flag(trt.BuilderFlag.TF32)
    _add_profile(builder, network, settings, config, multiple)
    _use_timing(settings, timing)
    engine = builder.build_serialized_network(network, settings)
    if engine is None:
        raise ModelError(f"{name}: TensorRT built no engine: {messages.last()}")
    return Plan(bytes(engine), bytes(settings.get_timing_cache().serialize()))


def _why(parser: Foreign) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    lines = [f"node {error.node()}: {' '.join(error.desc().split())}" for error in errors]
    return "; ".join(lines) or "it does not say why"


def _check_types(trt: Foreign, network: Foreign, name: str, precision: str) -> None:
    wanted = getattr(trt.DataType, PRECISIONS[precision][1], None)
    layers = (network.get_layer(index) for index in range(network.num_layers))
    types = {layer.get_output(k).dtype for layer in layers for k in range(layer.num_outputs)}
    if wanted not in types:
        raise ModelError(
            f"{name}: computes nothing in {precision}, and TensorRT takes its types from the "
            "graph; convert it first: fer-export --to onnx --precision"
        )


def _add_profile(
    builder: Foreign,
    network: Foreign,
    settings: Foreign,
    config: BuildConfig,
    multiple: int,
) -> None:
    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    if all(size >= 0 for tensor in inputs for size in tensor.shape):
        return
    profile = builder.create_optimization_profile()
    for tensor in inputs:
        sizes = range_of(tensor.name, tuple(tensor.shape), config, multiple)
        profile.set_shape(tensor.name, sizes.least, sizes.usual, sizes.most)
    if settings.add_optimization_profile(profile) < 0:
        raise ModelError("TensorRT refuses the optimisation profile of these shapes")


def _use_timing(settings: Foreign, timing: bytes) -> None:
    cache = settings.create_timing_cache(timing)
    # One of another GPU or version is refused: its times would choose the wrong kernels.
    if cache is None or not settings.set_timing_cache(cache, ignore_mismatch=False):
        settings.set_timing_cache(settings.create_timing_cache(b""), ignore_mismatch=False)
