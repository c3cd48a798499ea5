import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.assets import asset_path
from engine.errors import ModelError
from engine.faces.detection import FerDetector
from engine.networks.manifest import load_manifest
from engine.networks.runtime import Session
from export.detector import DetectorGraph, export_detector
from export.graph import PARITY
from training.detector.model import FaceNet
from training.weights import load_weights


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An untrained detector whose batch norms are not at rest, as ONNX."""
    torch.manual_seed(0)
    network = FaceNet()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    folder = tmp_path_factory.mktemp("run")
    save_file(network.state_dict(), folder / "model.safetensors")
    out = folder / "tiny.onnx"
    export_detector(folder / "model.safetensors", out, {"threshold": 0.5}, None, folder)
    return out


def differences(onnx, weights):
    network = FaceNet()
    load_weights(network, weights)
    graph = DetectorGraph(network).eval()
    session = Session(load_manifest(onnx), "cpu", 1)
    rng = np.random.default_rng(1)
    for shape in ((64, 96), (160, 32)):
        image = rng.integers(0, 256, (1, 1, *shape), np.uint8)
        with torch.no_grad():
            mine = graph(torch.from_numpy(image))
        for a, b in zip(mine, session.run({"image": image}), strict=True):
            yield float(np.abs(a.numpy() - b).max())


def test_onnx_and_torch_agree(exported):
    assert max(differences(exported, exported.with_suffix(".safetensors"))) < PARITY


def test_the_shipped_graph_is_the_shipped_weights():
    onnx = asset_path("fer-detector.onnx")
    assert max(differences(onnx, onnx.with_suffix(".safetensors"))) < PARITY


def test_the_manifest_is_complete_and_opens_the_detector(exported):
    manifest = load_manifest(exported)
    manifest.expect("detector")
    assert manifest.data["parameters"] == 233_167
    assert 0 < manifest.data["parity"] <= PARITY
    detector = FerDetector(manifest, device="cpu")
    assert isinstance(detector.detect(np.zeros((50, 70, 3), np.uint8)), tuple)
    detector.close()


def test_a_changed_file_is_refused(exported, tmp_path):
    copy = tmp_path / "changed.onnx"
    copy.write_bytes(exported.read_bytes() + b"\0")
    copy.with_suffix(".json").write_text(json.dumps(dict(load_manifest(exported).data)))
    with pytest.raises(ModelError, match="sha256"):
        load_manifest(copy)
