"""Figures of the model card from answers that are known."""

import numpy as np
import pytest
import torch

from engine.labels import EXPRESSIONS
from training.data.ferplus import valence_arousal
from training.evaluate import Answers, main, markdown, metrics_of
from training.losses.ccc import ccc

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 3])
SAID = np.array([0, 0, 0, 1, 1, 1, 2, 0])


@pytest.fixture
def answers():
    logits = 3 * np.eye(8, dtype=np.float32)[SAID]
    shares = np.eye(8, dtype=np.float32)[LABELS]
    worse = logits.copy()
    worse[0] = 3 * np.eye(8, dtype=np.float32)[4]
    return Answers(LABELS, shares, {"as served": logits, "24 px": worse}, valence_arousal(shares))


def test_figures_of_known_answers(answers):
    metrics = metrics_of(answers, temperature=1.0)
    assert metrics["images"] == 8
    assert metrics["accuracy"] == 6 / 8
    assert metrics["balanced_accuracy"] == pytest.approx((3 / 4 + 1 + 1 + 0) / 4)
    # F1: neutral 2*3/(2*3+1+1), happiness 2*2/(2*2+1), surprise 1, the other five 0.
    assert metrics["macro_f1"] == pytest.approx((3 / 4 + 4 / 5 + 1) / 8)
    assert metrics["accuracy_by_crop"] == {"as served": 6 / 8, "24 px": 5 / 8}
    assert (metrics["ccc_valence"], metrics["ccc_arousal"]) == (pytest.approx(1), pytest.approx(1))
    confidence = np.exp(3) / (np.exp(3) + 7)
    assert metrics["ece"] == pytest.approx(abs(6 / 8 - confidence), abs=1e-6)
    wrong = -np.log(1 / (np.exp(3) + 7))
    assert metrics["nll"] == pytest.approx((6 * -np.log(confidence) + 2 * wrong) / 8, abs=1e-5)


def test_every_class_is_listed_even_without_pictures(answers):
    metrics = metrics_of(answers, temperature=1.0)
    assert list(metrics["per_class"]) == list(EXPRESSIONS)
    assert metrics["per_class"]["neutral"] == {"recall": 3 / 4, "images": 4}
    assert metrics["per_class"]["contempt"] == {"recall": 0, "images": 0}
    confusion = np.array(metrics["confusion"])
    assert confusion.shape == (8, 8)
    assert (confusion[0, 0], confusion[0, 1], confusion[3, 0]) == (3, 1, 1)
    assert confusion.sum() == 8


def test_temperature_changes_confidence_and_not_accuracy(answers):
    sharp, soft = metrics_of(answers, temperature=0.3), metrics_of(answers, temperature=2.0)
    assert sharp["accuracy"] == soft["accuracy"]
    assert sharp["nll"] > soft["nll"]


def test_concordance_of_numpy_series():
    x, y = np.array([[0, 1, 2, 3], [0, 1, 2, 4]], np.float32)
    assert ccc(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(0.928571, abs=1e-6)


def test_markdown_has_every_figure_and_the_confusion_matrix(answers):
    text = markdown(metrics_of(answers, temperature=1.0))
    assert "| accuracy | 0.75 |" in text
    assert "| accuracy, crop 24 px | 0.6250 |" in text
    assert "| neutral | 3 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0.750 |" in text
    tables = [line.count("|") for line in text.splitlines() if line]
    assert set(tables) == {3, 11}


def test_missing_model_is_one_line_and_exit_code_four(tmp_path, capsys):
    assert main([str(tmp_path / "none.onnx")]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-eval: ")
    assert "none.onnx: no such model file" in line
