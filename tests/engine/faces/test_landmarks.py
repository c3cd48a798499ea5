"""Five points and boxes of the 68-point scheme."""

import numpy as np

from engine.assets import asset_path
from engine.faces.alignment import CROP_SIZE
from engine.faces.landmarks import (
    BROWS,
    EYE_CORNERS,
    JAW,
    LEFT_EYE,
    MARGIN,
    MIRROR,
    MOUTH,
    MOUTH_CORNERS,
    NOSE,
    NOSE_TIP,
    RIGHT_EYE,
    TEMPLATE,
    box_of,
    five_points,
)
from engine.networks.manifest import load_manifest


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


def test_parts_of_the_face_share_the_68_points_out():
    parts = [JAW, BROWS, NOSE, RIGHT_EYE, LEFT_EYE, MOUTH]
    assert [index for part in parts for index in range(68)[part]] == list(range(68))
    assert [len(range(68)[part]) for part in parts] == [17, 10, 9, 6, 6, 20]


def test_mirror_swaps_points_of_a_face_drawn_by_hand():
    """Brows, nose, eyes and mouth as pairs of the iBUG scheme, outer to inner."""
    pairs = [(17, 26), (21, 22), (27, 27), (31, 35), (36, 45), (37, 44), (39, 42), (40, 47)]
    pairs += [(41, 46), (48, 54), (51, 51), (59, 55), (57, 57), (60, 64), (62, 62), (67, 65)]
    for one, other in pairs:
        assert (MIRROR[one], MIRROR[other]) == (other, one)


def test_template_is_that_of_the_shipped_weights():
    """Other places would show the networks crops that they were not trained on."""
    wanted = [[0.3212, 0.3823], [0.6788, 0.3823], [0.5, 0.5833], [0.3589, 0.7666], [0.6411, 0.7666]]
    np.testing.assert_allclose(TEMPLATE, wanted, atol=1e-6)
    for name in ("landmark-net.onnx", "poster-rt.onnx"):
        manifest = load_manifest(asset_path(name))
        assert (manifest.value("input.size"), manifest.value("input.margin")) == (112, MARGIN)
    assert CROP_SIZE == 112


def test_box_of_a_lying_face_has_its_forehead_where_the_head_is():
    upright = np.full((68, 2), 50, np.float32)
    upright[0], upright[1] = (10, 20), (110, 140)
    upright[RIGHT_EYE], upright[LEFT_EYE] = (40, 60), (80, 60)
    grown = 0.3 * 120
    places = {
        0: (10, 20 - grown, 110, 140),
        90: (-140, 10, -20 + grown, 110),
        180: (-110, -140, -10, -20 + grown),
        -90: (20 - grown, -110, 140, -10),
    }
    for way, wanted in places.items():
        cos, sin = np.cos(np.radians(way)), np.sin(np.radians(way))
        turned = (upright @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)
        np.testing.assert_allclose(box_of(turned), wanted, atol=1e-4)
