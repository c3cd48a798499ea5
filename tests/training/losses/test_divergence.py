"""How unlike two answers are."""

import pytest
import torch
from scipy.special import kl_div, softmax

from training.losses.divergence import divergence


def logits(seed):
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_mean_of_both_kullback_leibler_divergences():
    p, q = (softmax(logits(seed).numpy().astype("f8"), axis=1) for seed in (0, 1))
    wanted = (kl_div(p, q).sum(1) + kl_div(q, p).sum(1)).mean() / 2
    assert divergence(logits(0), logits(1)).item() == pytest.approx(wanted, rel=1e-5)
    assert divergence(logits(1), logits(0)).item() == pytest.approx(wanted, rel=1e-5)


def test_answers_that_mean_the_same_are_alike():
    assert divergence(logits(0), logits(0) + 3).item() == pytest.approx(0, abs=1e-6)


def test_both_answers_are_drawn_together():
    pair = [logits(seed).requires_grad_() for seed in (0, 1)]
    divergence(*pair).backward()
    assert all(each.grad.abs().sum() > 0 for each in pair)
