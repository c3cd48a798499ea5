"""One side of a comparison: a network in torch, in ONNX Runtime, in TensorRT, or of a bundle."""

import json
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

from engine.errors import ConfigError, ModelError
from engine.faces.alignment import CROP_SIZE
from engine.faces.landmarker import normalisation
from engine.faces.landmarks import MARGIN
from engine.faces.preprocessing import MEAN, STD, to_input
from engine.labels import EXPRESSIONS
from engine.networks.bundle import SUFFIX as BUNDLE
from engine.networks.bundle import open_bundle
from engine.networks.manifest import Manifest
from engine.networks.runtime import Device, Network, open_session
from engine.networks.tensorrt.engine_file import BUILD, SUFFIX, described_by, precision_of
from engine.networks.tensorrt.session import EngineSession, engine_of
from engine.reading.fusion import landmarks_of
from engine.types import Floats, Image
from export.checkpoint import Weights, open_checkpoint, open_graph
from export.detector import OUTPUTS as DETECTED
from export.detector import DetectorGraph
from export.graph import MOST
from export.landmark_net import OUTPUTS as LANDMARKS
from export.landmark_net import LandmarkGraph
from export.poster_rt import OUTPUTS as EXPRESSION
from export.poster_rt import round_to_half
from export.system import SystemGraph
from training.data.samples import DataConfig
from training.detector.model import FaceNet
from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import PosterRT
from training.systems.saved import open_run
from training.weights import load_part, load_weights

Answers = Mapping[str, Floats]  # an array per output, a row for each picture

FOUND: Final = ("landmarks", "presence")  # what the landmark network says beside its maps


@dataclass(frozen=True, slots=True)
class Form:
    """The pictures that a network takes.

    Attributes:
        size: Backend, pixels; 0 is any picture.
        margin: Of a crop, see `engine.faces.alignment.align`.
        mean: Per channel, RGB, of pixels scaled to 0..1.
        std: As `mean`.
    """

    size: int
    margin: float = MARGIN
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD


@dataclass(frozen=True, slots=True, eq=False)
class Backend:
    """A network with its landmark network, ready to be asked.

    Attributes:
        path: What it was opened from.
        kind: ``detector``, ``landmarks`` or ``expression``.
        precision: Of the network.
        form: Of its pictures.
        labels: What its logits stand for; empty where it has none.
        temperature: Of its probabilities; None in torch, where nobody fitted one.
        batch: Pictures of a call; 0 is any number up to `most`.
        most: Pictures of a call.
        answer: Maps BGR pictures (S, S, 3) uint8 to every output.
    """

    path: Path
    kind: str
    precision: str
    form: Form
    labels: tuple[str, ...]
    temperature: float | None
    batch: int
    most: int
    answer: Callable[[Sequence[Image]], Answers]


def open_backend(path: Path, device: Device = "cpu") -> Backend:
    """Open a run folder, weights, an ONNX file, an engine, or a bundle's expression network.

    Args:
        path: Which.
        device: Where an ONNX file runs; torch's weights stay on the CPU, whose fp32 is the truth.

    Raises:
        ConfigError: It is none of these.
        ModelError: It is damaged, or the device is not there.
    """
    if path.suffix == SUFFIX and path.is_file():
        return _engine(path)
    if path.suffix == BUNDLE and path.is_file():
        with TemporaryDirectory(prefix="fer-verify.") as cache:
            return graph_backend(
                open_graph(open_bundle(path, Path(cache)).expression), device, path
            )
    found = open_checkpoint(path)
    return weights_backend(found) if isinstance(found, Weights) else graph_backend(found, device)


def weights_backend(weights: Weights) -> Backend:
    """Open a network in torch.

    Raises:
        ConfigError: Its task has no network that is exported.
        ModelError: The weights are another network's.
    """
    makers = {
        "detector": _torch_detector,
        "landmarks": _torch_landmarks,
        "expression": _torch_expression,
        "system": _torch_system,
    }
    if weights.task not in makers:
        raise ConfigError(f"{weights.given}: nothing to export for task {weights.task}")
    return makers[weights.task](weights)


def _torch_detector(weights: Weights) -> Backend:
    network = FaceNet()
    load_weights(network, weights.file)
    graph = DetectorGraph(network)

    def ask(image: NDArray[np.uint8]) -> list[Floats]:
        return _asked(graph, torch.from_numpy(image))

    answer = _each(DETECTED, ask)
    return Backend(weights.given, "detector", "fp32", Form(0), (), None, 1, 1, answer)


def _torch_landmarks(weights: Weights) -> Backend:
    network = LandmarkNet()
    load_weights(network, weights.file)
    answer = _on_crops(LandmarkGraph(network), LANDMARKS, Form(CROP_SIZE))
    return Backend(weights.given, "landmarks", "fp32", Form(CROP_SIZE), (), None, 0, MOST, answer)


class _JointGraph(nn.Module):
    """poster-rt and its landmark network, without the maps between them."""

    def __init__(self, model: PosterRT) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        seen = self.model.landmark_net(crops)
        return (*self.model.fuse(crops, seen.taps), seen.landmarks, seen.presence)


def _torch_expression(weights: Weights) -> Backend:
    model = PosterRT()
    load_part(model, weights.file)  # as it is in a system
    round_to_half(model)  # as the export does: the rounded network is the one that is shipped
    answer = _on_crops(_JointGraph(model), (*EXPRESSION, *FOUND), Form(CROP_SIZE))
    labels = tuple(EXPRESSIONS)
    return Backend(
        weights.given, "expression", "fp32", Form(CROP_SIZE), labels, None, 0, MOST, answer
    )


def _torch_system(weights: Weights) -> Backend:
    saved = open_run(weights.file.parent, weights.file.name)
    graph = SystemGraph(saved.system, DataConfig(**saved.recipe["data"]).channel_order)
    form = Form(saved.system.input_size)
    labels = tuple(saved.classes) if "logits" in graph.outputs else ()
    answer = _on_crops(graph, graph.outputs, form)
    return Backend(weights.given, "expression", "fp32", form, labels, None, 0, MOST, answer)


def module_backend(graph: nn.Module, outputs: Sequence[str], size: int) -> Backend:
    """Make a side of a network in torch that takes normalised RGB crops (B, 3, S, S)."""
    answer = _on_crops(graph, outputs, Form(size))
    return Backend(Path("torch"), "expression", "fp32", Form(size), (), None, 0, MOST, answer)


def _on_crops(graph: nn.Module, names: Sequence[str], form: Form) -> Callable[..., Answers]:
    def answer(pictures: Sequence[Image]) -> Answers:
        crops = torch.from_numpy(to_input(pictures, form.mean, form.std))
        return dict(zip(names, _asked(graph, crops), strict=True))

    return answer


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
    card = json.loads(described_by(engine).read_text(encoding="utf-8"))
    return min(MOST, int(card[BUILD]["max_batch"]))


def _maps(manifest: Manifest) -> list[str]:
    return [str(name) for name in manifest.value("landmarks.maps")]


def _network_backend(path: Path, network: Network, marks: Network | None, most: int) -> Backend:
    manifest = network.manifest
    if manifest.kind == "detector":
        name = str(manifest.value("input.name"))
        answer = _each(network.outputs, lambda image: network.run({name: image}))
        return Backend(path, "detector", precision_of(manifest), Form(0), (), None, 1, 1, answer)
    if manifest.kind not in ("landmarks", "expression"):
        raise ModelError(f"{path}: a network of kind {manifest.kind} cannot be compared")
    form = Form(
        int(manifest.value("input.size")),
        float(manifest.value("input.margin")),
        *normalisation(manifest),
    )
    batch = manifest.value("input").get("batch", "dynamic")
    reads = manifest.kind == "expression" and "logits" in network.outputs
    return Backend(
        path,
        manifest.kind,
        _lowest(network, marks),
        form,
        tuple(map(str, manifest.value("labels"))) if reads else (),
        float(manifest.value("temperature")) if reads else None,
        0 if batch == "dynamic" else int(batch),
        most,
        _chain(network, marks, form),
    )


def _lowest(network: Network, marks: Network | None) -> str:
    """Give the precision of a network, or of its landmark network where only that is reduced."""
    own = precision_of(network.manifest)
    return own if own != "fp32" or marks is None else precision_of(marks.manifest)


def _chain(network: Network, marks: Network | None, form: Form) -> Callable[..., Answers]:
    """Ask both networks one after the other, as the engine does."""

    def answer(pictures: Sequence[Image]) -> Answers:
        crops = to_input(pictures, form.mean, form.std)
        seen: dict[str, Any] = {}
        if marks is not None:
            seen = dict(zip(marks.outputs, marks.run({"crops": crops}), strict=True))
        maps = {name: array for name, array in seen.items() if name not in FOUND}
        said = dict(zip(network.outputs, network.run({"crops": crops, **maps}), strict=True))
        return {**said, **{name: seen[name] for name in FOUND if name in seen}}

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
