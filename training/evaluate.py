"""`fer-eval MODEL --data ferplus`: judge an exported network on the crops it is served.

This is the one place in `training` that runs the engine's network: what is judged must be
what users get, calibration included.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score, recall_score

from engine.errors import FerError
from engine.fusion import Fusion, landmarks_of
from engine.labels import EXPRESSIONS
from engine.landmarker import Landmarker
from engine.manifest import load_manifest
from engine.reliability import probabilities_of
from engine.types import Face, Floats, Image, Sighting
from training.calibration import (
    brier,
    expected_calibration_error,
    negative_log_likelihood,
)
from training.data.faces import Split
from training.data.ferplus import (
    CLASSES,
    FerPlus,
    distribution,
    majority,
    read_ferplus,
    valence_arousal,
)
from training.data.located import locate
from training.expression import crops_of
from training.landmarks import held_out_banks, held_out_crops, nme, reduced
from training.losses.ccc import ccc

log = logging.getLogger(__name__)

Variant = Callable[[FerPlus, Floats], list[Image]]
ROWS = 64


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
class Answers:
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
class Network:
    """poster-rt as users run it: the landmark network, then the fusion."""

    landmarker: Landmarker
    fusion: Fusion


def open_network(path: Path) -> Network:
    """Load an exported fusion network and the landmark network beside it, on the CPU.

    Raises:
        ModelError: A file is missing or damaged, or is another network.
    """
    manifest = load_manifest(path)
    return Network(Landmarker(landmarks_of(manifest), "cpu"), Fusion(manifest, "cpu"))


def answers_of(network: Network, split: Split, root: Path, cache: Path) -> Answers:
    """Run a network over one split of FER+."""
    images = read_ferplus(split, root, cache)
    labels = majority(images.votes)
    images, labels = images.at(labels >= 0), labels[labels >= 0]
    points = locate(_reader(network.landmarker), images)
    said = {name: _read(network, crops(images, points)) for name, crops in VARIANTS.items()}
    logits = {name: pair[0] for name, pair in said.items()}
    return Answers(labels, distribution(images.votes), logits, said["as served"][1])


def _read(network: Network, crops: Sequence[Image]) -> tuple[Floats, Floats]:
    """Give logits (N, 8) and valence-arousal (N, 2) of crops."""
    readings = [
        reading
        for first in range(0, len(crops), ROWS)
        for reading in network.fusion.read(_see(network.landmarker, crops[first : first + ROWS]))
    ]
    logits = np.stack([reading.logits for reading in readings])
    return logits, np.stack([reading.valence_arousal for reading in readings])


def _see(landmarker: Landmarker, crops: Sequence[Image]) -> list[Sighting]:
    still = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    return landmarker.locate([Face(crop, still) for crop in crops])


def _reader(landmarker: Landmarker) -> Callable[[Sequence[Image]], tuple[Floats, Floats]]:
    def read(crops: Sequence[Image]) -> tuple[Floats, Floats]:
        points, presence = [], []
        for first in range(0, len(crops), ROWS):
            for sighting in _see(landmarker, crops[first : first + ROWS]):
                points.append(sighting.landmarks)
                presence.append(sighting.presence)
        return np.stack(points), np.array(presence, np.float32)

    return read


def metrics_of(answers: Answers, temperature: float) -> dict[str, Any]:
    """Compute every figure of the model card."""
    labels = answers.labels
    probabilities = probabilities_of(answers.logits["as served"], temperature)
    said = probabilities.argmax(axis=1)
    every = list(range(CLASSES))
    recalls = recall_score(labels, said, labels=every, average=None, zero_division=0)
    affect = torch.from_numpy(answers.affect)
    truth = torch.from_numpy(valence_arousal(answers.shares))
    return {
        "images": len(labels),
        "accuracy": float((said == labels).mean()),
        "balanced_accuracy": float(balanced_accuracy_score(labels, said)),
        "macro_f1": float(f1_score(labels, said, labels=every, average="macro", zero_division=0)),
        "ece": expected_calibration_error(probabilities, labels),
        "nll": negative_log_likelihood(probabilities, labels),
        "brier": brier(probabilities, labels),
        "ccc_valence": float(ccc(affect[:, 0], truth[:, 0])),
        "ccc_arousal": float(ccc(affect[:, 1], truth[:, 1])),
        "accuracy_by_crop": {
            name: float((logits.argmax(axis=1) == labels).mean())
            for name, logits in answers.logits.items()
        },
        "per_class": {
            name: {"recall": float(recalls[i]), "images": int((labels == i).sum())}
            for i, name in enumerate(EXPRESSIONS)
        },
        "confusion": confusion_matrix(labels, said, labels=every).tolist(),
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
            points_said, presence = _reader(landmarker)(shown)
            said = (points_said + 0.5) / landmarker.size
            figures[f"nme {name}{label}"] = nme(torch.from_numpy(said), points, visible)
            figures[f"present {name}{label}"] = float(np.mean(presence > 0.5))
    return figures


def markdown(metrics: dict[str, Any]) -> str:
    """Write the figures as the model card shows them."""
    lines = ["| figure | value |", "| --- | --- |"]
    for name, value in metrics.items():
        if isinstance(value, int | float):
            lines.append(f"| {name} | {value if isinstance(value, int) else round(value, 4)} |")
    if "confusion" not in metrics:
        return "\n".join(lines)
    for name, value in metrics["accuracy_by_crop"].items():
        lines.append(f"| accuracy, crop {name} | {value:.4f} |")
    lines += ["", "| true / said | " + " | ".join(EXPRESSIONS) + " | recall |"]
    lines.append("| --- " * (CLASSES + 2) + "|")
    for name, row in zip(EXPRESSIONS, metrics["confusion"], strict=True):
        counts = " | ".join(str(count) for count in row)
        lines.append(f"| {name} | {counts} | {metrics['per_class'][name]['recall']:.3f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate from the command line; return the exit code."""
    parse = argparse.ArgumentParser(prog="fer-eval", description=__doc__)
    parse.add_argument("model", type=Path, help="ONNX file with its manifest beside it")
    parse.add_argument("--data", choices=["ferplus", "landmarks"], default="ferplus")
    parse.add_argument("--split", choices=["valid", "test"], default="test")
    parse.add_argument("--root", type=Path, default=Path("../shared/data"), help="data packs")
    parse.add_argument("--cache", type=Path, default=Path("cache"), help="decoded data")
    parse.add_argument("--json", action="store_true", help="one JSON object instead of Markdown")
    args = parse.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        network = open_network(args.model)
        if args.data == "landmarks":
            found = landmark_metrics(network.landmarker, args.root, args.cache)
            metrics: dict[str, Any] = dict(found)
        else:
            answers = answers_of(network, args.split, args.root, args.cache)
            metrics = metrics_of(answers, network.fusion.temperature)
        print(json.dumps(metrics, indent=2) if args.json else markdown(metrics))
    except FerError as error:
        sys.stderr.write(f"fer-eval: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
