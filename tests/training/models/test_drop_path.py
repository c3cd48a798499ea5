"""Stochastic depth by sample."""

import pytest
import torch

from training.models.drop_path import DropPath, drop_rates


def test_samples_are_dropped_whole_and_the_mean_stays():
    torch.manual_seed(0)
    dropped = DropPath(0.2).train()(torch.ones(4000, 3, 2))
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert torch.equal(dropped.amin((1, 2)), dropped.amax((1, 2)))
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)


def test_eval_and_rate_zero_are_the_identity():
    x = torch.randn(8, 3)
    assert DropPath(0.5).eval()(x) is x
    assert DropPath(0).train()(x) is x


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_that_keep_nothing_are_a_mistake(rate):
    with pytest.raises(ValueError, match="rate"):
        DropPath(rate)


def test_rates_rise_linearly_over_depth():
    assert drop_rates(0.1, 5) == pytest.approx([0, 0.025, 0.05, 0.075, 0.1])
    assert drop_rates(0.1, 1) == [0]
