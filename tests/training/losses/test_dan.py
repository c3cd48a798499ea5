"""Affinity and partition loss in cases worked out by hand."""

import math

import pytest
import torch

from training.losses.dan import AffinityLoss, partition_loss


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def with_spread(spread, shape=(3, 4, 5)):
    """Attention whose variance over heads is `spread` in each place."""
    x = torch.randn(shape).double()
    x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)
    return x * math.sqrt(spread)


def affinity(features, centres, labels):
    loss = AffinityLoss(*centres.shape)
    with torch.no_grad():
        loss.centres.copy_(centres)
    return loss(features[:, :, None, None].expand(-1, -1, 7, 7), labels)


def test_partition_of_unit_spread_is_ln_5():
    assert partition_loss(with_spread(1)).item() == pytest.approx(math.log(5), abs=1e-6)


def test_partition_falls_as_heads_part():
    losses = [partition_loss(with_spread(spread)).item() for spread in (0.01, 0.1, 1, 10, 100)]
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 5


def test_partition_of_heads_that_agree_is_large_but_finite():
    attention = torch.full((3, 4, 5), -math.log(4), requires_grad=True)
    loss = partition_loss(attention)
    loss.backward()
    assert loss.item() == pytest.approx(37.43, abs=0.005)
    assert attention.grad.isfinite().all()
    mixed = partition_loss(attention, eps=1e-6).item()
    assert mixed == pytest.approx(math.log1p(4 / 1e-6), abs=1e-4)


def test_partition_of_a_single_head_is_0():
    assert partition_loss(torch.randn(3, 1, 5)) == 0


def test_partition_averages_the_variance_before_the_logarithm():
    attention = torch.cat([with_spread(1), with_spread(9)])
    assert partition_loss(attention).item() == pytest.approx(math.log1p(4 / 5), abs=1e-6)


def test_centres_of_eight_classes_have_4096_parameters():
    centres = AffinityLoss(8, 512).centres
    assert centres.numel() == 4_096
    assert centres.std().item() == pytest.approx(1, rel=0.05)
    assert centres.requires_grad


def test_features_at_their_centres_cost_nothing():
    centres, labels = torch.randn(3, 6), torch.tensor([0, 2, 1, 2])
    assert affinity(centres[labels], centres, labels).item() <= 1e-10


def test_affinity_is_distance_over_the_spread_of_centres():
    centres = torch.tensor([[0.0, 0], [2, 0], [4, 6]])
    features = torch.tensor([[1.0, 0], [2, 3]])
    loss = affinity(features, centres, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx((1 + 9) / 2 / (4 + 12), abs=1e-6)


def test_affinity_ignores_a_common_shift_and_scale():
    features, centres, labels = torch.randn(4, 6), torch.randn(3, 6), torch.tensor([0, 2, 1, 2])
    wanted = affinity(features, centres, labels).item()
    shift = torch.randn(6)
    assert affinity(features + shift, centres + shift, labels).item() == pytest.approx(wanted)
    assert affinity(features * 7, centres * 7, labels).item() == pytest.approx(wanted)


def test_affinity_pushes_centres_apart():
    centres = torch.tensor([[-1.0], [1.0]])
    loss = AffinityLoss(2, 1)
    with torch.no_grad():
        loss.centres.copy_(centres)
    features = torch.tensor([[-1.0], [-1.0], [1.0], [1.0]]) * torch.tensor([[0.5], [1.5]] * 2)
    loss(features[:, :, None, None], torch.tensor([0, 0, 1, 1])).backward()
    assert loss.centres.grad[0] > 0 > loss.centres.grad[1]
