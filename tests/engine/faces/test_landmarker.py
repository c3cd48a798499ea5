"""The landmark network's outputs as sightings, on a linear network made here."""

import numpy as np
import pytest

import engine.faces.landmarker
from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.alignment import align, template, transform
from engine.faces.landmarker import Landmarker
from engine.faces.preprocessing import to_input
from engine.networks.manifest import load_manifest
from engine.types import Face

SIZE = 8
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
INPUT = {"size": SIZE, "margin": 0.1, "mean": MEAN, "std": STD}
OUTPUTS = {"landmarks": [68, 2], "presence": [], "fine": [2, 4, 4], "coarse": [4, 2, 2]}
STILL = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(0, 0.02, (3 * SIZE * SIZE + 1, 136 + 1 + 32 + 16))


@pytest.fixture
def make(tmp_path, write_linear):
    """Give `make(weights, **manifest)`, the landmarker of a linear network."""

    def make(weights, **manifest):
        keys = {"kind": "landmarks", "input": INPUT, **manifest}
        inputs = {"crops": [3, SIZE, SIZE]}
        path = write_linear(tmp_path / "a.onnx", inputs, OUTPUTS, weights, **keys)
        return Landmarker(load_manifest(path), "cpu", threads=1)

    return make


def faces(count):
    crops = np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
    return [Face(crop, STILL) for crop in crops]


def test_sighting_is_the_networks_answer_to_the_normalised_crop(make, weights):
    landmarker = make(weights)
    assert (landmarker.size, landmarker.margin) == (SIZE, 0.1)
    (face,) = faces(1)
    wanted = to_input([face.crop], MEAN, STD).reshape(1, -1) @ weights[:-1] + weights[-1]
    (sighting,) = landmarker.locate([face])
    assert sighting.face is face
    pixels = wanted[0, :136].reshape(68, 2) * SIZE - 0.5
    np.testing.assert_allclose(sighting.landmarks, pixels, atol=1e-3)
    assert sighting.presence == pytest.approx(1 / (1 + np.exp(-wanted[0, 136])), abs=1e-5)
    fine, coarse = sighting.maps
    np.testing.assert_allclose(fine, wanted[0, 137:169].reshape(2, 4, 4), atol=1e-4)
    np.testing.assert_allclose(coarse, wanted[0, 169:].reshape(4, 2, 2), atol=1e-4)
    assert sighting.landmarks.dtype == fine.dtype == coarse.dtype == np.float32


def test_faces_of_a_batch_do_not_touch_each_other(make, weights):
    landmarker = make(weights)
    together = landmarker.locate(faces(3))
    for face, sighting in zip(faces(3), together, strict=True):
        (alone,) = landmarker.locate([face])
        np.testing.assert_allclose(alone.landmarks, sighting.landmarks, atol=1e-4)
        assert alone.presence == pytest.approx(sighting.presence, abs=1e-5)
        for mine, shared in zip(alone.maps, sighting.maps, strict=True):
            np.testing.assert_allclose(mine, shared, atol=1e-5)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_there_is_no_face_in_a_flat_crop_whatever_the_network_says(make, weights, level):
    answer = np.zeros_like(weights)
    answer[-1, :136], answer[-1, 136] = np.linspace(0, 1, 136), 9.0
    flat = Face(np.full((SIZE, SIZE, 3), level, np.uint8), STILL)
    seen = make(answer).locate([flat, *faces(1)])
    assert [round(sighting.presence, 3) for sighting in seen] == [0.0, 1.0]


def test_no_faces_are_no_sightings_and_no_run(make, weights):
    landmarker = make(weights)
    landmarker._session = None
    assert landmarker.locate([]) == []


def test_landmarks_come_back_in_source_pixels(make, weights):
    five = template(SIZE, 0.1)
    answer = np.zeros_like(weights)
    answer[-1, :136] = np.resize((five + 0.5) / SIZE, (68, 2)).ravel()
    source = transform(five, np.array([[3, -1, 40], [1, 3, 25]], np.float32))
    face = align(np.zeros((90, 90, 3), np.uint8), source, SIZE, 0.1)
    (sighting,) = make(answer).locate([face])
    np.testing.assert_allclose(sighting.landmarks[:5], source, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "expression"}, "is a network of kind expression, not landmarks"),
        ({"input": {}}, r"a\.json: input\.size: missing"),
        (
            {"input": {**INPUT, "mean": [0.5]}},
            r"a\.json: input\.mean: must be a longer list, got \[0\.5\]",
        ),
        ({"input": {**INPUT, "std": 0.2}}, r"a\.json: input\.std: must be a list, got 0\.2"),
        (
            {"input": {**INPUT, "align": "upright"}},
            "linear: input.align: a landmark network follows",
        ),
        ({"input": {**INPUT, "colour": "gray"}}, "colour: gray goes with dtype uint8, got float32"),
    ],
)
def test_manifest_that_does_not_fit_is_a_model_error(make, weights, changes, says):
    with pytest.raises(ModelError, match=says):
        make(weights, **changes)


def test_crop_of_another_size_is_a_model_error(make, weights):
    with pytest.raises(ModelError, match="linear: inference failed"):
        make(weights).locate([Face(np.zeros((9, 9, 3), np.uint8), STILL)])


def test_left_alone_it_runs_where_it_can_on_as_many_threads_as_there_are_cores(monkeypatch):
    opened = []
    monkeypatch.setattr(
        engine.faces.landmarker, "open_session", lambda *given: opened.append(given[1:])
    )
    Landmarker(load_manifest(asset_path("landmark-net.onnx")))
    Landmarker(load_manifest(asset_path("landmark-net.onnx")), "cuda", 3)
    assert opened == [("auto", 0), ("cuda", 3)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [(0.3, "landmarks of a face coincide"), (1e5, "output 0: not finite or over 100;")],
)
def test_landmarks_that_are_no_face_are_the_models_fault(make, answer, words):
    """Far ones made the next crop so large that it took all memory, coinciding ones a traceback."""
    weights = np.zeros((3 * SIZE * SIZE + 1, 136 + 1 + 32 + 16))
    weights[-1, :136] = answer if answer < 1 else np.linspace(-answer, answer, 136)
    with pytest.raises(ModelError, match=words):
        make(weights).locate(faces(1))
