"""Similarity fits and crops, against transforms that are known."""

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faces.alignment import (
    CROP_SIZE,
    align,
    chained,
    invert,
    middle,
    recut,
    similarity,
    template,
    transform,
    warp,
)
from engine.faces.landmarks import MARGIN, TEMPLATE

KNOWN = {
    "scale": st.floats(0.02, 20),
    "angle": st.floats(-np.pi, np.pi),
    "x": st.floats(-2000, 2000),
    "y": st.floats(-2000, 2000),
}


def matrix_of(scale, angle, x, y):
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]], np.float32)


def landscape(height, width):
    """Smooth waves, so that half a pixel of shift shows and resampling does not."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [127 + 120 * np.sin(x / 61 + k) * np.cos(y / 53 - k) for k in range(3)]
    return np.stack(waves, axis=2).astype(np.uint8)


@given(**KNOWN)
def test_similarity_recovers_a_known_transform(scale, angle, x, y):
    known = matrix_of(scale, angle, x, y)
    points = 100 * TEMPLATE
    found = similarity(points, transform(points, known))
    np.testing.assert_allclose(found[:, :2], known[:, :2], atol=1e-3 * scale + 1e-4)
    np.testing.assert_allclose(transform(points, found), transform(points, known), atol=0.02)


@given(**KNOWN)
def test_inverse_undoes_a_transform(scale, angle, x, y):
    matrix = matrix_of(scale, angle, x, y)
    points = np.array([[0, 0], [300, 40], [-80, 500]], np.float32)
    there_and_back = transform(transform(points, matrix), invert(matrix))
    np.testing.assert_allclose(there_and_back, points, atol=0.05 + 0.01 / scale)


def test_similarity_never_mirrors():
    mirrored = TEMPLATE * np.float32([-1, 1])
    assert np.linalg.det(similarity(TEMPLATE, mirrored)[:, :2]) > 0


def test_similarity_is_the_best_fit_of_noisy_points():
    rng = np.random.default_rng(0)
    target = (100 * TEMPLATE + rng.normal(0, 3, TEMPLATE.shape)).astype(np.float32)
    best = similarity(TEMPLATE, target)

    def error(matrix):
        return float(((transform(TEMPLATE, matrix) - target) ** 2).sum())

    for _ in range(50):
        scale, angle = 1 + rng.normal(0, 0.02), rng.normal(0, 0.02)
        nearby = matrix_of(scale, angle, 0, 0)[:, :2] @ best
        nearby[:, 2] += rng.normal(0, 0.5, 2).astype(np.float32)
        assert error(nearby) >= error(best) - 1e-3


def test_coinciding_points_have_no_similarity():
    points = np.full((5, 2), 7, np.float32)
    with pytest.raises(ValueError, match="all coincide"):
        similarity(points, template(CROP_SIZE))
    with pytest.raises(ValueError, match="all coincide"):
        align(np.zeros((9, 9, 3), np.uint8), points)


def test_margin_shrinks_the_face_about_the_centre():
    tight, loose = template(100, 0.0) - 49.5, template(100, 0.25) - 49.5
    np.testing.assert_allclose(loose * 1.25, tight, atol=1e-4)


def test_aligned_points_lie_on_the_template():
    image = landscape(300, 400)
    five = transform(template(CROP_SIZE), matrix_of(1.7, 0.5, 120, 40))
    face = align(image, five)
    np.testing.assert_allclose(transform(five, face.matrix), template(CROP_SIZE), atol=0.01)
    assert face.crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert face.crop.dtype == np.uint8
    x, y = transform(np.float32([[55, 55]]), invert(face.matrix))[0].round().astype(int)
    assert np.abs(face.crop[55, 55].astype(int) - image[y, x]).max() <= 4


def test_crop_is_black_where_it_leaves_the_image():
    white = np.full((60, 60, 3), 255, np.uint8)
    crop = warp(white, matrix_of(1, 0, 50, 40))
    assert (crop[:39] == 0).all()
    assert (crop[:, :49] == 0).all()
    assert (crop[41:99, 51:109] == 255).all()


# Places of the crop's middle: inside, and over each edge of the frame.
@pytest.mark.parametrize("middle", [(960, 540), (100, 540), (1850, 540), (960, 90), (960, 1010)])
@pytest.mark.parametrize("shrink", [2.0, 2.7, 5.0, 7.9])
def test_shrunk_crop_lies_where_the_unshrunk_one_does(middle, shrink):
    image = landscape(1080, 1920)
    matrix = matrix_of(1 / shrink, 0.3, 0, 0)
    matrix[:, 2] = np.float32([55.5, 55.5]) - matrix[:, :2] @ np.float32(middle)
    plain = cv2.warpAffine(image, matrix, (CROP_SIZE, CROP_SIZE)).astype(float)
    inside = cv2.warpAffine(np.full(image.shape[:2], 255, np.uint8), matrix, (CROP_SIZE,) * 2)
    inside = cv2.erode(inside, np.ones((5, 5)), borderValue=255) == 255
    assert inside.sum() > 2000
    error = (warp(image, matrix) - plain)[inside]
    slope = np.stack(np.gradient(plain, axis=(0, 1)))[:, inside]
    # Fit the shift that explains the difference: error = slope . shift.
    shift, *_ = np.linalg.lstsq(slope.reshape(2, -1).T, error.ravel(), rcond=None)
    assert np.abs(shift).max() < 0.25
    assert np.abs(error).mean() < 3


@pytest.mark.parametrize("side", [1000, 1001, 1002, 1003])
@pytest.mark.parametrize("corner", [(200.0, 100.0), (-640.0, -700.0)])
def test_frame_edge_of_a_shrunk_crop_lies_within_half_a_pixel(side, corner):
    white = np.full((side, side, 3), 255, np.uint8)
    matrix = matrix_of(0.25, 0, 0.25 * corner[0], 0.25 * corner[1])
    shrunk, plain = warp(white, matrix), cv2.warpAffine(white, matrix, (CROP_SIZE, CROP_SIZE))
    for line in (np.s_[56, :, 0], np.s_[:, 56, 0]):
        assert 10 < plain[line].sum() / 255 < 102
        assert abs(int(shrunk[line].sum()) - int(plain[line].sum())) <= 255 / 2


def test_big_face_is_averaged_not_sampled():
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 255
    stripes[:, 1::8] = 255  # five of eight columns are white
    crop = warp(stripes, matrix_of(0.1, 0, 0, 0))
    assert crop.std() < 20
    assert abs(float(crop.mean()) - 255 * 5 / 8) < 3


def test_small_face_is_interpolated_once():
    image = landscape(200, 200)
    matrix = matrix_of(1.3, 0.2, -40, 10)
    plain = cv2.warpAffine(image, matrix, (CROP_SIZE, CROP_SIZE), flags=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(warp(image, matrix), plain)


def test_crop_does_not_depend_on_the_frame_around_it():
    image = landscape(1080, 1920)
    matrix = matrix_of(0.3, -0.2, -150, -60)
    whole = warp(image, matrix)
    edited = image.copy()
    edited[:, 1600:] = 0
    np.testing.assert_array_equal(warp(edited, matrix), whole)


@pytest.mark.parametrize("turned", [False, True])
def test_face_of_twice_the_crop_is_averaged(turned):
    stripes = np.zeros((300, 300, 3), np.uint8)
    stripes[:, ::2] = 255
    image = np.ascontiguousarray(stripes.transpose(1, 0, 2)) if turned else stripes
    crop = warp(image, matrix_of(0.5, 0, 0, 0))
    # The first row and column lie a quarter of a pixel over the edge.
    assert (np.abs(crop[1:, 1:].astype(int) - 127.5) <= 1).all()


@pytest.mark.parametrize("scale", [0.51, 1.0, 2.0])
def test_face_of_less_than_twice_the_crop_is_sampled(scale):
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    matrix = matrix_of(scale, 0.1, -3, 2)
    plain = cv2.warpAffine(image, matrix, (CROP_SIZE, CROP_SIZE))
    np.testing.assert_array_equal(warp(image, matrix), plain)


@pytest.mark.parametrize("corner", [(0, 0), (9, 30), (300, 171), (-60, -90)])
def test_blocks_of_a_shrunk_crop_are_averages_of_the_frame(corner):
    """Unturned, by 3, from a multiple of 3 on: each pixel is the mean of 3 x 3."""
    image = np.random.default_rng(0).integers(0, 256, (540, 720, 3), np.uint8)
    third = 1 / 3 - 2e-6  # a third in float32 is more than one
    centre = -third * (np.float32(corner) + 1)
    matrix = np.array([[third, 0, centre[0]], [0, third, centre[1]]], np.float32)
    blocks = image.reshape(180, 3, 240, 3, 3).mean(axis=(1, 3))
    x, y = (value // 3 for value in corner)
    around = np.pad(blocks, [(CROP_SIZE, CROP_SIZE), (CROP_SIZE, CROP_SIZE), (0, 0)])
    wanted = around[CROP_SIZE + y :, CROP_SIZE + x :][:CROP_SIZE, :CROP_SIZE]
    assert np.abs(warp(image, matrix).astype(float) - wanted)[1:-1, 1:-1].max() <= 1.6


def test_face_cut_again_is_the_one_cut_at_once():
    image = landscape(400, 500)
    five = transform(template(CROP_SIZE), matrix_of(1.4, 0.3, 90, 60))
    face = align(image, five)
    assert recut(image, face, CROP_SIZE) is face.crop
    for size, margin in [(64, MARGIN), (CROP_SIZE, 0.2), (160, 0.0)]:
        again = recut(image, face, size, margin)
        wanted = align(image, five, size, margin).crop
        assert again.shape == wanted.shape == (size, size, 3)
        assert np.abs(again.astype(int) - wanted).max() <= 1


def test_chained_maps_apply_the_first_first():
    first, second = matrix_of(2.0, 0.4, 5, -3), matrix_of(0.5, -1.0, 7, 11)
    points = np.array([[0, 0], [10, 3], [-4, 8]], np.float32)
    both = chained(second, first)
    assert both.dtype == np.float32
    np.testing.assert_allclose(
        transform(points, both), transform(transform(points, first), second), atol=1e-4
    )


def waves(side):
    return landscape(side, side)


@pytest.mark.parametrize("tilt_deg", [0, 25, -40])
@pytest.mark.parametrize("size", [48, 96])
def test_upright_crop_is_the_picture_that_training_saw(size, tilt_deg):
    """Of a face anywhere in a frame, however it is held: the picture as a dataset would have it."""
    side, points = 96, TEMPLATE * 1.1 - 0.06
    placed = points * side - 0.5
    middle = placed.mean(axis=0)
    turn = matrix_of(1.0, np.radians(tilt_deg), 0, 0)[:, :2]
    face = align(waves(side), ((placed - middle) @ turn.T + middle).astype(np.float32))
    crop = recut(waves(side), face, size, points=points.tolist(), upright=True)
    wanted = cv2.resize(waves(side), (size, size), interpolation=cv2.INTER_AREA)
    inside = slice(2, -2)
    off = np.abs(crop[inside, inside].astype(int) - wanted[inside, inside].astype(int))
    assert off.max() <= 6
    if tilt_deg:  # turned upright, it would be another picture
        turned = recut(waves(side), face, size, points=points.tolist())
        assert np.abs(turned.astype(int) - wanted).max() > 30


def test_crop_of_another_template_brings_the_points_there():
    points = TEMPLATE * 0.9 + 0.02
    seen = np.array([[40, 30], [70, 34], [54, 50], [42, 66], [64, 68]], np.float32)
    picture = landscape(90, 120)
    face = align(picture, seen)
    crop = recut(picture, face, 64, points=points.tolist())
    target = (points * 64 - 0.5).astype(np.float32)
    wanted = warp(picture, similarity(seen, target), 64)
    assert np.abs(crop.astype(int) - wanted.astype(int)).mean() < 2


@pytest.mark.parametrize("shrink", [300.0, 1e5, 1e9])
def test_crop_of_far_more_than_the_picture_takes_no_more_memory(shrink):
    """Blocks of a hundred thousand pixels' side were filled up with thirty gigabytes of border."""
    image = np.full((90, 120, 3), 200, np.uint8)
    matrix = np.array([[1 / shrink, 0, 56], [0, 1 / shrink, 56]], np.float32)
    tracemalloc.start()
    try:
        crop = warp(image, matrix)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert crop.shape == (112, 112, 3)
    outside = crop.copy()
    outside[55:58, 55:58] = 0
    assert not outside.any()


def test_face_of_another_shape_is_cut_as_its_pictures_were():
    """Two fits in a row once made it smaller: its shape is not the template's."""
    points = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.3, 0.8], [0.7, 0.8]], np.float32)
    picture = waves(96)
    face = align(picture, points * 96 - 0.5)
    crop = recut(picture, face, 64, points=points.tolist())
    off = np.abs(crop.astype(int) - middle(picture, 64).astype(int))[2:-2, 2:-2]
    assert off.max() <= 2


def test_middle_of_a_picture_is_its_largest_square():
    tall = landscape(90, 60)
    np.testing.assert_array_equal(middle(tall, 60), tall[15:75])
    np.testing.assert_array_equal(middle(tall[15:75], 60), tall[15:75])
    half = middle(tall, 30).astype(int)
    wanted = cv2.resize(tall[15:75], (30, 30), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(half - wanted)[1:-1, 1:-1].max() <= 1
    large = middle(tall, 240).astype(int)
    wanted = cv2.resize(tall[15:75], (240, 240), interpolation=cv2.INTER_LINEAR).astype(int)
    assert np.abs(large - wanted).max() <= 4
