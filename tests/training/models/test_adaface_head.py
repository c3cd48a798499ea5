"""The cosine head and when its moving averages move."""

import pytest
import torch
from torch.nn import functional

from training.losses.adaface import clipped_norm, norm_statistics, quality_indicator
from training.models.adaface_head import AdaFaceHead
from training.models.trunk import parameter_count


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def features():
    return 5 * torch.randn(16, 20, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def labels():
    return torch.arange(16) % 7


def trained_on(head, features, labels):
    return head.training_logits(features, labels, head.indicator(clipped_norm(features)))


def statistics(head):
    return head.mean.item(), head.deviation.item()


@pytest.mark.parametrize(("classes", "parameters"), [(7, 3_584), (8, 4_096)])
def test_kernel_has_the_papers_size_and_unit_columns(classes, parameters):
    head = AdaFaceHead(512, classes)
    assert parameter_count(head) == parameters
    torch.testing.assert_close(head.kernel.norm(dim=0), torch.ones(classes))


def test_judging_is_the_scaled_cosine_without_margin(features):
    head = AdaFaceHead(20, 7, s=30)
    with torch.no_grad():
        head.kernel.mul_(3)
    columns = head.kernel.T.unsqueeze(0)
    wanted = 30 * functional.cosine_similarity(features.unsqueeze(1), columns, dim=2)
    torch.testing.assert_close(head(features), wanted, atol=1e-4, rtol=1e-5)


def test_averages_start_at_20_and_100_and_move_by_a_hundredth(features):
    head = AdaFaceHead(20, 7).train()
    assert statistics(head) == (20, 100)
    norms = clipped_norm(features)
    head.arm()
    head.indicator(norms)
    assert head.mean.item() == pytest.approx(19.8 + 0.01 * norms.mean().item(), rel=1e-6)
    assert head.deviation.item() == pytest.approx(99 + 0.01 * norms.std().item(), rel=1e-6)


def test_alpha_of_one_equals_batch_statistics(features, labels):
    moving, batch = AdaFaceHead(20, 7, ema_alpha=1), AdaFaceHead(20, 7, stats="batch")
    batch.load_state_dict(moving.state_dict())
    moving.arm()
    said, wanted = (trained_on(head, features, labels) for head in (moving, batch))
    torch.testing.assert_close(said, wanted)
    assert not torch.allclose(wanted, trained_on(AdaFaceHead(20, 7), features, labels))


def test_averages_are_used_after_their_move(features):
    head = AdaFaceHead(20, 7, ema_alpha=0.5).train()
    norms = clipped_norm(features)
    head.arm()
    said = head.indicator(norms)
    mean, deviation = (20 + norms.mean()) / 2, (100 + norms.std()) / 2
    torch.testing.assert_close(said, 0.33 * (norms - mean) / (deviation + 1e-3))


def test_averages_move_once_per_arming(features):
    head = AdaFaceHead(20, 7).train()
    norms = clipped_norm(features)
    head.indicator(norms)
    assert statistics(head) == (20, 100)
    head.arm()
    head.indicator(norms)
    once = statistics(head)
    assert once != (20, 100)
    head.indicator(2 * norms)
    assert statistics(head) == once


def test_averages_are_kept_with_batch_statistics_too(features):
    head = AdaFaceHead(20, 7, stats="batch").train()
    head.arm()
    head.indicator(clipped_norm(features))
    assert statistics(head) != (20, 100)


@pytest.mark.parametrize("stats", ["ema", "batch"])
def test_eval_leaves_the_averages_and_uses_them(features, stats):
    head = AdaFaceHead(20, 7, stats=stats).eval()
    norms = clipped_norm(features)
    head.arm()
    said = head.indicator(norms)
    assert statistics(head) == (20, 100)
    assert torch.equal(said, head.quality(norms))


@pytest.mark.parametrize("stats", ["ema", "batch"])
def test_one_sample_is_measured_by_the_averages_and_moves_nothing(features, stats):
    head = AdaFaceHead(20, 7, stats=stats).train()
    norms = clipped_norm(features[:1])
    head.arm()
    assert torch.equal(head.indicator(norms), head.quality(norms))
    assert statistics(head) == (20, 100)
    head.indicator(clipped_norm(features))
    assert statistics(head) != (20, 100)


@pytest.mark.parametrize(("scale", "within"), [(0.01, 2), (0.3, 0.03), (3, 0.02)])
def test_scaling_a_batch_changes_nothing_with_batch_statistics(features, labels, scale, within):
    head = AdaFaceHead(20, 7, stats="batch").train()
    norms, scaled = clipped_norm(features), clipped_norm(scale * features)
    assert (scaled > 0.001).all()
    assert (scaled < 100).all()
    said = trained_on(head, scale * features, labels)
    unscaled = trained_on(head, features, labels)
    torch.testing.assert_close(said, unscaled, atol=within, rtol=0)
    # What is left of the scale is the 1e-3 in the denominator, and nothing else.
    mean, deviation = norm_statistics(norms)
    nhat = quality_indicator(norms, mean, deviation + 1e-3 / scale - 1e-3, head.h)
    wanted = head.training_logits(features, labels, nhat)
    torch.testing.assert_close(said, wanted, atol=1e-3, rtol=0)
    assert not torch.allclose(head.quality(scaled), head.indicator(scaled))


@pytest.mark.parametrize("m", [0.4, 0.75])
def test_no_concentration_makes_the_head_cosface(features, labels, m):
    head = AdaFaceHead(20, 7, h=0, m=m, s=64)
    said = trained_on(head, features, labels)
    wanted = head(features) - 64 * m * functional.one_hot(labels, 7)
    torch.testing.assert_close(said, wanted, atol=1e-4, rtol=0)


def test_no_margin_makes_the_head_the_scaled_cosine(features, labels):
    head = AdaFaceHead(20, 7, m=0, stats="batch").train()
    torch.testing.assert_close(
        trained_on(head, features, labels), head(features), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("changed", [{"m": 0.75}, {"h": 3.0}, {"scale": 4}])
def test_other_classes_know_neither_margin_nor_concentration_nor_norm(features, labels, changed):
    options = dict(changed)
    scale = options.pop("scale", 1)  # a power of two: no direction is rounded
    plain, other = AdaFaceHead(20, 7).train(), AdaFaceHead(20, 7, **options).train()
    other.load_state_dict(plain.state_dict())
    said, wanted = trained_on(other, scale * features, labels), trained_on(plain, features, labels)
    others = functional.one_hot(labels, 7) == 0
    assert torch.equal(said[others], wanted[others])
    assert not torch.allclose(said[~others], wanted[~others], atol=0.1)


@pytest.mark.parametrize("stats", ["ema", "batch"])
def test_gradient_does_not_flow_through_quality(features, labels, stats):
    head = AdaFaceHead(20, 7, stats=stats).train()
    live = features.clone().requires_grad_()
    nhat = head.indicator(clipped_norm(live))
    assert not nhat.requires_grad
    head.training_logits(live, labels, nhat).sum().backward()
    # Directions only: the length of a feature has no gradient at all.
    along = (live.grad * features).sum(1) / features.norm(dim=1)
    torch.testing.assert_close(along, torch.zeros(16), atol=1e-4, rtol=0)


def test_head_computes_in_float32_under_autocast(features, labels):
    head = AdaFaceHead(20, 7).train()
    wanted = trained_on(head, features, labels)
    with torch.autocast("cpu", torch.bfloat16):
        said = trained_on(head, features, labels)
        judged = head(features)
    assert said.dtype == judged.dtype == torch.float32
    assert torch.equal(said, wanted)
