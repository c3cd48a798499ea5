"""Metrics against values worked out by hand."""

import json

import numpy as np
import pytest

from training.evaluation.calibration import (
    brier,
    expected_calibration_error,
    negative_log_likelihood,
)
from training.evaluation.metrics import (
    affect_metrics,
    cluster_metrics,
    expression_metrics,
    shares_of_truth,
)

NAN = np.float32(np.nan)
POINTS = np.float32([[0, 0], [0, 2], [10, 0], [10, 2]])
PAIRS = np.array([0, 0, 1, 1])


def certain(said, classes):
    """Distributions that leave little doubt of the class `said`."""
    rows = np.full((len(said), classes), 0.1 / (classes - 1), np.float32)
    rows[np.arange(len(said)), said] = 0.9
    return rows


@pytest.fixture
def judged():
    """Four classes, of which 3 neither occurs nor is said and 2 is said but does not occur."""
    labels = np.array([0, 0, 0, 0, 1, 1])
    return expression_metrics(certain([0, 0, 0, 1, 1, 2], 4), labels)


@pytest.mark.parametrize("classes", [2, 7, 8])
def test_constant_answer_on_balanced_classes(classes):
    labels = np.repeat(np.arange(classes), 5)
    found = expression_metrics(certain(np.zeros(len(labels), int), classes), labels)
    assert found.macro_f1 == pytest.approx(2 / (classes * (classes + 1)))
    assert found.accuracy == pytest.approx(1 / classes)
    assert found.balanced_accuracy == pytest.approx(1 / classes)


def test_perfect_answer():
    labels = np.arange(8)
    found = expression_metrics(certain(labels, 8), labels)
    assert found.accuracy == found.balanced_accuracy == found.macro_f1 == 1
    assert found.recall == found.precision == (1.0,) * 8


def test_accuracies(judged):
    assert judged.images == 6
    assert judged.accuracy == pytest.approx(4 / 6)
    assert judged.balanced_accuracy == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_macro_f1_divides_by_all_classes_of_the_task(judged):
    first = 2 * 1 * 0.75 / (1 + 0.75)
    assert judged.macro_f1 == pytest.approx((first + 0.5 + 0 + 0) / 4)


def test_recall_and_precision_per_class(judged):
    assert judged.recall == pytest.approx((0.75, 0.5, 0, 0))
    assert judged.precision == pytest.approx((1, 0.5, 0, 0))


def test_confusion_has_true_classes_in_rows(judged):
    assert judged.confusion == ((3, 1, 0, 0), (0, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))


def test_absent_class_is_a_row_of_zeros(judged):
    shares = shares_of_truth(judged.confusion)
    wanted = [[0.75, 0.25, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(shares, wanted)


def test_calibration_is_judged_too():
    labels, chances = np.array([0, 1, 1]), certain([0, 1, 0], 3)
    found = expression_metrics(chances, labels)
    assert found.ece == expected_calibration_error(chances, labels) > 0
    assert found.nll == negative_log_likelihood(chances, labels) > 0
    assert found.brier == brier(chances, labels) > 0


def test_calibrated_bins_have_no_error():
    top = np.repeat(np.float32([0.6, 0.8]), 10)
    labels = np.array([0] * 6 + [1] * 4 + [0] * 8 + [1] * 2)
    found = expression_metrics(np.stack([top, 1 - top], axis=1), labels)
    assert found.ece == pytest.approx(0, abs=1e-6)


def test_rows_without_a_label_are_left_out(judged):
    labels = np.array([0, 0, 0, 0, 1, 1, -1])
    assert expression_metrics(certain([0, 0, 0, 1, 1, 2, 3], 4), labels) == judged
    with pytest.raises(ValueError, match="labels: no row"):
        expression_metrics(certain([0], 4), np.array([-1]))


def test_affect_score_is_the_mean_of_both_correlations():
    truth = np.float32([[0, 0], [1, 1], [2, 2], [3, 3]])
    said = np.float32([[0, 3], [1, 2], [2, 1], [4, 0]])
    found = affect_metrics(said, truth)
    assert found.ccc_valence == pytest.approx(0.928571, abs=1e-6)
    assert found.ccc_arousal == pytest.approx(-1)
    assert found.score == pytest.approx((0.928571 - 1) / 2, abs=1e-6)


def test_constant_affect_explains_nothing():
    truth = np.float32([[0, 0], [1, 1], [2, 2]])
    assert affect_metrics(np.full((3, 2), 0.5, np.float32), truth).score == 0


def test_frames_without_both_values_are_left_out():
    truth = np.float32([[0, 0], [1, 1], [2, 2], [NAN, 5], [7, NAN]])
    said = np.float32([[0, 0], [1, 1], [2, 2], [9, 9], [9, 9]])
    found = affect_metrics(said, truth)
    assert found.images == 3
    assert found.score == pytest.approx(1)
    with pytest.raises(ValueError, match="truth: no row"):
        affect_metrics(said[3:], truth[3:])


def test_clusters_of_four_points():
    found = cluster_metrics(POINTS, PAIRS)
    assert found.davies_bouldin == pytest.approx(0.2)
    assert found.calinski_harabasz == pytest.approx(50)
    assert not found.normalised
    assert found.images == 4


def test_clusters_may_be_judged_by_direction_alone():
    away = POINTS + np.float32([1, 1])
    stretched = away * np.float32([[1], [5], [3], [2]])
    by_direction = cluster_metrics(away, PAIRS, normalise=True)
    assert by_direction.normalised
    found = cluster_metrics(stretched, PAIRS, normalise=True)
    assert found.davies_bouldin == pytest.approx(by_direction.davies_bouldin, rel=1e-4)
    assert found.davies_bouldin != pytest.approx(
        cluster_metrics(stretched, PAIRS).davies_bouldin, rel=0.1
    )


def test_clusters_leave_unlabelled_rows_out():
    more = np.concatenate([POINTS, np.float32([[99, 99]])])
    assert cluster_metrics(more, np.array([0, 0, 1, 1, -1])) == cluster_metrics(POINTS, PAIRS)


def test_results_are_ready_for_json(judged):
    truth = np.float32([[0, 0], [1, 1]])
    for found in (judged, affect_metrics(truth, truth), cluster_metrics(POINTS, PAIRS)):
        assert json.loads(json.dumps(found.as_dict()))["images"] == found.images
