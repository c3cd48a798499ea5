"""A trained system judged on a split of a dataset, its temperature fitted on validation."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from engine.errors import ModelError
from engine.types import Floats
from training.data.faces import Split
from training.data.samples import DataConfig, Samples, load_samples, read_table
from training.data.table import FaceTable, table_digest
from training.evaluation.answers import Answers, answers_on
from training.evaluation.calibration import fit_temperature
from training.evaluation.metrics import (
    Labels,
    affect_metrics,
    cluster_metrics,
    expression_metrics,
)
from training.evaluation.submission import submission_figures
from training.evaluation.tables import expression_figures
from training.systems.saved import SavedSystem, open_run

log = logging.getLogger(__name__)

WEIGHTS: Final = ".safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a run's system said of the faces of a split.

    Attributes:
        folder: The run.
        saved: The system, on the device it was judged on.
        split: Of the dataset.
        faces: The faces, N rows.
        answers: To them, in the same order.
        temperature: Above 0, fitted on the validation split of the dataset that the run was
            trained on; None for a system without expressions.
        submission: Figures as the challenges of Aff-Wild2 score it (`submission_figures`).
    """

    folder: Path
    saved: SavedSystem
    split: Split
    faces: Samples
    answers: Answers
    temperature: float | None
    submission: Mapping[str, Any]

    @property
    def labels(self) -> Labels:
        """(N,) true classes, -1 where there is none."""
        return self.answers.target.labels.numpy().astype(np.intp)

    @property
    def has_expressions(self) -> bool:
        """Whether the system tells expressions apart and any face has one to compare with."""
        return self.temperature is not None and bool((self.labels >= 0).any())

    def probabilities(self, temperature: float = 1.0) -> Floats:
        """(N, C) distributions at a temperature; 1 is uncalibrated."""
        return self.answers.probabilities(temperature)

    def figures(self) -> dict[str, Any]:
        """Give every figure by name; `ece`, `nll` and `brier` calibrated, with ``_raw`` not."""
        return {
            **_origin(self),
            **_expressions(self),
            **_affect(self.answers),
            **_clusters(self.answers.embedding, self.labels),
            **self.submission,
        }


def evaluate_run(
    checkpoint: Path, split: Split, *, root: Path, cache: Path, dataset: str = "", fold: str = ""
) -> Evaluation:
    """Judge a run of the task ``system``.

    Args:
        checkpoint: Its folder, or one of the weights files in it.
        split: The split that judges.
        root: Where datasets lie.
        cache: Folder for decoded data.
        dataset: The dataset that judges; empty is the one it was trained on.
        fold: Of that dataset; empty is the run's own, for its own dataset.

    Raises:
        ModelError: It is no such run, or the dataset has other classes or another order.
        ConfigError: Unknown dataset or fold, or a split that the dataset lacks.
        SourceError: The data is missing or malformed.
    """
    places = {"root": root, "cache": cache}
    return evaluate_saved(
        open_system(checkpoint), checkpoint, split, **places, dataset=dataset, fold=fold
    )


def evaluate_saved(
    saved: SavedSystem,
    checkpoint: Path,
    split: Split,
    *,
    root: Path,
    cache: Path,
    dataset: str = "",
    fold: str = "",
) -> Evaluation:
    """Judge a system that is open already; as `evaluate_run`."""
    config = own = saved.data
    if dataset and dataset != own.dataset:
        config = replace(own, dataset=dataset, also=(), fold="")
    if fold:
        config = replace(config, fold=fold)
    _check_classes(checkpoint, saved, read_table(config, split, root, cache))

    def prepared(data: DataConfig, part: Split) -> Samples:
        side = saved.system.input_size
        return load_samples(data, part, side, root=root, cache=cache, seed=saved.seed)

    faces = prepared(config, split)
    answers = answers_on(faces, saved.system, config)
    valid = answers
    if answers.logits.shape[1] and (config, split) != (own, "valid"):
        valid = answers_on(prepared(own, "valid"), saved.system, own)
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    submission = submission_figures(faces.table, split, answers, root)
    return Evaluation(folder, saved, split, faces, answers, temperature_of(valid), submission)


def temperature_of(valid: Answers) -> float | None:
    """Fit the temperature to answers on validation faces; None where there are no expressions."""
    labels = valid.target.labels.numpy().astype(np.intp)
    known = labels >= 0
    if not valid.logits.shape[1] or not known.any():
        return None
    return fit_temperature(valid.logits[known], labels[known])


def open_system(checkpoint: Path) -> SavedSystem:
    """Open a run, or one of its weights files, on the device that judges.

    Raises:
        ModelError: It is no run of a system.
    """
    if not checkpoint.exists():
        raise ModelError(f"{checkpoint}: no such run folder, nor a weights file in one")
    if not checkpoint.is_dir() and checkpoint.suffix != WEIGHTS:
        raise ModelError(f"{checkpoint}: neither a run folder nor a weights file in one")
    folder = checkpoint if checkpoint.is_dir() else checkpoint.parent
    saved = open_run(folder) if folder == checkpoint else open_run(folder, checkpoint.name)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    log.info("%s: %s on %s", checkpoint, saved.name, device)
    saved.system.to(device)
    return saved


def _check_classes(checkpoint: Path, saved: SavedSystem, table: FaceTable) -> None:
    if table.classes != saved.classes:
        raise ModelError(
            f"{checkpoint}: its classes are {', '.join(saved.classes)}; {table.dataset} has "
            f"{', '.join(table.classes)}; choose a dataset with the same ones in this order"
        )


def _origin(evaluation: Evaluation) -> dict[str, Any]:
    saved, table = evaluation.saved, evaluation.faces.table
    return {
        "run": evaluation.folder.resolve().name,
        "system": saved.name,
        "seed": saved.seed,
        "dataset": table.dataset,
        "labels_from": table.labels_from,
        "split": evaluation.split,
        "data_sha256": table_digest(table),
        "parameters": saved.card.parameters,
        "gmac": saved.card.gmac,
    }


def _expressions(evaluation: Evaluation) -> dict[str, Any]:
    if evaluation.temperature is None or not evaluation.has_expressions:
        return {}
    raw = expression_metrics(evaluation.probabilities(), evaluation.labels)
    calibrated = expression_metrics(
        evaluation.probabilities(evaluation.temperature), evaluation.labels
    )
    return {
        "temperature": evaluation.temperature,
        **expression_figures(calibrated, evaluation.saved.classes),
        "ece_raw": raw.ece,
        "nll_raw": raw.nll,
        "brier_raw": raw.brier,
    }


def _affect(answers: Answers) -> dict[str, Any]:
    truth = answers.target.affect.numpy()
    if not answers.affect.shape[1] or np.isnan(truth).any(axis=1).all():
        return {}
    metrics = affect_metrics(answers.affect, truth).as_dict()
    return {"affect_images": metrics.pop("images"), "va_score": metrics.pop("score"), **metrics}


def _clusters(embeddings: Floats, labels: Labels) -> dict[str, Any]:
    """Give clustering scores, where at least two classes have faces and one has several."""
    if not 2 <= len(np.unique(labels[labels >= 0])) < (labels >= 0).sum():
        return {}
    metrics = cluster_metrics(embeddings, labels).as_dict()
    return {
        "davies_bouldin": metrics["davies_bouldin"],
        "calinski_harabasz": metrics["calinski_harabasz"],
        "embeddings_normalised": metrics["normalised"],
    }
