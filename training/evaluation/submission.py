"""Aff-Wild2 as its challenges score it: frames without a picture copy a neighbour's answer.

Source: common specification, section 4; DAN specification, section 8.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from training.data.affwild2 import PARTS, Task, read_tracks
from training.data.faces import Split
from training.data.files import open_files
from training.data.table import FaceTable
from training.evaluation.answers import Answers
from training.evaluation.metrics import affect_metrics, expression_metrics

TASKS: Final[dict[str, Task]] = {"aff-wild2-expr": "expression", "aff-wild2-va": "affect"}


def submission_figures(
    table: FaceTable, split: Split, answers: Answers, root: Path
) -> dict[str, Any]:
    """Score all annotated frames, those without a picture by their stand-in's answer.

    Args:
        table: The faces, N rows.
        split: Which they are; ``test`` is the challenges' validation set.
        answers: To them, in the same order.
        root: Where datasets lie.

    Returns:
        Figures by name; none for other datasets and splits, or a system that says nothing of
        what is annotated. Frames of a track in which there is no picture at all are left out.

    Raises:
        SourceError: The annotations are missing or malformed.
    """
    task = TASKS.get(table.dataset)
    said = answers.affect if task == "affect" else answers.logits
    if task is None or split != "test" or not said.shape[1]:
        return {}
    places = {name: row for row, name in enumerate(table.names.tolist())}
    rows, truths = [], []
    for track in read_tracks(open_files(root, table.dataset), PARTS[1], task):
        values = track.values[track.annotated]
        for line, truth in zip(track.stand_ins().tolist(), values, strict=True):
            row = places.get(track.picture(line)) if line >= 0 else None
            if row is not None:
                rows.append(row)
                truths.append(truth)
    truth = np.array(truths, np.float32)
    figures: dict[str, Any] = {"submission_frames": len(rows)}
    if task == "affect":
        return figures | {"submission_va_score": affect_metrics(answers.affect[rows], truth).score}
    scores = expression_metrics(answers.probabilities()[rows], truth[:, 0].astype(np.intp))
    figures["submission_accuracy"] = scores.accuracy
    return figures | {"submission_macro_f1": scores.macro_f1}
