"""Temperature and calibration measures on answers of known quality."""

import numpy as np
import pytest

from engine.reading.reliability import probabilities_of
from training.evaluation.calibration import (
    brier,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
)


def drawn(temperature, count=20_000):
    """Logits whose labels are drawn from their softmax at `temperature`."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (count, 8)).astype(np.float32)
    chances = probabilities_of(logits, temperature).cumsum(axis=1)
    labels = (rng.random((count, 1)) < chances).argmax(axis=1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_temperature_is_recovered(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.03)


def test_perfectly_calibrated_answers_have_no_error():
    confidence = np.repeat(np.float32([0.6, 0.8]), 10)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0] * 6 + [1] * 4 + [0] * 8 + [1] * 2)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0, abs=1e-6)


def test_error_is_the_gap_weighted_by_the_bins_share():
    confidence = np.array([0.9] * 5 + [0.7] * 5, np.float32)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0] * 5 + [1] * 5)
    wanted = 0.5 * 0.1 + 0.5 * 0.7
    assert expected_calibration_error(probabilities, labels) == pytest.approx(wanted, abs=1e-6)


def test_certain_answers_fall_into_the_last_bin():
    probabilities = np.array([[1, 0], [1, 0]], np.float32)
    assert expected_calibration_error(probabilities, np.array([0, 1])) == pytest.approx(0.5)


def test_scaling_by_the_fitted_temperature_calibrates():
    logits, labels = drawn(2.5)
    before = expected_calibration_error(probabilities_of(logits, 1.0), labels)
    after = expected_calibration_error(
        probabilities_of(logits, fit_temperature(logits, labels)), labels
    )
    assert before > 0.15
    assert after < 0.02


def test_likelihood_and_brier_of_known_answers():
    probabilities = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
    labels = np.array([1, 0])
    wanted = -(np.log(0.75) + np.log(0.5)) / 2
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(wanted)
    assert brier(probabilities, labels) == pytest.approx((2 * 0.25**2 + 2 * 0.5**2) / 2)
    assert np.isfinite(negative_log_likelihood(np.eye(2, dtype=np.float32), np.array([1, 0])))


def test_temperature_of_answers_worse_than_chance_is_one_that_a_manifest_may_state():
    """It once was 14,006, and the export ended in the manifest's refusal."""
    wrong = np.eye(3, dtype=np.float32) * 5
    labels = np.array([1, 2, 0])
    assert fit_temperature(wrong, labels) == 1000
    assert fit_temperature(wrong, np.arange(3)) >= 0.001
