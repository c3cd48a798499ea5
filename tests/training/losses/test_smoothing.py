"""Label smoothing and its limiting cases."""

import pytest
import torch
from torch.nn import functional

from training.losses.smoothing import smoothed_cross_entropy, smoothed_target


@pytest.fixture
def logits():
    return torch.randn(6, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    return torch.tensor([0, 3, 7, 7, 2, 1])


def test_target_shares_the_smoothing_out_evenly(labels):
    target = smoothed_target(labels, 8, 0.4)
    assert target.dtype == torch.float32
    torch.testing.assert_close(target.sum(1), torch.ones(6))
    torch.testing.assert_close(target[1], torch.full((8,), 0.05).index_fill_(0, labels[1], 0.65))


def test_no_smoothing_is_cross_entropy(logits, labels):
    said = smoothed_cross_entropy(logits, labels, 0)
    torch.testing.assert_close(said, functional.cross_entropy(logits, labels))


@pytest.mark.parametrize("smoothing", [0.11, 0.2, 1.0])
def test_it_mixes_the_labels_and_the_mean_terms(logits, labels, smoothing):
    log_p = logits.log_softmax(1)
    own, mean = log_p[range(6), labels], log_p.mean(1)
    wanted = -((1 - smoothing) * own + smoothing * mean).mean()
    torch.testing.assert_close(smoothed_cross_entropy(logits, labels, smoothing), wanted)


def test_posters_loss_is_three_times_a_smoothed_one(logits, labels):
    plain = functional.cross_entropy(logits, labels)
    poster = 2 * smoothed_cross_entropy(logits, labels, 0.2) + plain
    torch.testing.assert_close(poster, 3 * smoothed_cross_entropy(logits, labels, 0.4 / 3))


def test_empty_batch_has_no_loss(logits, labels):
    assert smoothed_cross_entropy(logits[:0], labels[:0], 0.1) == 0
