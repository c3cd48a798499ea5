"""AdaFace's margin and its limiting cases."""

import math

import pytest
import torch
from torch.nn import functional

from training.losses.adaface import (
    clipped_norm,
    margin_logits,
    norm_statistics,
    quality_indicator,
)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    cosines = functional.normalize(torch.randn(16, 20), dim=1) @ functional.normalize(
        torch.randn(20, 8), dim=0
    )
    return cosines, torch.randint(8, (16,))


def of(cosines, labels):
    return cosines[torch.arange(len(labels)), labels]


@pytest.mark.parametrize(("nhat", "logit"), [(-1, -0.0291995), (0, -0.0376422), (1, -0.1032933)])
def test_true_class_has_the_specifications_numbers(nhat, logit):
    cosines = torch.tensor([[math.cos(1.2), 0.3]], dtype=torch.float64)
    quality = torch.tensor([nhat], dtype=torch.float64)
    said = margin_logits(cosines, torch.tensor([0]), quality, m=0.4, s=1)
    assert said[0, 0].item() == pytest.approx(logit, abs=5e-8)
    assert said[0, 1].item() == 0.3


def test_lowest_quality_is_arcface(batch):
    cosines, labels = batch
    said = margin_logits(cosines, labels, torch.full((16,), -1.0), m=0.4, s=64)
    wanted = 64 * torch.cos(of(cosines, labels).acos() + 0.4)
    torch.testing.assert_close(of(said, labels), wanted, atol=1e-4, rtol=1e-5)


def test_mean_quality_is_cosface(batch):
    cosines, labels = batch
    said = margin_logits(cosines, labels, torch.zeros(16), m=0.4, s=64)
    wanted = 64 * (of(cosines, labels) - 0.4)
    torch.testing.assert_close(of(said, labels), wanted, atol=1e-4, rtol=1e-5)


def test_highest_quality_has_a_negative_angle_and_twice_the_margin(batch):
    cosines, labels = batch
    said = margin_logits(cosines, labels, torch.ones(16), m=0.4, s=64)
    wanted = 64 * (torch.cos(of(cosines, labels).acos() - 0.4) - 0.8)
    torch.testing.assert_close(of(said, labels), wanted, atol=1e-4, rtol=1e-5)


def test_no_margin_is_the_scaled_cosine(batch):
    cosines, labels = batch
    said = margin_logits(cosines, labels, torch.rand(16) * 2 - 1, m=0, s=64)
    torch.testing.assert_close(said, 64 * cosines, atol=1e-4, rtol=1e-5)


def test_other_classes_never_feel_margin_or_quality(batch):
    cosines, labels = batch
    others = functional.one_hot(labels, 8) == 0
    first = margin_logits(cosines, labels, torch.ones(16), m=0.4, s=64)
    second = margin_logits(cosines, labels, -torch.ones(16), m=0.75, s=64)
    assert torch.equal(first[others], second[others])
    assert torch.equal(first[others], 64 * cosines[others])


def test_margin_is_finite_and_has_a_gradient_at_the_ends_of_the_cosine():
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], requires_grad=True)
    said = margin_logits(cosines, torch.tensor([0, 0]), torch.tensor([1.0, -1.0]), m=0.4, s=64)
    said.sum().backward()
    assert said.isfinite().all()
    assert cosines.grad.isfinite().all()
    assert said[1, 0].item() == pytest.approx(64 * math.cos(math.pi - 1e-3), rel=1e-5)


def test_norms_are_clipped_and_have_no_gradient():
    feature = torch.tensor([[3.0, 4.0], [0, 0], [300, 400]], requires_grad=True)
    norms = clipped_norm(feature)
    assert norms.tolist() == pytest.approx([5, 0.001, 100])
    assert not norms.requires_grad
    assert clipped_norm(torch.ones(1, 4, dtype=torch.bfloat16)).dtype == torch.float32


def test_indicator_is_the_standardised_norm_times_h():
    norms = torch.tensor([1.0, 2, 3, 10])
    mean, deviation = norm_statistics(norms)
    assert mean.item() == 4
    assert deviation.item() == pytest.approx(norms.numpy().std(ddof=1), rel=1e-6)
    said = quality_indicator(norms, mean, deviation, 0.33)
    wanted = 0.33 * (norms - 4) / (deviation + 1e-3)
    torch.testing.assert_close(said, wanted)
    assert quality_indicator(norms, mean, deviation, 100).tolist() == [-1, -1, -1, 1]


def test_zero_concentration_is_mean_quality():
    norms = torch.rand(8) * 30
    assert (quality_indicator(norms, *norm_statistics(norms), 0) == 0).all()


def test_indicator_has_no_gradient():
    norms = torch.rand(8, requires_grad=True)
    assert not quality_indicator(norms, *norm_statistics(norms), 0.33).requires_grad
