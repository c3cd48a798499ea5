"""Aff-Wild2 as its challenges score it."""

import math

import numpy as np
import pytest
import torch

from training.data.affwild2 import HEADERS, read_expressions
from training.data.files import open_files
from training.evaluation.answers import Answers
from training.evaluation.submission import submission_figures
from training.types import Target


@pytest.fixture
def table(tmp_path):
    """Annotated are frames 1, 2, 4 and 5 of a video, whose pictures are 2, 3 and 4; none of v2."""
    root = tmp_path / "aff-wild2-expr"
    folder = root / "EXPR_Classification_Challenge" / "Validation_Set"
    folder.mkdir(parents=True)
    for name, labels in (("v1", "0 1 -1 2 3"), ("v2", "4 4")):
        lines = [HEADERS["expression"], *labels.split()]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    (root / "cropped_aligned" / "v1").mkdir(parents=True)
    for frame in (2, 3, 4):
        (root / "cropped_aligned" / "v1" / f"{frame:05d}.jpg").touch()
    return read_expressions(open_files(root), "Validation_Set").table


def answers(table, said, classes=8):
    target = Target(
        torch.from_numpy(table.labels),
        torch.from_numpy(table.shares),
        torch.full((len(table), 2), math.nan),
    )
    logits = 9 * np.eye(8, dtype=np.float32)[said][:, :classes]
    return Answers(target, logits, logits[:, :0], logits, {})


def test_frame_without_picture_gets_its_neighbours_answer(table, tmp_path):
    assert table.labels.tolist() == [1, 2]
    figures = submission_figures(table, "test", answers(table, [1, 3]), tmp_path)
    # Said are 1 1 3 3 of 0 1 2 3; frame 3 is not annotated, and nothing shows v2.
    assert figures["submission_frames"] == 4
    assert figures["submission_accuracy"] == 0.5
    assert figures["submission_macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 8)


def test_other_splits_and_silent_systems_have_no_submission(table, tmp_path):
    assert submission_figures(table, "valid", answers(table, [1, 3]), tmp_path) == {}
    assert submission_figures(table, "test", answers(table, [1, 3], 0), tmp_path) == {}
