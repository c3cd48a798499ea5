"""Batches and measures of the landmark network's training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine.faces.alignment import CROP_SIZE, similarity, template, transform
from engine.faces.landmarks import MIRROR, five_points
from training.data.faces import FaceBank
from training.data.operations import cover_half
from training.tasks.landmarks import (
    LandmarkBatches,
    LandmarkConfig,
    LandmarkTask,
    astray,
    background_crop,
    nme,
    proposed,
)

ASSETS = Path(__file__).resolve().parents[3] / "assets"


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


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_is_no_face_is_covered_and_spoilt_as_often_as_a_face(bank, share):
    config = {"negatives": 0.5, "occluded": 0, "halved": share, "rough": share}
    inputs, _, _, presence = make_batches(bank, **config)[0]
    plain, _, _, _ = make_batches(bank, **config | {"halved": 0, "rough": 0})[0]
    changed = (inputs != plain).flatten(1).any(1)
    assert changed[presence == 0].float().mean() == pytest.approx(share, abs=0.05)
    assert changed[presence == 1].float().mean() == pytest.approx(share, abs=0.05)


def test_a_half_is_covered_up_to_one_side():
    crop, filling = np.full((60, 60, 3), 10, np.uint8), np.full((30, 50, 3), 200, np.uint8)
    sides = set()
    for seed in range(40):
        covered = cover_half(crop, filling, np.random.default_rng(seed))[..., 0] == 200
        assert 0.34 <= covered.mean() <= 0.61
        down, across = covered.all(axis=1), covered.all(axis=0)
        sides.add((bool(down[0]), bool(down[-1]), bool(across[0]), bool(across[-1])))
        assert down.any() != across.any()
    assert len(sides) == 4


def test_turned_heads_are_drawn_oftener(bank):
    bank.visible[1, :7] = False
    _, _, weights, _ = make_batches(bank, negatives=0, turned=1.0)[0]
    assert (weights == 0).any(1).all()


def test_what_the_detector_takes_for_faces_is_no_face(bank):
    face = np.asarray(cv2.imread(str(ASSETS / "portrait.jpg")), np.uint8)
    empty = np.full((60, 60, 3), 90, np.uint8)
    found = proposed(ASSETS / "fer-detector.onnx", (empty, face), 0)
    assert sum(index == 1 for index, _ in found) >= 3  # as it is and spoilt
    assert all(points.shape == (5, 2) for _, points in found)
    batches = LandmarkBatches((bank,), (empty, face), 16, 0, LandmarkConfig(negatives=1.0), found)
    assert batches[0][3].sum() == 0


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
