"""Where faces are sought before they are cut: in the engine's own crops."""

import numpy as np
import pytest

from engine.faces.alignment import CROP_SIZE, align, invert, template, transform
from engine.faces.landmarks import five_points
from training.data.landmark_cache import locate

COUNT, SIDE = 5, 48


@pytest.fixture
def faces(gray_faces):
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE), np.uint8)
    votes = np.zeros((COUNT, 10), np.float32)
    votes[np.arange(COUNT), [0, 1, 1, 2, 4]] = 8
    votes[:, 3] = 2
    return gray_faces(pixels, votes)


def test_landmarks_are_sought_in_the_engines_crops(faces):
    seen = []

    def read(crops):
        seen.append([crop.tobytes() for crop in crops])
        spots = np.resize(template(CROP_SIZE), (len(crops), 68, 2)).astype(np.float32)
        return spots, np.ones(len(crops), np.float32)

    found = locate(read, faces, rounds=2)
    whole = template(SIDE, 0.0)
    assert seen[0] == [align(faces.image(i), whole).crop.tobytes() for i in range(COUNT)]
    spots = np.resize(template(CROP_SIZE), (68, 2)).astype(np.float32)
    matrix = align(faces.image(0), whole).matrix
    first = five_points(transform(spots, invert(matrix)))
    assert seen[1][0] == align(faces.image(0), first).crop.tobytes()
    assert found.shape == (COUNT, 5, 2)


def test_picture_without_a_face_keeps_the_whole_picture_as_crop(faces):
    def read(crops):
        presence = np.ones(len(crops), np.float32)
        presence[2] = 0.1
        return np.full((len(crops), 68, 2), 50, np.float32) + np.arange(136).reshape(
            68, 2
        ), presence

    found = locate(read, faces, rounds=1)
    np.testing.assert_array_equal(found[2], template(SIDE, 0.0))
    assert (found[[0, 1, 3, 4]] != template(SIDE, 0.0)).any(axis=(1, 2)).all()
