"""Symmetric label noise: how much, onto what, and what stays untouched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.noise import symmetric_label_noise, with_label_noise
from training.data.samples import DataConfig, load_samples
from training.data.table import FaceTable, one_hot

CLASSES = 8
LABELS = np.random.default_rng(0).integers(CLASSES, size=20_000)


def table(labels):
    rows = len(labels)
    shares = 0.7 * one_hot(labels, CLASSES) + np.float32(0.3 / CLASSES)
    affect = np.zeros((rows, 2), np.float32)
    names = np.array([str(i) for i in range(rows)])
    words = tuple("abcdefgh")
    return FaceTable("toy", words, names, labels, shares, affect, names, lambda index: None)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_flipped_fraction_is_the_rate(rate):
    flipped = (symmetric_label_noise(LABELS, CLASSES, rate, 1) != LABELS).mean()
    assert abs(flipped - rate) < 3 * np.sqrt(rate * (1 - rate) / len(LABELS))


def test_every_label_is_another_at_rate_one_and_itself_at_rate_zero():
    assert (symmetric_label_noise(LABELS, CLASSES, 1, 1) != LABELS).all()
    assert np.array_equal(symmetric_label_noise(LABELS, CLASSES, 0, 1), LABELS)


def test_all_other_classes_are_equally_likely():
    noisy = symmetric_label_noise(np.full(70_000, 2), CLASSES, 1, 3)
    counts = np.bincount(noisy, minlength=CLASSES)
    assert counts[2] == 0
    assert np.abs(np.delete(counts, 2) - 10_000).max() < 4 * np.sqrt(10_000)


def test_noise_is_fixed_for_a_seed():
    once, again, other = (symmetric_label_noise(LABELS, CLASSES, 0.2, seed) for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-1, 3), max_size=40), st.floats(0, 1), st.integers(0, 2**32))
def test_labels_stay_in_range_and_missing_ones_missing(labels, rate, seed):
    before = np.array(labels, np.intp)
    after = symmetric_label_noise(before, 4, rate, seed)
    assert before.tolist() == labels
    assert np.array_equal(after == -1, before == -1)
    assert ((after >= -1) & (after < 4)).all()


@pytest.mark.parametrize(("classes", "rate"), [(8, -0.1), (8, 1.1), (1, 0.2)])
def test_impossible_noise_is_refused(classes, rate):
    with pytest.raises(ValueError, match="rate"):
        symmetric_label_noise(LABELS, classes, rate, 0)


def test_noisy_training_table_leaves_the_test_table_and_itself_untouched():
    train, test = table(LABELS[:5000]), table(LABELS[5000:])
    before = [(part.labels.copy(), part.shares.copy()) for part in (train, test)]
    with_label_noise(train, 0.5, 0)
    for part, (labels, shares) in zip((train, test), before, strict=True):
        assert np.array_equal(part.labels, labels)
        assert np.array_equal(part.shares, shares)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_noise_of_a_recipe_leaves_held_out_labels_untouched(tmp_path, ferplus_root, split):
    places = {"root": ferplus_root, "cache": tmp_path / "cache"}
    clean, noisy = DataConfig(align="none"), DataConfig(align="none", noise=1.0)
    train, judging = (load_samples(noisy, part, 24, **places).table for part in ("train", split))
    assert (train.labels != load_samples(clean, "train", 24, **places).table.labels).all()
    truth = load_samples(clean, split, 24, **places).table
    assert np.array_equal(judging.labels, truth.labels)
    assert np.array_equal(judging.shares, truth.shares)


def test_shares_follow_a_replaced_label_and_stay_elsewhere():
    train = table(LABELS[:5000])
    noisy = with_label_noise(train, 0.3, 0)
    hit = noisy.labels != train.labels
    assert 0.2 < hit.mean() < 0.4
    assert np.array_equal(noisy.shares[hit], one_hot(noisy.labels[hit], CLASSES))
    assert np.array_equal(noisy.shares[~hit], train.shares[~hit])
    assert noisy.shares.dtype == np.float32
