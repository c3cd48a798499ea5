"""How a network's temperature follows the picture: fitted, and written into the manifest."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from engine.files import write_text
from engine.reading.reliability import terms_of
from engine.types import Floats
from export.reading.answers import Portraits, Said, load_portraits, said_of
from export.reading.spoilt import CLEAN, GRID, Change, spoilt_at_random
from training.data.faces import Split
from training.data.progress import tracked
from training.evaluation.served import ServedNetwork, answers_of, metrics_of, open_network

log = logging.getLogger(__name__)

KEY: Final = "picture_quality"
RANDOM: Final = 4  # times that every face is spoilt in ways that are not the grid's
LOWEST: Final = 0.3  # temperatures
HIGHEST: Final = 12.0
CLEAN_WEIGHT: Final = 4.0  # of clean pictures among the rows: most are
PENALTY: Final = 1e-3  # on squared weights
DIGITS: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Faces to fit on; rows of the grid weigh the same.

    Attributes:
        logits: (N, C).
        labels: (N,) true classes.
        quality: (N, K).
        weights: (N,) sum to 1.
    """

    logits: Floats
    labels: NDArray[np.intp]
    quality: Floats
    weights: Floats


def changes() -> Iterator[tuple[str, Change]]:
    """Name everything that is fitted on: the grid, and what is drawn beside it."""
    yield from ((row.name, row.change) for row in GRID)
    yield from ((f"random {number}", spoilt_at_random) for number in range(RANDOM))


def samples_of(portraits: Portraits, answers: Mapping[str, Said]) -> Samples:
    """Put the followed faces of all rows together."""
    logits, labels, quality, weights = [], [], [], []
    for name, said in answers.items():
        chosen = said.followed
        logits.append(said.logits[chosen])
        labels.append(portraits.labels[said.rows][chosen])
        quality.append(said.quality[chosen])
        share = CLEAN_WEIGHT if name == CLEAN.name else 1.0
        weights.append(np.full(chosen.sum(), share / max(1, chosen.sum())))
    together = np.concatenate(weights)
    return Samples(
        np.concatenate(logits),
        np.concatenate(labels),
        np.concatenate(quality),
        (together / together.sum()).astype(np.float32),
    )


def fit(samples: Samples) -> dict[str, Any]:
    """Find the weights with the least negative log-likelihood of the true classes.

    Returns:
        `PictureQuality`, as a manifest has it.
    """
    centre, spread = samples.quality.mean(axis=0), samples.quality.std(axis=0) + 1e-3
    terms = terms_of(samples.quality, centre, spread).astype(np.float64)
    inputs = np.concatenate([np.ones((len(terms), 1)), terms], axis=1)
    rows = np.arange(len(inputs))
    above = samples.logits.astype(np.float64)
    above = above - above[rows, samples.labels][:, None]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        inverse = np.exp(-np.clip(inputs @ weights, np.log(LOWEST), np.log(HIGHEST)))
        scaled = above * inverse[:, None]
        most = scaled.max(axis=1)
        powers = np.exp(scaled - most[:, None])
        total = powers.sum(axis=1)
        slope = (powers * scaled).sum(axis=1) / total
        penalty = np.r_[0.0, weights[1:]]
        value = samples.weights @ (most + np.log(total)) + PENALTY * penalty @ penalty
        return float(value), -inputs.T @ (samples.weights * slope) + 2 * PENALTY * penalty

    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    return {
        "centre": _rounded(centre),
        "spread": _rounded(spread),
        "weights": _rounded(found[1:]),
        "shift": round(float(found[0]), DIGITS),
        "lowest": LOWEST,
        "highest": HIGHEST,
    }


def _rounded(values: NDArray[np.floating]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def spoilt_answers(
    network: ServedNetwork, portraits: Portraits, cache: Path, faces: int = 0
) -> dict[str, Said]:
    """Read the half that is fitted on, spoilt in all ways.

    Args:
        network: Reads them.
        portraits: The faces.
        cache: Folder for answers.
        faces: To be spoilt at most, 0 is the whole half; as they are, all are read.

    Raises:
        SinkError: The cache cannot be written.
    """
    rows = some = np.flatnonzero(~portraits.checked)
    if faces and faces < len(rows):
        some = rows[np.linspace(0, len(rows) - 1, faces).astype(int)]
    found = list(changes())
    return {
        name: said_of(
            network, portraits, rows if name == CLEAN.name else some, (name, change), cache
        )
        for name, change in tracked(found, "spoiling faces", len(found))
    }


def _write(model: Path, stated: Mapping[str, Any]) -> None:
    write_text(model.with_suffix(".json"), json.dumps(stated, indent=2) + "\n")


def _judged_again(
    model: Path, metrics: Mapping[str, Any], data: Path, cache: Path
) -> dict[str, Any]:
    network = open_network(model, threads=1)
    try:
        splits: list[Split] = [split for split in get_args(Split) if split in metrics]
        fresh: dict[str, Any] = {
            split: metrics_of(answers_of(network, split, data, cache)) for split in splits
        }
        return {**metrics, **fresh}
    finally:
        network.close()


def calibrate(model: Path, data: Path, cache: Path, faces: int = 0) -> dict[str, Any]:
    """Fit a network's temperature to pictures of all qualities; write it into the manifest.

    The figures there, of whatever splits it was judged on, are made anew with it.

    Args:
        model: The ONNX file of an expression network, its landmark network beside it.
        data: Folder with the data packs.
        cache: Folder for decoded data and answers.
        faces: To be spoilt at most; 0 is the whole half.

    Returns:
        The manifest.

    Raises:
        ModelError: It cannot be opened.
        SourceError: FER+ is missing.
        SinkError: The manifest or the cache cannot be written.
    """
    network = open_network(model, threads=1)
    try:
        portraits = load_portraits(network, "valid", data, cache)
        answers = spoilt_answers(network, portraits, cache, faces)
    finally:
        network.close()
    picture = fit(samples_of(portraits, answers))
    stated = {**network.manifest.data, KEY: picture}
    _write(model, stated)
    stated["metrics"] = _judged_again(model, stated.get("metrics") or {}, data, cache)
    _write(model, stated)
    log.info("%s: temperature fitted to pictures of all qualities", model.name)
    return stated
