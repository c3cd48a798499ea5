"""An exported network judged as it is served: on the engine's crops, by the engine's own code.

What is judged of it must be what users get, calibration included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.faces.alignment import align
from engine.faces.landmarker import Landmarker
from engine.faces.landmarks import MARGIN
from engine.labels import EXPRESSIONS
from engine.networks.manifest import load_manifest
from engine.reading.fusion import Fusion, Reading, landmarks_of
from engine.reading.reliability import probabilities_of
from engine.types import Face, Floats, Image, Sighting
from training.data.faces import Split
from training.data.landmark_cache import Pictures, Reader, locate
from training.data.registry import read_dataset
from training.data.table import FaceTable
from training.data.targets import valence_arousal
from training.evaluation.landmarks import held_out_banks, held_out_crops, nme, reduced
from training.evaluation.metrics import affect_metrics, expression_metrics
from training.evaluation.tables import expression_figures

DATA = ("ferplus", "landmarks")  # what an exported network is judged on

Variant = Callable[[FaceTable, Floats], list[Image]]
ROWS = 64


def crops_of(pictures: Pictures, points: Floats, zoom: float = 1.0) -> list[Image]:
    """Cut every picture's aligned crop, tighter where `zoom` is above 1."""
    margin = (1.0 + MARGIN) / zoom - 1.0
    rows = range(len(pictures))
    return [align(pictures.image(row), points[row], margin=margin).crop for row in rows]


def _small(side: int) -> Variant:
    """Crops as a face of `side` pixels would give them."""
    return lambda images, points: [reduced(crop, side) for crop in crops_of(images, points)]


VARIANTS: dict[str, Variant] = {
    "as served": crops_of,
    "10 % tighter": lambda images, points: crops_of(images, points, 1.1),
    "10 % looser": lambda images, points: crops_of(images, points, 1 / 1.1),
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
    """

    labels: NDArray[np.intp]
    shares: Floats
    logits: dict[str, Floats]
    affect: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ServedNetwork:
    """poster-rt as users run it: the landmark network, then the fusion."""

    landmarker: Landmarker
    fusion: Fusion


def open_network(path: Path) -> ServedNetwork:
    """Load an exported fusion network and the landmark network beside it, on the CPU.

    Raises:
        ModelError: A file is missing or damaged, or is another network.
    """
    manifest = load_manifest(path)
    return ServedNetwork(Landmarker(landmarks_of(manifest), "cpu"), Fusion(manifest, "cpu"))


def answers_of(network: ServedNetwork, split: Split, root: Path, cache: Path) -> ServedAnswers:
    """Run a network over one split of FER+."""
    table = read_dataset("ferplus", root, split, cache)
    points = locate(reader_of(network.landmarker), table)
    said = {name: _read(network, crops(table, points)) for name, crops in VARIANTS.items()}
    logits = {name: pair[0] for name, pair in said.items()}
    return ServedAnswers(table.labels, table.shares, logits, said["as served"][1])


def _read(network: ServedNetwork, crops: Sequence[Image]) -> tuple[Floats, Floats]:
    """Give logits (N, 8) and valence-arousal (N, 2) of crops."""
    readings: list[Reading] = []
    for first in range(0, len(crops), ROWS):
        part = crops[first : first + ROWS]
        readings += network.fusion.read(_seen_by(network.landmarker, part), part)
    logits = np.stack([reading.logits for reading in readings])
    return logits, np.stack([reading.valence_arousal for reading in readings])


def _seen_by(landmarker: Landmarker, crops: Sequence[Image]) -> list[Sighting]:
    still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    return landmarker.locate([Face(crop, still) for crop in crops])


def reader_of(landmarker: Landmarker) -> Reader:
    """Adapt the engine's landmark network to `training.data.landmark_cache.locate`."""

    def read(crops: Sequence[Image]) -> tuple[Floats, Floats]:
        points, presence = [], []
        for first in range(0, len(crops), ROWS):
            for sighting in _seen_by(landmarker, crops[first : first + ROWS]):
                points.append(sighting.landmarks)
                presence.append(sighting.presence)
        return np.stack(points), np.array(presence, np.float32)

    return read


def metrics_of(answers: ServedAnswers, temperature: float) -> dict[str, Any]:
    """Compute every figure of the model card."""
    probabilities = probabilities_of(answers.logits["as served"], temperature)
    affect = affect_metrics(answers.affect, valence_arousal(answers.shares))
    return {
        **expression_figures(expression_metrics(probabilities, answers.labels), EXPRESSIONS),
        "ccc_valence": affect.ccc_valence,
        "ccc_arousal": affect.ccc_arousal,
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
    network = open_network(model)
    if data == "landmarks":
        return dict(landmark_metrics(network.landmarker, root, cache))
    answers = answers_of(network, split, root, cache)
    return metrics_of(answers, network.fusion.temperature)
