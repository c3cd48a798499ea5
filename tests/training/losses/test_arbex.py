"""ARBEx's losses and their limiting cases (ARBEx specification, sections 6 and 10)."""

import math

import pytest
import torch
from torch.nn import functional

from training.losses.arbex import (
    anchor_loss,
    center_loss,
    class_distribution_loss,
    inverse_frequency,
)

C, K, D = 4, 3, 16


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def anchors():
    return torch.randn(C, K, D)


@pytest.fixture
def labels():
    return torch.tensor([0, 3, 2, 2, 1])


def test_unsmoothed_loss_is_the_plain_nll(labels):
    q = torch.randn(5, C).softmax(1)
    said = class_distribution_loss(q, labels, smoothing=0)
    torch.testing.assert_close(said, functional.nll_loss(q.log(), labels))


def test_smoothed_loss_is_torchs_label_smoothing(labels):
    logits = torch.randn(5, C)
    said = class_distribution_loss(logits.softmax(1), labels, smoothing=0.11)
    torch.testing.assert_close(said, functional.cross_entropy(logits, labels, label_smoothing=0.11))


def test_a_class_ruled_out_costs_a_finite_loss():
    q = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = class_distribution_loss(q, torch.tensor([1]), smoothing=0)
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(1e-8))
    assert torch.isfinite(q.grad).all()


def test_weights_multiply_each_faces_loss_by_its_class(labels):
    q, weights = torch.randn(5, C).softmax(1), torch.tensor([1.0, 2.0, 0.5, 3.0])
    losses = [class_distribution_loss(q[i : i + 1], labels[i : i + 1]) for i in range(5)]
    wanted = (torch.stack(losses) * weights[labels]).mean()
    torch.testing.assert_close(class_distribution_loss(q, labels, weights=weights), wanted)


def test_inverse_frequency_gives_every_class_the_same_say():
    counts = torch.tensor([10, 30, 0, 40])
    weights = inverse_frequency(counts)
    torch.testing.assert_close(weights * counts, torch.tensor([20.0, 20.0, 0.0, 20.0]))


@pytest.mark.parametrize("pairs", ["cross_class", "same_index"])
def test_equal_anchors_cost_nothing(pairs):
    anchors = torch.randn(D).expand(C, K, D)
    assert anchor_loss(anchors, pairs).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("dim", [1, 16, 128])
def test_two_anchors_a_unit_apart_in_every_direction_cost_minus_root_d(dim):
    anchors = torch.stack([torch.zeros(1, dim), torch.ones(1, dim)])
    assert anchor_loss(anchors).item() == pytest.approx(-math.sqrt(dim))


def test_anchor_loss_is_the_mean_over_pairs_of_different_classes(anchors):
    total = sum(
        (anchors[c, k] - anchors[d, j]).square().sum()
        for c in range(C)
        for d in range(C)
        if c != d
        for k in range(K)
        for j in range(K)
    )
    wanted = -total / (C * (C - 1) * K**2 * math.sqrt(D))
    torch.testing.assert_close(anchor_loss(anchors), wanted)


def test_anchor_loss_over_equal_indices_is_the_public_codes_sum(anchors):
    total = sum(
        (anchors[c, k] - anchors[d, k]).square().sum()
        for c in range(C)
        for d in range(C)
        for k in range(K)
    )
    torch.testing.assert_close(anchor_loss(anchors, "same_index"), -total / (K**2 * math.sqrt(D)))


def test_anchors_of_one_class_do_not_repel_each_other(anchors):
    anchors.requires_grad_()
    anchor_loss(anchors).backward()
    others = [anchors.detach()[[d for d in range(C) if d != c]].mean((0, 1)) for c in range(C)]
    away = anchors.detach() - torch.stack(others)[:, None]
    torch.testing.assert_close(
        functional.cosine_similarity(-anchors.grad, away, dim=2), torch.ones(C, K)
    )


def test_embeddings_on_their_anchors_cost_nothing_and_have_finite_gradients(anchors, labels):
    anchors.requires_grad_()
    embeddings = anchors.detach()[labels, torch.tensor([0, 1, 2, 0, 1])].clone().requires_grad_()
    loss = center_loss(anchors, embeddings, labels)
    loss.backward()
    assert 0 <= loss.item() <= 1e-6
    assert torch.isfinite(embeddings.grad).all()
    assert torch.isfinite(anchors.grad).all()


def test_center_loss_is_the_distance_to_the_nearest_anchor_of_the_class(anchors, labels):
    embeddings = torch.randn(5, D)
    nearest = torch.stack(
        [(anchors[y] - e).norm(dim=1).min() for y, e in zip(labels, embeddings, strict=True)]
    )
    said = center_loss(anchors, embeddings, labels)
    torch.testing.assert_close(said, nearest.mean() / math.sqrt(D))


def test_confidence_weighs_the_center_loss_and_is_not_trained(anchors, labels):
    embeddings = torch.randn(5, D, requires_grad=True)
    sure = torch.rand(5, requires_grad=True)
    said = center_loss(anchors, embeddings, labels, sure)
    said.backward()
    each = [center_loss(anchors, embeddings[i : i + 1], labels[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(said, (torch.stack(each) * sure).mean())
    assert sure.grad is None


def test_a_batch_without_faces_costs_nothing(anchors):
    nobody = torch.zeros(0, dtype=torch.int64)
    assert class_distribution_loss(torch.zeros(0, C), nobody).item() == 0
    assert center_loss(anchors, torch.zeros(0, D), nobody).item() == 0
