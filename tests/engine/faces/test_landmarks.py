"""Five points and boxes of the 68-point scheme."""

import numpy as np

from engine.faces.landmarks import (
    EYE_CORNERS,
    JAW,
    LEFT_EYE,
    MIRROR,
    MOUTH_CORNERS,
    NOSE_TIP,
    RIGHT_EYE,
    TEMPLATE,
    box_of,
    five_points,
)


def test_mirror_is_an_involution():
    assert (MIRROR[MIRROR] == np.arange(68)).all()


def test_mirror_swaps_the_sides_of_the_face():
    assert sorted(MIRROR[RIGHT_EYE]) == list(range(*LEFT_EYE.indices(68)))
    assert tuple(MIRROR[list(EYE_CORNERS)]) == EYE_CORNERS[::-1]
    assert tuple(MIRROR[list(MOUTH_CORNERS)]) == MOUTH_CORNERS[::-1]
    assert list(MIRROR[JAW]) == list(range(16, -1, -1))
    assert MIRROR[NOSE_TIP] == NOSE_TIP


def test_template_is_its_own_mirror_image():
    mirrored = TEMPLATE[[1, 0, 2, 4, 3]] * [-1, 1] + [1, 0]
    np.testing.assert_allclose(mirrored, TEMPLATE, atol=1e-6)


def test_five_points_are_eye_centres_nose_tip_and_mouth_corners():
    landmarks = np.random.default_rng(0).normal(size=(3, 68, 2)).astype(np.float32)
    five = five_points(landmarks)
    assert five.dtype == np.float32
    np.testing.assert_allclose(five[:, 0], landmarks[:, 36:42].mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(five[:, 1], landmarks[:, 42:48].mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(five[:, 2:], landmarks[:, [30, 48, 54]])


def test_box_adds_a_forehead_to_the_points_extent():
    landmarks = np.full((68, 2), 50, np.float32)
    landmarks[0], landmarks[1] = (10, 20), (110, 120)
    box = box_of(landmarks)
    assert box.dtype == np.float32
    np.testing.assert_allclose(box, [10, 20 - 30, 110, 120], rtol=1e-6)
