"""Two forms of a network, whatever they are, opened and compared."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from engine.errors import ConfigError, ModelError
from engine.networks.bundle import SUFFIX as BUNDLE
from engine.networks.runtime import Device
from engine.networks.tensorrt.engine_file import SUFFIX as ENGINE
from export.backends import Backend, exported_backend
from export.checkpoint import Weights, open_checkpoint
from export.comparison import FACES, check_alike, compare, real_faces
from export.detector import detector_in_torch
from export.landmark_net import landmark_net_in_torch
from export.parity import Report
from export.poster_rt import network_of, poster_rt_in_torch, round_to_half
from export.system import open_vote, system_in_torch
from training.detector.model import FaceNet
from training.models.landmark_net import LandmarkNet
from training.systems.saved import open_run
from training.weights import load_weights


def verify(
    truth: Path,
    other: Path,
    *,
    data: Path | None = None,
    cache: Path = Path("cache"),
    faces: int = FACES,
    device: Device = "cpu",
) -> Report:
    """Compare two forms of one network.

    Args:
        truth: Run folder, weights or fp32 ONNX file.
        other: Any of these, an engine or a bundle.
        data: Folder with the data packs; None compares adversarial pictures only.
        cache: Folder for decoded data.
        faces: Real ones, evenly spread over FER+'s validation split; 0 is all.
        device: Where `other` runs.

    Raises:
        ConfigError: One is no network.
        ModelError: One is damaged, or they are not forms of one network.
        SourceError, SinkError: As `validation_faces`.
    """
    first, second = open_backend(truth), open_backend(other, device)
    if first.precision != "fp32":
        raise ModelError(
            f"{truth}: is {first.precision}; compare with torch's weights or the fp32 file"
        )
    check_alike(first, second)
    real = None if data is None else real_faces(first, data, cache, faces)
    return compare(first, second, real)


def open_backend(path: Path, device: Device = "cpu") -> Backend:
    """Open a run folder, weights, an ONNX file, an engine, or a bundle's expression network.

    Args:
        path: Which.
        device: Where an ONNX file runs; torch's weights stay on the CPU, whose fp32 is the truth.

    Raises:
        ConfigError: It is none of these.
        ModelError: It is damaged, or the device is not there.
    """
    if path.suffix in (ENGINE, BUNDLE) and path.is_file():
        return exported_backend(path, device)
    found = open_checkpoint(path)
    return in_torch(found) if isinstance(found, Weights) else exported_backend(path, device)


def in_torch(weights: Weights) -> Backend:
    """Open a trained network in torch.

    Raises:
        ConfigError: Its task has no network that is exported.
        ModelError: The weights are another network's.
    """
    if weights.task not in OPENERS:
        raise ConfigError(f"{weights.given}: nothing to export for task {weights.task}")
    return OPENERS[weights.task](weights)


def _detector(weights: Weights) -> Backend:
    network = FaceNet()
    load_weights(network, weights.file)
    return detector_in_torch(network, weights.given)


def _landmarks(weights: Weights) -> Backend:
    network = LandmarkNet()
    load_weights(network, weights.file)
    return landmark_net_in_torch(network, weights.given)


def _expression(weights: Weights) -> Backend:
    model = network_of(weights.file)
    round_to_half(model)  # as the export does: the rounded network is the one that is shipped
    return poster_rt_in_torch(model, weights.given)


def _system(weights: Weights) -> Backend:
    if weights.others:
        return system_in_torch(open_vote(weights.members), weights.given)
    return system_in_torch(open_run(weights.file.parent, weights.file.name), weights.given)


OPENERS: Final[Mapping[str, Callable[[Weights], Backend]]] = {
    "detector": _detector,
    "landmarks": _landmarks,
    "expression": _expression,
    "system": _system,
}
