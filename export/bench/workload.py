"""What is measured: a network, or the landmark network and the fusion that reads its maps."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, ValueInfoProto

from engine.assets import asset_path
from engine.errors import ConfigError, ModelError
from engine.networks.manifest import Manifest, load_manifest
from engine.networks.ort import reason
from engine.networks.runtime import Device, Network, open_session
from engine.networks.tensorrt.build import PRECISIONS
from engine.networks.tensorrt.engine_file import precision_of
from engine.reading.fusion import landmarks_of
from export.bench.macs import Shape, gmac_of

Feed = Mapping[str, NDArray[np.generic]]

PICTURE: Final = (384, 640)  # height and width of a 640x360 frame in whole blocks of 32
FLOATS: Final[Mapping[int, type[np.floating]]] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
}
BATCH, HEIGHT, WIDTH = 0, 2, 3  # axes


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a graph.

    Attributes:
        name: In the graph.
        kind: Element type, a number of `onnx.TensorProto`.
        shape: -1 where any size does.
    """

    name: str
    kind: int
    shape: Shape

    def sized(self, batch: int) -> Shape:
        """Give the shape for this many faces or pictures."""
        filled = {BATCH: batch, HEIGHT: PICTURE[0], WIDTH: PICTURE[1]}
        return tuple(filled[k] if size < 0 else size for k, size in enumerate(self.shape))

    def random(self, batch: int, random: np.random.Generator) -> NDArray[np.generic]:
        """Draw values: what they are makes no difference to a network's speed."""
        shape = self.sized(batch)
        if self.kind == TensorProto.UINT8:
            return random.integers(0, 256, shape, np.uint8)
        return random.standard_normal(shape, np.float32).astype(FLOATS[self.kind])


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """What is measured as one.

    Attributes:
        name: What users see, unique together with `precision`.
        precision: Such as ``int8``; ``fp32 + int8`` where two networks differ.
        manifests: Of its networks, in the order in which they run; outputs of one are inputs of
            the next by name.
        inputs: Of each network.
        parameters: Of all of them.
        gmac: Of a face or picture.
        megabytes: On disk.
        accuracy: On FER+'s test split, 0 to 1, where the manifest states it.
    """

    name: str
    precision: str
    manifests: tuple[Manifest, ...]
    inputs: tuple[tuple[Input, ...], ...]
    parameters: int
    gmac: float
    megabytes: float
    accuracy: float | None = None

    @property
    def outer(self) -> tuple[Input, ...]:
        """Inputs that are fed: those of the first network."""
        return self.inputs[0]

    def takes(self, batch: int) -> bool:
        """Tell whether every network takes this many at once."""
        every = (each for inputs in self.inputs for each in inputs)
        return all(each.shape[BATCH] in (-1, batch) for each in every)

    def feed(self, batch: int, seed: int) -> Feed:
        """Draw inputs; the same ones for the same seed."""
        random = np.random.default_rng(seed)
        return {each.name: each.random(batch, random) for each in self.outer}


class WorkloadSession:
    """The networks of a workload on a device, opened as the application opens them.

    Attributes:
        devices: What they really run on.
    """

    def __init__(self, workload: Workload, device: Device, threads: int) -> None:
        """Open the networks.

        Raises:
            ModelError: The device is not there, or a file is not a network.
        """
        self._names = [[each.name for each in inputs] for inputs in workload.inputs]
        self._sessions: list[Network] = [
            open_session(manifest, device, threads) for manifest in workload.manifests
        ]
        self.devices = tuple(session.device for session in self._sessions)

    def run(self, feed: Feed) -> list[NDArray[np.float32]]:
        """Run one batch through all; give the last one's outputs.

        Raises:
            ModelError: The inputs do not fit, or the device failed.
        """
        known, outputs = dict(feed), list[NDArray[np.float32]]()
        for names, session in zip(self._names, self._sessions, strict=True):
            outputs = session.run({name: known[name] for name in names})
            known |= zip(session.outputs, outputs, strict=True)
        return outputs


def shipped_models() -> list[Path]:
    """List the networks that came with this installation."""
    return sorted(asset_path("poster-rt.onnx").parent.glob("*.onnx"))


def workloads_of(paths: Sequence[Path], precisions: Collection[str] = ()) -> list[Workload]:
    """Open what is to be measured: every network, and every fusion with its landmark network.

    Args:
        paths: ONNX files with their manifests beside them; the same one twice counts once.
        precisions: Those to measure; none is all.

    Raises:
        ConfigError: A precision is unknown, or no network has it.
        ModelError: A file is missing or damaged, or takes what cannot be made up.
    """
    for name in precisions:
        if name not in PRECISIONS:
            raise ConfigError(f"--precision {name}: unknown; choose {', '.join(PRECISIONS)}")
    manifests = [load_manifest(path) for path in dict.fromkeys(map(Path.resolve, paths))]
    chosen = [m for m in manifests if not precisions or precision_of(m) in precisions]
    if not chosen:
        have = ", ".join(sorted({precision_of(manifest) for manifest in manifests}))
        raise ConfigError(f"--precision {','.join(precisions)}: these networks have only {have}")
    workloads = [workload for manifest in chosen for workload in _workloads(manifest)]
    return _distinct(workloads)


def _workloads(manifest: Manifest) -> list[Workload]:
    """Give a network alone and, where it reads a landmark network's maps, with that one."""
    if not _reads_maps(manifest):
        return [_workload((manifest,), _parameters(manifest), _accuracy(manifest))]
    landmarks, both = landmarks_of(manifest), _parameters(manifest)
    # A manifest counts the landmark network that its fusion was trained with.
    alone = _workload((manifest,), both - _parameters(landmarks), None)
    return [alone, _workload((landmarks, manifest), both, _accuracy(manifest))]


def _workload(manifests: tuple[Manifest, ...], parameters: int, accuracy: float | None) -> Workload:
    inputs = tuple(_inputs(manifest.path) for manifest in manifests)
    precisions = dict.fromkeys(precision_of(manifest) for manifest in manifests)
    return Workload(
        name=" + ".join(manifest.name for manifest in manifests),
        precision=" + ".join(precisions),
        manifests=manifests,
        inputs=inputs,
        parameters=parameters,
        gmac=sum(_gmac(*pair) for pair in zip(manifests, inputs, strict=True)),
        megabytes=sum(manifest.path.stat().st_size for manifest in manifests) / 1e6,
        accuracy=accuracy,
    )


def _reads_maps(manifest: Manifest) -> bool:
    return manifest.kind == "expression" and bool(manifest.value("landmarks.maps"))


def _parameters(manifest: Manifest) -> int:
    return int(manifest.value("parameters"))


def _accuracy(manifest: Manifest) -> float | None:
    """Give what the manifest states of FER+'s test split."""
    metrics = manifest.data["metrics"]
    if not str(metrics.get("data", "")).startswith("FER+"):
        return None
    test = metrics.get("test")
    stated = test.get("accuracy") if isinstance(test, dict) else None
    return float(stated) if isinstance(stated, int | float) else None


def _gmac(manifest: Manifest, inputs: Sequence[Input]) -> float:
    """Give what the manifest states of one face; else what the graph's shapes come to.

    What is stated of a network that reads maps counts the network that they come from.
    """
    if "gmac" in manifest.data and not _reads_maps(manifest):
        return float(manifest.data["gmac"])
    batch = max(1, *(each.shape[BATCH] for each in inputs))
    return gmac_of(manifest.path, {each.name: each.sized(batch) for each in inputs}) / batch


def _inputs(path: Path) -> tuple[Input, ...]:
    try:
        graph = onnx.load(path).graph
    except Exception as error:
        raise ModelError(f"{path}: not a readable ONNX file: {reason(error)}") from error
    constants = {tensor.name for tensor in graph.initializer}
    return tuple(_input(value, path) for value in graph.input if value.name not in constants)


def _input(value: ValueInfoProto, path: Path) -> Input:
    tensor = value.type.tensor_type
    shape = tuple(d.dim_value if d.dim_value > 0 else -1 for d in tensor.shape.dim)
    if tensor.elem_type not in (*FLOATS, TensorProto.UINT8):
        kind = TensorProto.DataType.Name(tensor.elem_type)
        raise ModelError(f"{path}: input {value.name} is {kind}; known are FLOAT, FLOAT16, UINT8")
    free = [axis for axis, size in enumerate(shape) if size < 0]
    if not shape or not {BATCH, HEIGHT, WIDTH}.issuperset(free):
        raise ModelError(f"{path}: input {value.name} has shape {shape}; what to feed is not known")
    return Input(value.name, tensor.elem_type, shape)


def _distinct(workloads: Sequence[Workload]) -> list[Workload]:
    """Tell those that have a name and a precision in common apart by their hashes."""
    keys = [(workload.name, workload.precision) for workload in workloads]
    return [
        replace(workload, name=f"{workload.name} {workload.manifests[-1].sha256[:8]}")
        if keys.count(key) > 1
        else workload
        for workload, key in zip(workloads, keys, strict=True)
    ]
