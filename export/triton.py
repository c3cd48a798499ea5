"""A model repository for NVIDIA's Triton Inference Server: networks, an ensemble, whole pictures.

The configurations are text of the protobuf message ``ModelConfig``, which Triton documents in
model_config.proto of github.com/triton-inference-server/common.
"""

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # brings none
from pydantic import Field

from engine.config import Natural, Positive, checked, require
from engine.errors import ConfigError, ModelError
from engine.files import written_folder
from engine.networks.manifest import Manifest
from engine.networks.tensorrt.engine_file import BUILD, KEY, PLAN, SUFFIX, described_by
from engine.reading.offers import offer_of
from export.bundle import networks_of
from export.graph import MOST
from export.pbtxt import EnumName, text_of

log = logging.getLogger(__name__)

Kind = Literal["auto", "gpu", "cpu"]
CROPS: Final = "fer-crops"  # the ensemble: crops to logits and valence-arousal
FRAMES: Final = "fer-frames"  # the python backend: a picture to faces and what they show
LABELS: Final = "labels.txt"
VERSION: Final = "1"
MAX_FACES: Final = 32  # of one picture
# Triton's names of ONNX element types, without TYPE_, where the two differ.
TYPES: Final[Mapping[str, str]] = {"FLOAT": "FP32", "FLOAT16": "FP16", "DOUBLE": "FP64"}
SAME: Final = frozenset(
    ("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "STRING")
)


@checked()
class TritonConfig:
    """How the server runs the networks.

    Attributes:
        kind: Where the networks run; ``auto`` is a GPU where the server has one.
        instances: Of each network, for each GPU or altogether on a CPU.
        max_batch: Most faces of one call of a network.
        preferred: Batches that are run at once, faces; others wait for more faces.
        delay_us: Longest time that a face waits for others, microseconds.
        engines: Files of `fer-export --to tensorrt`, each ``X.engine`` after the ``X.onnx`` it
            was made of, with its description beside it; they run in place of those networks.
            They fit one kind of GPU and one TensorRT version, which have to be the server's.
    """

    kind: Kind = "auto"
    instances: Positive = 1
    max_batch: Annotated[int, Field(ge=1, le=MOST)] = MOST
    preferred: tuple[Positive, ...] = (4, 8, 16, 32)
    delay_us: Natural = 2000
    engines: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        require(self, "engines", not self.engines or self.kind != "cpu", "none on a CPU")


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a network, as its graph states it.

    Attributes:
        name: In the graph.
        type: Triton's name, ``TYPE_FP32``.
        shape: The first number is the batch where `batched`; -1 is any size.
        symbol: What the graph calls the first size, empty where that is a number.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    symbol: str


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A network with what its configuration needs.

    Attributes:
        manifest: Of the network.
        inputs: In the graph's order.
        outputs: In the graph's order.
    """

    manifest: Manifest
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def batched(self) -> bool:
        """Whether every tensor starts with one and the same size that may vary."""
        symbols = {tensor.symbol for tensor in (*self.inputs, *self.outputs)}
        return len(symbols) == 1 and symbols != {""}

    @property
    def flat(self) -> list[str]:
        """Names of the outputs that are one number for each face, which Triton adds an axis to."""
        return [x.name for x in self.outputs if self.batched and len(x.shape) == 1]


def write_triton(
    expression: Path,
    out: Path,
    config: TritonConfig | None = None,
    detector: Path | None = None,
) -> None:
    """Write a model repository: three networks, the ensemble of two, and whole pictures.

    Args:
        expression: ONNX file, manifest and landmark network beside it.
        out: The folder, new or empty.
        config: How the server runs them.
        detector: ONNX file with its manifest beside it; the shipped one by default.

    Raises:
        ConfigError: `out` has files in it, a name does not fit, or an engine belongs to no
            network.
        ModelError: A network is missing, damaged, of another kind, or has a fixed batch.
        SinkError: It cannot be written.
    """
    config = config or TritonConfig()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ConfigError(f"{out}: exists already; name a new folder")
    networks = {
        kind: read_network(manifest) for kind, manifest in networks_of(expression, detector).items()
    }
    _check(networks)
    engines = _engines(networks, config)
    with written_folder(out) as partial:
        for network in networks.values():
            _write_network(partial, network, config, engines.get(network.manifest.name))
        _write_config(partial / CROPS, ensemble_config(networks, config))
        (partial / CROPS / VERSION).mkdir()  # empty: Triton wants a version of everything
        _write_frames(partial, networks, config)
    names = [*(network.manifest.name for network in networks.values()), CROPS, FRAMES]
    log.info("wrote a model repository: %s", ", ".join(names))


def read_network(manifest: Manifest) -> NetworkSpec:
    """Read names, types and shapes from a network's graph.

    Raises:
        ModelError: The graph is malformed, or has a type that Triton does not know.
    """
    try:
        graph = onnx.load(manifest.path, load_external_data=False).graph
    except (DecodeError, OSError) as error:
        raise ModelError(f"{manifest.path}: is no ONNX file: {error}") from error
    constants = {constant.name for constant in graph.initializer}
    return NetworkSpec(
        manifest,
        tuple(_tensor(manifest, x) for x in graph.input if x.name not in constants),
        tuple(_tensor(manifest, x) for x in graph.output),
    )


def _tensor(manifest: Manifest, info: onnx.ValueInfoProto) -> TensorSpec:
    stated = info.type.tensor_type
    known = onnx.TensorProto.DataType.Name(stated.elem_type)
    kind = known if known in SAME else TYPES.get(known)
    if kind is None or not stated.HasField("shape"):
        raise ModelError(f"{manifest.path}: {info.name}: type {known} or its shape is unfit")
    sizes = stated.shape.dim
    fixed = [size.dim_value if size.HasField("dim_value") else -1 for size in sizes]
    return TensorSpec(info.name, f"TYPE_{kind}", tuple(fixed), sizes[0].dim_param if sizes else "")


def _check(networks: Mapping[str, NetworkSpec]) -> None:
    """Check what the repository takes for granted."""
    names = [network.manifest.name for network in networks.values()]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ConfigError(f"{name!r}: cannot be the name of a model; rename the network")
    if len({name.lower() for name in (*names, CROPS, FRAMES)}) < len(names) + 2:
        raise ConfigError(f"{', '.join(names)}: two models have the same name; rename one")
    for kind in ("landmarks", "expression"):
        if not networks[kind].batched:
            path = networks[kind].manifest.path
            raise ModelError(f"{path}: takes a fixed batch; export it with --batch dynamic")


def _engines(networks: Mapping[str, NetworkSpec], config: TritonConfig) -> dict[str, Path]:
    """Give the engine of each network that has one, by the network's name."""
    known = {network.manifest.path.stem: network for network in networks.values()}
    engines = {}
    for path in config.engines:
        if path.suffix != SUFFIX or path.stem not in known:
            choices = ", ".join(f"{stem}{SUFFIX}" for stem in known)
            raise ConfigError(f"{path}: belongs to no network here; expected {choices}")
        _check_engine(path, known[path.stem], config)
        engines[known[path.stem].manifest.name] = path
    return engines


def _check_engine(path: Path, network: NetworkSpec, config: TritonConfig) -> None:
    """Check that an engine was made of this network and takes the batches that it will get."""
    card = described_by(path)
    try:
        stated = json.loads(card.read_text(encoding="utf-8"))
        made_of, most = str(stated[KEY]["onnx"]), int(stated[BUILD]["max_batch"])
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        whole = stated[PLAN] == digest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: it or {card.name} cannot be read: {error!r}") from error
    if made_of != network.manifest.sha256 or not whole:
        raise ModelError(
            f"{path}: was not made of {network.manifest.path} or is damaged; "
            "build it again with fer-export --to tensorrt"
        )
    if network.batched and most < config.max_batch:
        raise ConfigError(f"{path}: takes {most} faces at most; max_batch is {config.max_batch}")


def _write_network(
    out: Path, network: NetworkSpec, config: TritonConfig, engine: Path | None
) -> None:
    folder = out / network.manifest.name
    _write_config(folder, network_config(network, config, engine=engine is not None))
    (folder / VERSION).mkdir()
    file = "model.onnx" if engine is None else "model.plan"
    shutil.copyfile(engine or network.manifest.path, folder / VERSION / file)
    if any(tensor.name == "logits" for tensor in network.outputs):
        labels = "".join(f"{label}\n" for label in network.manifest.value("labels"))
        (folder / LABELS).write_text(labels, encoding="utf-8")


def _write_frames(out: Path, networks: Mapping[str, NetworkSpec], config: TritonConfig) -> None:
    """Write the python backend's model, which keeps networks and manifests beside it."""
    folder = out / FRAMES
    _write_config(folder, frames_config(networks, config))
    (folder / VERSION).mkdir()
    shutil.copyfile(Path(__file__).with_name("triton_faces.py"), folder / VERSION / "model.py")
    for network in networks.values():
        for path in (network.manifest.path, network.manifest.path.with_suffix(".json")):
            shutil.copyfile(path, folder / VERSION / path.name)


def _write_config(folder: Path, config: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "config.pbtxt").write_text(text_of(config), encoding="ascii")


def network_config(network: NetworkSpec, config: TritonConfig, *, engine: bool) -> dict[str, Any]:
    """Give the ``ModelConfig`` of one network.

    Args:
        network: The network.
        config: How it runs.
        engine: It is a TensorRT engine and no ONNX file.
    """
    most = config.max_batch if network.batched else 0
    batching = {
        "preferred_batch_size": sorted({size for size in config.preferred if size <= most}),
        "max_queue_delay_microseconds": config.delay_us,
    }
    return {
        "name": network.manifest.name,
        "platform": "tensorrt_plan" if engine else "onnxruntime_onnx",
        "max_batch_size": most,
        "input": _stated(network.inputs, most),
        "output": _stated(network.outputs, most, labelled=True),
        "instance_group": [
            {
                "count": config.instances,
                "kind": EnumName("KIND_GPU" if engine else f"KIND_{config.kind.upper()}"),
            }
        ],
        **({"dynamic_batching": batching} if most else {}),
    }


def ensemble_config(networks: Mapping[str, NetworkSpec], config: TritonConfig) -> dict[str, Any]:
    """Give the ``ModelConfig`` of the way from crops to what the faces show.

    Raises:
        ModelError: The expression network wants what the landmark network does not give.
    """
    reads, marks = networks["expression"], networks["landmarks"]
    crops = [tensor for tensor in reads.inputs if tensor.name == "crops"]
    maps = [tensor.name for tensor in reads.inputs if tensor.name != "crops"]
    given = [tensor.name for tensor in marks.outputs]
    if len(crops) != 1 or not set(maps) <= set(given):
        wanted = ", ".join(tensor.name for tensor in reads.inputs)
        raise ModelError(f"{reads.manifest.path}: takes {wanted}; known: crops, {', '.join(given)}")
    steps = [_step(marks, ["crops"], maps)] if maps else []
    steps.append(_step(reads, ["crops", *maps], [tensor.name for tensor in reads.outputs]))
    return {
        "name": CROPS,
        "platform": "ensemble",
        "max_batch_size": config.max_batch,
        "input": _stated(crops, config.max_batch),
        "output": _stated(reads.outputs, config.max_batch),
        "ensemble_scheduling": {"step": steps},
        "parameters": _parameters(manifest=json.dumps(client_manifest(reads.manifest))),
    }


def client_manifest(manifest: Manifest) -> dict[str, Any]:
    """Give the part of an expression network's manifest that a client needs."""
    keys = ("name", "sha256", "input", "labels", "temperature")
    return {key: manifest.value(key) for key in keys}


def frames_config(networks: Mapping[str, NetworkSpec], config: TritonConfig) -> dict[str, Any]:
    """Give the ``ModelConfig`` of the python backend's model, see `export.triton_faces`."""
    reads = networks["expression"]
    offer = offer_of(reads.manifest, [tensor.name for tensor in reads.outputs])
    outputs: dict[str, tuple[int, ...]] = {
        "boxes": (-1, 4),
        "landmarks": (-1, 68, 2),
        "presence": (-1,),
    }
    if offer.labels:
        outputs["probabilities"] = (-1, len(offer.labels))
    if offer.affect or offer.derivable:
        outputs["valence_arousal"] = (-1, 2)
    return {
        "name": FRAMES,
        "backend": "python",
        "max_batch_size": 0,
        "input": _stated([TensorSpec("image", "TYPE_UINT8", (-1, -1, 3), "")], 0),
        "output": _stated([TensorSpec(x, "TYPE_FP32", outputs[x], "") for x in outputs], 0),
        "instance_group": [{"count": config.instances, "kind": EnumName("KIND_CPU")}],
        "parameters": _parameters(
            detector=networks["detector"].manifest.path.name,
            expression=networks["expression"].manifest.path.name,
            flat=json.dumps({x.manifest.name: x.flat for x in networks.values()}),
            labels=json.dumps(offer.labels),
            max_faces=str(min(MAX_FACES, config.max_batch)),
        ),
    }


def _step(network: NetworkSpec, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    """Give a step of an ensemble, whose tensors have the network's own names."""
    return {
        "model_name": network.manifest.name,
        "model_version": -1,  # the latest
        "input_map": [{"key": name, "value": name} for name in inputs],
        "output_map": [{"key": name, "value": name} for name in outputs],
    }


def _stated(
    tensors: Sequence[TensorSpec], most: int, *, labelled: bool = False
) -> list[dict[str, Any]]:
    """Give the inputs or outputs of a model; Triton adds the batch where `most` is above 0."""
    stated = []
    for tensor in tensors:
        shape = list(tensor.shape[1:] if most else tensor.shape)
        entry: dict[str, Any] = {
            "name": tensor.name,
            "data_type": EnumName(tensor.type),
            "dims": shape or [1],
        }
        if not shape:  # a number for each face: Triton allows no empty `dims`
            entry["reshape"] = {"shape": []}
        if labelled and tensor.name == "logits":
            entry["label_filename"] = LABELS
        stated.append(entry)
    return stated


def _parameters(**values: str) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"string_value": text}} for key, text in values.items()]
