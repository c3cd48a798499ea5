"""The cascade against facenet-pytorch 2.6, on weights made up by chance."""

import cv2
import numpy as np
import pytest
import torch

from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.detectors import MtcnnDetector
from engine.faces.mtcnn import Mtcnn

LAYERS = {
    "pnet": {
        "conv1": (10, 3, 3, 3),
        "conv2": (16, 10, 3, 3),
        "conv3": (32, 16, 3, 3),
        "conv4_1": (2, 32, 1, 1),
        "conv4_2": (4, 32, 1, 1),
    },
    "rnet": {
        "conv1": (28, 3, 3, 3),
        "conv2": (48, 28, 3, 3),
        "conv3": (64, 48, 2, 2),
        "dense4": (128, 576),
        "dense5_1": (2, 128),
        "dense5_2": (4, 128),
    },
    "onet": {
        "conv1": (32, 3, 3, 3),
        "conv2": (64, 32, 3, 3),
        "conv3": (64, 64, 3, 3),
        "conv4": (128, 64, 2, 2),
        "dense5": (256, 1152),
        "dense6_1": (2, 256),
        "dense6_2": (4, 256),
        "dense6_3": (10, 256),
    },
}
SLOPES = {"pnet": 3, "rnet": 4, "onet": 5}


@pytest.fixture
def cascade(tmp_path):
    """A cascade that takes some of what it sees for faces; scores vary, boxes move a little."""
    rng = np.random.default_rng(7)
    for network, layers in LAYERS.items():
        state = {}
        for layer, shape in layers.items():
            weights = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
            biases = rng.normal(0, 0.1, shape[0])
            weights *= {2: 4.0, 4: 0.1, 10: 0.1}.get(shape[0], 1.0)
            biases += 0.5 if shape[0] == 10 else 0.0
            state |= {f"{layer}.weight": weights, f"{layer}.bias": biases}
        for number, shape in zip(range(1, SLOPES[network] + 1), layers.values(), strict=False):
            state[f"prelu{number}.weight"] = np.full(shape[0], 0.25)
        tensors = {key: torch.tensor(value, dtype=torch.float32) for key, value in state.items()}
        torch.save(tensors, tmp_path / f"{network}.pt")
    return Mtcnn(tmp_path, "cpu")


@pytest.fixture
def picture():
    portrait = cv2.imread(str(asset_path("portrait.jpg")))
    return cv2.resize(portrait, (96, 72), interpolation=cv2.INTER_AREA)


def test_boxes_scores_and_points_are_those_of_facenet_pytorch(cascade, picture, golden):
    """The rows were made by its `detect_face`, with OpenCV's area averaging for torch's."""
    boxes, scores, points = cascade.find(picture, 20.0)
    found = np.concatenate([boxes, scores[:, None], points.reshape(-1, 10)], axis=1)
    text = "\n".join(",".join(f"{value:.3f}" for value in row) for row in found.tolist())
    rows = golden("mtcnn_rows.csv", text.encode()).decode().splitlines()
    wanted = np.array([row.split(",") for row in rows], np.float64)
    assert len(wanted) == 15
    # Sorted by place: scores lie so near to each other that a processor may swap two.
    found, wanted = (rows[np.lexsort(rows[:, :2].T.round(1))] for rows in (found, wanted))
    np.testing.assert_allclose(found, wanted, atol=2e-2)
    assert {part.dtype for part in (boxes, scores, points)} == {np.dtype(np.float32)}
    assert (np.diff(scores) <= 0).all()


def test_detector_gives_the_best_face_first(cascade, picture, tmp_path):
    faces = MtcnnDetector(tmp_path, 20, "cpu").detect(picture)
    scores = [face.score for face in faces]
    assert len(set(scores)) > 3
    assert scores == sorted(scores, reverse=True)


def test_nothing_is_found_in_a_picture_smaller_than_a_face(cascade, picture):
    boxes, scores, points = cascade.find(picture[:19, :19], 20.0)
    assert (boxes.shape, scores.shape, points.shape) == ((0, 4), (0,), (0, 5, 2))


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_device_that_torch_lacks_is_refused(cascade, tmp_path, monkeypatch, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match=f"this torch cannot run on {device}"):
        Mtcnn(tmp_path, device)
