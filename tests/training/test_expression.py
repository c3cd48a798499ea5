"""Train and serve see the same bytes; batches and loss of poster-rt."""

import cv2
import numpy as np
import pytest
import torch

from engine.analyze import Analyzer
from engine.faces.alignment import CROP_SIZE, align, invert, template, transform
from engine.faces.finder import Finder
from engine.faces.landmarks import MARGIN, five_points
from engine.faces.preprocessing import to_input
from engine.faces.tracking import TrackerConfig
from engine.reading.fusion import Reading
from engine.reading.reader import Reader
from engine.types import Detection, Frame, Sighting
from training.data.ferplus import SIDE, FerPlus, distribution, valence_arousal
from training.data.located import locate
from training.expression import (
    ExpressionBatches,
    ExpressionConfig,
    ExpressionTask,
    chances,
    crops_of,
)
from training.losses.ccc import ccc_loss
from training.models.poster_rt import PosterRTOutput

COUNT = 5
PLAIN = ExpressionConfig(rotation_deg=0, scale=1, shift=0, degraded=0, occluded=0)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (COUNT, SIDE, SIDE), np.uint8)
    votes = np.zeros((COUNT, 10), np.float32)
    votes[np.arange(COUNT), [0, 1, 1, 2, 4]] = 8
    votes[:, 3] = 2
    return FerPlus(np.array([f"{i}.png" for i in range(COUNT)]), pixels, votes)


@pytest.fixture
def points():
    """Five points of each picture, some of whose crops leave the picture."""
    rng = np.random.default_rng(1)
    moved = []
    for _ in range(COUNT):
        scale, angle = rng.uniform(0.7, 1.2), rng.uniform(-0.4, 0.4)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        matrix = np.array([[cos, -sin, rng.uniform(-4, 8)], [sin, cos, rng.uniform(-4, 8)]])
        noise = rng.normal(0, 0.6, (5, 2))
        moved.append(transform(template(SIDE, 0.0), matrix.astype(np.float32)) + noise)
    return np.stack(moved).astype(np.float32)


class Landmarks:
    """A landmark network that keeps the crops it is served, and sees a face in each."""

    size, margin = CROP_SIZE, MARGIN

    def __init__(self):
        self.crops = []

    def locate(self, faces):
        self.crops += [face.crop for face in faces]
        corners = np.array([[4, 12], [SIDE - 4, SIDE - 2]], np.float32)
        return [Sighting(face, np.resize(corners, (68, 2)), 0.9, ()) for face in faces]


class Fusion:
    """A fusion network that keeps the crops it is served."""

    temperature, device = 1.0, "fake"

    def __init__(self):
        self.crops = []

    def read(self, sightings, images):
        self.crops += [sighting.face.crop for sighting in sightings]
        return [Reading(np.zeros(8, np.float32), np.zeros(2, np.float32))] * len(sightings)


class Detector:
    """A detector that finds one face, where it is told."""

    name = "fake"

    def __init__(self, points):
        self.points = points

    def detect(self, image):
        return (Detection(np.array([0, 0, SIDE, SIDE], np.float32), 0.9, self.points),)

    def close(self):
        pass


def served(image, points, monkeypatch):
    """The crop that the engine hands to both of its networks."""
    landmarks, fusion = Landmarks(), Fusion()
    finder = Finder(Detector(points), landmarks, TrackerConfig())
    monkeypatch.setattr(finder, "_is_off", lambda face, sighting: False)
    Analyzer(finder, Reader(fusion, 0.25)).analyze(Frame(0, 0.0, image))
    (crop,), (fused,) = landmarks.crops, fusion.crops
    assert crop.tobytes() == fused.tobytes()
    return crop


def test_training_and_engine_see_the_same_bytes(images, points, monkeypatch):
    trained = crops_of(images, points)
    for index, crop in enumerate(trained):
        live = served(images.image(index), points[index], monkeypatch)
        assert crop.tobytes() == live.tobytes()
        batch = to_input(trained)[index]
        assert batch.tobytes() == to_input([live])[0].tobytes()


def test_a_training_batch_holds_the_engines_crops(images, points):
    batches = ExpressionBatches(
        images, points, distribution(images.votes), np.full(COUNT, 1 / COUNT), 300, 0, PLAIN
    )
    inputs, _ = batches[0]
    rows = {row.numpy().tobytes() for row in inputs}
    wanted = {to_input([align(images.image(i), points[i]).crop])[0].tobytes() for i in range(COUNT)}
    assert wanted <= rows  # the others are mirrored or have another border


def test_landmarks_are_sought_in_the_engines_crops(images):
    seen = []

    def read(crops):
        seen.append([crop.tobytes() for crop in crops])
        spots = np.resize(template(CROP_SIZE), (len(crops), 68, 2)).astype(np.float32)
        return spots, np.ones(len(crops), np.float32)

    found = locate(read, images, rounds=2)
    whole = template(SIDE, 0.0)
    assert seen[0] == [align(images.image(i), whole).crop.tobytes() for i in range(COUNT)]
    spots = np.resize(template(CROP_SIZE), (68, 2)).astype(np.float32)
    matrix = align(images.image(0), whole).matrix
    first = five_points(transform(spots, invert(matrix)))
    assert seen[1][0] == align(images.image(0), first).crop.tobytes()
    assert found.shape == (COUNT, 5, 2)


def test_picture_without_a_face_keeps_the_whole_picture_as_crop(images):
    def read(crops):
        presence = np.ones(len(crops), np.float32)
        presence[2] = 0.1
        return np.full((len(crops), 68, 2), 50, np.float32) + np.arange(136).reshape(
            68, 2
        ), presence

    found = locate(read, images, rounds=1)
    np.testing.assert_array_equal(found[2], template(SIDE, 0.0))
    assert (found[[0, 1, 3, 4]] != template(SIDE, 0.0)).any(axis=(1, 2)).all()


def test_tighter_crop_magnifies_about_the_centre(images, points):
    smooth = cv2.GaussianBlur(images.images[0], (0, 0), 3)
    one = FerPlus(images.names[:1], smooth[None], images.votes[:1])
    (straight,), (tight,) = (crops_of(one, points[:1], zoom) for zoom in (1.0, 1.1))
    magnified = np.float32([[1.1, 0, -0.1 * 55.5], [0, 1.1, -0.1 * 55.5]])
    wanted = cv2.warpAffine(straight, magnified, (CROP_SIZE, CROP_SIZE)).astype(int)
    assert np.abs(tight - wanted).mean() < 1 < np.abs(tight - straight.astype(int)).mean()


def make_batches(images, points, seed=0, **config):
    return ExpressionBatches(
        images,
        points,
        distribution(images.votes),
        np.full(COUNT, 1 / COUNT),
        6,
        seed,
        ExpressionConfig(**config),
    )


def test_batch_depends_on_seed_and_step_alone(images, points):
    batches, again = make_batches(images, points), make_batches(images, points)
    other = make_batches(images, points, seed=1)
    for step in (0, 7):
        assert torch.equal(batches[step][0], again[step][0])
        assert torch.equal(batches[step][1], again[step][1])
        assert not torch.equal(batches[step][0], other[step][0])
    assert not torch.equal(batches[0][0], batches[7][0])


@pytest.mark.parametrize("mixed", [0.0, 1.0])
def test_batch_has_inputs_and_shares_that_sum_to_one(images, points, mixed):
    inputs, shares = make_batches(images, points, mixed=mixed)[3]
    assert (inputs.shape, inputs.dtype) == ((6, 3, CROP_SIZE, CROP_SIZE), torch.float32)
    assert (shares.shape, shares.dtype) == ((6, 8), torch.float32)
    torch.testing.assert_close(shares.sum(1), torch.ones(6))


def test_balance_moves_from_every_picture_to_every_class_alike():
    shares = np.eye(8, dtype=np.float32)[[0] * 90 + [1] * 10]
    np.testing.assert_allclose(chances(shares, 0.0), np.full(100, 0.01))
    alike = chances(shares, 1.0)
    assert alike[:90].sum() == pytest.approx(0.5)
    assert alike[90:].sum() == pytest.approx(0.5)
    assert 0.1 < chances(shares, 0.5)[90:].sum() < 0.5


class Fixed(torch.nn.Module):
    """Answers with the logits it was made with."""

    def __init__(self, logits, affect):
        super().__init__()
        self.logits, self.affect = logits, affect

    def forward(self, x):
        count = len(x)
        return PosterRTOutput(
            self.logits[:count], self.affect[:count], torch.zeros(count, 68, 2), torch.zeros(count)
        )


def test_loss_is_cross_entropy_with_the_votes_plus_concordance(images, points):
    shares = torch.from_numpy(distribution(images.votes))
    logits, affect = torch.randn(COUNT, 8), torch.rand(COUNT, 2)
    task = ExpressionTask(Fixed(logits, affect), images, points, affect_weight=0.5)
    loss, figures = task.loss(task.model, (torch.zeros(COUNT, 3, 112, 112), shares))
    cross_entropy = -(shares * logits.log_softmax(1)).sum(1).mean()
    targets = torch.from_numpy(valence_arousal(shares.numpy()))
    wanted = cross_entropy + 0.5 * ccc_loss(affect, targets)
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-6)
    assert figures["ce"] == pytest.approx(cross_entropy.item(), abs=1e-6)


def test_evaluation_counts_the_majority_labelled_pictures(images, points):
    images.votes[4] = [3, 3, 0, 0, 0, 0, 0, 0, 4, 0]  # without a majority
    logits = torch.full((COUNT, 8), -5.0)
    logits[torch.arange(4), torch.tensor([0, 1, 1, 7])] = 5.0  # the last one is wrong
    model = Fixed(logits, torch.rand(COUNT, 2))
    figures = ExpressionTask(model, images, points, affect_weight=0.5).evaluate(model)
    assert figures["accuracy"] == pytest.approx(3 / 4)
    assert {"accuracy_tight", "valid_ce", "ccc_valence", "ccc_arousal"} <= set(figures)
