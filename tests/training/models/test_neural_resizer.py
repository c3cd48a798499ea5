"""The settings' networks: sizes, stages, what learns and what does not."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from training.models.backbones import backbone
from training.models.neural_resizer import SETTINGS, NeuralResizer
from training.models.resizer import LearnedResizer
from training.models.stn import SpatialTransformer
from training.models.super_resolution import Interpolate, Precomputed, SRLite


def parameters(net):
    return sum(p.numel() for p in net.parameters())


# Neural Resizer specification, section 3.4: head, + LTR, + LTR + STN.
TOTALS = {
    "swin_t": (398_856, 27_930_293, 30_642_197),
    "swin_s": (398_856, 49_248_197, 51_960_101),
    "swin_b": (529_928, 87_285_235, 89_997_139),
    "swin_l": (792_072, 195_799_631, 198_511_535),
    "vit_s": (202_248, 21_879_995, 24_591_899),
    "deit_s": (202_248, 21_879_995, 24_591_899),
    "convit_s": (226_824, 27_583_229, 30_295_133),
    "xcit_s12": (202_248, 26_082_635, 28_794_539),
}


@pytest.mark.parametrize("name", TOTALS)
def test_totals_are_the_specifications(name):
    head, straight, full = TOTALS[name]
    with torch.device("meta"):
        body = backbone(name)
        d = NeuralResizer("d", body, Precomputed())
        e = NeuralResizer("e", body, Precomputed())
        seven = NeuralResizer("d", body, Precomputed(), classes=7)
    assert parameters(d.neck) + parameters(d.classifier) == head
    assert (parameters(d), parameters(e)) == (straight, full)
    assert parameters(d) - parameters(seven) == 513


@pytest.mark.parametrize(
    ("setting", "name", "giga"), [("d", "swin_s", 9.590), ("e", "swin_b", 16.518)]
)
def test_cost_without_super_resolution_is_the_specifications(setting, name, giga):
    with torch.device("meta"):
        net = NeuralResizer(setting, backbone(name), Precomputed()).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.zeros(1, 3, 384, 384))
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga, abs=0.002)


def micro(setting, upscaler=None):
    """A setting at an eighth of its sides: 24 to 48 to 32 pixels."""
    body = backbone("vit_micro", image_size=32)
    if upscaler is None:
        upscaler = SRLite(4, 1, 1) if SETTINGS[setting].super_resolved else Interpolate(48)
        if setting == "a":
            upscaler = Interpolate(32)
    return NeuralResizer(setting, body, upscaler, upscaled_size=48, backbone_size=32)


@pytest.mark.parametrize("setting", SETTINGS)
def test_setting_has_its_stages_alone(setting):
    net = micro(setting)
    assert isinstance(net.resizer, LearnedResizer) == (setting in "bde")
    assert isinstance(net.stn, SpatialTransformer) == (setting == "e")
    names = {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad}
    assert ("resizer" in names) == (setting in "bde")
    assert ("stn" in names) == (setting == "e")
    assert "upscaler" not in names


@pytest.mark.parametrize("setting", SETTINGS)
def test_setting_judges_small_faces(setting):
    net = micro(setting).eval()
    x = torch.randn(2, 3, 24, 24)
    said = net(x)
    assert said.logits.shape == (2, 8)
    assert said.embedding.shape == (2, 512)
    assert net.upscaled(x).shape[2:] == ((32, 32) if setting == "a" else (48, 48))
    assert net.resized(x).shape == (2, 3, 32, 32)


def test_setting_a_interpolates_once():
    x = torch.randn(2, 3, 24, 24)
    plain = functional.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False)
    assert torch.equal(micro("a").resized(x), plain)


def test_setting_c_interpolates_the_super_resolved_picture():
    net = micro("c")
    x = torch.randn(2, 3, 24, 24)
    plain = functional.interpolate(net.upscaled(x), size=(32, 32), mode="bilinear")
    assert torch.equal(net.resized(x), plain)


def test_warp_comes_before_the_resizer():
    net = micro("e", Interpolate(48)).eval()
    with torch.no_grad():
        net.stn.affine.bias.copy_(torch.tensor([0.5, 0, 0, 0, 0.5, 0]))
    x = torch.randn(2, 3, 24, 24)
    assert torch.equal(net.resized(x), net.resizer(net.stn(net.upscaled(x))))
    assert not torch.allclose(net.stn(net.upscaled(x)), net.upscaled(x), atol=0.1)


@pytest.mark.parametrize("setting", ["c", "d", "e"])
def test_super_resolution_never_learns(setting):
    net = micro(setting, nn.Sequential(SRLite(4, 1, 1), nn.BatchNorm2d(3)))
    before = {name: value.clone() for name, value in net.upscaler.state_dict().items()}
    net.train()
    x = torch.randn(4, 3, 24, 24, requires_grad=True)
    net(x).logits.square().sum().backward()
    assert not any(module.training for module in net.upscaler.modules())
    assert all(p.grad is None for p in net.upscaler.parameters())
    assert x.grad is None
    after = net.upscaler.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)


def test_classifier_reads_the_embedding():
    net = micro("a").eval()
    said = net(torch.randn(2, 3, 24, 24))
    assert torch.equal(net.classifier(said.embedding), said.logits)
    assert said.embedding.min() >= 0
