import itertools

import cv2
import numpy as np
import pytest

from engine.assets import asset_path
from engine.faces.appearance import OTHER, SAME, appearance_of, clothes_of, likeness
from engine.faces.landmarks import box_of


@pytest.fixture(scope="module")
def crop():
    """The bundled portrait's face with some of the room around it."""
    portrait = cv2.imread(str(asset_path("portrait.jpg")))
    return np.ascontiguousarray(portrait[56:168, 105:217])


def test_a_crop_is_wholly_like_itself(crop):
    assert likeness(appearance_of(crop), appearance_of(crop)) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("light", [0.4, 0.6, 0.8, 1.2])
def test_less_or_more_light_leaves_a_face_alike(crop, light):
    lit = np.clip(np.rint(crop * light), 0, 255).astype(np.uint8)
    assert likeness(appearance_of(crop), appearance_of(lit)) > SAME


def test_a_face_that_moves_by_a_pixel_is_alike_at_once(crop):
    moved = np.roll(crop, (1, 1), axis=(0, 1))
    assert likeness(appearance_of(crop), appearance_of(moved)) > SAME


@pytest.mark.parametrize("light", [(240, 20, 220), (20, 230, 20), (255, 40, 20)])
def test_a_face_in_coloured_light_is_alike_from_frame_to_frame(crop, light):
    gray = crop.mean(axis=2, keepdims=True) / 255
    noise = np.random.default_rng(0).normal(0, 3, (2, *crop.shape))
    frames = [np.clip(gray * light + grain, 0, 255).astype(np.uint8) for grain in noise]
    one, following = map(appearance_of, frames)
    assert likeness(one, following) > 0.9


def test_what_is_behind_a_head_does_not_matter(crop):
    other = crop.copy()
    for corner in (np.s_[:20, :20], np.s_[:20, -20:], np.s_[-20:, :20], np.s_[-20:, -20:]):
        other[corner] = (30, 200, 60)
    assert likeness(appearance_of(crop), appearance_of(other)) > 0.95


def test_other_colours_and_other_shades_are_another_face(crop):
    other = np.ascontiguousarray(crop[::-1, :, ::-1])
    assert likeness(appearance_of(crop), appearance_of(other)) < OTHER


def test_without_colour_shades_alone_tell_faces_apart(crop):
    gray = np.repeat(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    turned = np.ascontiguousarray(gray[::-1])
    assert appearance_of(gray).gray
    assert not appearance_of(crop).gray
    assert likeness(appearance_of(gray), appearance_of(gray)) > SAME
    assert likeness(appearance_of(gray), appearance_of(turned)) < SAME


def test_flat_crops_are_alike_and_like_no_face(crop):
    dark, bright = (np.full((112, 112, 3), level, np.uint8) for level in (0, 200))
    assert likeness(appearance_of(dark), appearance_of(dark)) > SAME
    assert likeness(appearance_of(bright), appearance_of(crop)) < OTHER


LANDMARKS = np.array([[100, 100], [180, 200]], np.float32).repeat(34, axis=0)


def dressed(crop, colour):
    return appearance_of(crop, np.full((14, 32, 3), colour, np.uint8))


def test_other_clothes_make_a_head_less_alike(crop):
    same, other = (likeness(dressed(crop, (200, 40, 40)), dressed(crop, c)) for c in RED_AND_GREEN)
    assert same > 1
    assert other < same - 0.25
    assert likeness(appearance_of(crop), dressed(crop, (40, 200, 40))) == pytest.approx(1, abs=1e-5)


RED_AND_GREEN = ((200, 40, 40), (40, 200, 40))


def test_clothes_are_below_the_chin_and_on_both_sides():
    image = np.zeros((400, 400, 3), np.uint8)
    box = box_of(LANDMARKS)
    side = float(np.sqrt(np.prod(box[2:] - box[:2])))
    left, right = round(140 - 0.8 * side), round(140 + 0.8 * side)
    image[round(200 + 0.1 * side) : round(200 + 0.8 * side), left:right] = (10, 20, 30)
    clothes = clothes_of(image, box_of(LANDMARKS))
    assert clothes.shape == (14, 32, 3)
    assert (clothes == (10, 20, 30)).all()


@pytest.mark.parametrize(("rows", "seen"), [(400, True), (260, True), (225, False), (150, False)])
def test_clothes_that_are_hardly_in_the_frame_do_not_count(rows, seen):
    image = np.full((rows, 400, 3), 90, np.uint8)
    assert (clothes_of(image, box_of(LANDMARKS)) is not None) == seen


def test_clothes_of_a_large_face_are_those_of_a_small_one():
    small = np.random.default_rng(0).integers(0, 255, (8, 8, 3)).astype(np.uint8)
    image = cv2.resize(small, (400, 400), interpolation=cv2.INTER_NEAREST)
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    one = clothes_of(image, box_of(LANDMARKS)).astype(int)
    other = clothes_of(large, box_of(4 * LANDMARKS)).astype(int)
    assert np.abs(one - other).mean() < 12


@pytest.mark.parametrize("gray", [60, 90, 124, 160])
def test_a_plain_shirt_is_alike_at_every_lightness(crop, gray):
    """A histogram's bin ends somewhere: a little more light and all of it is in the next."""
    shirts = [
        appearance_of(crop, np.full((14, 32, 3), gray + more, np.uint8)) for more in range(16)
    ]
    assert min(likeness(one, next_) for one, next_ in itertools.pairwise(shirts)) > 0.95
