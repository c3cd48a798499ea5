"""ONNX Runtime sessions that say what they run on."""

import logging
from collections.abc import Mapping
from importlib import metadata
from typing import Final, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.manifest import Manifest

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda", "tensorrt"]
DEVICES: Final[tuple[Device, ...]] = ("auto", "cpu", "cuda", "tensorrt")
PROVIDERS: Final[Mapping[str, str]] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


class Session:
    """One network on one device; belongs to the thread that made it.

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
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Threads that sleep between two layers cost a third of a call; threads that spin between
        # two calls take the cores that decoding and encoding need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        wanted = _candidates(device)
        try:
            self._session = onnxruntime.InferenceSession(
                str(manifest.path), options, providers=[PROVIDERS[name] for name in wanted]
            )
        except Exception as error:
            raise ModelError(f"{manifest.path}: cannot be loaded: {error}") from error
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
            ModelError: The inputs do not fit, or the device failed.
        """
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, dict(inputs))
        except Exception as error:
            raise ModelError(f"{self.manifest.name}: inference failed: {error}") from error
        return outputs


def _candidates(device: Device) -> list[str]:
    available = onnxruntime.get_available_providers()
    if device == "auto":
        return [name for name, provider in PROVIDERS.items() if provider in available]
    if PROVIDERS[device] not in available:
        raise ModelError(f"device {device}: {_remedy()}")
    return [device] if device == "cpu" else [device, "cpu"]


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
