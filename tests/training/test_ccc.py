"""Concordance correlation against values worked out by hand."""

import pytest
import torch

from training.losses.ccc import ccc, ccc_loss

X = torch.tensor([0.0, 1, 2, 3])


def test_series_agrees_with_itself():
    assert ccc(X, X).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shift", [-2.0, 0.5, 3.0])
def test_shifted_series_loses_by_its_shift(shift):
    variance = X.var(correction=0).item()
    wanted = 2 * variance / (2 * variance + shift**2)
    assert ccc(X, X + shift).item() == pytest.approx(wanted, abs=1e-6)


def test_known_pair_of_series():
    assert ccc(X, torch.tensor([0.0, 1, 2, 4])).item() == pytest.approx(0.928571, abs=1e-6)


def test_opposed_series_disagrees():
    assert ccc(X, X.flip(0)).item() == pytest.approx(-1, abs=1e-6)


@pytest.mark.parametrize("other", [1.0, 5.0])
def test_constant_series_explains_nothing(other):
    assert ccc(X, torch.full((4,), other)).item() == 0
    assert ccc(torch.full((4,), 2.0), torch.full((4,), other)).item() == 0


def test_it_is_symmetric():
    x, y = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    assert ccc(x, y).item() == pytest.approx(ccc(y, x).item(), abs=1e-7)


def test_loss_is_one_minus_the_mean_of_both_axes():
    target = torch.stack([X, X], 1)
    predicted = torch.stack([X, torch.tensor([0.0, 1, 2, 4])], 1)
    assert ccc_loss(target, target).item() == pytest.approx(0, abs=1e-6)
    wanted = 1 - (1 + 0.928571) / 2
    assert ccc_loss(predicted, target).item() == pytest.approx(wanted, abs=1e-6)


def test_constant_batch_has_a_finite_gradient():
    predicted = torch.zeros(4, 2, requires_grad=True)
    ccc_loss(predicted, torch.zeros(4, 2)).backward()
    assert predicted.grad.isfinite().all()
