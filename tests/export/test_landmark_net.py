"""The landmark network in torch and in ONNX, untrained, with batch norms not at rest."""

from pathlib import Path

import numpy as np
import pytest
import torch

import export.landmark_net
from engine.errors import ModelError
from engine.faces.alignment import CROP_SIZE, invert, transform
from engine.faces.landmarker import Landmarker
from engine.faces.preprocessing import MEAN, STD
from engine.networks.manifest import load_manifest
from engine.types import Face
from export.comparison import prove
from export.graph import PARITY
from export.landmark_net import OUTPUTS, export_landmark_net, landmark_net_in_torch
from training.data.epochs import images_of
from training.models.landmark_net import LandmarkNet
from training.models.trunk import parameter_count

pytestmark = pytest.mark.slow  # torch.export takes seconds

HALF = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
HALF[: CROP_SIZE // 2] = 200
MATRIX = np.array([[0.8, 0.1, 3], [-0.1, 0.8, 9]], np.float32)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = LandmarkNet()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    """The ONNX file; its figures are how the engine sees a crop that is half black."""
    folder = tmp_path_factory.mktemp("export")

    def figures(landmarker, data, cache):
        assert (data, cache) == (folder / "packs", folder / "cache")
        (sighting,) = landmarker.locate([Face(HALF, MATRIX)])
        return {"presence of half black": sighting.presence}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export.landmark_net, "landmark_metrics", figures)
        out = folder / "landmark-net.onnx"
        export_landmark_net(network, out, folder / "packs", folder / "cache")
    return out


def faces(count):
    crops = np.random.default_rng(3).integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    return [Face(crop, MATRIX) for crop in crops]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_engine_sees_a_crop_as_torch_does(network, exported, count):
    sightings = Landmarker(load_manifest(exported), "cpu", threads=1).locate(faces(count))
    with torch.no_grad():
        truth = network(images_of([face.crop for face in faces(count)], "gray"))
    presence = [sighting.presence for sighting in sightings]
    np.testing.assert_allclose(presence, truth.presence.sigmoid(), atol=PARITY, rtol=0)
    pixels = transform(truth.landmarks.numpy() * CROP_SIZE - 0.5, invert(MATRIX))
    np.testing.assert_allclose([s.landmarks for s in sightings], pixels, atol=0.05)
    for level, tap in enumerate(truth.taps):
        maps = np.stack([sighting.maps[level] for sighting in sightings])
        np.testing.assert_allclose(maps, tap, atol=PARITY, rtol=0)


@pytest.mark.parametrize("name", ["points.bias", "presence.bias", "trunk.stem.0.weight"])
def test_proof_sees_a_network_that_differs(network, exported, name):
    backend = landmark_net_in_torch(network, Path("run"))
    assert prove(backend, exported, None, Path("cache")).parity <= PARITY
    parameter = network.get_parameter(name)
    before = parameter.detach().clone()
    with torch.no_grad():
        parameter += 0.01
    try:
        with pytest.raises(ModelError, match=r"landmark-net\.onnx: differs from run: .* off by"):
            prove(backend, exported, None, Path("cache"))
    finally:
        with torch.no_grad():
            parameter.copy_(before)


def test_manifest_says_how_to_feed_the_network_and_how_good_it_is(network, exported):
    manifest = load_manifest(exported)
    manifest.expect("landmarks")
    assert manifest.name == "landmark-net"
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
    assert manifest.value("landmarks") == "ibug68"
    assert manifest.value("parameters") == parameter_count(network)
    assert 0 < manifest.value("parity") <= PARITY
    with torch.no_grad():
        black = network(images_of([HALF], "gray"))
    presence = black.presence.sigmoid().item()
    assert manifest.value("metrics") == {
        "presence of half black": pytest.approx(presence, abs=PARITY)
    }
