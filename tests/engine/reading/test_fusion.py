"""The network's outputs as readings, on a linear network made here."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import engine.reading.fusion
from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.alignment import CROP_SIZE, align
from engine.faces.landmarks import MARGIN, TEMPLATE
from engine.faces.preprocessing import to_input
from engine.labels import EXPRESSIONS
from engine.networks.manifest import load_manifest
from engine.networks.runtime import Session
from engine.reading.fusion import Fusion, landmarks_of
from engine.reading.reliability import probabilities_of
from engine.types import Face, Sighting

SIZE = 8
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
INPUT = {"size": SIZE, "margin": 0.1, "mean": MEAN, "std": STD}
FINE, COARSE = [2, 4, 4], [4, 2, 2]
# The graph's order is not the manifest's: maps are told apart by name.
INPUTS = {"coarse": COARSE, "crops": [3, SIZE, SIZE], "fine": FINE}
OUTPUTS = {"logits": [8], "valence_arousal": [2]}
COUNT = 16 + 3 * SIZE * SIZE + 32
STILL = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
PICTURE = np.random.default_rng(2).integers(0, 256, (90, 120, 3), np.uint8)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(0, 0.02, (COUNT + 1, 10))


@pytest.fixture
def write(tmp_path, write_linear, weights):
    """Give `write(**manifest)`, which saves a fusion network and gives its manifest."""

    def write(**manifest):
        keys = {
            "kind": "expression",
            "temperature": 1.5,
            "labels": list(EXPRESSIONS),
            "input": INPUT,
            "landmarks": {"file": "marks.onnx", "sha256": "0", "maps": ["fine", "coarse"]},
        }
        path = tmp_path / "a.onnx"
        write_linear(path, INPUTS, OUTPUTS, weights, **{**keys, **manifest})
        return load_manifest(path)

    return write


def sightings(count, side=SIZE, fine=FINE):
    rng = np.random.default_rng(1)
    return [
        Sighting(
            Face(rng.integers(0, 256, (side, side, 3), np.uint8), STILL),
            np.zeros((68, 2), np.float32),
            0.9,
            tuple(rng.normal(0, 1, shape).astype(np.float32) for shape in (fine, COARSE)),
        )
        for _ in range(count)
    ]


def test_reading_is_the_networks_answer_to_the_normalised_crop_and_the_maps(write, weights):
    fusion = Fusion(write(), "cpu", threads=1)
    assert (fusion.temperature, fusion.device) == (1.5, "cpu")
    (sighting,) = sightings(1)
    fine, coarse = sighting.maps
    crops = to_input([sighting.face.crop], MEAN, STD)
    row = np.concatenate([coarse.ravel(), crops.ravel(), fine.ravel()])
    wanted = row @ weights[:-1] + weights[-1]
    (reading,) = fusion.read([sighting], [PICTURE])
    np.testing.assert_allclose(reading.logits, wanted[:8], atol=1e-4)
    np.testing.assert_allclose(reading.valence_arousal, wanted[8:], atol=1e-4)
    assert reading.logits.dtype == reading.valence_arousal.dtype == np.float32


@pytest.fixture
def whole(tmp_path, write_linear):
    """Give `whole(size)`: a network of crops alone that knows three classes and no affect."""

    def whole(size):
        weights = np.random.default_rng(0).normal(0, 0.02, (3 * size * size + 1, 3))
        keys = {
            "kind": "expression",
            "temperature": 2.0,
            "labels": ["anger", "neutral", "fear"],
            "input": {**INPUT, "size": size, "margin": MARGIN},
            "landmarks": {"file": "marks.onnx", "sha256": "0", "maps": []},
        }
        path = tmp_path / "whole.onnx"
        write_linear(path, {"crops": [3, size, size]}, {"logits": [3]}, weights, **keys)
        return load_manifest(path), weights

    return whole


@pytest.mark.parametrize("size", [CROP_SIZE, 24, 150])
def test_network_with_another_input_reads_the_crop_that_training_cuts(whole, size):
    manifest, weights = whole(size)
    points = np.array([[40, 30], [70, 34], [54, 50], [42, 66], [64, 68]], np.float32)
    face = align(PICTURE, points)
    sighting = Sighting(face, np.zeros((68, 2), np.float32), 0.9, ())
    (reading,) = Fusion(manifest, "cpu", threads=1).read([sighting], [PICTURE])
    crops = to_input([align(PICTURE, points, size).crop], MEAN, STD)
    wanted = crops.ravel() @ weights[:-1] + weights[-1]
    np.testing.assert_allclose(reading.logits, wanted[[1, 0, 2]], atol=2e-3)


def test_network_that_saw_unaligned_pictures_is_shown_upright_crops(tmp_path, write_linear):
    """The very bytes of a dataset's picture whose face lies where its manifest says."""
    size, points = 24, (TEMPLATE * 0.95 + 0.03).tolist()
    weights = np.concatenate([np.eye(3 * size * size), np.zeros((1, 3 * size * size))])
    keys = {
        "kind": "expression",
        "temperature": 1.0,
        "labels": [f"pixel {at}" for at in range(3 * size * size)],
        "input": {**INPUT, "size": size, "align": "upright", "template": points},
        "landmarks": {"file": "marks.onnx", "sha256": "0", "maps": []},
    }
    outputs = {"logits": [3 * size * size]}
    path = write_linear(tmp_path / "a.onnx", {"crops": [3, size, size]}, outputs, weights, **keys)
    picture = cv2.GaussianBlur(
        np.random.default_rng(3).integers(0, 256, (24, 24, 3), np.uint8), (0, 0), 2
    )
    seen = np.array(points, np.float32) * size - 0.5
    middle = seen.mean(axis=0)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]], np.float32)
    face = align(picture, ((seen - middle) @ turn.T + middle).astype(np.float32))  # a tilted head
    sighting = Sighting(face, np.zeros((68, 2), np.float32), 0.9, ())
    (reading,) = Fusion(load_manifest(path), "cpu", threads=1).read([sighting], [picture])
    trained = to_input([picture], MEAN, STD).ravel()
    np.testing.assert_allclose(reading.logits, trained, atol=2 / 255 / min(STD))


def test_affect_of_a_network_without_it_follows_its_classes(whole):
    fusion = Fusion(whole(CROP_SIZE)[0], "cpu", threads=1)
    assert (fusion.labels, fusion.derived) == (("neutral", "anger", "fear"), True)
    (reading,) = fusion.read([sighted()], [PICTURE])
    p = probabilities_of(reading.logits, fusion.temperature)
    np.testing.assert_allclose(
        reading.valence_arousal,
        [-0.51 * p[1] - 0.62 * p[2], 0.59 * p[1] + 0.82 * p[2]],
        atol=1e-6,
    )


def sighted():
    points = np.array([[40, 30], [70, 34], [54, 50], [42, 66], [64, 68]], np.float32)
    return Sighting(align(PICTURE, points), np.zeros((68, 2), np.float32), 0.9, ())


ABAW = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other")


def test_network_with_other_is_read_in_the_order_of_the_columns(tiny_network):
    """Once refused: only FER+'s eight words were allowed."""
    fusion = Fusion(load_manifest(tiny_network("abaw", ABAW, always="other")), "cpu", threads=1)
    assert fusion.labels == (
        *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"),
        "other",
    )
    (reading,) = fusion.read([sighted()], [PICTURE])
    assert reading.logits.tolist() == [0, 0, 0, 0, 0, 0, 0, 4]
    # `other` has no place on the plane; what is left of the probability lies at the others'.
    p = probabilities_of(reading.logits, 1.0)[0]
    wanted = p * np.array(
        [[0.81, 0.4, -0.63, -0.51, -0.6, -0.62], [0.51, 0.67, -0.27, 0.59, 0.35, 0.82]]
    ).sum(1)
    np.testing.assert_allclose(reading.valence_arousal, wanted, atol=1e-6)


def test_network_of_valence_and_arousal_alone_has_no_logits(tiny_network):
    fusion = Fusion(load_manifest(tiny_network("va", affect=True)), "cpu", threads=1)
    assert (fusion.labels, fusion.derived) == ((), False)
    (reading,) = fusion.read([sighted()], [PICTURE])
    assert reading.logits.shape == (0,)
    assert reading.valence_arousal.tolist() == [0.5, -0.25]


def test_ones_own_words_have_no_place_on_the_plane(tiny_network):
    fusion = Fusion(load_manifest(tiny_network("own", ["blink", "yawn"])), "cpu", threads=1)
    (reading,) = fusion.read([sighted()], [PICTURE])
    assert (fusion.labels, fusion.derived) == (("blink", "yawn"), False)
    assert reading.valence_arousal.shape == (0,)


def test_own_numbers_of_a_network_are_read(tiny_network):
    made = tiny_network("a", ["fear", "anger"], own=["quality", "confidence"])
    fusion = Fusion(load_manifest(made), "cpu", threads=1)
    assert fusion.measures == ("confidence", "quality")
    readings = fusion.read([sighted(), sighted()], [PICTURE, PICTURE])
    assert [reading.measures.tolist() for reading in readings] == [[0.75, 0.75]] * 2


def test_network_whose_graph_lacks_an_output_is_closed_again(tiny_network, monkeypatch):
    closed = []
    monkeypatch.setattr(Session, "close", lambda session: closed.append(session.manifest.name))
    made = tiny_network("a", ["fear", "anger"], outputs=["logits", "quality"])
    with pytest.raises(ModelError, match="a: gives no quality, but logits"):
        Fusion(load_manifest(made), "cpu")
    assert closed == ["a"]


def test_faces_of_a_batch_do_not_touch_each_other(write):
    fusion = Fusion(write(), "cpu", threads=1)
    together = fusion.read(sightings(3), 3 * [PICTURE])
    for sighting, reading in zip(sightings(3), together, strict=True):
        (alone,) = fusion.read([sighting], [PICTURE])
        np.testing.assert_allclose(alone.logits, reading.logits, atol=1e-5)
        np.testing.assert_allclose(alone.valence_arousal, reading.valence_arousal, atol=1e-5)


def test_no_faces_are_no_readings_and_no_run(write):
    fusion = Fusion(write(), "cpu")
    fusion._session = None
    assert fusion.read([], []) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"labels": ["neutral", "valence"]}, "linear: labels: valence is the name of another col"),
        ({"labels": [*EXPRESSIONS, "file"]}, "linear: labels: file is the name of another col"),
        ({"labels": [], "outputs": ["logits"]}, "linear: has neither labels nor valence_arousal"),
        (
            {"input": {**INPUT, "align": "upright"}},
            "linear: input.align: reads maps of the landmark",
        ),
        ({"temperature": None}, "linear: temperature: missing; its labels need one"),
        ({"labels": ["neutral", "neutral"]}, r"linear: labels: expected several, each once, got"),
        ({"labels": ["fear"]}, r"linear: labels: expected several, each once, got \['fear'\]"),
        ({"kind": "detector"}, "is a network of kind detector, not expression"),
        ({"kind": "landmarks"}, "is a network of kind landmarks, not expression"),
        ({"input": {}}, r"a\.json: input\.size: missing"),
        ({"input": {"size": 8, "margin": 0}}, r"a\.json: input\.mean: missing"),
        ({"input": {**INPUT, "mean": [0.5]}}, r"a\.json: input\.mean: must be a longer list"),
        ({"landmarks": "ibug68"}, r"a\.json: landmarks: must be a table, got 'ibug68'"),
        ({"landmarks": {}}, r"a\.json: landmarks\.maps: missing"),  # of one file for both
    ],
)
def test_manifest_that_does_not_fit_is_a_model_error(write, changes, says):
    with pytest.raises(ModelError, match=says):
        Fusion(write(**changes), "cpu")


@pytest.mark.parametrize("wrong", [{"side": 9}, {"fine": [2, 4, 5]}])
def test_crop_or_map_of_another_size_is_a_model_error(write, wrong):
    with pytest.raises(ModelError, match="linear: inference failed"):
        Fusion(write(), "cpu").read(sightings(1, **wrong), [PICTURE])


@pytest.fixture
def marks(tmp_path, write_linear):
    """The manifest of a landmark network, beside where `write` writes."""
    inputs, outputs = {"crops": [3, SIZE, SIZE]}, {"landmarks": [68, 2]}
    nothing = np.zeros((3 * SIZE * SIZE + 1, 136))
    path = tmp_path / "marks.onnx"
    return load_manifest(write_linear(path, inputs, outputs, nothing, kind="landmarks"))


def trained_on(manifest):
    return {"file": manifest.path.name, "sha256": manifest.sha256, "maps": ["fine", "coarse"]}


def test_landmark_network_lies_beside_the_fusion_network(write, marks):
    found = landmarks_of(write(landmarks=trained_on(marks)))
    assert (found.path, found.kind, found.sha256) == (marks.path, "landmarks", marks.sha256)


def test_another_landmark_network_is_refused(write, marks):
    fusion = write(landmarks={**trained_on(marks), "sha256": "ab" * 32})
    says = r"marks\.onnx: is not the landmark network that linear was trained on; get both files"
    with pytest.raises(ModelError, match=says):
        landmarks_of(fusion)


def test_damaged_landmark_network_is_refused(write, marks):
    fusion = write(landmarks=trained_on(marks))
    marks.path.write_bytes(marks.path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"marks\.onnx: sha256 is .*; the file is damaged"):
        landmarks_of(fusion)


def test_landmark_network_that_is_missing_is_named(write, marks):
    fusion = write(landmarks=trained_on(marks))
    marks.path.unlink()
    with pytest.raises(ModelError, match=r"marks\.onnx: no such model file"):
        landmarks_of(fusion)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "landmarks"}, "is a network of kind landmarks, not expression"),
        ({"landmarks": "ibug68"}, r"a\.json: landmarks: must be a table, got 'ibug68'"),
        ({"landmarks": {"file": "marks.onnx"}}, r"a\.json: landmarks\.sha256: missing"),
    ],
)
def test_fusion_manifest_that_names_no_landmark_network_is_a_model_error(
    write, marks, changes, says
):
    with pytest.raises(ModelError, match=says):
        landmarks_of(write(**changes))


def test_left_alone_it_runs_where_it_can_on_as_many_threads_as_there_are_cores(monkeypatch):
    opened = []

    def open_session(manifest, device, threads):
        opened.append((device, threads))
        return SimpleNamespace(device="fake", outputs=["logits", "valence_arousal"])

    monkeypatch.setattr(engine.reading.fusion, "open_session", open_session)
    manifest = load_manifest(asset_path("poster-rt.onnx"))
    assert Fusion(manifest).device == "fake"
    Fusion(manifest, "cuda", 3)
    assert opened == [("auto", 0), ("cuda", 3)]
