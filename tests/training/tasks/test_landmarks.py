"""Batches and measures of the landmark network's training."""

import numpy as np
import pytest
import torch

from engine.faces.alignment import CROP_SIZE, similarity, template, transform
from engine.faces.landmarks import MIRROR, five_points
from training.data.faces import FaceBank
from training.tasks.landmarks import (
    LandmarkBatches,
    LandmarkConfig,
    LandmarkTask,
    astray,
    background_crop,
    nme,
)


def face_points():
    """68 points whose five points are the template's, scaled to an 80 pixel face."""
    points = np.random.default_rng(0).uniform(20, 60, (68, 2)).astype(np.float32)
    right, left, nose, *corners = template(80)
    points[36:42], points[42:48], points[30] = right, left, nose
    points[48], points[54] = corners
    return points


@pytest.fixture
def bank():
    images = np.random.default_rng(1).integers(0, 256, (3, 80, 80, 3), np.uint8)
    return FaceBank(
        images,
        np.full((3, 2), 80, np.int32),
        np.stack([face_points()] * 3),
        np.ones((3, 68), bool),
        np.array(["a", "b", "c"]),
    )


def make_batches(bank, **config):
    backgrounds = (np.zeros((40, 60, 3), np.uint8),)
    return LandmarkBatches((bank,), backgrounds, 32, 0, LandmarkConfig(**config))


def test_batch_depends_on_seed_and_step_alone(bank):
    one, two = make_batches(bank), make_batches(bank)
    assert all(torch.equal(a, b) for a, b in zip(one[4], two[4], strict=True))
    assert not torch.equal(one[4][0], one[5][0])


def test_non_faces_have_no_points_and_no_presence(bank):
    inputs, points, weights, presence = make_batches(bank, negatives=0.5)[0]
    assert inputs.shape == (32, 3, CROP_SIZE, CROP_SIZE)
    assert 5 < presence.sum() < 27
    assert set(presence.tolist()) == {0.0, 1.0}
    assert (weights[presence == 0] == 0).all()
    assert (weights[presence == 1] == 1).all()
    assert (points[presence == 0] == 0).all()


def test_points_are_fractions_of_the_crop_and_mirrored_with_it(bank):
    _, points, _, _ = make_batches(bank, negatives=0)[0]
    truth = face_points()
    mirrored = 0
    for said in points.numpy():
        crop = said * CROP_SIZE - 0.5
        errors = []
        for source in (truth, truth[MIRROR] * np.float32([-1, 1])):
            matrix = similarity(source, crop)
            errors.append(np.abs(transform(source, matrix) - crop).max())
        assert min(errors) < 0.01
        mirrored += errors[1] < errors[0]
    assert 8 < mirrored < 24


def test_stray_crop_does_not_show_a_centred_upright_face():
    for seed in range(200):
        matrix = similarity(five_points(face_points()), template(CROP_SIZE))
        moved = astray(matrix, np.random.default_rng(seed))
        change = moved[:, :2] @ np.linalg.inv(matrix[:, :2])
        zoom = np.hypot(change[0, 0], change[1, 0])
        turn = abs(np.degrees(np.arctan2(change[1, 0], change[0, 0])))
        centre = transform(five_points(face_points())[2:3], moved)[0]
        away = np.linalg.norm(centre - transform(five_points(face_points())[2:3], matrix)[0])
        assert zoom < 0.65 or zoom > 1.5 or turn > 45 or away > 0.3 * CROP_SIZE


def test_background_crop_is_a_square_from_the_picture():
    image = np.full((30, 200, 3), 77, np.uint8)
    for seed in range(20):
        crop = background_crop(image, np.random.default_rng(seed))
        assert crop.shape == (CROP_SIZE, CROP_SIZE, 3)
        assert (crop == 77).all()


def test_error_is_relative_to_the_eye_corners_and_skips_hidden_points():
    truth = torch.zeros(1, 68, 2)
    truth[0, 45, 0] = 0.5
    said, visible = truth.clone(), torch.ones(1, 68)
    said[0, 3] += torch.tensor([0.3, 0.4])
    assert nme(said, truth, visible) == pytest.approx(100 * 0.5 / 0.5 / 68)
    visible[0, 3] = 0
    assert nme(said, truth, visible) == 0


def test_evaluation_is_the_same_every_time(bank):
    class Guess(torch.nn.Module):
        def forward(self, x):
            middle = torch.full((len(x), 68, 2), 0.5)
            return type("Said", (), {"landmarks": middle})

    figures = LandmarkTask(Guess(), {"toy": bank}).evaluate(Guess())
    assert set(figures) == {"nme_toy", "nme_toy@32"}
    assert figures == LandmarkTask(Guess(), {"toy": bank}).evaluate(Guess())
    assert 10 < figures["nme_toy"] < 200
