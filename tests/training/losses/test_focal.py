"""Focal loss, its limiting cases and its class weights."""

import pytest
import torch
from torch.nn import functional

from training.losses.focal import class_weights, focal_loss, modulation


@pytest.fixture
def logits():
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    return torch.tensor([0, 3, 7, 7, 2, 1])


def test_gamma_0_is_cross_entropy(logits, labels):
    said = focal_loss(logits, labels, gamma=0)
    torch.testing.assert_close(said, functional.cross_entropy(logits, labels), atol=1e-6, rtol=0)


def test_gamma_2_is_the_formula(logits, labels):
    p = logits.softmax(1)[range(6), labels]
    wanted = ((1 - p) ** 2 * -p.log()).mean()
    torch.testing.assert_close(focal_loss(logits, labels), wanted)


def test_perfect_prediction_costs_nothing():
    labels = torch.tensor([0, 3])
    assert focal_loss(100.0 * functional.one_hot(labels, 8), labels) == 0


@pytest.mark.parametrize("gamma", [0.5, 1, 2, 5])
def test_it_never_exceeds_cross_entropy(logits, labels, gamma):
    one_by_one = [(logits[i : i + 1], labels[i : i + 1]) for i in range(6)]
    for row, label in one_by_one:
        assert 0 <= focal_loss(row, label, gamma=gamma) < functional.cross_entropy(row, label)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_gradient_is_finite_where_a_face_is_certain(gamma):
    logits = torch.tensor([[50.0, -50, 0], [-50, 50, 0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([0, 0]), gamma=gamma)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_modulation_is_exact_near_certainty():
    log_p = torch.tensor([-1e-9])  # 1 - exp(-1e-9) is 0 in float32
    torch.testing.assert_close(modulation(log_p, 1), torch.tensor([1e-9]), rtol=1e-5, atol=0)


def test_weights_count_the_class_of_the_label(logits, labels):
    weights = torch.arange(8.0)
    each = torch.stack([focal_loss(logits[i : i + 1], labels[i : i + 1]) for i in range(6)])
    wanted = (weights[labels] * each).mean()
    torch.testing.assert_close(focal_loss(logits, labels, weights=weights), wanted)


def test_class_weights_are_inverse_counts_with_mean_1():
    weights = class_weights(torch.tensor([10, 20, 40]))
    torch.testing.assert_close(weights, torch.tensor([4.0, 2, 1]) * 3 / 7)


def test_class_without_faces_has_no_weight():
    weights = class_weights(torch.tensor([10, 0, 30]))
    torch.testing.assert_close(weights, torch.tensor([1.5, 0, 0.5]))


def test_empty_batch_has_no_loss(logits, labels):
    assert focal_loss(logits[:0], labels[:0]) == 0
