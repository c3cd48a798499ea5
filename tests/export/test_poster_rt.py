"""poster-rt in torch and in ONNX, untrained but with batch norms that are not at rest."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import export.landmark_net
import export.poster_rt
from engine.errors import ModelError
from engine.faces.alignment import CROP_SIZE, invert, transform
from engine.faces.landmarker import Landmarker
from engine.faces.preprocessing import MEAN, STD
from engine.labels import EXPRESSIONS
from engine.networks.manifest import load_manifest
from engine.reading.fusion import Fusion, landmarks_of
from engine.types import Face
from export.comparison import prove
from export.graph import LANDMARK_NET, PARITY
from export.poster_rt import (
    OUTPUTS,
    export_poster_rt,
    halved,
    network_of,
    poster_rt_in_torch,
    round_to_half,
    write_poster_rt,
)
from training.data.epochs import images_of
from training.data.targets import valence_arousal
from training.evaluation.calibration import fit_temperature
from training.evaluation.served import ServedAnswers, ServedNetwork, open_network
from training.models.poster_rt import PosterRT
from training.models.trunk import parameter_count
from training.systems.build import SystemConfig, Truths, build
from training.systems.poster_rt import PosterRTConfig
from training.weights import load_weights, save_weights

pytestmark = pytest.mark.slow  # torch.export takes seconds

MATRIX = np.array([[0.8, 0.1, 3], [-0.1, 0.8, 9]], np.float32)
PICTURE = np.zeros((200, 200, 3), np.uint8)  # frames; maps come from the crops alone


def answers(network, split, *_folders):
    """Answers that are right in three of four pictures, whatever the network."""
    assert isinstance(network, ServedNetwork)
    assert split in ("valid", "test")
    labels = np.arange(32) % 8
    said = np.where(np.arange(32) % 4, labels, (labels + 1) % 8)
    shares = np.eye(8, dtype=np.float32)[labels]
    logits = 3 * np.eye(8, dtype=np.float32)[said]
    ones = np.ones(32, np.float32)
    return ServedAnswers(labels, shares, {"as served": logits}, valence_arousal(shares), ones)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The ONNX file of an untrained network, everything that belongs to it beside it."""
    torch.manual_seed(0)
    model = PosterRT()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    folder = tmp_path_factory.mktemp("export")
    weights, out = folder / "model.safetensors", folder / "poster-rt.onnx"
    save_file(model.state_dict(), weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export.poster_rt, "answers_of", answers)
        patch.setattr(export.landmark_net, "landmark_metrics", lambda *_: {"nme": 1.0})
        export_poster_rt(weights, out, folder, folder)
    return out


@pytest.fixture(scope="module")
def model(exported):
    """The network that the files beside the ONNX file hold."""
    model = PosterRT()
    load_weights(model, exported.with_suffix(".safetensors"))
    return model.eval()


def faces(count):
    crops = np.random.default_rng(3).integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    return [Face(crop, MATRIX) for crop in crops]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_engine_reads_a_crop_as_torch_does(model, exported, count):
    """The landmark network, then the fusion on its maps, as in `engine.analyze`."""
    manifest = load_manifest(exported)
    sightings = Landmarker(landmarks_of(manifest), "cpu", threads=1).locate(faces(count))
    readings = Fusion(manifest, "cpu", threads=1).read(sightings, count * [PICTURE])
    with torch.no_grad():
        truth = model(images_of([face.crop for face in faces(count)], "gray"))
    logits = np.stack([reading.logits for reading in readings])
    affect = np.stack([reading.valence_arousal for reading in readings])
    np.testing.assert_allclose(logits, truth.logits, atol=PARITY, rtol=0)
    np.testing.assert_allclose(affect, truth.affect, atol=PARITY, rtol=0)
    presence = [sighting.presence for sighting in sightings]
    np.testing.assert_allclose(presence, truth.extras["presence"].sigmoid(), atol=PARITY)
    pixels = transform(truth.extras["landmarks"].numpy() * CROP_SIZE - 0.5, invert(MATRIX))
    np.testing.assert_allclose([s.landmarks for s in sightings], pixels, atol=0.05)


def test_maps_reach_the_graph_by_their_names(exported):
    manifest = load_manifest(exported)
    sightings = Landmarker(landmarks_of(manifest), "cpu", threads=1).locate(faces(2))
    fusion = Fusion(manifest, "cpu", threads=1)
    said = fusion.read(sightings, 2 * [PICTURE])[0].logits
    for level in range(3):
        maps = [-100 * x if level == place else x for place, x in enumerate(sightings[0].maps)]
        (other,) = fusion.read([replace(sightings[0], maps=tuple(maps))], [PICTURE])
        assert np.abs(other.logits - said).max() > PARITY


@pytest.mark.parametrize(
    ("name", "change"), [("affect.bias", 0.01), ("landmark_net.trunk.stem.0.weight", 0.1)]
)
def test_proof_sees_a_network_that_differs(model, exported, name, change):
    backend = poster_rt_in_torch(model, Path("run"))
    assert prove(backend, exported, None, Path("cache")).parity <= PARITY
    parameter = model.get_parameter(name)
    before = parameter.detach().clone()
    with torch.no_grad():
        parameter += change
    try:
        with pytest.raises(ModelError, match=r"poster-rt\.onnx: differs from run: .* off by"):
            prove(backend, exported, None, Path("cache"))
    finally:
        with torch.no_grad():
            parameter.copy_(before)


def test_export_writes_both_networks_their_manifests_and_the_weights(exported):
    assert sorted(path.name for path in exported.parent.iterdir()) == [
        *("landmark-net.json", "landmark-net.onnx", "model.safetensors"),
        *("poster-rt.json", "poster-rt.onnx", "poster-rt.safetensors"),
    ]
    landmarks = load_manifest(exported.with_name(LANDMARK_NET))
    assert landmarks.value("metrics") == {"nme": 1.0}
    assert landmarks_of(load_manifest(exported)).sha256 == landmarks.sha256


def test_landmark_network_must_be_there_before_the_fusion(model, tmp_path):
    with pytest.raises(ModelError, match=r"landmark-net\.onnx: no such model file"):
        write_poster_rt(model, tmp_path / "poster-rt.onnx")
    assert list(tmp_path.iterdir()) == []


def test_manifest_says_how_to_feed_the_network(model, exported):
    manifest = load_manifest(exported)
    manifest.expect("expression")
    assert manifest.name == "poster-rt"
    assert manifest.value("input") == {
        "name": "crops",
        "size": CROP_SIZE,
        "margin": 0.05,
        "colour": "gray",
        "dtype": "uint8",
        "mean": list(MEAN),
        "std": list(STD),
        "normalised": "in the graph",
        "batch": "dynamic",
    }
    assert manifest.value("outputs") == list(OUTPUTS)
    assert manifest.value("labels") == list(EXPRESSIONS)
    assert manifest.value("parameters") == parameter_count(model)
    assert manifest.value("gmac") == pytest.approx(0.281, abs=5e-4)  # both networks
    assert 0 < manifest.value("parity") <= PARITY
    assert manifest.value("landmarks") == {
        "file": "landmark-net.onnx",
        "sha256": hashlib.sha256(exported.with_name(LANDMARK_NET).read_bytes()).hexdigest(),
        "maps": ["map4", "map8", "map16"],
    }
    known = answers(open_network(exported), "valid")
    temperature = fit_temperature(known.logits["as served"], known.labels)
    assert manifest.value("temperature") == pytest.approx(temperature)
    assert manifest.value("metrics.valid.accuracy") == 3 / 4
    assert manifest.value("metrics.test.accuracy") == 3 / 4


def test_halved_weights_are_what_the_rounded_model_holds(tmp_path):
    model = PosterRT()
    round_to_half(model)
    save_file(halved(model), tmp_path / "half.safetensors")
    again = PosterRT()
    load_weights(again, tmp_path / "half.safetensors")
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        assert value.dtype == again.state_dict()[name].dtype
    assert (tmp_path / "half.safetensors").stat().st_size < 2.2 * sum(
        parameter.numel() for parameter in model.parameters()
    )


def test_a_wider_run_is_opened_as_what_it_is(tmp_path):
    truths = Truths((1,) * 8, None, EXPRESSIONS)
    system = build(PosterRTConfig(channels=(16, 40, 80)), SystemConfig(name="poster_rt"), truths)
    save_weights(system, tmp_path / "model.safetensors")
    tables = {"task": "system", "system": {"name": "poster_rt"}}
    tables["poster_rt"] = {"channels": [16, 40, 80]}
    tables |= {"data": {}, "loop": {"batch": 1, "steps": 1}}
    (tmp_path / "recipe.json").write_text(json.dumps(tables))
    card = {"dataset": "ferplus", "classes": EXPRESSIONS, "input_size": CROP_SIZE}
    (tmp_path / "model.json").write_text(json.dumps({**card, "parameters": 1, "gmac": 0.1}))
    assert network_of(tmp_path / "model.safetensors").fuse1.query.out_features == 16
    (tmp_path / "recipe.json").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        network_of(tmp_path / "model.safetensors")
