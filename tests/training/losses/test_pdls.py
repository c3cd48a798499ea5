"""PDLS and F-PDLS: limiting cases, bounds and symmetries."""

import pytest
import torch
from torch.nn import functional

from training.data.prior import FER_PLUS_PRIOR
from training.losses.focal import focal_loss
from training.losses.pdls import f_pdls, mixed_target, pdls
from training.losses.smoothing import smoothed_cross_entropy

PRIOR = torch.tensor(FER_PLUS_PRIOR)
CLOSE = {"atol": 1e-6, "rtol": 0}


@pytest.fixture
def logits():
    return 3 * torch.randn(16, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    return torch.arange(16) % 8


def test_target_mixes_the_label_with_its_own_row(labels):
    target = mixed_target(labels, PRIOR, 0.8)
    wanted = 0.2 * PRIOR[3]
    wanted[3] += 0.8
    torch.testing.assert_close(target[3], wanted)
    torch.testing.assert_close(target.sum(1), torch.ones(16), atol=1e-4, rtol=0)


def test_alpha_1_is_cross_entropy(logits, labels):
    wanted = functional.cross_entropy(logits, labels)
    torch.testing.assert_close(pdls(logits, labels, PRIOR, alpha=1), wanted, **CLOSE)
    said = f_pdls(logits, labels, PRIOR, alpha=1, gamma=0)
    torch.testing.assert_close(said, wanted, **CLOSE)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.8])
def test_gamma_0_is_pdls(logits, labels, alpha):
    wanted = pdls(logits, labels, PRIOR, alpha=alpha)
    said = f_pdls(logits, labels, PRIOR, alpha=alpha, gamma=0)
    torch.testing.assert_close(said, wanted, **CLOSE)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_alpha_1_is_the_focal_loss(logits, labels, gamma):
    wanted = focal_loss(logits, labels, gamma=gamma, weights=torch.ones(8))
    said = f_pdls(logits, labels, PRIOR, alpha=1, gamma=gamma)
    torch.testing.assert_close(said, wanted, **CLOSE)


@pytest.mark.parametrize("alpha", [0.0, 0.8])
def test_uniform_prior_is_label_smoothing(logits, labels, alpha):
    uniform = torch.full((8, 8), 1 / 8)
    wanted = smoothed_cross_entropy(logits, labels, 1 - alpha)
    torchs = functional.cross_entropy(logits, labels, label_smoothing=1 - alpha)
    said = f_pdls(logits, labels, uniform, alpha=alpha, gamma=0)
    torch.testing.assert_close(said, wanted, **CLOSE)
    torch.testing.assert_close(said, torchs, **CLOSE)


def test_it_is_the_formula(logits, labels):
    p = logits.double().softmax(1)
    q = 0.8 * functional.one_hot(labels, 8) + 0.2 * PRIOR[labels].double()
    wanted = -((1 - p) ** 2 * q * p.log()).sum(1).mean()
    torch.testing.assert_close(f_pdls(logits, labels, PRIOR).double(), wanted, **CLOSE)


def test_factor_counts_prior_mass_on_other_classes():
    logits = torch.tensor([[0.0, 3.0, 0.0]])
    prior = torch.tensor([[0.0, 1, 0], [0, 1, 0], [0, 0, 1]])
    p = logits.softmax(1)[0, 1]
    said = f_pdls(logits, torch.tensor([0]), prior, alpha=0)
    torch.testing.assert_close(said, -((1 - p) ** 2) * p.log())


def test_factor_is_part_of_the_graph(logits, labels):
    logits = logits.requires_grad_()
    f_pdls(logits, labels, PRIOR).backward()
    log_p = logits.detach().requires_grad_()
    p = log_p.softmax(1)
    detached = (1 - p).detach() ** 2 * mixed_target(labels, PRIOR, 0.8) * p.log()
    (-detached.sum(1).mean()).backward()
    assert not torch.allclose(logits.grad, log_p.grad, atol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_extreme_logits_give_finite_values_and_gradients(gamma):
    signs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0)).sign()
    logits = (50 * signs).requires_grad_()
    loss = f_pdls(logits, torch.arange(64) % 8, PRIOR, gamma=gamma)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_it_lies_between_0_and_pdls(logits, labels, gamma):
    for i in range(16):
        row, label = logits[i : i + 1], labels[i : i + 1]
        assert 0 <= f_pdls(row, label, PRIOR, gamma=gamma) <= pdls(row, label, PRIOR)


def test_it_falls_as_the_labels_probability_rises():
    steps = torch.linspace(-8, 8, 50)
    label = torch.tensor([0])
    rows = [functional.pad(x.reshape(1, 1), (0, 7)) for x in steps]
    losses = torch.stack([f_pdls(row, label, PRIOR, alpha=1) for row in rows])
    assert (losses.diff() < 0).all()


def test_names_of_the_classes_do_not_matter(logits, labels):
    order = torch.tensor([2, 6, 5, 1, 3, 4, 0, 7])
    wanted = f_pdls(logits, labels, PRIOR)
    said = f_pdls(logits[:, order], order.argsort()[labels], PRIOR[order][:, order])
    torch.testing.assert_close(said, wanted, **CLOSE)
    assert not torch.allclose(f_pdls(logits[:, order], order.argsort()[labels], PRIOR), wanted)


def test_comp_scales_the_factor_to_1_where_all_classes_are_alike(labels):
    even = torch.zeros(16, 8)
    said = f_pdls(even, labels, PRIOR, comp=True)
    torch.testing.assert_close(said, pdls(even, labels, PRIOR))
    torch.testing.assert_close(said, (8 / 7) ** 2 * f_pdls(even, labels, PRIOR))


def test_empty_batch_has_no_loss(logits, labels):
    assert pdls(logits[:0], labels[:0], PRIOR) == 0
    assert f_pdls(logits[:0], labels[:0], PRIOR) == 0
