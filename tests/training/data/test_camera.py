"""What cameras do to crops, gray and in colour; how crops stray and are covered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faces.alignment import transform
from training.data.camera import WEBCAM, CameraFaults, Light, degrade, relight
from training.data.operations import JitterConfig, jitter, mirror, occlude
from training.detector.mosaics import CAMERA

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


@pytest.mark.parametrize("camera", [WEBCAM, CAMERA])
@pytest.mark.parametrize("shape", [(40, 60), (112, 112), (40, 60, 3)])
def test_any_picture_keeps_its_shape_and_is_not_written_into(camera, shape):
    picture = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    before, seen = picture.copy(), set()
    picture.setflags(write=False)
    for seed in SEEDS:
        after = degrade(picture, np.random.default_rng(seed), camera)
        assert (after.shape, after.dtype) == (shape, np.uint8)
        seen.add(after.tobytes())
    np.testing.assert_array_equal(picture, before)
    assert len(seen) > 25


STILL = Light(gamma=0, gain=0, offset=0, shaded=0, depth=(0, 0))
IDLE = dict.fromkeys(("relit", "coarse", "blurred", "noisy", "packed", "gray"), 0.0)


def camera(**changed):
    ranges = {"factor": (2, 2), "focus_px": (1.5, 1.5), "motion_px": (7, 7), "quality": (30, 30)}
    facts = {"light": STILL, "still": 1.0, "noise": lambda rng: 10.0, **ranges, **IDLE, **changed}
    return CameraFaults(**facts)


def ramp():
    return np.tile(np.linspace(40, 200, 64, dtype=np.uint8), (64, 1))


def test_a_camera_without_faults_changes_nothing():
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(degrade(crop(), rng, camera()), crop())
    np.testing.assert_array_equal(relight(ramp(), rng, STILL), ramp())


@pytest.mark.parametrize("still", [0.0, 1.0])
def test_blur_keeps_the_mean_and_softens(still):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    soft = degrade(noise, np.random.default_rng(0), camera(blurred=1, still=still))
    assert abs(float(soft.mean()) - float(noise.mean())) < 3
    assert soft.std() < 0.6 * noise.std()


def test_motion_does_not_move_the_face():
    point = np.zeros((33, 33), np.float32)
    point[14:19, 14:19] = 255
    for seed in range(20):
        moved = degrade(
            point.astype(np.uint8), np.random.default_rng(seed), camera(blurred=1, still=0)
        )
        ys, xs = np.mgrid[0:33, 0:33]
        centre = [(moved * each).sum() / moved.sum() for each in (xs, ys)]
        assert np.abs(np.array(centre) - 16).max() < 0.3


def test_noise_has_the_deviation_asked_for():
    flat = np.full((64, 64, 3), 128, np.uint8)
    noisy = degrade(flat, np.random.default_rng(0), camera(noisy=1)).astype(int)
    assert (noisy - 128).std() == pytest.approx(10, rel=0.1)


def test_a_face_is_shrunk_to_so_many_pixels_at_most():
    noise = np.random.default_rng(1).integers(0, 256, (112, 112), np.uint8)
    for lowest, factor in ((56, 2), (14, 8)):
        made = camera(coarse=1, factor=(np.inf, np.inf), lowest_px=lowest)
        coarse = degrade(noise, np.random.default_rng(0), made)
        blocks = noise.reshape(lowest, factor, lowest, factor).mean((1, 3))
        again = coarse.reshape(lowest, factor, lowest, factor).mean((1, 3))
        assert np.corrcoef(blocks.ravel(), again.ravel())[0, 1] > 0.9


def test_shade_darkens_one_side_and_may_brighten_the_other():
    flat = np.full((64, 64), 100, np.uint8)
    for lit, top in ((0.0, 100), (1.0, 150)):
        light = Light(gamma=0, gain=0, offset=0, shaded=1, depth=(0.5, 0.5), lit=lit)
        brightest, darkest = 0, 255
        for seed in range(20):
            shaded = relight(flat, np.random.default_rng(seed), light)
            brightest, darkest = max(brightest, shaded.max()), min(darkest, shaded.min())
        assert brightest == pytest.approx(top, abs=2)
        assert darkest == pytest.approx(top - 100, abs=2)


def test_gain_turns_about_the_pivot():
    light = Light(gamma=0, gain=1, offset=0, pivot=0.5, shaded=0, depth=(0, 0))
    middle = np.full((4, 4), 128, np.uint8)
    for seed in range(20):
        assert abs(int(relight(middle, np.random.default_rng(seed), light)[0, 0]) - 128) <= 3
