"""int8 files of the shipped networks, calibrated on pictures of noise and judged on a few more."""

import hashlib
import json
import shutil
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import export.calibration
import export.int8
import training.evaluation.served
from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.detection import FerDetector
from engine.faces.landmarker import Landmarker
from engine.faces.preprocessing import levelled, padded
from engine.networks.manifest import REQUIRED, load_manifest
from engine.reading.fusion import Fusion, landmarks_of
from engine.reading.reliability import probabilities_of
from export.calibration import SEED, aligned
from export.detector_recall import finder_with
from export.int8 import NME_MAX_GROWTH, export_int8, finds_of
from training.data.targets import valence_arousal
from training.detector.mosaics import Sample
from training.evaluation.served import ServedAnswers

pytestmark = pytest.mark.slow  # calibration and judging take seconds

SIDE = 48
FILES = ("landmark-net-int8.json", "landmark-net-int8.onnx", "mine.json", "mine.onnx")


def pictures(gray_faces, seed, count, spread=12):
    """The portrait in gray and 48 pixels, each time in other noise; happy by seven of ten."""
    gray = cv2.resize(cv2.imread(str(asset_path("portrait.jpg")), 0), (SIDE, SIDE))
    noise = np.random.default_rng(seed).normal(0, spread, (count, SIDE, SIDE))
    votes = np.zeros((count, 10), np.float32)
    votes[:, 1], votes[:, 0] = 7, 3
    return gray_faces(np.clip(gray + noise, 0, 255).astype(np.uint8), votes, f"seed {seed}")


@pytest.fixture(scope="module")
def crops(gray_faces):
    """The portrait's face eight times, upright, in some noise."""
    landmarker = Landmarker(load_manifest(asset_path("landmark-net.onnx")), "cpu", 1)
    return aligned(landmarker, pictures(gray_faces, 9, 8, spread=4))


def answers(network, split, *_folders):
    """Answers that are right, whatever the network."""
    assert split in ("valid", "test")  # layers are chosen by another judge, on validation alone
    shares = np.eye(8, dtype=np.float32)
    ones = np.ones(8, np.float32)
    logits = {"as served": 5 * shares}
    return ServedAnswers(np.arange(8), shares, logits, valence_arousal(shares), ones)


@pytest.fixture(scope="module")
def data(crops, gray_faces):
    """Stand-ins for the data packs; landmarks are judged against the float network's."""
    splits = {
        name: pictures(gray_faces, seed, count)
        for seed, (name, count) in enumerate({"train": 40, "valid": 12, "test": 2}.items())
    }
    faces = [crop.face for crop in crops]
    truth = Landmarker(load_manifest(asset_path("landmark-net.onnx")), "cpu", 1).locate(faces)

    def landmark_metrics(landmarker, *_folders):
        pairs = zip(landmarker.locate(faces), truth, strict=True)
        errors = [
            np.linalg.norm(mine.landmarks - theirs.landmarks, axis=1).mean()
            / np.linalg.norm(theirs.landmarks[36] - theirs.landmarks[45])
            for mine, theirs in pairs
        ]
        # As if the float network were off by 3.3 %, in some direction of its own.
        return {"nme wild": float(100 * np.hypot(0.033, np.mean(errors))), "present wild": 1.0}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export.calibration, "read_dataset", lambda _name, _root, s, _c: splits[s])
        # None are copies; what finds them would keep its answer beside the networks.
        patch.setattr(export.calibration, "without_copies", lambda table, *_: table)
        patch.setattr(export.int8, "landmark_metrics", landmark_metrics)
        patch.setattr(training.evaluation.served, "answers_of", answers)
        yield splits


@pytest.fixture(scope="module")
def exported(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("int8") / "mine.onnx"
    export_int8(asset_path("poster-rt.onnx"), out, out.parent, out.parent)
    return out


def test_both_networks_come_with_manifests_and_nothing_else(exported):
    assert sorted(path.name for path in exported.parent.iterdir()) == sorted(FILES)


def test_manifest_says_how_the_file_came_about(exported):
    source, made = load_manifest(asset_path("poster-rt.onnx")), load_manifest(exported)
    assert (made.name, made.kind, made.precision) == ("mine", "expression", "int8")
    assert made.value("made_from") == {
        "name": "poster-rt",
        "sha256": source.sha256,
        "commit": source.value("commit"),
    }
    calibration = made.value("calibration")
    assert (calibration["count"], calibration["seed"]) == (32, SEED)
    assert (calibration["method"], calibration["activations"]) == ("minmax", "uint8")
    layers = made.value("layers")
    nodes = {node.name for node in onnx.load(exported).graph.node}
    assert set(layers["int8"]) <= nodes
    assert len(layers["int8"]) > 20
    assert not set(layers["int8"]) & set(layers["kept"])
    accuracy = made.value("judged.accuracy")
    assert set(accuracy) == {"fp32", "int8"}
    assert 100 * (accuracy["fp32"] - accuracy["int8"]) <= 0.5
    for key in ("labels", "input", "temperature", "parameters"):
        assert made.value(key) == source.value(key)
    assert made.value("metrics.valid.accuracy") == 1
    assert made.value("metrics.test.accuracy") == 1
    assert "parity" not in made.data


def test_pair_names_the_landmark_network_that_it_was_judged_with(exported):
    made = load_manifest(exported)
    beside = landmarks_of(made)
    assert beside.path.name == "landmark-net-int8.onnx"
    assert made.value("landmarks.maps") == ["map4", "map8", "map16"]
    source = load_manifest(asset_path("landmark-net.onnx"))
    assert beside.value("made_from.sha256") == source.sha256
    assert beside.precision == "int8"
    (error,) = beside.value("judged.nme").values()
    assert 0 <= error["int8"] - error["fp32"] <= NME_MAX_GROWTH


def test_first_layers_and_the_pooling_stay_in_float(exported):
    graph = onnx.load(exported.with_name("landmark-net-int8.onnx")).graph
    held = {each.name: each.dims for each in graph.initializer}
    floats = [n for n in graph.node if n.op_type == "Conv" and n.input[1] in held]
    assert sorted(tuple(held[n.input[1]]) for n in floats) == [(16, 3, 3, 3), (160, 1, 7, 7)]
    assert not any(n.op_type == "Relu" and "Dequantize" in n.input[0] for n in graph.node)


def test_int8_answers_nearly_like_float(exported, crops):
    image, face = crops[0].image, crops[0].face
    seen, said = [], []
    for path in (asset_path("poster-rt.onnx"), exported):
        manifest = load_manifest(path)
        seen.append(Landmarker(landmarks_of(manifest), "cpu", 1).locate([face])[0])
        fusion = Fusion(manifest, "cpu", 1)
        (reading,) = fusion.read([seen[-1]], [image])
        probabilities = probabilities_of(reading.logits[None], fusion.temperature)[0]
        said.append([*probabilities, *reading.valence_arousal])
    eyes = np.linalg.norm(seen[0].landmarks[36] - seen[0].landmarks[45])
    moved = np.linalg.norm(seen[0].landmarks - seen[1].landmarks, axis=1)
    assert moved.mean() < 0.01 * eyes
    assert abs(seen[0].presence - seen[1].presence) < 0.05
    np.testing.assert_allclose(said[1], said[0], atol=0.1)
    assert said[0] != said[1]


def test_landmark_network_alone(data, tmp_path):
    out = tmp_path / "l8.onnx"
    export_int8(asset_path("landmark-net.onnx"), out, tmp_path, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l8.json", "l8.onnx"]
    made = load_manifest(out)
    assert (made.name, made.kind, made.precision) == ("l8", "landmarks", "int8")
    assert set(made.value("metrics")) == {"nme wild", "present wild"}
    assert out.stat().st_size < 0.4 * asset_path("landmark-net.onnx").stat().st_size


def test_landmarks_that_stray_are_no_int8(data, tmp_path, monkeypatch):
    drift = iter(range(100))
    monkeypatch.setattr(
        export.int8, "landmark_metrics", lambda *_: {"nme wild": 3 + 0.2 * next(drift)}
    )
    with pytest.raises(ModelError, match=r"loses more than 0\.1 points"):
        export_int8(asset_path("landmark-net.onnx"), tmp_path / "l8.onnx", tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def packs(monkeypatch):
    """Stand-ins for the data packs: the portrait large, small and dark, and a plain wall."""
    colour = cv2.imread(str(asset_path("portrait.jpg")))
    with closing(FerDetector(load_manifest(asset_path("fer-detector.onnx")), device="cpu")) as fer:
        (found,) = fer.detect(colour)
    gray = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    pictures = [cv2.resize(gray, None, fx=scale, fy=scale) for scale in (1.0, 0.5)]

    def sample(image, scale):
        one = np.zeros(1, bool)
        return Sample(image, found.box[None] * scale, found.points[None] * scale, one)

    faces = [sample(pictures[0], 1.0), sample(pictures[1], 0.5), sample(pictures[0] // 8, 1.0)]
    none = np.zeros((0, 4), np.float32)
    wall = Sample(np.full((120, 160), 90, np.uint8), none, none.reshape(-1, 5, 2), none[:, 0] > 0)
    feeds = [{"image": padded(levelled(picture), 32, 127)[None, None]} for picture in pictures]
    monkeypatch.setattr(export.int8, "load_packs", lambda *_: None)
    monkeypatch.setattr(export.int8, "detector_feeds", lambda _: feeds)
    monkeypatch.setattr(export.int8, "validation", lambda *_, **__: {"a": faces, "b": [wall]})
    return colour, found


def test_detector_finds_the_same_faces(packs, tmp_path):
    colour, found = packs
    out = tmp_path / "d8.onnx"
    export_int8(asset_path("fer-detector.onnx"), out, tmp_path, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d8.json", "d8.onnx"]
    made, source = load_manifest(out), load_manifest(asset_path("fer-detector.onnx"))
    assert (made.name, made.kind, made.precision) == ("d8", "detector", "int8")
    assert made.value("judged.finds") == {kind: {"fp32": 1, "int8": 1} for kind in ("a", "b")}
    assert made.value("calibration.count") == 2
    for key in ("score_threshold", "nms_iou", "strides", "input"):
        assert made.value(key) == source.value(key)
    assert len(made.value("layers.int8")) > 10
    with closing(FerDetector(made, device="cpu")) as detector:
        (mine,) = detector.detect(colour)
    assert mine.box == pytest.approx(found.box, abs=0.05 * float(np.ptp(found.box)))
    assert mine.score == pytest.approx(found.score, abs=0.05)
    assert mine.score != found.score


def test_detector_that_finds_less_is_no_int8(packs, tmp_path, monkeypatch):
    shares = iter([1.0, *[0.9] * 100])
    monkeypatch.setattr(export.int8, "finds_of", lambda *_: {"a": next(shares)})
    with pytest.raises(ModelError, match=r"loses more than 0\.5 points of 100\.00 %"):
        export_int8(asset_path("fer-detector.onnx"), tmp_path / "d8.onnx", tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_false_finds_count_against_a_detector(packs):
    colour, found = packs
    gray = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    nowhere = Sample(gray, found.box[None] * 0, found.points[None], np.zeros(1, bool))
    right = replace(nowhere, boxes=found.box[None])
    kinds = {"right": [right], "wrong": [nowhere], "half": [right, nowhere]}
    with closing(finder_with(load_manifest(asset_path("fer-detector.onnx")))) as finder:
        assert finds_of(finder, kinds) == {"right": 1, "wrong": -1, "half": 0}


class Pessimist:
    """Finds every file but the shipped one wrong."""

    def fusion(self, path):
        return float(path == asset_path("poster-rt.onnx"))


def test_accuracy_that_is_not_held_leaves_no_file(data, tmp_path, monkeypatch):
    monkeypatch.setattr(export.int8, "validation_judge", lambda *_: Pessimist())
    with pytest.raises(ModelError, match=r"loses more than 0\.5 points of 100\.00 %"):
        export_int8(asset_path("poster-rt.onnx"), tmp_path / "mine.onnx", tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_float_network_of_crops_is_refused(exported, tmp_path):
    for suffix in (".onnx", ".json"):
        shutil.copy(asset_path(f"fer-detector{suffix}"), exported.with_name(f"other{suffix}"))
    other = exported.with_name("other.onnx")
    stated = json.loads(other.with_suffix(".json").read_text())
    other.with_suffix(".json").write_text(json.dumps({**stated, "kind": "voice"}))
    with pytest.raises(ModelError, match=r"detector, expression, landmarks; .* of kind voice"):
        export_int8(other, tmp_path / "d.onnx", tmp_path, tmp_path)
    with pytest.raises(ModelError, match="is in int8 already; start from the fp32 file"):
        export_int8(exported, tmp_path / "twice.onnx", tmp_path, tmp_path)
    with pytest.raises(ModelError, match="is the network itself"):
        export_int8(exported, exported, tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def mapless(tmp_path):
    """A network of crops of 4 pixels that says what is brightest, without the landmarks' maps."""
    folder = tmp_path / "source"
    folder.mkdir()
    nodes = [
        helper.make_node("Flatten", ["crops"], ["flat"], "flatten"),
        helper.make_node("MatMul", ["flat", "w"], ["sums"], "sum"),
        helper.make_node("Relu", ["sums"], ["cut"], "cut"),
        helper.make_node("MatMul", ["cut", "one"], ["logits"], "head"),
    ]
    constants = {"w": np.repeat(np.eye(3, dtype=np.float32), 16, axis=0), "one": np.eye(3)}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["N", 3, 4, 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(x.astype(np.float32), name) for name, x in constants.items()],
    )
    path = folder / "small.onnx"
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=opset), path)
    for suffix in (".onnx", ".json"):
        beside = asset_path("landmark-net.onnx").with_suffix(suffix)
        (folder / beside.name).write_bytes(beside.read_bytes())
    facts = {
        **dict.fromkeys(REQUIRED, ""),
        "opset": 18,
        "metrics": {},
        "name": "small",
        "kind": "expression",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "labels": ["anger", "happiness", "neutral"],
        "outputs": ["logits"],
        "temperature": 1.0,
        "landmarks": {
            "file": "landmark-net.onnx",
            "sha256": load_manifest(asset_path("landmark-net.onnx")).sha256,
            "maps": [],
        },
        "input": {"size": 4, "margin": 0.05, "mean": [0, 0, 0], "std": [1, 1, 1]},
    }
    path.with_suffix(".json").write_text(json.dumps(facts))
    return path


def test_without_maps_the_landmark_network_stays_as_it_is(data, mapless, tmp_path):
    out = tmp_path / "made" / "small8.onnx"
    export_int8(mapless, out, tmp_path, tmp_path)
    names = ["landmark-net.json", "landmark-net.onnx", "small8.json", "small8.onnx"]
    assert sorted(path.name for path in out.parent.iterdir()) == names
    made = load_manifest(out)
    assert landmarks_of(made).sha256 == load_manifest(asset_path("landmark-net.onnx")).sha256
    assert made.value("layers") == {"int8": ["sum"], "kept": []}


@pytest.fixture
def affective(mapless):
    """A network that says valence and arousal alone."""
    model = onnx.load(mapless)
    head = next(node for node in model.graph.node if node.name == "head")
    head.output[:] = ["valence_arousal"]
    pair = numpy_helper.from_array(np.float32([[0.1, 0], [0, 0.1], [0, 0]]), "one")
    next(w for w in model.graph.initializer if w.name == "one").CopyFrom(pair)
    said = helper.make_tensor_value_info("valence_arousal", TensorProto.FLOAT, ["N", 2])
    model.graph.output[0].CopyFrom(said)
    onnx.save(model, mapless)
    path = mapless.with_suffix(".json")
    facts = json.loads(path.read_text()) | {
        "outputs": ["valence_arousal"],
        "labels": [],
        "sha256": hashlib.sha256(mapless.read_bytes()).hexdigest(),
    }
    path.write_text(json.dumps(facts))
    return mapless


def test_affect_alone_is_judged_by_concordance(data, affective, tmp_path, monkeypatch):
    ramp = np.linspace(-1, 1, 24, dtype=np.float32).reshape(12, 2)
    monkeypatch.setattr(export.calibration, "valence_arousal", lambda shares: ramp)
    out = tmp_path / "made" / "small8.onnx"
    export_int8(affective, out, tmp_path, tmp_path)
    made = load_manifest(out)
    judged = made.value("judged")["ccc"]
    assert judged["fp32"] - judged["int8"] <= 0.005 + 1e-6
    assert {"ccc_valence", "ccc_arousal"} <= set(made.value("metrics")["test"])
