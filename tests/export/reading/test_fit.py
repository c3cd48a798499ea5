"""`fer-export calibrate`: what it writes into a manifest, and figures of what it wrote."""

import json
import shutil

import numpy as np
import pytest

import export.reading.fit
from engine.assets import asset_path
from engine.networks.manifest import ExpressionFacts, load_manifest
from engine.reading.reliability import Temperature, probabilities_of
from export.reading.answers import Portraits, Said
from export.reading.fit import KEY, calibrate
from training.evaluation.calibration import expected_calibration_error
from training.evaluation.served import ServedAnswers

COUNT = 16
LABELS = np.arange(COUNT) % 8
# Answers are wrong where the first measurement of the picture is low.
QUALITY = np.random.default_rng(0).normal(size=(COUNT, 23)).astype(np.float32)
LOGITS = 4 * np.eye(8, dtype=np.float32)[np.where(QUALITY[:, 0] < 0, (LABELS + 1) % 8, LABELS)]


@pytest.fixture
def model(tmp_path):
    """The network that ships, never fitted, with figures of two splits."""
    for name in ("poster-rt", "landmark-net"):
        for suffix in (".onnx", ".json"):
            shutil.copy(asset_path(name + suffix), tmp_path)
    manifest = tmp_path / "poster-rt.json"
    stated = json.loads(manifest.read_text())
    del stated[KEY]
    old = {"data": "FER+", "valid": {"ece": 0.5}, "test": {"ece": 0.5}}
    manifest.write_text(json.dumps({**stated, "metrics": old}))
    return tmp_path / "poster-rt.onnx"


@pytest.fixture(autouse=True)
def read(monkeypatch):
    """Those answers, and the temperatures that the network's manifest gives them."""
    affect = np.zeros((COUNT, 2), np.float32)
    one = Said(np.arange(COUNT), LOGITS, affect, QUALITY, np.ones(COUNT, np.float32))
    portraits = Portraits([], LABELS, np.zeros(COUNT, bool), np.array([]))

    def answers_of(network, split, root, cache):
        temperatures = network.fusion._temperature.of_quality(QUALITY)
        shares = np.eye(8, dtype=np.float32)[LABELS]
        return ServedAnswers(LABELS, shares, {"as served": LOGITS}, affect, temperatures)

    monkeypatch.setattr(export.reading.fit, "load_portraits", lambda *_: portraits)
    monkeypatch.setattr(export.reading.fit, "spoilt_answers", lambda *_: {"clean": one})
    monkeypatch.setattr(export.reading.fit, "answers_of", answers_of)


def test_figures_are_those_of_the_temperatures_it_wrote(model, tmp_path):
    stated = calibrate(model, tmp_path, tmp_path)
    assert json.loads(model.with_suffix(".json").read_text()) == stated
    facts = load_manifest(model).read(ExpressionFacts)
    follows = Temperature("poster-rt", 1.0, facts.picture_quality)
    served = probabilities_of(LOGITS, follows.of_quality(QUALITY))
    metrics = stated["metrics"]
    assert metrics["data"] == "FER+"
    for split in ("valid", "test"):
        assert metrics[split]["images"] == COUNT
        ece = metrics[split]["ece"]
        assert ece == pytest.approx(expected_calibration_error(served, LABELS), abs=1e-6)
        assert ece < expected_calibration_error(probabilities_of(LOGITS, 1.0), LABELS) / 2


def test_network_that_nobody_judged_gets_no_figures(model, tmp_path):
    manifest = model.with_suffix(".json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "metrics": {}}))
    assert calibrate(model, tmp_path, tmp_path)["metrics"] == {}
