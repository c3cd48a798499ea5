"""ONNX Runtime sessions that say what they run on."""

import logging
from collections.abc import Mapping
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
        # A spinning pool takes the cores that decode and encode need between two calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        wanted = _candidates(device)
        try:
            self._session = onnxruntime.InferenceSession(
                str(manifest.path), options, providers=[PROVIDERS[name] for name in wanted]
            )
        except Exception as error:  # noqa: BLE001 - onnxruntime's own errors share no base class
            raise ModelError(f"{manifest.path}: cannot be loaded: {error}") from error
        active = self._session.get_providers()[0]
        self.device = next(name for name, provider in PROVIDERS.items() if provider == active)
        if device not in ("auto", self.device):
            raise ModelError(
                f"device {device}: {manifest.name} fell back to {self.device}; is the driver installed?"
            )
        log.info("%s %s on %s", manifest.name, manifest.sha256[:12], self.device)

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """Run one batch; outputs in the graph's order.

        Raises:
            ModelError: The inputs do not fit, or the device failed.
        """
        try:
            outputs: list[NDArray[np.float32]] = self._session.run(None, dict(inputs))
        except Exception as error:  # noqa: BLE001 - see __init__
            raise ModelError(f"{self.manifest.name}: inference failed: {error}") from error
        return outputs


def _candidates(device: Device) -> list[str]:
    available = onnxruntime.get_available_providers()
    if device == "auto":
        return [name for name, provider in PROVIDERS.items() if provider in available]
    if PROVIDERS[device] not in available:
        have = ", ".join(name for name, provider in PROVIDERS.items() if provider in available)
        raise ModelError(
            f"device {device}: this onnxruntime has only {have}; see README, GPU, for the package to install"
        )
    return [device] if device == "cpu" else [device, "cpu"]
