"""Random changes of a crop that keep its shape and depend on the generator alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faces.alignment import transform
from training.data.augment import JitterConfig, degrade, jitter, mirror, occlude

CONFIG = JitterConfig(rotation_deg=40, scale=1.35, shift=0.16)
MATRIX = np.array([[2, -0.5, 7], [0.5, 2, -3]], np.float32)
SEEDS = range(60)


def crop():
    return np.random.default_rng(5).integers(0, 256, (112, 112, 3), np.uint8)


@pytest.mark.parametrize("change", [degrade, occlude])
def test_changed_crop_keeps_shape_and_type_and_leaves_the_original(change):
    for seed in SEEDS:
        before = crop()
        after = change(before, np.random.default_rng(seed))
        assert after.shape == (112, 112, 3)
        assert after.dtype == np.uint8
        np.testing.assert_array_equal(before, crop())


@pytest.mark.parametrize("change", [degrade, occlude])
def test_same_generator_gives_the_same_crop_and_another_one_another(change):
    results = [change(crop(), np.random.default_rng(seed)).tobytes() for seed in SEEDS]
    again = [change(crop(), np.random.default_rng(seed)).tobytes() for seed in SEEDS]
    assert results == again
    assert len(set(results)) > 50


def test_occlusion_covers_a_rectangle_of_the_size_asked_for():
    for seed in SEEDS:
        changed = (occlude(crop(), np.random.default_rng(seed)) != crop()).any(axis=2)
        rows, cols = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        for span in (rows, cols):
            assert 0.08 * 112 <= np.ptp(span) + 1 <= 0.35 * 112


@given(st.integers(0, 2**32 - 1))
def test_jitter_without_spread_is_the_identity(seed):
    moved = jitter(MATRIX, 112, CONFIG, np.random.default_rng(seed), spread=0)
    np.testing.assert_allclose(moved, MATRIX, atol=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_jitter_stays_within_its_limits(seed):
    moved = jitter(MATRIX, 112, CONFIG, np.random.default_rng(seed))
    change = moved[:, :2] @ np.linalg.inv(MATRIX[:, :2])
    assert moved.dtype == np.float32
    assert 1 / 1.351 < np.hypot(change[0, 0], change[1, 0]) < 1.351
    assert abs(np.degrees(np.arctan2(change[1, 0], change[0, 0]))) < 40.1
    centre = np.full(2, 55.5)
    source = np.linalg.solve(MATRIX[:, :2], centre - MATRIX[:, 2]).astype(np.float32)
    assert np.abs(transform(source[None], moved)[0] - centre).max() < 0.16 * 112 + 0.01


def test_mirror_twice_is_the_identity():
    np.testing.assert_array_equal(mirror(mirror(MATRIX, 112), 112), MATRIX)


def test_mirror_maps_the_left_edge_onto_the_right_edge():
    points = np.array([[3, 4], [10, -2]], np.float32)
    straight, flipped = transform(points, MATRIX), transform(points, mirror(MATRIX, 112))
    np.testing.assert_allclose(flipped[:, 0], 111 - straight[:, 0], atol=1e-4)
    np.testing.assert_array_equal(flipped[:, 1], straight[:, 1])
