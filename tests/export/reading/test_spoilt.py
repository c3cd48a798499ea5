"""The grid of bad pictures, on a picture drawn here."""

import numpy as np
import pytest

from export.reading.spoilt import CLEAN, GRID, SIDE, Portrait, mirrored, spoilt_at_random


@pytest.fixture
def portrait():
    rng = np.random.default_rng(0)
    rows, columns = np.indices((48, 48))
    picture = 90 + 60 * np.sin(rows / 5) + 40 * np.cos(columns / 4) + rng.normal(0, 5, (48, 48))
    marks = np.zeros((68, 2), np.float32)
    marks[:] = np.stack([np.linspace(8, 40, 68), np.linspace(16, 44, 68)], axis=1)
    return Portrait(np.clip(picture, 0, 255).astype(np.uint8), marks)


@pytest.mark.parametrize("row", GRID, ids=lambda row: row.name)
def test_row_changes_the_picture_alike_for_alike_seeds(row, portrait):
    before = portrait.picture.copy()
    one, two = (row.change(portrait, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.picture, two.picture)
    np.testing.assert_array_equal(portrait.picture, before)
    assert one.picture.dtype == np.uint8
    assert one.landmarks.shape == (68, 2)
    same = one.picture.shape == before.shape and (one.picture == before).all()
    assert same == (row is CLEAN)


def test_names_are_told_apart_and_all_kinds_are_there():
    names = [row.name for row in GRID]
    assert len(set(names)) == len(names)
    kinds = {"small", "blur", "defocus", "motion", "noise", "JPEG", "dark", "bright", "flat"}
    assert kinds | {"worn", "covered", "tilted"} <= {row.kind for row in GRID}


def test_landmarks_follow_the_size(portrait):
    large = portrait.resized(SIDE)
    np.testing.assert_allclose(large.landmarks, (portrait.landmarks + 0.5) * 2 - 0.5)
    assert large.resized(48).picture.shape == (48, 48)


def test_mirrored_twice_is_the_same(portrait):
    once = mirrored(portrait, np.random.default_rng(0))
    np.testing.assert_array_equal(once.picture, portrait.picture[:, ::-1])
    twice = mirrored(once, np.random.default_rng(0))
    np.testing.assert_array_equal(twice.picture, portrait.picture)
    np.testing.assert_allclose(twice.landmarks, portrait.landmarks, atol=1e-5)


def test_random_faults_are_pictures(portrait):
    for seed in range(60):
        done = spoilt_at_random(portrait, np.random.default_rng(seed))
        assert done.picture.ndim == 2
        assert 12 <= len(done.picture) <= 144
        assert np.isfinite(done.landmarks).all()
