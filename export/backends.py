"""A network that runs and can be compared: in torch, in ONNX Runtime, in TensorRT, of a bundle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.config import parse
from engine.errors import ModelError
from engine.faces.preprocessing import batch_of
from engine.networks.bundle import SUFFIX as BUNDLE
from engine.networks.bundle import open_bundle
from engine.networks.manifest import CropInput, Manifest, Maps
from engine.networks.runtime import Device, Network, open_session
from engine.networks.tensorrt.engine_file import SUFFIX, build_of, precision_of
from engine.networks.tensorrt.session import EngineSession, engine_of
from engine.reading.fusion import landmarks_of
from engine.types import Floats, Image
from export.checkpoint import open_graph
from export.graph import MOST

Answers = Mapping[str, Floats]  # an array per output, a row for each picture

LANDMARK_OUTPUTS: Final = ("landmarks", "presence")  # of the landmark network, beside its maps


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """A network with its landmark network, ready to be asked.

    Attributes:
        path: What it was opened from.
        kind: ``detector``, ``landmarks`` or ``expression``.
        precision: Of the network.
        form: Of its crops; None takes any picture.
        labels: What its logits stand for; empty where it has none.
        temperature: Of its probabilities; None in torch, where nobody fitted one.
        batch: Pictures of a call; 0 is any number up to `most`.
        most: Pictures of a call.
        answer: Maps BGR pictures (S, S, 3) uint8 to every output.
    """

    path: Path
    kind: str
    precision: str
    form: CropInput | None
    labels: tuple[str, ...]
    temperature: float | None
    batch: int
    most: int
    answer: Callable[[Sequence[Image]], Answers]


def exported_backend(path: Path, device: Device = "cpu") -> Backend:
    """Open an ONNX file, an engine, or a bundle's expression network.

    Args:
        path: Which.
        device: Where an ONNX file runs.

    Raises:
        ModelError: It is missing or damaged, or the device is not there.
    """
    if path.suffix == SUFFIX:
        return _engine(path)
    if path.suffix == BUNDLE:
        with TemporaryDirectory(prefix="fer-verify.") as cache:
            manifest = open_graph(open_bundle(path, Path(cache)).expression)
            return graph_backend(manifest, device, path)
    return graph_backend(open_graph(path), device)


def crops_backend(
    path: Path,
    kind: str,
    graph: nn.Module,
    outputs: Sequence[str],
    stated: Mapping[str, Any],
    *,
    labels: Sequence[str] = (),
) -> Backend:
    """Make a backend of a network in torch that takes crops, see `export.graph.from_bytes`.

    Args:
        path: What messages call it.
        kind: ``landmarks`` or ``expression``.
        graph: The network.
        outputs: Names of its outputs, in order.
        stated: Of its manifest, what the crops are.
        labels: What its logits stand for.
    """
    form = parse(CropInput, stated)

    def answer(pictures: Sequence[Image]) -> Answers:
        crops = torch.from_numpy(batch_of(pictures, form))
        return dict(zip(outputs, _asked(graph, crops), strict=True))

    return Backend(path, kind, "fp32", form, tuple(labels), None, 0, MOST, answer)


def detector_backend(path: Path, graph: nn.Module, outputs: Sequence[str]) -> Backend:
    """Make a backend of a detector in torch that takes gray pictures (1, 1, H, W) uint8.

    Args:
        path: What messages call it.
        graph: The network.
        outputs: Names of its outputs, in order.
    """
    answer = _each(outputs, lambda image: _asked(graph, torch.from_numpy(image)))
    return Backend(path, "detector", "fp32", None, (), None, 1, 1, answer)


@torch.no_grad()
def _asked(graph: nn.Module, images: Tensor) -> list[Floats]:
    return [output.numpy() for output in graph.eval()(images)]


def graph_backend(manifest: Manifest, device: Device = "cpu", path: Path | None = None) -> Backend:
    """Open an ONNX file, and with an expression network its landmark network.

    Args:
        manifest: Of the file.
        device: Where it runs.
        path: What messages call it; the file itself by default.

    Raises:
        ModelError: A file is missing or damaged, or the device is not there.
    """
    network = open_session(manifest, device)
    marks = None
    if manifest.kind == "expression" and _maps(manifest):
        marks = open_session(landmarks_of(manifest), device)
    return _network_backend(path or manifest.path, network, marks, MOST)


def _engine(path: Path) -> Backend:
    """Open an engine, and beside it that of its landmark network."""
    network, marks = EngineSession(path), None
    if network.manifest.kind == "expression" and _maps(network.manifest):
        marks = EngineSession(engine_of(landmarks_of(network.manifest)))
    return _network_backend(path, network, marks, _most(path))


def _most(engine: Path) -> int:
    """Give how many faces an engine takes."""
    return min(MOST, build_of(engine).max_batch)


def _maps(manifest: Manifest) -> tuple[str, ...]:
    return manifest.read(Maps, "landmarks").maps


def _network_backend(path: Path, network: Network, marks: Network | None, most: int) -> Backend:
    manifest = network.manifest
    if manifest.kind == "detector":
        name = str(manifest.value("input.name"))
        answer = _each(network.outputs, lambda image: network.run({name: image}))
        return Backend(path, "detector", precision_of(manifest), None, (), None, 1, 1, answer)
    if manifest.kind not in ("landmarks", "expression"):
        raise ModelError(f"{path}: a network of kind {manifest.kind} cannot be compared")
    form = manifest.read(CropInput, "input")
    reads = manifest.kind == "expression" and "logits" in network.outputs
    return Backend(
        path,
        manifest.kind,
        _lowest(network, marks),
        form,
        tuple(map(str, manifest.value("labels"))) if reads else (),
        float(manifest.value("temperature")) if reads else None,
        form.batch,
        most,
        _chain(network, marks, form),
    )


def _lowest(network: Network, marks: Network | None) -> str:
    """Give the precision of a network, or of its landmark network where only that is reduced."""
    own = precision_of(network.manifest)
    return own if own != "fp32" or marks is None else precision_of(marks.manifest)


def _chain(network: Network, marks: Network | None, form: CropInput) -> Callable[..., Answers]:
    """Ask both networks one after the other, as the engine does."""

    def answer(pictures: Sequence[Image]) -> Answers:
        crops = batch_of(pictures, form)
        seen: dict[str, Any] = {}
        if marks is not None:
            seen = dict(zip(marks.outputs, marks.run({"crops": crops}), strict=True))
        maps = {name: array for name, array in seen.items() if name not in LANDMARK_OUTPUTS}
        said = dict(zip(network.outputs, network.run({"crops": crops, **maps}), strict=True))
        return {**said, **{name: seen[name] for name in LANDMARK_OUTPUTS if name in seen}}

    return answer


def _each(
    names: Sequence[str], ask: Callable[[NDArray[np.uint8]], Sequence[Floats]]
) -> Callable[..., Answers]:
    """Ask a detector about one picture after the other; rows of all are put together."""

    def answer(pictures: Sequence[Image]) -> Answers:
        grays = (cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in pictures)
        said = [ask(np.asarray(gray, np.uint8)[None, None]) for gray in grays]
        return {
            name: np.concatenate(rows)
            for name, rows in zip(names, zip(*said, strict=True), strict=True)
        }

    return answer
