"""Spatial transformer: size, identity at the start, what learns when."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from training.models.stn import SpatialTransformer, warp


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_size_and_cost_are_the_specifications():
    with torch.device("meta"):
        stn = SpatialTransformer()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert stn(torch.zeros(1, 3, 384, 384)).shape == (1, 3, 384, 384)
    assert parameters(stn) == 2_711_904
    assert counter.get_total_flops() / 2e9 == pytest.approx(0.239, abs=0.0005)


@pytest.mark.parametrize(("size", "side"), [(384, 92), (96, 20), (97, 20), (48, 8)])
def test_localisation_fits_other_sizes(size, side):
    stn = SpatialTransformer(size)
    assert stn.localisation[7].in_features == 10 * side**2
    assert stn(torch.zeros(2, 3, size, size)).shape == (2, 3, size, size)


def test_untrained_warp_is_the_identity():
    x = torch.randn(2, 3, 384, 384)
    assert (SpatialTransformer()(x) - x).abs().max() < 1e-3


def test_translation_by_2_of_383_moves_one_pixel():
    x = torch.randn(1, 3, 384, 384)
    theta = torch.tensor([[[1, 0, 2 / 383], [0, 1, 0]]])
    moved = warp(x, theta)
    torch.testing.assert_close(moved[..., :-1], x[..., 1:], atol=1e-3, rtol=0)
    assert moved[..., -1].abs().max() < 1e-3


def test_localisation_learns_from_the_second_step_on():
    stn = SpatialTransformer(48)
    x = torch.randn(4, 3, 48, 48)
    optimizer = torch.optim.Adam(stn.parameters(), lr=1e-3)
    moving = []
    for _ in range(2):
        optimizer.zero_grad()
        stn(x).square().sum().backward()
        moving.append({name for name, p in stn.named_parameters() if p.grad.abs().sum() > 0})
        optimizer.step()
    assert moving[0] == {"affine.weight", "affine.bias"}
    assert moving[1] == {name for name, _ in stn.named_parameters()}


@pytest.mark.parametrize(("drawn", "kept"), [(3.0, 1.5), (0.1, 0.5), (1.2, 1.2)])
def test_scale_limit_bounds_the_scale_and_keeps_rotation_and_place(drawn, kept):
    stn = SpatialTransformer(48, scale_limit=0.5)
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    wanted = torch.cat([drawn * turn, torch.tensor([[0.2], [0.3]])], 1)
    with torch.no_grad():
        stn.affine.bias.copy_(wanted.flatten())
    theta = stn.theta(torch.randn(2, 3, 48, 48))
    torch.testing.assert_close(theta[0, :, :2], kept * turn)
    torch.testing.assert_close(theta[0, :, 2], wanted[:, 2])
