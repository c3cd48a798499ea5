"""Figures of rows, the curve, flips and lags, on answers whose figures are known."""

import numpy as np
import pytest

from engine.networks.manifest import PictureQuality
from engine.reading.quality import MEASURED
from engine.reading.reliability import Temperature
from export.reading.figures import Answers, curve_of, figures_of, threshold_of
from export.reading.films import Shown, film_figures, talk_figures
from export.reading.fit import Samples, fit
from export.reading.talk import CHANGE_S
from training.evaluation.calibration import expected_calibration_error


def answers(name, right, sure=0.9, count=100):
    """`right` of so many are right, all with the same probability."""
    probabilities = np.full((count, 8), (1 - sure) / 7, np.float32)
    probabilities[:, 0] = sure
    return Answers(name, probabilities, np.where(np.arange(count) < right, 0, 1), 0.25)


def test_row_says_how_many_are_right_and_within_which_interval():
    row = figures_of(answers("a", 80), 0.3)
    assert (row.images, row.lost, row.accuracy) == (100, 0.25, pytest.approx(0.8))
    assert (row.low, row.high) == (pytest.approx(0.7112, abs=1e-3), pytest.approx(0.8666, abs=1e-3))
    assert row.confidence == pytest.approx(0.9)
    assert row.ece == pytest.approx(0.1, abs=1e-6)
    assert (row.withheld, row.shown_accuracy) == (0, pytest.approx(0.8))


def test_row_of_which_nothing_is_shown_has_no_accuracy_of_what_is():
    row = figures_of(answers("a", 80, sure=0.2), 0.9)
    assert (row.withheld, row.shown_accuracy) == (1, None)


def test_curve_weighs_rows_alike_and_names_the_lowest_threshold_that_will_do():
    good, bad = answers("good", 90, 0.95, 100), answers("bad", 500, 0.4, 1000)
    curve = curve_of([good, bad], good, (0.0, 0.3, 0.6))
    assert (curve[0].coverage, curve[0].accuracy) == (1, pytest.approx(0.7))
    assert (curve[1].coverage, curve[1].accuracy) == (0.5, pytest.approx(0.9))
    assert (curve[1].clean_withheld, curve[1].clean_accuracy) == (0, pytest.approx(0.9))
    assert threshold_of(curve) == 0.3
    assert threshold_of(curve, 0.95) is None


def shown(labels, reliability=0.5):
    labels = np.array(labels)
    return Shown(np.arange(len(labels)) / 30, labels, np.full(len(labels), reliability))


def test_flips_of_a_film_are_changes_a_second_of_faces_that_are_there_for_long():
    steady, wild = shown([0] * 31), shown([0, 1] * 15 + [0])
    brief = shown([0, 1, 0], reliability=0.1)
    figures = film_figures("a", [steady, wild, brief], 0.25, 0.3)
    assert figures.seconds == pytest.approx(2)
    assert figures.flips_per_s == pytest.approx(15)
    assert figures.withheld == pytest.approx(3 / 65)
    assert (figures.changes, figures.lag_s) == (0, None)


def clip(late, before=0, after=1):
    """Labels of a clip that changes so many frames late."""
    change = round(CHANGE_S * 30)
    return shown([before] * (change + late) + [after] * (75 - late))


def test_lag_is_from_the_change_until_the_label_follows_and_that_is_no_flip():
    raw = [clip(0)] * 10
    figures = talk_figures(raw, [clip(3)] * 8 + [clip(6), clip(9)], 0.25, 0.3)
    assert (figures.flips_per_s, figures.changes) == (0, 10)
    assert figures.lag_s == pytest.approx(0.1)
    assert figures.lag_p90_s == pytest.approx(0.3)


def test_label_that_never_follows_is_never_and_one_that_flips_is_counted():
    figures = talk_figures([clip(0)], [clip(0, after=0)], 0.25, 0.3)
    assert figures.lag_s == np.inf
    figures = talk_figures([clip(0)], [shown([0, 1, 0] + [0] * 72 + [1] * 75)], 0.25, 0.3)
    assert figures.flips_per_s == pytest.approx(2 / (149 / 30))


def test_fitted_temperature_makes_confidence_fall_with_the_picture():
    """Labels of the worse half of pictures are drawn at four times the temperature."""
    rng = np.random.default_rng(0)
    count = 6000
    logits = rng.normal(0, 2, (count, 8)).astype(np.float32)
    bad = np.arange(count) % 2 == 0
    true = logits / np.where(bad, 4.0, 1.0)[:, None]
    shares = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    labels = np.array([rng.choice(8, p=row) for row in shares])
    quality = np.zeros((count, MEASURED), np.float32)
    quality[:, 3] = np.where(bad, -2, 1) + rng.normal(0, 0.1, count)
    stated = fit(Samples(logits, labels, quality, np.full(count, 1 / count, np.float32)))
    tupled = {key: tuple(x) if isinstance(x, list) else x for key, x in stated.items()}
    follows = Temperature("a", 1.0, PictureQuality(**tupled))
    said = follows.of_quality(quality)
    assert said[bad].mean() == pytest.approx(4, rel=0.15)
    assert said[~bad].mean() == pytest.approx(1, rel=0.15)
    spread = np.exp(logits / said[:, None])
    spread /= spread.sum(1, keepdims=True)
    for half in (bad, ~bad):
        assert expected_calibration_error(spread[half], labels[half]) < 0.04
