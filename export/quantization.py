"""An fp32 graph as int8, calibrated on real faces; the layers that suffer most stay in float."""

import logging
import math
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal

import onnx
from onnx import ModelProto, NodeProto
from pydantic import Field

from engine.config import NonNegative, Text, checked
from engine.errors import ConfigError, ModelError
from engine.files import written
from engine.networks.ort import submodule
from export.calibration import Feed
from export.float_graph import float_model, save_graph, translated

log = logging.getLogger(__name__)

ort: Final = submodule("quantization")
debug: Final = submodule("quantization.qdq_loss_debug")

Method = Literal["minmax", "percentile", "entropy"]
METHODS: Final[Mapping[Method, Any]] = {
    "minmax": ort.CalibrationMethod.MinMax,
    "percentile": ort.CalibrationMethod.Percentile,
    "entropy": ort.CalibrationMethod.Entropy,
}
Activations = Literal["int8", "uint8"]
ACTIVATIONS: Final[Mapping[Activations, Any]] = {
    "int8": ort.QuantType.QInt8,
    "uint8": ort.QuantType.QUInt8,
}
ROUNDING: Final = 1e-9  # points; 100 * (1 - 0.99) is a little above 1
# What stands between a head and its output: the bias of a matrix product and the form.
FORMS: Final = frozenset(
    {"Add", "Concat", "Flatten", "Gather", "Identity", "Reshape", "Sigmoid", "Slice", "Squeeze"}
    | {"Tanh", "Transpose"}
)
# Values that an output adds up. Of fewer, or of one channel alone, a convolution is no matrix
# product worth the name: bytes are slower than floats there, and the answers worse.
SUMMED_MIN: Final = 32
RANKED_ON: Final = 2  # feeds that layers are ranked on: every tensor of each is kept in memory


@checked()
class QuantizeConfig:
    """How a network becomes int8.

    Attributes:
        method: How the range of an activation is read off the calibration crops.
        percentile: Of the values that the range holds, for the method of that name.
        activations: ``uint8`` with a zero point of its own, which loses no bit behind a ReLU and
            is what x86 multiplies; ``int8`` around zero, which TensorRT asks for.
        reduce_range: Weights of seven bits. Without VNNI an x86 multiplies uint8 by int8 and adds
            two products in sixteen bits (vpmaddubsw): 2 x 255 x 127 does not fit and saturates,
            2 x 255 x 64 does. So the same file gives the same answers on every machine.
        ops: Types of the nodes that are quantised, as far as they gain by it (`_layers`).
        loss_max_points: Accuracy that may be lost, percentage points (`quantize_within`).
    """

    method: Method = "minmax"
    percentile: Annotated[float, Field(gt=50, le=100)] = 99.99
    activations: Activations = "uint8"
    reduce_range: bool = True
    ops: Annotated[tuple[Text, ...], Field(min_length=1)] = ("Conv", "Gemm", "MatMul")
    loss_max_points: NonNegative = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class QuantizationResult:
    """What became of the layers of a network.

    Attributes:
        layers: Names of the nodes in int8.
        kept: Names of those that could be and stay in float, the most sensitive first.
        errors: Noise that int8 adds to what a node reads, relative to it (a power), for every
            node that could be quantised, the most sensitive first; empty where nobody asked.
        tried: Accuracy, 0 to 1, by number of layers kept in float; empty where nobody judged.
        reference: Accuracy of the float network, 0 to 1; NaN where nobody judged.
    """

    layers: tuple[str, ...]
    kept: tuple[str, ...]
    errors: Mapping[str, float]
    tried: Mapping[int, float]
    reference: float


def quantize(
    path: Path,
    out: Path,
    feeds: Sequence[Feed],
    *,
    keep: Collection[str] = (),
    config: QuantizeConfig | None = None,
) -> QuantizationResult:
    """Write an fp32 ONNX file as static int8: QDQ, weights per channel and around zero.

    Args:
        path: The fp32 file.
        out: The int8 file.
        feeds: Batches to calibrate on (`export.calibration.calibration_feeds`).
        keep: Names of nodes that stay in float.
        config: How.

    Raises:
        ConfigError: There is nothing to calibrate on, or a name in `keep` is no node that could
            be quantised.
        ModelError: Unreadable, in fp16 or int8 already, or not to be quantised.
        SinkError: It cannot be written.
    """
    with _job(path, feeds, config or QuantizeConfig()) as job, written(out) as partial:
        layers = job.write(partial, keep)
    return QuantizationResult(layers, tuple(keep), {}, {}, float("nan"))


def quantize_within(
    path: Path,
    out: Path,
    feeds: Sequence[Feed],
    judge: Callable[[Path], float],
    *,
    keep: Collection[str] = (),
    config: QuantizeConfig | None = None,
) -> QuantizationResult:
    """Do `quantize` and keep the most sensitive layers in float until accuracy is held.

    Layers are ranked by the noise that int8 adds to what they read, weights and activations; then
    the fewest are sought whose return to float brings the loss under `config.loss_max_points`.
    What is written is a file that was judged.

    Args:
        path: The fp32 file.
        out: The int8 file.
        feeds: Batches to calibrate and to rank on.
        judge: Gives the accuracy, 0 to 1, of a file on validation data.
        keep: Names of nodes that stay in float whatever the accuracy.
        config: How.

    Raises:
        ConfigError: As `quantize`.
        ModelError: As `quantize`; or the accuracy is not held with a single layer in int8.
        SinkError: It cannot be written.
    """
    config = config or QuantizeConfig()
    with _job(path, feeds, config) as job, written(out) as partial:
        errors = job.errors(keep)
        ranked, reference, tried = list(errors), judge(path), dict[int, float]()

        def holds(count: int) -> bool:
            trial = job.folder / f"kept-{count}.onnx"
            job.write(trial, {*keep, *ranked[:count]})
            tried[count] = judge(trial)
            log.info("%d of %d layers in float: %.4f", count, len(ranked), tried[count])
            lost = 100 * (reference - tried[count])
            return lost <= config.loss_max_points + ROUNDING

        count = fewest(len(ranked), holds)
        if count is None:
            raise ModelError(
                f"{path}: int8 loses more than {config.loss_max_points} points of "
                f"{100 * reference:.2f} % even with a single layer quantised"
            )
        shutil.copyfile(job.folder / f"kept-{count}.onnx", partial)
    kept = (*ranked[:count], *keep)
    return QuantizationResult(tuple(ranked[count:]), kept, errors, tried, reference)


def fewest(limit: int, holds: Callable[[int], bool]) -> int | None:
    """Find a small count below `limit` that holds: doubled until one does, then halved back.

    Returns:
        A count that held, while the one below it did not where that was tried; None where none
        held.
    """
    low, high = -1, 0
    while high < limit and not holds(high):
        low, high = high, limit if high == limit - 1 else min(limit - 1, max(1, 2 * high))
    if high >= limit:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True, eq=False)
class _Quantization:
    """One network on its way to int8, in a folder of its own.

    Attributes:
        path: The fp32 file, for messages.
        folder: Gone at the end.
        ready: Prepared copy of the file: shapes inferred, constants folded.
        layers: Names of the nodes that could be quantised, in the graph's order.
        feeds: Batches to calibrate on.
        config: How.
    """

    path: Path
    folder: Path
    ready: Path
    layers: tuple[str, ...]
    feeds: Sequence[Feed]
    config: QuantizeConfig

    def write(self, out: Path, keep: Collection[str]) -> tuple[str, ...]:
        """Write an int8 file; give the names of the nodes in int8."""
        config, chosen = self.config, tuple(name for name in self.layers if name not in keep)
        behind = _cut_off(onnx.load(self.ready), chosen) if config.activations == "uint8" else ()
        unknown = sorted(set(keep) - set(self.layers))
        if unknown:
            known = ", ".join(self.layers)
            raise ConfigError(f"keep: {', '.join(unknown)}: no such layer; known here: {known}")
        if not chosen:
            raise ModelError(f"{self.path}: no layer is left to be quantised")
        with translated(self.path, "quantised"):
            ort.quantize_static(
                self.ready,
                out,
                _CalibrationReader(self.feeds),
                quant_format=ort.QuantFormat.QDQ,
                op_types_to_quantize=[*config.ops, "Relu"],
                nodes_to_quantize=[*chosen, *behind],
                per_channel=True,
                reduce_range=config.reduce_range,
                activation_type=ACTIVATIONS[config.activations],
                weight_type=ort.QuantType.QInt8,
                calibrate_method=METHODS[config.method],
                extra_options={
                    "ActivationSymmetric": config.activations == "int8",
                    "WeightSymmetric": True,
                    "CalibPercentile": config.percentile,
                    "CalibStridedMinMax": 1,  # else the activations of all feeds are in memory
                },
            )
            save_graph(onnx.load(out), self.path, out)
        return chosen

    def errors(self, keep: Collection[str]) -> dict[str, float]:
        """Rank the layers not in `keep` by the noise that int8 adds to what they read."""
        trial = self.folder / "ranked.onnx"
        chosen = self.write(trial, keep)
        noise = {**self._activation_noise(trial), **self._weight_noise(trial)}
        nodes = [node for node in onnx.load(self.ready).graph.node if node.name in chosen]
        errors = {n.name: sum(noise.get(name, 0.0) for name in n.input) for n in nodes}
        return dict(sorted(errors.items(), key=lambda pair: -pair[1]))

    def _activation_noise(self, trial: Path) -> dict[str, float]:
        shown = self.folder / "shown.onnx"
        with translated(self.path, "ranked"):
            debug.modify_model_output_intermediate_tensors(trial, shown)
            values = debug.collect_activations(str(shown), list(self.feeds[:RANKED_ON]))
            pairs = debug.create_activation_matching(values)
            return {name: _noise(pair["pre_qdq"], pair["post_qdq"]) for name, pair in pairs.items()}

    def _weight_noise(self, trial: Path) -> dict[str, float]:
        with translated(self.path, "ranked"):
            pairs = debug.create_weight_matching(str(self.ready), str(trial))
            return {
                name: _noise(pair["float"], pair["dequantized"]) for name, pair in pairs.items()
            }


def _noise(before: Any, after: Any) -> float:  # noqa: ANN401 - one array or a list of them
    decibel = debug.compute_signal_to_quantization_noice_ratio(before, after)
    return float(10 ** (-decibel / 10))


class _CalibrationReader:
    """Feeds as the calibrator asks for them."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = feeds
        self._left = iter(feeds)

    def __len__(self) -> int:
        return len(self._feeds)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Give these feeds next, and no others."""
        self._left = iter(self._feeds[start_index:end_index])

    def get_next(self) -> dict[str, Any] | None:
        """Give the next feed; None at the end."""
        feed = next(self._left, None)
        return None if feed is None else dict(feed)


@contextmanager
def _job(path: Path, feeds: Sequence[Feed], config: QuantizeConfig) -> Iterator[_Quantization]:
    model = float_model(path)
    if not feeds:
        raise ConfigError(f"{path}: there is nothing to calibrate on; give at least one feed")
    names, given = {each.name for each in model.graph.input}, set(feeds[0])
    if names != given:
        wanted, got = ", ".join(sorted(names)), ", ".join(sorted(given))
        raise ConfigError(f"{path}: has the inputs {wanted}; the feeds have {got}")
    with TemporaryDirectory(prefix="fer-int8.") as name:
        folder = Path(name)
        ready = folder / "ready.onnx"
        with translated(path, "prepared for int8"):
            # A picture of any size has sides that shape inference can only name.
            ort.quant_pre_process(model, ready, auto_merge=True)
        yield _Quantization(
            path, folder, ready, _layers(onnx.load(ready), config.ops), feeds, config
        )


def _layers(model: ModelProto, ops: Collection[str]) -> tuple[str, ...]:
    """Name the nodes that int8 is for.

    A product of two activations, such as an attention's, has no weights: in int8 it costs more
    to convert than it saves. A matrix product that makes an output of the graph would give it in
    256 steps, half a pixel wide for landmarks, and costs next to nothing in float. Depthwise
    convolutions and those of a first layer stay in float as well (`SUMMED_MIN`).
    """
    weights = {each.name: each.dims for each in model.graph.initializer}
    heads = _heads(model)
    chosen = [node for node in model.graph.node if node.op_type in ops and node.name not in heads]
    return tuple(n.name for n in chosen if _gains(n, weights.get(n.input[1])))


def _gains(node: NodeProto, shape: Sequence[int] | None) -> bool:
    """Tell whether a product with weights of this shape is one that bytes are faster at."""
    if node.op_type == "Conv" and shape is not None:
        return shape[1] > 1 and math.prod(shape[1:]) >= SUMMED_MIN
    return node.op_type != "MatMul" or shape is not None


def _cut_off(model: ModelProto, layers: Collection[str]) -> list[str]:
    """Name what is behind these layers and cuts off below zero.

    Told of it, the quantiser spends no step on what is cut off anyway, and the layer does the
    cutting itself.
    """
    nodes = model.graph.node
    made = {output for node in nodes if node.name in layers for output in node.output}
    return [node.name for node in nodes if node.op_type == "Relu" and node.input[0] in made]


def _heads(model: ModelProto) -> set[str]:
    """Name the products that make an output of the graph, whatever puts it in form."""
    given = {output.name for output in model.graph.output}
    heads = set()
    for node in reversed(model.graph.node):
        if given.intersection(node.output):
            if node.op_type in ("Conv", "Gemm", "MatMul"):
                heads.add(node.name)
            elif node.op_type in FORMS:
                given.update(node.input)
    return heads
