"""Calibrated probabilities and the reliability score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.reading.reliability import probabilities_of, reliability_of

LOGITS = hnp.arrays(np.float32, 8, elements=st.floats(-30, 30, width=32))


def test_uniform_distribution_says_nothing():
    assert reliability_of(np.full(8, 1 / 8, np.float32)) == pytest.approx(0, abs=1e-6)


def test_one_hot_distribution_is_certain():
    assert reliability_of(np.eye(8, dtype=np.float32)[3]) == 1.0


def test_reliability_is_one_minus_the_normalised_entropy():
    halves = np.array([0.5, 0.5, 0, 0, 0, 0, 0, 0], np.float32)
    assert reliability_of(halves) == pytest.approx(1 - 1 / 3, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 7])
def test_reliability_knows_the_number_of_classes(classes):
    uniform = np.full(classes, 1 / classes, np.float32)
    assert reliability_of(uniform) == pytest.approx(0, abs=1e-6)
    halves = np.zeros(classes, np.float32)
    halves[:2] = 0.5
    wanted = 1 - np.log(2) / np.log(classes)
    assert reliability_of(halves) == pytest.approx(wanted, abs=1e-6)


@given(LOGITS, st.floats(0.2, 5))
def test_probabilities_sum_to_one_and_stay_float32(logits, temperature):
    probabilities = probabilities_of(logits, temperature)
    assert probabilities.dtype == np.float32
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities[logits.argmax()] == probabilities.max()
    assert 0 <= reliability_of(probabilities) <= 1


@given(LOGITS, st.floats(0.2, 5), st.floats(1, 4))
def test_higher_temperature_never_raises_reliability(logits, temperature, factor):
    cool = reliability_of(probabilities_of(logits, temperature))
    warm = reliability_of(probabilities_of(logits, temperature * factor))
    assert warm <= cool + 1e-5


def test_probabilities_match_the_softmax_of_rows():
    logits = np.array([[0, np.log(3)], [1000, 1000]], np.float32)
    np.testing.assert_allclose(probabilities_of(logits, 1.0), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(
        probabilities_of(logits[:1], 2.0), [[1 / (1 + 3**0.5), 3**0.5 / (1 + 3**0.5)]], rtol=1e-6
    )
