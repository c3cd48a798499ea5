"""Neural Resizer: size, shapes and limiting cases."""

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from training.models.resizer import LearnedResizer


@pytest.mark.parametrize(("blocks", "count"), [(0, 7_379), (1, 12_083), (2, 16_787)])
def test_size_is_the_specifications(blocks, count):
    assert sum(p.numel() for p in LearnedResizer(blocks=blocks).parameters()) == count


def test_cost_at_384_is_the_specifications():
    with torch.device("meta"):
        resizer = LearnedResizer().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            said = resizer(torch.zeros(1, 3, 384, 384))
    assert said.shape == (1, 3, 224, 224)
    assert counter.get_total_flops() / 2e9 == pytest.approx(0.849, abs=0.0005)


@pytest.mark.parametrize(
    ("options", "side", "wanted"),
    [({}, 384, 224), ({}, 100, 224), ({"ratio": 7 / 12}, 192, 112), ({"ratio": 7 / 12}, 384, 224)],
)
def test_result_has_the_size_or_the_ratio_asked_for(options, side, wanted):
    assert LearnedResizer(**options)(torch.randn(2, 3, side, side)).shape == (2, 3, wanted, wanted)


@pytest.mark.parametrize("blocks", [0, 1])
def test_without_its_last_layer_it_is_bilinear(blocks):
    resizer = LearnedResizer(56, blocks=blocks)
    x = torch.randn(2, 3, 96, 96)
    plain = functional.interpolate(x, size=(56, 56), mode="bilinear", align_corners=False)
    assert not torch.allclose(resizer(x), plain, atol=1e-3)
    torch.nn.init.zeros_(resizer.picture.weight)
    torch.nn.init.zeros_(resizer.picture.bias)
    assert torch.equal(resizer(x), plain)


def test_every_parameter_learns():
    resizer = LearnedResizer(28)
    resizer(torch.randn(2, 3, 48, 48)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in resizer.parameters())


def far_edge(resizer):
    """Where in a ramp of pixel places the far edge is sampled."""
    torch.nn.init.zeros_(resizer.picture.weight)
    torch.nn.init.zeros_(resizer.picture.bias)
    ramp = torch.arange(384.0).expand(1, 3, 384, 384)
    return resizer(ramp)[0, 0, 0, -1].item()


def test_legacy_scale_moves_the_far_edge_by_0_4_pixels():
    explicit = far_edge(LearnedResizer())
    legacy = far_edge(LearnedResizer(legacy_scale=True))
    assert explicit == pytest.approx(223.5 * 384 / 224 - 0.5, abs=1e-3)
    assert legacy == pytest.approx(223.5 / 0.584 - 0.5, abs=1e-3)
    assert explicit - legacy == pytest.approx(0.44, abs=0.01)


def test_legacy_scale_makes_224_of_384():
    assert LearnedResizer(legacy_scale=True)(torch.randn(1, 3, 384, 384)).shape[2:] == (224, 224)
