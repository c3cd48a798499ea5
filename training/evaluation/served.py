"""An exported network judged as it is served: on the engine's crops, by the engine's own code.

What is judged of it must be what users get, calibration included.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.faces.alignment import align, warp
from engine.faces.landmarker import Landmarker
from engine.faces.landmarks import MARGIN
from engine.labels import EXPRESSIONS
from engine.networks.manifest import Manifest, load_manifest
from engine.reading.fusion import Fusion, Reading, landmarks_of
from engine.reading.reliability import probabilities_of
from engine.types import Face, Floats, Image
from training.data.faces import Split
from training.data.landmark_cache import Pictures, Reader, locate
from training.data.registry import read_dataset
from training.data.targets import valence_arousal
from training.evaluation.landmarks import held_out_banks, held_out_crops, nme, reduced
from training.evaluation.metrics import affect_metrics, expression_metrics
from training.evaluation.tables import expression_figures

DATA = ("ferplus", "landmarks")  # what an exported network is judged on

Shown = tuple[Image, Face]  # a picture and the face cut out of it
Variant = Callable[[Pictures, Floats], Iterator[Shown]]
ROWS = 64


def faces_of(pictures: Pictures, points: Floats, zoom: float = 1.0) -> Iterator[Shown]:
    """Cut every picture's aligned face out, tighter where `zoom` is above 1."""
    margin = (1.0 + MARGIN) / zoom - 1.0
    for row in range(len(pictures)):
        picture = pictures.image(row)
        yield picture, align(picture, points[row], margin=margin)


def _small(side: int) -> Variant:
    """Show faces as pictures in which they have `side` pixels would."""

    def shown(pictures: Pictures, points: Floats) -> Iterator[Shown]:
        for _, face in faces_of(pictures, points):
            large = len(face.crop)
            area = cv2.resize(face.crop, (side, side), interpolation=cv2.INTER_AREA)
            small = np.asarray(area, np.uint8)
            scale = large / side
            shift = (scale - 1) / 2  # integers are centres of pixels
            matrix = np.array([[scale, 0, shift], [0, scale, shift]], np.float32)
            yield small, Face(warp(small, matrix, large, cv2.BORDER_REPLICATE), matrix)

    return shown


VARIANTS: dict[str, Variant] = {
    "as served": faces_of,
    "10 % tighter": lambda images, points: faces_of(images, points, 1.1),
    "10 % looser": lambda images, points: faces_of(images, points, 1 / 1.1),
    "24 px": _small(24),
}


@dataclass(frozen=True, slots=True, eq=False)
class ServedAnswers:
    """What a network said of one split's majority-labelled pictures.

    Attributes:
        labels: (N,) true classes.
        shares: (N, 8) vote shares.
        logits: (N, 8) per variant of the crop.
        affect: (N, 2) valence and arousal, crops as served.
        temperatures: (N,) that calibrate the logits of crops as served.
    """

    labels: NDArray[np.intp]
    shares: Floats
    logits: dict[str, Floats]
    affect: Floats
    temperatures: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ServedNetwork:
    """An expression network as users run it: the landmark network, then the fusion."""

    manifest: Manifest
    landmarker: Landmarker
    fusion: Fusion

    def close(self) -> None:
        """Free both."""
        self.landmarker.close()
        self.fusion.close()


def open_network(path: Path, threads: int = 0) -> ServedNetwork:
    """Load an exported expression network and the landmark network beside it, on the CPU.

    Raises:
        ModelError: A file is missing or damaged, or is another network.
    """
    manifest = load_manifest(path)
    landmarker = Landmarker(landmarks_of(manifest), "cpu", threads)
    return ServedNetwork(manifest, landmarker, Fusion(manifest, "cpu", threads))


def answers_of(network: ServedNetwork, split: Split, root: Path, cache: Path) -> ServedAnswers:
    """Run a network over one split of FER+."""
    table = read_dataset("ferplus", root, split, cache)
    points = locate(reader_of(network.landmarker), table)
    said = {name: _read(network, shown(table, points)) for name, shown in VARIANTS.items()}
    served = said["as served"]
    return ServedAnswers(
        labels=table.labels,
        shares=table.shares,
        logits={name: np.stack([one.logits for one in ones]) for name, ones in said.items()},
        affect=np.stack([one.valence_arousal for one in served]),
        temperatures=np.array([one.temperature for one in served], np.float32),
    )


def _read(network: ServedNetwork, shown: Iterator[Shown]) -> list[Reading]:
    readings: list[Reading] = []
    while part := list(islice(shown, ROWS)):
        images, faces = zip(*part, strict=True)
        readings += network.fusion.read(network.landmarker.locate(faces), images)
    return readings


def reader_of(landmarker: Landmarker) -> Reader:
    """Adapt the engine's landmark network to `training.data.landmark_cache.locate`."""
    still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)

    def read(crops: Sequence[Image]) -> tuple[Floats, Floats]:
        points, presence = [], []
        for first in range(0, len(crops), ROWS):
            part = [Face(crop, still) for crop in crops[first : first + ROWS]]
            for sighting in landmarker.locate(part):
                points.append(sighting.landmarks)
                presence.append(sighting.presence)
        return np.stack(points), np.array(presence, np.float32)

    return read


def metrics_of(answers: ServedAnswers, temperature: float | None = None) -> dict[str, Any]:
    """Compute every figure of the model card; of a network without classes, valence and arousal.

    Args:
        answers: Of a split.
        temperature: Of all pictures; None takes what the network gave each.
    """
    figures: dict[str, Any] = {}
    if answers.affect.size:
        affect = affect_metrics(answers.affect, valence_arousal(answers.shares))
        figures |= {"ccc_valence": affect.ccc_valence, "ccc_arousal": affect.ccc_arousal}
    if not answers.logits["as served"].size:
        return {"affect_images": len(answers.labels), **figures}
    chosen = answers.temperatures if temperature is None else temperature
    probabilities = probabilities_of(answers.logits["as served"], chosen)
    return {
        **expression_figures(expression_metrics(probabilities, answers.labels), EXPRESSIONS),
        **figures,
        "accuracy_by_crop": {
            name: float((logits.argmax(axis=1) == answers.labels).mean())
            for name, logits in answers.logits.items()
        },
    }


def landmark_metrics(landmarker: Landmarker, root: Path, cache: Path) -> dict[str, float]:
    """Measure the landmarks: normalised mean error, percent of the inter-ocular distance.

    Against the teacher, on held-out faces whose crops stray as a tracker's do, sharp and as
    a face of 32 pixels; and the share of these in which the network sees a face.
    """
    figures: dict[str, float] = {}
    for name, bank in held_out_banks(root, cache).items():
        crops, points, visible = held_out_crops(bank)
        for label, shown in (("", crops), (" at 32 px", [reduced(crop, 32) for crop in crops])):
            points_said, presence = reader_of(landmarker)(shown)
            said = (points_said + 0.5) / landmarker.size
            figures[f"nme {name}{label}"] = nme(torch.from_numpy(said), points, visible)
            figures[f"present {name}{label}"] = float(np.mean(presence > 0.5))
    return figures


def figures_served(model: Path, data: str, split: Split, root: Path, cache: Path) -> dict[str, Any]:
    """Judge an exported network on FER+ or, its landmarks alone, on held-out faces.

    Raises:
        ConfigError: `data` is something else.
        ModelError: The network cannot be opened.
    """
    if data not in DATA:
        raise ConfigError(f"--data {data}: an exported network is judged on {' or '.join(DATA)}")
    with closing(open_network(model)) as network:
        if data == "landmarks":
            return dict(landmark_metrics(network.landmarker, root, cache))
        return metrics_of(answers_of(network, split, root, cache))
