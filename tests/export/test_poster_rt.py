"""poster-rt in torch and in ONNX, untrained but with batch norms that are not at rest."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.align import CROP_SIZE, invert, transform
from engine.fusion import Fusion
from engine.labels import EXPRESSIONS
from engine.manifest import load_manifest
from engine.preprocess import MEAN, STD, to_input
from engine.types import Face
from export.graph import PARITY, write_manifest
from export.poster_rt import OUTPUTS, halved, parity_error, round_to_half, write_poster_rt
from training.loop import load_weights
from training.models.poster_rt import PosterRT
from training.models.trunk import parameter_count

pytestmark = pytest.mark.slow  # torch.export takes seconds

MATRIX = np.array([[0.8, 0.1, 3], [-0.1, 0.8, 9]], np.float32)


@pytest.fixture(scope="module")
def model():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = PosterRT()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    yield model.eval()
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "poster-rt.onnx"
    facts = write_poster_rt(model, out)
    write_manifest(out, {**facts, "temperature": 1.3, "metrics": {}})
    return out


def faces(count):
    crops = np.random.default_rng(3).integers(0, 256, (count, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    return [Face(crop, MATRIX) for crop in crops]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_engine_reads_a_crop_as_torch_does(model, exported, count):
    fusion = Fusion(load_manifest(exported), "cpu", threads=1)
    readings = fusion.read(faces(count))
    with torch.no_grad():
        truth = model(torch.from_numpy(to_input([face.crop for face in faces(count)])))
    logits = np.stack([reading.logits for reading in readings])
    affect = np.stack([reading.valence_arousal for reading in readings])
    np.testing.assert_allclose(logits, truth.logits, atol=PARITY, rtol=0)
    np.testing.assert_allclose(affect, truth.valence_arousal, atol=PARITY, rtol=0)
    presence = [reading.presence for reading in readings]
    np.testing.assert_allclose(presence, truth.presence.sigmoid(), atol=PARITY)
    pixels = transform(truth.landmarks.numpy() * CROP_SIZE - 0.5, invert(MATRIX))
    np.testing.assert_allclose([r.landmarks for r in readings], pixels, atol=0.05)


def test_parity_sees_a_network_that_differs(model, exported):
    assert parity_error(model, exported) <= PARITY
    with torch.no_grad():
        model.affect.bias += 0.01
    try:
        assert parity_error(model, exported) > PARITY
    finally:
        with torch.no_grad():
            model.affect.bias -= 0.01


def test_manifest_says_how_to_feed_the_network(model, exported):
    manifest = load_manifest(exported)
    manifest.expect("expression")
    assert manifest.name == "poster-rt"
    assert manifest.value("input") == {
        "name": "crops",
        "size": CROP_SIZE,
        "margin": 0.1,
        "colour": "rgb",
        "mean": list(MEAN),
        "std": list(STD),
    }
    assert manifest.value("outputs") == list(OUTPUTS)
    assert manifest.value("labels") == list(EXPRESSIONS)
    assert manifest.value("parameters") == parameter_count(model)
    assert manifest.value("parity") <= PARITY
    assert manifest.value("temperature") == 1.3


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
