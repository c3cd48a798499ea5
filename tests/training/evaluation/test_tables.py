"""Figures by name, and as Markdown."""

import numpy as np
import pytest

from training.evaluation.metrics import expression_metrics
from training.evaluation.tables import expression_figures, markdown, shown, table


@pytest.fixture
def figures():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], np.float32)
    metrics = expression_metrics(probabilities, np.array([0, 0, 1]))
    return expression_figures(metrics, ("calm", "glad"))


def test_each_class_has_its_figures(figures):
    assert figures["per_class"] == {
        "calm": {"recall": 0.5, "precision": 1.0, "images": 2},
        "glad": {"recall": 1.0, "precision": 0.5, "images": 1},
    }
    assert figures["confusion"] == [[1, 1], [0, 1]]


def test_markdown_shows_single_values_and_the_confusion_matrix(figures):
    lines = markdown({"run": "a", **figures}).splitlines()
    assert lines[:5] == [
        "| figure | value |",
        "| --- | --- |",
        "| run | a |",
        "| images | 3 |",
        "| accuracy | 0.6667 |",
    ]
    assert lines[-2:] == ["| calm | 1 | 1 | 0.500 |", "| glad | 0 | 1 | 1.000 |"]


def test_markdown_of_landmark_figures_is_one_table():
    assert markdown({"nme toy": 4.5}) == "| figure | value |\n| --- | --- |\n| nme toy | 4.5 |"


def test_table_has_a_line_for_each_row():
    assert table(("a", "b"), [("1", "2")]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (0.123456, "0.1235"), ("valid", "valid")])
def test_numbers_have_four_decimals_at_most(value, text):
    assert shown(value) == text
