"""The system: settings refused, losses chosen, and that it learns."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.errors import ConfigError
from training.data.classes import FER_PLUS, RAF_DB
from training.data.prior import FER_PLUS_PRIOR, remap
from training.losses.pdls import f_pdls, pdls
from training.models.super_resolution import Interpolate, Precomputed, SRLite
from training.systems.neural_resizer import (
    NeuralResizerConfig,
    NeuralResizerSystem,
    make_upscaler,
)
from training.types import Target

PRIOR = np.array(FER_PLUS_PRIOR, np.float32)
MICRO = {
    "backbone": "vit_micro",
    "input_size": 24,
    "upscaler": "bicubic",
    "upscaled_size": 48,
    "backbone_size": 32,
}


def target_of(labels):
    labels = torch.as_tensor(labels)
    shares = functional.one_hot(labels.clamp(min=0), 8).float()
    return Target(labels, shares, torch.full((len(labels), 2), torch.nan))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"setting": "f"}, "setting: 'f' is unknown; choose a, b, c, d, e"),
        ({"backbone": "resnet18"}, "backbone: 'resnet18' is unknown; choose swin_t, "),
        ({"upscaler": "dic"}, "upscaler: 'dic' is unknown; choose disk, "),
        ({"loss": "focal"}, "loss: 'focal' is unknown; choose ce, pdls, fpdls"),
        ({"classes": 1}, "classes: must be at least 2, got 1"),
        ({"upscaled_size": 0}, "upscaled_size: must be at least 1, got 0"),
        ({"blocks": -1}, "blocks: must be at least 0, got -1"),
        ({"gamma": -0.5}, "gamma: must be at least 0, got -0.5"),
        ({"alpha": 1.1}, "alpha: must be at most 1, got 1.1"),
        ({"stn_scale_limit": 1.0}, "stn_scale_limit: must be below 1, got 1.0"),
        ({"setting": "a"}, "upscaler: must be bilinear in settings a and b, got 'disk'"),
        ({"setting": "b", "upscaler": "sr_lite"}, "upscaler: must be bilinear in settings a and b"),
        ({"input_size": 48}, "input_size: must be 384, the upscaled_size, for disk, got 48"),
        ({"upscaler": "sr_lite", "input_size": 100}, "input_size: must be 384, .*, got 100"),
        ({"upscaler": "sr_lite"}, "input_size: must be 384, .* halved once or more, got 384"),
        ({**MICRO, "setting": "e", "upscaled_size": 16}, "upscaled_size: must be at least 18"),
        ({**MICRO, "legacy_scale": True}, "legacy_scale: must be false unless 384 pixels become"),
    ],
)
def test_bad_setting_is_named(options, message):
    with pytest.raises(ConfigError, match=f"^neural_resizer.{message}"):
        NeuralResizerConfig(**options)


@pytest.mark.parametrize(("size", "doublings"), [(48, 3), (96, 2), (192, 1)])
def test_sr_lite_reaches_384(size, doublings):
    config = NeuralResizerConfig(upscaler="sr_lite", input_size=size)
    upscaler = make_upscaler(config)
    assert isinstance(upscaler, SRLite)
    assert len(upscaler.enlarge) == doublings


def test_upscaler_reaches_what_follows_it():
    small = {"upscaler": "bilinear", "input_size": 48}
    assert make_upscaler(NeuralResizerConfig(setting="a", **small)).size == 224
    assert make_upscaler(NeuralResizerConfig(setting="b", **small)).size == 384
    bicubic = make_upscaler(NeuralResizerConfig(upscaler="bicubic", input_size=48))
    assert isinstance(bicubic, Interpolate)
    assert bicubic.mode == "bicubic"
    assert isinstance(make_upscaler(NeuralResizerConfig()), Precomputed)


def test_system_answers_logits_and_embedding():
    system = NeuralResizerSystem(NeuralResizerConfig(**MICRO), PRIOR).eval()
    said = system(torch.randn(2, 3, system.input_size, system.input_size))
    assert said.logits.shape == (2, 8)
    assert said.affect.shape == (2, 0)
    assert said.embedding.shape == (2, 512)


def test_configured_loss_is_the_one_computed():
    labels = torch.tensor([0, 5, 2])
    images = torch.randn(3, 3, 24, 24)
    prior = torch.tensor(FER_PLUS_PRIOR)
    for loss, wanted in {
        "ce": lambda logits: functional.cross_entropy(logits, labels),
        "pdls": lambda logits: pdls(logits, labels, prior, alpha=0.7),
        "fpdls": lambda logits: f_pdls(logits, labels, prior, alpha=0.7, gamma=3, comp=True),
    }.items():
        config = NeuralResizerConfig(**MICRO, loss=loss, alpha=0.7, gamma=3, comp=True)
        system = NeuralResizerSystem(config, PRIOR).eval()
        value, figures = system.loss(images, target_of(labels))
        logits = system(images).logits
        torch.testing.assert_close(value, wanted(logits))
        plain = functional.cross_entropy(logits, labels)
        torch.testing.assert_close(figures["cross_entropy"], plain)


@pytest.mark.parametrize("loss", ["ce", "pdls", "fpdls"])
def test_faces_without_a_label_do_not_count(loss):
    system = NeuralResizerSystem(NeuralResizerConfig(**MICRO, loss=loss), PRIOR).eval()
    images = torch.randn(4, 3, 24, 24)
    some, _ = system.loss(images, target_of([3, -1, 6, -1]))
    wanted, _ = system.loss(images[::2], target_of([3, 6]))
    torch.testing.assert_close(some, wanted)
    none, _ = system.loss(images, target_of([-1, -1, -1, -1]))
    assert none == 0


def test_prior_of_another_data_set_is_taken():
    prior = remap(PRIOR, FER_PLUS, RAF_DB)
    system = NeuralResizerSystem(NeuralResizerConfig(**MICRO, classes=7), prior)
    assert torch.equal(system.prior, torch.as_tensor(prior))
    assert "prior" in system.state_dict()


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (None, "fpdls needs a prior of 7 classes, got none"),
        (PRIOR, r"fpdls needs a prior of 7 classes, got one of shape \(8, 8\)"),
    ],
)
def test_missing_or_foreign_prior_is_refused(prior, message):
    with pytest.raises(ConfigError, match=message):
        NeuralResizerSystem(NeuralResizerConfig(**MICRO, classes=7), prior)


def test_cross_entropy_needs_no_prior():
    system = NeuralResizerSystem(NeuralResizerConfig(**MICRO, loss="ce")).eval()
    assert system.loss(torch.randn(2, 3, 24, 24), target_of([1, 2]))[0] > 0


def test_trained_upscaler_takes_the_configured_ones_place():
    trained = SRLite(4, 1, 1)
    system = NeuralResizerSystem(NeuralResizerConfig(**MICRO), PRIOR, upscaler=trained)
    assert system.network.upscaler is trained
    assert not any(p.requires_grad for p in trained.parameters())


def test_32_faces_are_learnt_by_heart_and_the_resizer_learns_too():
    options = {**MICRO, "upscaler": "sr_lite", "sr_channels": 4, "sr_blocks": 1}
    system = NeuralResizerSystem(NeuralResizerConfig(**options), PRIOR).train()
    images, target = torch.randn(32, 3, 24, 24), target_of(torch.arange(32) % 8)
    network = system.network
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimizer = torch.optim.Adam((p for p in system.parameters() if p.requires_grad), lr=1e-3)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss, _ = system.loss(images, target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    moved = {name for name, p in network.named_parameters() if not torch.equal(before[name], p)}
    assert {name for name in before if name.startswith("resizer.")} <= moved
    assert not any(name.startswith("upscaler.") for name in moved)
