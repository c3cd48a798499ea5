"""Networks on a device: the choice of one, and ONNX Runtime sessions that say what they run on."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.folders import cache_folder
from engine.networks.manifest import Manifest
from engine.networks.ort import (
    bounded_options,
    onnxruntime,
    quiet_options,
    reason,
)
from engine.networks.tensorrt.build import BuildConfig, range_of
from engine.networks.tensorrt.engine_file import multiple_of
from engine.networks.tensorrt.session import EngineSession, engine_beside, engine_of

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda", "tensorrt"]
DEVICES: Final[tuple[Device, ...]] = ("auto", "cpu", "cuda", "tensorrt")
PROVIDERS: Final[Mapping[str, str]] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# A layer that a device lacks runs on the next one.
NEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "tensorrt": ("tensorrt", "cuda", "cpu"),
    "cuda": ("cuda", "cpu"),
    "cpu": ("cpu",),
}


class Network(Protocol):
    """A network on a device, ready to run; belongs to the thread that made it."""

    @property
    def device(self) -> str:
        """What it really runs on: ``cpu``, ``cuda`` or ``tensorrt``."""
        ...

    @property
    def manifest(self) -> Manifest:
        """Of the network."""
        ...

    @property
    def outputs(self) -> Sequence[str]:
        """Names, in the order that `run` gives them."""
        ...

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Run one batch; outputs in the graph's order."""
        ...

    def close(self) -> None:
        """Free the network, on the thread that made it; any number of times."""
        ...


class Session:
    """One network on ONNX Runtime; belongs to the thread that made it.

    Attributes:
        device: ``cpu``, ``cuda`` or ``tensorrt``: what it really runs on.
        manifest: Of the network.
        outputs: Names, in the order that `run` gives them.
    """

    def __init__(self, manifest: Manifest, device: Device = "auto", threads: int = 0) -> None:
        """Load a network.

        Args:
            manifest: Says which file.
            device: Where to run; only ``auto`` may fall back.
            threads: Of the CPU provider; 0 is one per core.

        Raises:
            ModelError: The device is not there, or the file is not a network.
        """
        self.manifest = manifest
        options = bounded_options()
        options.intra_op_num_threads = threads
        # Threads that sleep between two layers cost a third of a call; threads that spin between
        # two calls take the cores that decoding and encoding need. No other setting changes
        # anything for the better (docs/speed.md).
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        wanted = _candidates(device)
        try:
            self._session: onnxruntime.InferenceSession | None = onnxruntime.InferenceSession(
                str(manifest.path),
                options,
                providers=[PROVIDERS[name] for name in wanted],
                provider_options=[_options(name, manifest) for name in wanted],
                enable_fallback=int(wanted[0] != "cpu"),  # it prints, and tries the same again
            )
        except Exception as error:
            raise ModelError(f"{manifest.path}: cannot be loaded: {reason(error)}") from error
        active = self._session.get_providers()[0]
        self.device = next(name for name, provider in PROVIDERS.items() if provider == active)
        self.outputs = [output.name for output in self._session.get_outputs()]
        if device not in ("auto", self.device):
            raise ModelError(
                f"device {device}: {manifest.name} fell back to {self.device}; "
                "are the driver and its libraries installed?"
            )
        log.info("%s %s on %s", manifest.name, manifest.sha256[:12], self.device)

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Run one batch; outputs in the graph's order.

        Raises:
            ModelError: The inputs do not fit, the device failed, or the session is closed.
        """
        if self._session is None:
            raise ModelError(f"{self.manifest.name}: inference failed: the session is closed")
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, dict(inputs))
        except Exception as error:
            raise ModelError(f"{self.manifest.name}: inference failed: {reason(error)}") from error
        return outputs

    def close(self) -> None:
        """Free the network; any number of times."""
        self._session = None


def _candidates(device: Device) -> list[str]:
    available = onnxruntime.get_available_providers()
    if device == "auto":
        return [name for name, provider in PROVIDERS.items() if provider in available]
    if PROVIDERS[device] not in available:
        raise ModelError(f"device {device}: {_remedy()}")
    return [name for name in NEXT[device] if PROVIDERS[name] in available]


def open_session(manifest: Manifest, device: Device = "auto", threads: int = 0) -> Network:
    """Open a network on a device, in the way that is fastest there.

    On ``tensorrt`` that is the engine beside the ONNX file, else ONNX Runtime's provider.
    ``auto`` tries tensorrt, cuda and cpu and logs why it passed over the earlier ones.

    Args:
        manifest: Says which file.
        device: Where to run; only ``auto`` may fall back.
        threads: Of the CPU; 0 is one per core.

    Raises:
        ModelError: The device is not there, or the file is not a network.
    """
    refused: list[tuple[str, ModelError]] = []
    for name, opener in _ways(manifest, device, threads):
        try:
            session = opener()
        except ModelError as error:
            refused.append((name, error))
            continue
        if refused:
            why = "; ".join(f"{name} ({error})" for name, error in refused)
            log.info("%s: chose %s; passed over %s", manifest.name, session.device, why)
        return session
    last = refused[-1][1]
    if device != "tensorrt":
        raise last
    raise _no_tensorrt([error for _, error in refused]) from last


def check_device(manifest: Manifest, device: Device) -> None:
    """Refuse a device that `open_session` is sure to refuse; nothing is loaded.

    Raises:
        ModelError: The device is not there.
    """
    if device == "tensorrt":
        _check_tensorrt(manifest)
    elif device != "auto":
        _candidates(device)


def _check_tensorrt(manifest: Manifest) -> None:
    try:
        _engine_path(manifest)
    except ModelError as without:
        try:
            _candidates("tensorrt")
        except ModelError as error:
            raise _no_tensorrt([without, error]) from error


def _no_tensorrt(refused: Sequence[ModelError]) -> ModelError:
    """Say why neither way led to TensorRT."""
    start = "device tensorrt: "
    return ModelError(start + "; ".join(str(error).removeprefix(start) for error in refused))


def runs_on_cpu(path: Path, device: Device) -> bool:
    """Tell whether `open_session` is sure to take the CPU for this ONNX file."""
    if device != "auto":
        return device == "cpu"
    others = {provider for name, provider in PROVIDERS.items() if name != "cpu"}
    there = others.intersection(onnxruntime.get_available_providers())
    return not there and not engine_beside(path).is_file()


def _ways(
    manifest: Manifest, device: Device, threads: int
) -> Iterator[tuple[str, Callable[[], Network]]]:
    """List what to try in turn, with names for the log."""
    names: tuple[Device, ...] = ("tensorrt", "cuda", "cpu") if device == "auto" else (device,)
    for name in names:
        if name == "tensorrt":
            yield name, partial(_engine_session, manifest)
        yield name, partial(_provider_session, manifest, name, device, threads)


def _engine_session(manifest: Manifest) -> EngineSession:
    return EngineSession(_engine_path(manifest))


def _engine_path(manifest: Manifest) -> Path:
    engine = engine_of(manifest)
    if not engine.is_file():
        raise ModelError(f"no {engine.name} beside the model, fer-export --to tensorrt builds it")
    return engine


def _provider_session(manifest: Manifest, name: Device, asked: Device, threads: int) -> Session:
    if asked == "auto" and PROVIDERS[name] not in onnxruntime.get_available_providers():
        raise ModelError("this build of ONNX Runtime lacks it")
    return Session(manifest, name, threads)


def _options(name: str, manifest: Manifest) -> dict[str, Any]:
    """Give a provider's options: TensorRT's keeps what it builds, for all batch sizes."""
    if name != "tensorrt":
        return {}
    # Not beside the model: these files are run as code and must come from this user alone. One
    # folder a graph and version, because ONNX Runtime may take an engine of another.
    folder = cache_folder() / "tensorrt" / onnxruntime.__version__ / manifest.sha256
    options: dict[str, Any] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("%s: cannot be made, engines are built at every start: %s", folder, error)
    else:
        options = {
            "trt_engine_cache_enable": True,
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": True,
            "trt_timing_cache_path": str(folder),
        }
    return {**options, **_profile(manifest)}


def _profile(manifest: Manifest) -> dict[str, str]:
    """Give the shapes that ONNX Runtime builds an engine for: else it builds one per batch size."""
    options = quiet_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    inputs = onnxruntime.InferenceSession(
        str(manifest.path), options, providers=[PROVIDERS["cpu"]]
    ).get_inputs()
    shapes = {x.name: [n if isinstance(n, int) else -1 for n in x.shape] for x in inputs}
    if all(size >= 0 for shape in shapes.values() for size in shape):
        return {}
    multiple, config = multiple_of(manifest), BuildConfig()
    ranges = {x: range_of(x, shape, config, multiple) for x, shape in shapes.items()}

    def text(which: str) -> str:
        sizes = {x: "x".join(map(str, getattr(sizes, which))) for x, sizes in ranges.items()}
        return ",".join(f"{x}:{size}" for x, size in sizes.items())

    return {
        "trt_profile_min_shapes": text("least"),
        "trt_profile_opt_shapes": text("usual"),
        "trt_profile_max_shapes": text("most"),
    }


def _remedy() -> str:
    """Say why a provider is missing and which commands bring it (docs/decisions/0002)."""
    builds = {"onnxruntime", "onnxruntime-gpu"}
    have = {name for name in builds if _is_installed(name)}
    commands = []
    if "onnxruntime-gpu" not in have:
        commands.append("pip install onnxruntime-gpu")
    if "onnxruntime" in have:
        commands.append("pip uninstall --yes onnxruntime")
    commands.append("pip install --force-reinstall --no-deps onnxruntime-gpu")
    why = "this build of ONNX Runtime lacks it"
    if have == builds:
        why = "onnxruntime and onnxruntime-gpu are both installed and overwrite each other"
    return f"{why}; run: {' && '.join(commands)}"


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
