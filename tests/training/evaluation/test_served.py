"""An exported network judged as it is served, and the figures of answers that are known."""

import cv2
import numpy as np
import pytest
import torch

import training.evaluation.served
from engine.analyze import Analyzer, Reader
from engine.assets import asset_path
from engine.faces.alignment import CROP_SIZE, template, transform
from engine.faces.finder import Finder
from engine.faces.landmarks import MARGIN
from engine.faces.tracker_config import TrackerConfig
from engine.labels import EXPRESSIONS
from engine.reading.fusion import Reading
from engine.types import Detection, Frame, Sighting
from training.data.epochs import images_of
from training.data.faces import FaceBank
from training.data.targets import valence_arousal
from training.evaluation.landmarks import reduced
from training.evaluation.served import (
    ROWS,
    VARIANTS,
    ServedAnswers,
    ServedNetwork,
    answers_of,
    faces_of,
    landmark_metrics,
    metrics_of,
    open_network,
)
from training.evaluation.tables import markdown
from training.losses.ccc import ccc

COUNT, SIDE = 5, 48
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 3])
SAID = np.array([0, 0, 0, 1, 1, 1, 2, 0])


@pytest.fixture
def answers():
    logits = 3 * np.eye(8, dtype=np.float32)[SAID]
    shares = np.eye(8, dtype=np.float32)[LABELS]
    worse = logits.copy()
    worse[0] = 3 * np.eye(8, dtype=np.float32)[4]
    return ServedAnswers(
        labels=LABELS,
        shares=shares,
        logits={"as served": logits, "24 px": worse},
        affect=valence_arousal(shares),
        temperatures=np.where(SAID == LABELS, 1.0, 4.0).astype(np.float32),
    )


def test_figures_of_known_answers(answers):
    metrics = metrics_of(answers, temperature=1.0)
    assert metrics["images"] == 8
    assert metrics["accuracy"] == 6 / 8
    assert metrics["balanced_accuracy"] == pytest.approx((3 / 4 + 1 + 1 + 0) / 4)
    # F1: neutral 2*3/(2*3+1+1), happiness 2*2/(2*2+1), surprise 1, the other five 0.
    assert metrics["macro_f1"] == pytest.approx((3 / 4 + 4 / 5 + 1) / 8)
    assert metrics["accuracy_by_crop"] == {"as served": 6 / 8, "24 px": 5 / 8}
    assert (metrics["ccc_valence"], metrics["ccc_arousal"]) == (pytest.approx(1), pytest.approx(1))
    confidence = np.exp(3) / (np.exp(3) + 7)
    assert metrics["ece"] == pytest.approx(abs(6 / 8 - confidence), abs=1e-6)
    wrong = -np.log(1 / (np.exp(3) + 7))
    assert metrics["nll"] == pytest.approx((6 * -np.log(confidence) + 2 * wrong) / 8, abs=1e-5)


def test_every_class_is_listed_even_without_pictures(answers):
    metrics = metrics_of(answers, temperature=1.0)
    assert list(metrics["per_class"]) == list(EXPRESSIONS)
    assert metrics["per_class"]["neutral"] == {"recall": 3 / 4, "precision": 3 / 4, "images": 4}
    assert metrics["per_class"]["contempt"] == {"recall": 0, "precision": 0, "images": 0}
    confusion = np.array(metrics["confusion"])
    assert confusion.shape == (8, 8)
    assert (confusion[0, 0], confusion[0, 1], confusion[3, 0]) == (3, 1, 1)
    assert confusion.sum() == 8


def test_temperature_changes_confidence_and_not_accuracy(answers):
    sharp, soft = metrics_of(answers, temperature=0.3), metrics_of(answers, temperature=2.0)
    assert sharp["accuracy"] == soft["accuracy"]
    assert sharp["nll"] > soft["nll"]


def test_each_picture_has_the_temperature_that_users_get(answers):
    metrics = metrics_of(answers)
    confidence, doubt = (np.exp(power) / (np.exp(power) + 7) for power in (3, 3 / 4))
    # Two bins: six right answers, two wrong ones.
    assert metrics["ece"] == pytest.approx((6 * (1 - confidence) + 2 * doubt) / 8, abs=1e-6)


def test_concordance_of_numpy_series():
    x, y = np.array([[0, 1, 2, 3], [0, 1, 2, 4]], np.float32)
    assert ccc(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(0.928571, abs=1e-6)


def test_markdown_has_every_figure_and_the_confusion_matrix(answers):
    text = markdown(metrics_of(answers, temperature=1.0))
    assert "| accuracy | 0.75 |" in text
    assert "| accuracy, crop 24 px | 0.6250 |" in text
    assert "| neutral | 3 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0.750 |" in text
    tables = [line.count("|") for line in text.splitlines() if line]
    assert set(tables) == {3, 11}


def face_points(side):
    """68 points whose five points are the template's for a face of `side` pixels."""
    points = np.random.default_rng(0).uniform(0.25, 0.75, (68, 2)).astype(np.float32) * side
    right, left, nose, *corners = template(side)
    points[36:42], points[42:48], points[30] = right, left, nose
    points[48], points[54] = corners
    return points


class Landmarks:
    """Sees a face where the template has it, in every crop."""

    size, margin = CROP_SIZE, 0.1

    def __init__(self, presence=0.9):
        self.presence, self.batches = presence, []

    def locate(self, faces):
        self.batches.append(len(faces))
        return [Sighting(face, face_points(CROP_SIZE), self.presence, ()) for face in faces]


class Fusion:
    """Says how bright the crop that it gets beside its sighting is, and how it was enlarged."""

    def __init__(self):
        self.batches = []

    def read(self, sightings, images):
        self.batches.append(len(sightings))
        assert all(image.shape[0] in (SIDE, 24) for image in images)
        affect = np.array([0.5, -0.5], np.float32)
        return [
            Reading(
                np.full(8, sighting.face.crop.mean(), np.float32),
                affect,
                temperature=float(sighting.face.matrix[0, 0]),
            )
            for sighting in sightings
        ]


@pytest.fixture
def pictures(gray_faces):
    """Ever brighter pictures, more than a batch; the last has no majority."""
    count = ROWS + 6
    votes = np.zeros((count, 10), np.float32)
    votes[:, 1] = 10
    votes[-1] = [3, 3, 0, 0, 0, 0, 0, 0, 4, 0]
    levels = np.arange(count, dtype=np.uint8) + 100
    images = np.repeat(np.repeat(levels[:, None, None], SIDE, 1), SIDE, 2)
    faces = gray_faces(images, votes)
    return faces.at(faces.labels >= 0)


def test_answers_are_those_to_the_majority_pictures_of_a_split_in_order(
    pictures, monkeypatch, tmp_path
):
    asked = []

    def read(*given):
        asked.append(given)
        return pictures

    monkeypatch.setattr(training.evaluation.served, "read_dataset", read)
    network = ServedNetwork(None, Landmarks(), Fusion())
    said = answers_of(network, "valid", tmp_path / "root", tmp_path / "cache")
    count = len(pictures)
    assert asked == [("ferplus", tmp_path / "root", "valid", tmp_path / "cache")]
    assert said.labels.tolist() == [1] * count
    assert said.shares.tolist() == [[0, 1, 0, 0, 0, 0, 0, 0]] * count
    assert list(said.logits) == list(VARIANTS)
    assert all(logits.shape == (count, 8) for logits in said.logits.values())
    assert (np.diff(said.logits["as served"][:, 0]) > 0).all()
    assert said.affect.tolist() == [[0.5, -0.5]] * count
    assert said.temperatures == pytest.approx([CROP_SIZE / SIDE] * count, rel=0.3)
    assert network.fusion.batches == [ROWS, count - ROWS] * len(VARIANTS)
    assert max(network.landmarker.batches) == ROWS


@pytest.mark.parametrize(("presence", "share"), [(0.9, 1.0), (0.4, 0.0)])
def test_landmark_figures_are_the_error_and_the_share_of_faces_seen(
    monkeypatch, tmp_path, presence, share
):
    bank = FaceBank(
        np.zeros((3, 80, 80, 3), np.uint8),
        np.full((3, 2), 80, np.int32),
        np.stack([face_points(80)] * 3),
        np.ones((3, 68), bool),
        np.array(["a", "b", "c"]),
    )
    monkeypatch.setattr(
        training.evaluation.served, "held_out_banks", lambda root, cache: {"toy": bank}
    )
    figures = landmark_metrics(Landmarks(presence), tmp_path, tmp_path)
    assert list(figures) == ["nme toy", "present toy", "nme toy at 32 px", "present toy at 32 px"]
    assert figures["present toy"] == figures["present toy at 32 px"] == share
    assert figures["nme toy"] == figures["nme toy at 32 px"]  # it does not look at the pixels
    assert 0 < figures["nme toy"] < 50  # the crops stray a little


def test_landmark_figures_of_a_perfect_network_are_zero(monkeypatch, tmp_path):
    truth = torch.from_numpy((face_points(CROP_SIZE)[None] + 0.5) / CROP_SIZE)
    crop = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
    monkeypatch.setattr(
        training.evaluation.served, "held_out_banks", lambda root, cache: {"toy": None}
    )
    monkeypatch.setattr(
        training.evaluation.served,
        "held_out_crops",
        lambda bank: ([crop], truth, torch.ones(1, 68)),
    )
    figures = landmark_metrics(Landmarks(), tmp_path, tmp_path)
    assert figures["nme toy"] == pytest.approx(0, abs=1e-4)


def test_bundled_network_opens_with_its_landmark_network():
    network = open_network(asset_path("poster-rt.onnx"))
    assert network.landmarker.size == CROP_SIZE
    assert network.fusion.device == "cpu"


@pytest.fixture
def faces(gray_faces):
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE), np.uint8)
    votes = np.zeros((COUNT, 10), np.float32)
    votes[np.arange(COUNT), [0, 1, 1, 2, 4]] = 8
    votes[:, 3] = 2
    return gray_faces(pixels, votes)


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


class Spots:
    """A landmark network that keeps the crops it is served, and sees a face in each."""

    size, margin = CROP_SIZE, MARGIN

    def __init__(self):
        self.crops = []

    def locate(self, faces):
        self.crops += [face.crop for face in faces]
        corners = np.array([[4, 12], [SIDE - 4, SIDE - 2]], np.float32)
        return [Sighting(face, np.resize(corners, (68, 2)), 0.9, ()) for face in faces]


class Crops:
    """A fusion network that keeps the crops it is served."""

    temperature, device = 1.0, "fake"

    labels, derived, measures = EXPRESSIONS, False, ()

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

    glance = detect

    def close(self):
        pass


def served(image, points, monkeypatch):
    """The crop that the engine hands to both of its networks."""
    landmarks, fusion = Spots(), Crops()
    finder = Finder(Detector(points), landmarks, TrackerConfig())
    monkeypatch.setattr(finder, "_is_off", lambda face, sighting: False)
    Analyzer(finder, Reader(fusion, 0.25)).analyze(Frame(0, 0.0, image))
    (crop,), (fused,) = landmarks.crops, fusion.crops
    assert crop.tobytes() == fused.tobytes()
    return crop


def test_training_and_engine_see_the_same_bytes(faces, points, monkeypatch):
    trained = [face.crop for _, face in faces_of(faces, points)]
    for index, crop in enumerate(trained):
        live = served(faces.image(index), points[index], monkeypatch)
        assert crop.tobytes() == live.tobytes()
        for order in ("rgb", "gray"):
            batch = images_of(trained, order)[index]
            assert torch.equal(batch, images_of([live], order)[0])


def test_faces_of_24_pixels_are_enlarged_from_a_picture_of_that_size(faces, points):
    small = list(VARIANTS["24 px"](faces, points))
    for (picture, face), (_, whole) in zip(small, faces_of(faces, points), strict=True):
        assert picture.shape == (24, 24, 3)
        assert np.abs(face.crop - reduced(whole.crop, 24).astype(int)).max() <= 1
        assert face.matrix[0, 0] == pytest.approx(CROP_SIZE / 24)
        assert transform(np.float32([[-0.5, -0.5]]), face.matrix) == pytest.approx(-0.5, abs=1e-4)


def test_tighter_crop_magnifies_about_the_centre(gray_faces, faces, points):
    smooth = cv2.GaussianBlur(faces.image(0)[..., 0], (0, 0), 3)
    one = gray_faces(smooth[None], np.zeros((1, 10), np.float32))
    ((_, straight),), ((_, tight),) = (faces_of(one, points[:1], zoom) for zoom in (1.0, 1.1))
    straight, tight = straight.crop, tight.crop
    magnified = np.float32([[1.1, 0, -0.1 * 55.5], [0, 1.1, -0.1 * 55.5]])
    wanted = cv2.warpAffine(straight, magnified, (CROP_SIZE, CROP_SIZE)).astype(int)
    assert np.abs(tight - wanted).mean() < 1 < np.abs(tight - straight.astype(int)).mean()
