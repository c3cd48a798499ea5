"""How unlike two answers are."""

from torch import Tensor


def divergence(one: Tensor, other: Tensor) -> Tensor:
    """Mean Jeffreys divergence of two (B, C) logits, halved: 0 where they mean the same.

    ``(KL(p || q) + KL(q || p)) / 2 = sum (p - q) (ln p - ln q) / 2``; gradients reach both.

    Source: Jeffreys (1946); used on two views of one face as in Zheng et al. (2016), "Improving the
    robustness of deep neural networks via stability training", there in one direction.
    """
    p, q = one.float().log_softmax(1), other.float().log_softmax(1)
    return ((p.exp() - q.exp()) * (p - q)).sum(1).mean() / 2
