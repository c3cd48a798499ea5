"""Upscalers: sizes, shapes, and what they refuse."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.errors import SourceError
from training.models.super_resolution import Interpolate, Precomputed, SRLite


@pytest.mark.parametrize(
    ("channels", "blocks", "count", "giga"),
    [(32, 8, 269_955, 2.274), (64, 16, 1_665_283, 10.196)],
)
def test_sr_lite_has_the_specifications_size_and_cost(channels, blocks, count, giga):
    with torch.device("meta"):
        net = SRLite(channels, blocks)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert net(torch.zeros(1, 3, 48, 48)).shape == (1, 3, 384, 384)
    assert sum(p.numel() for p in net.parameters()) == count
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga, abs=0.0005)


@pytest.mark.parametrize("doublings", [1, 2])
def test_sr_lite_doubles_as_often_as_asked(doublings):
    said = SRLite(8, 1, doublings)(torch.randn(2, 3, 24, 20))
    assert said.shape == (2, 3, 24 * 2**doublings, 20 * 2**doublings)


def test_sr_lite_has_a_long_skip():
    net = SRLite(4, 2, 1)
    for p in net.blocks.parameters():
        torch.nn.init.zeros_(p)
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(net(x), net.last(net.enlarge(net.first(x))))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("side", [48, 100])
def test_interpolation_reaches_the_size_and_keeps_a_flat_picture(mode, side):
    x = torch.full((2, 3, side, side), 0.3)
    torch.testing.assert_close(Interpolate(384, mode)(x), torch.full((2, 3, 384, 384), 0.3))


def test_pixel_centres_lie_at_halves():
    x = torch.tensor([0.0, 1.0]).expand(1, 3, 2, 2)
    row = Interpolate(4)(x)[0, 0, 0]
    torch.testing.assert_close(row, torch.tensor([0, 0.25, 0.75, 1]))


def test_precomputed_pictures_pass_unchanged():
    x = torch.randn(1, 3, 384, 384)
    assert torch.equal(Precomputed()(x), x)


def test_pictures_that_were_not_enlarged_are_refused():
    with pytest.raises(SourceError, match="expected 384x384, got 48x48; super-resolve"):
        Precomputed()(torch.zeros(1, 3, 48, 48))
