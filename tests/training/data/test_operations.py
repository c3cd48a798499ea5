"""Single changes of a crop, each by what it does to known pixels."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.faces.preprocessing import to_input
from training.data import operations as op

SIDE = 64


def rng(seed=0):
    return np.random.default_rng(seed)


def crop(side=SIDE):
    return rng(5).integers(0, 256, (side, side, 3), np.uint8)


def smooth():
    """A picture without fine detail, different in every corner and channel."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    return np.rint(255 * np.stack([x, y, (1 - x) * y], axis=2)).astype(np.uint8)


def test_shrinking_averages_areas():
    wanted = crop().reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(op.resized(crop(), 32) - wanted).max() <= 1


def test_crop_of_the_right_size_is_not_touched():
    assert np.array_equal(op.resized(crop(), SIDE), crop())


def test_enlarging_interpolates_between_neighbours():
    large = op.resized(smooth(), 2 * SIDE)
    assert large.shape == (2 * SIDE, 2 * SIDE, 3)
    assert np.abs(np.diff(large.astype(int), axis=0)).max() <= 4


def test_flip_mirrors_left_to_right_half_the_time():
    results = [op.flip(crop(), rng(seed)) for seed in range(400)]
    mirrored = [np.array_equal(result, crop()[:, ::-1]) for result in results]
    assert all(
        np.array_equal(result, crop()) or hit for result, hit in zip(results, mirrored, strict=True)
    )
    assert 160 < sum(mirrored) < 240


def test_affine_without_limits_is_the_identity():
    assert np.array_equal(op.affine(crop(), rng(), rotation_deg=0), crop())


def test_affine_zooms_about_the_centre():
    zoomed = op.affine(smooth(), rng(), rotation_deg=0, scale=(2, 2))
    middle = op.resized(smooth()[16:48, 16:48], SIDE).astype(int)
    assert np.abs(zoomed[4:-4, 4:-4] - middle[4:-4, 4:-4]).max() <= 4


def test_affine_turns_within_its_limits_and_both_ways():
    marker = np.zeros((SIDE + 1, SIDE + 1, 3), np.uint8)
    centre = SIDE / 2
    cv2.circle(marker, (SIDE // 2, 8), 3, (255, 255, 255), -1)
    angles = []
    for seed in range(200):
        y, x = np.nonzero(op.affine(marker, rng(seed), rotation_deg=20)[..., 0] > 127)
        angles.append(np.degrees(np.arctan2(x.mean() - centre, centre - y.mean())))
    assert -21 < min(angles) < -17
    assert 17 < max(angles) < 21


def test_affine_moves_by_at_most_the_given_fraction():
    marker = np.zeros((SIDE, SIDE, 3), np.uint8)
    marker[30:34, 30:34] = 255
    shifts = []
    for seed in range(200):
        moved = op.affine(marker, rng(seed), rotation_deg=0, translate=0.2)
        y, x = np.nonzero(moved[..., 0] > 127)
        shifts.append((x.mean() - 31.5, y.mean() - 31.5))
    reach = np.abs(shifts).max(axis=0) / SIDE
    assert (reach > 0.17).all()
    assert (reach < 0.21).all()


def test_gaussian_noise_has_its_variance_on_the_scale_of_bytes():
    gray = np.full((200, 200, 3), 128, np.uint8)
    noise = op.gaussian_noise(gray, rng(), variance=30) - gray.astype(float)
    assert noise.mean() == pytest.approx(0, abs=0.1)
    assert noise.var() == pytest.approx(30 + 1 / 12, rel=0.03)  # rounding adds a twelfth
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02


def test_jitter_without_strength_is_the_identity():
    for seed in range(10):
        same = op.color_jitter(crop(), rng(seed), brightness=0, contrast=0, saturation=0)
        assert np.array_equal(same, crop())


def test_brightness_scales_within_its_limits():
    gray = np.full((4, 4, 3), 100, np.uint8)
    values = [
        op.color_jitter(gray, rng(seed), brightness=0.5, contrast=0, saturation=0)[0, 0, 0]
        for seed in range(200)
    ]
    assert 50 <= min(values) < 55
    assert 145 < max(values) <= 150


def test_contrast_blends_with_the_mean_gray():
    two = np.zeros((2, 2, 3), np.uint8)
    two[0], two[1] = 80, 120
    spreads = []
    for seed in range(100):
        changed = op.color_jitter(two, rng(seed), brightness=0, contrast=0.5, saturation=0)
        assert changed.mean() == pytest.approx(100, abs=0.6)
        spreads.append(int(changed[1, 0, 0]) - int(changed[0, 0, 0]))
    assert 20 <= min(spreads) < 23
    assert 57 < max(spreads) <= 60


def test_saturation_keeps_the_luma_and_leaves_gray_alone():
    gray = np.repeat(crop()[..., :1], 3, axis=2)
    muted = np.full((4, 4, 3), (90, 110, 130), np.uint8)
    luma = int(cv2.cvtColor(muted, cv2.COLOR_BGR2GRAY)[0, 0])
    seen = set()
    for seed in range(20):
        same = op.color_jitter(gray, rng(seed), brightness=0, contrast=0, saturation=0.5)
        assert np.abs(same.astype(int) - gray).max() <= 1
        other = op.color_jitter(muted, rng(seed), brightness=0, contrast=0, saturation=0.5)
        assert abs(int(cv2.cvtColor(other, cv2.COLOR_BGR2GRAY)[0, 0]) - luma) <= 1
        seen.add(tuple(other[0, 0]))
    assert len(seen) > 10


def test_hue_turns_the_colour_within_its_limits_and_keeps_its_strength():
    red = np.full((4, 4, 3), (40, 40, 200), np.uint8)
    hues = []
    for seed in range(100):
        turned = op.color_jitter(red, rng(seed), brightness=0, contrast=0, saturation=0, hue=0.05)
        hue, saturation, value = cv2.cvtColor(np.float32(turned) / 255, cv2.COLOR_BGR2HSV)[0, 0]
        assert saturation == pytest.approx(0.8, abs=0.01)
        assert value == pytest.approx(200 / 255, abs=0.01)
        hues.append((hue + 180) % 360 - 180)
    assert -18.6 < min(hues) < -15
    assert 15 < max(hues) < 18.6


def test_jitters_come_in_the_order_drawn():
    class Drawn:
        """Draws a given order, and always the strongest change."""

        def __init__(self, *order):
            self.order = order

        def permutation(self, count):
            assert count == len(self.order)
            return self.order

        def uniform(self, low, high):
            return high

    two = np.zeros((2, 2, 3), np.uint8)
    two[0], two[1] = 200, 100
    strengths = {"brightness": 0.5, "contrast": 0.5, "saturation": 0}
    brighter_first = op.color_jitter(two, Drawn(0, 2, 1, 3), **strengths)
    contrast_first = op.color_jitter(two, Drawn(1, 3, 0, 2), **strengths)
    assert brighter_first[:, 0, 0].tolist() == [255, 124]  # 202 - 1.5 * 52, or 203
    assert contrast_first[:, 0, 0].tolist() == [255, 112]  # 1.5 * 75


def test_erased_pixels_are_zero_after_normalisation():
    erased = op.erase(crop(), rng(), area=(0.1, 0.1), chance=1)
    changed = (erased != crop()).any(axis=2)
    values = to_input([erased])[0][:, changed]
    assert values.size
    assert np.abs(values).max() < 0.5 / 255 / 0.224


@pytest.mark.parametrize("area", [(0.05, 0.05), (0.02, 0.1), (0.02, 0.33)])
def test_erasing_covers_one_rectangle_of_the_area_and_ratio_asked_for(area):
    black = np.zeros((112, 112, 3), np.uint8)
    parts = []
    for seed in range(200):
        hit = op.erase(black, rng(seed), area=area, chance=1).any(axis=2)
        rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert hit.sum() == height * width
        assert 0.27 < height / width < 3.7
        parts.append(height * width / 112**2)
    assert area[0] * 0.93 < min(parts)
    assert max(parts) < area[1] * 1.07
    assert area[0] == area[1] or np.ptp(parts) > 0.8 * (area[1] - area[0])


def test_erasing_strikes_as_often_as_its_chance():
    hits = [
        not np.array_equal(op.erase(crop(), rng(s), area=(0.1, 0.1)), crop()) for s in range(400)
    ]
    assert 160 < sum(hits) < 240
    never = [op.erase(crop(), rng(s), area=(0.1, 0.1), chance=0) for s in range(50)]
    assert all(np.array_equal(result, crop()) for result in never)


def test_kept_rectangle_stays_at_its_place_on_black():
    bright = np.maximum(crop(), 1)
    shares = []
    for seed in range(200):
        kept = op.keep_rectangle(bright, rng(seed))
        inside = kept.any(axis=2)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        assert inside.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert np.array_equal(kept[inside], bright[inside])
        assert 0.7 < (np.ptp(rows) + 1) / (np.ptp(columns) + 1) < 1.4
        shares.append(inside.mean())
    assert 0.18 < min(shares) < 0.3
    assert max(shares) > 0.85


def test_low_resolution_loses_detail_and_keeps_the_picture():
    for seed in range(50):
        assert np.abs(op.low_resolution(smooth(), rng(seed)).astype(int) - smooth()).mean() < 12
    lost = [
        np.abs(op.low_resolution(crop(), rng(s)).astype(int) - crop()).mean() for s in range(50)
    ]
    assert max(lost) > 40


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, SIDE))
def test_random_crop_is_a_part_of_the_picture(seed, size):
    place = np.indices((SIDE, SIDE))
    picture = np.stack([*place, place[0]], axis=2).astype(np.uint8)
    part = op.random_crop(picture, rng(seed), size)
    assert part.shape == (size, size, 3)
    assert np.array_equal(part, picture[part[0, 0, 0] :, part[0, 0, 1] :][:size, :size])


def test_random_crop_reaches_both_ends():
    picture = np.repeat(np.arange(10, dtype=np.uint8)[:, None, None], 10, axis=1).repeat(3, axis=2)
    assert {int(op.random_crop(picture, rng(s), 8)[0, 0, 0]) for s in range(60)} == {0, 1, 2}


def test_padding_is_black_on_all_sides():
    large = op.padded(crop(), 5)
    assert large.shape == (SIDE + 10, SIDE + 10, 3)
    assert np.array_equal(large[5:-5, 5:-5], crop())
    assert large.astype(int).sum() == crop().astype(int).sum()
