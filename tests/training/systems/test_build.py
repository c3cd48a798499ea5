"""Systems by name, on trunks and backbones that other networks were trained with."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from engine.errors import ConfigError, ModelError
from training.data.classes import FER_PLUS
from training.models.poster_rt import PosterRT
from training.systems.build import SYSTEMS, SystemConfig, Truths, build
from training.systems.dan import DanConfig
from training.systems.neural_resizer import NeuralResizerConfig
from training.weights import save_weights

TRUTHS = Truths((1,) * 8, None)
SMALL = {
    "backbone": "swin_micro",
    "input_size": 48,
    "upscaled_size": 96,
    "backbone_size": 56,
    "upscaler": "bilinear",
    "loss": "ce",
}


def same(one, other):
    """Tell whether two networks have the same parameters and buffers."""
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


def test_dan_stands_on_an_image_trunk_and_its_weights(tmp_path):
    live, path = PosterRT(), tmp_path / "poster-rt.safetensors"
    save_weights(live, path)
    config = DanConfig(trunk="rt", input_size=112, width=160)
    system = build(config, SystemConfig(name="dan", image_weights=str(path)), TRUTHS).eval()
    assert same(system.network.trunk.network.stage3, live.stage3)
    assert system(torch.zeros(1, 3, 112, 112)).logits.shape == (1, 8)


def test_backbone_is_taken_from_a_system_with_other_stages(tmp_path):
    plain = NeuralResizerConfig(setting="a", **SMALL)
    trained = build(plain, SystemConfig(name="neural_resizer"), TRUTHS)
    path = tmp_path / "model.safetensors"
    save_weights(trained, path)
    config = NeuralResizerConfig(setting="b", backbone_weights=str(path), **SMALL)
    system = build(config, SystemConfig(name="neural_resizer"), TRUTHS)
    assert same(system.network.backbone, trained.network.backbone)
    assert not same(system.network.neck, trained.network.neck)


def test_another_backbone_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    plain = NeuralResizerConfig(setting="a", **SMALL | {"backbone": "vit_micro"})
    save_weights(build(plain, SystemConfig(name="neural_resizer"), TRUTHS), path)
    config = NeuralResizerConfig(setting="a", backbone_weights=str(path), **SMALL)
    with pytest.raises(ModelError, match=r"model\.safetensors: not the weights of a Backbone"):
        build(config, SystemConfig(name="neural_resizer"), TRUTHS)


def test_a_backbone_has_one_source():
    with pytest.raises(ConfigError, match=r"neural_resizer\.backbone_weights: must be empty"):
        NeuralResizerConfig(setting="a", pretrained=True, backbone_weights="x", **SMALL)


def test_only_sr_lite_has_weights():
    with pytest.raises(ConfigError, match=r"neural_resizer\.upscaler_weights: must be empty"):
        NeuralResizerConfig(setting="d", upscaler_weights="x", **SMALL)


def test_classes_are_the_systems_own_where_it_tells_expressions_apart():
    config, truths = (
        DanConfig(trunk="rt", input_size=112, width=32),
        Truths((1,) * 8, None, FER_PLUS),
    )
    assert build(config, SystemConfig(name="dan"), truths).class_names == FER_PLUS
    affect = build(replace(config, task="va"), SystemConfig(name="dan"), truths)
    assert affect.class_names == ()


@pytest.mark.parametrize("kind", [SystemConfig, *(kind for kind, _ in SYSTEMS.values())])
def test_every_file_that_settings_name_is_one_to_start_from(kind):
    named = {each.name for each in fields(kind) if each.name.endswith(("weights", "start"))}
    flags = {"class_weights"}
    assert named - flags <= set(kind.STARTS)


def test_bare_settings_start_from_nothing():
    system = SystemConfig(
        name="dan", start="a", image_weights="b", landmark_weights="c", image="rt"
    )
    assert system.files() == [Path("a"), Path("b"), Path("c")]
    assert system.bare() == SystemConfig(name="dan", image="rt")
    own = NeuralResizerConfig(setting="a", backbone_weights="d", **SMALL)
    assert own.files() == [Path("d")]
    assert own.bare() == NeuralResizerConfig(setting="a", **SMALL)
    imagenet = NeuralResizerConfig(setting="a", pretrained=True, **SMALL)
    assert imagenet.files() == []
    assert not imagenet.bare().pretrained
