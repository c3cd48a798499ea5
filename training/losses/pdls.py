"""Prior distribution label smoothing, plain and focal: PDLS and F-PDLS.

The target mixes the hard label with its class's prior row: how people who look at such faces
spread their votes (`training.data.prior`). Source: Hwang et al., "Neural Resizer", whose two
formulas, b. F-PDLS, have no numbers; PDLS is of Vo et al. (2020); specification, section 5.
"""

from torch import Tensor

from training.losses.focal import modulation
from training.losses.smoothing import distribution


def mixed_target(target: Tensor, prior: Tensor, alpha: float) -> Tensor:
    """Give ``q_c = alpha t_c + (1 - alpha) sum_k t_k d_kc``, (B, C), t one-hot for labels.

    Args:
        target: Labels or shares t, see `training.losses.smoothing.distribution`.
        prior: (C, C) d, rows summing to 1.
        alpha: Share of the hard label, 0 to 1.
    """
    shares = distribution(target, len(prior)).to(prior.dtype)
    return alpha * shares + (1 - alpha) * (shares @ prior)


def pdls(logits: Tensor, target: Tensor, prior: Tensor, *, alpha: float = 0.8) -> Tensor:
    """``L_PDLS = -sum_c q_c ln p_c``, averaged over the batch; 0 for an empty one.

    Source: the paper's first formula (it has no numbers).

    Args:
        logits: (B, C).
        target: See `mixed_target`.
        prior: See `mixed_target`.
        alpha: See `mixed_target`; 1 is cross-entropy.
    """
    log_p = logits.float().log_softmax(1)
    return -(mixed_target(target, prior, alpha) * log_p).sum() / max(len(target), 1)


def f_pdls(
    logits: Tensor,
    target: Tensor,
    prior: Tensor,
    *,
    alpha: float = 0.8,
    gamma: float = 2.0,
    comp: bool = False,
) -> Tensor:
    """``L_F-PDLS = -sum_c (1 - p_c)^gamma q_c ln p_c``, averaged over the batch.

    The factor belongs to every class's term, not the label's alone, and to the graph. Source: the
    paper's second formula (it has no numbers), as section 5 of the specification mends it: printed
    are an exponent y for gamma and a second minus sign.

    Args:
        logits: (B, C).
        target: See `mixed_target`.
        prior: See `mixed_target`.
        alpha: See `mixed_target`; 1 is the focal loss.
        gamma: Focusing, at least 0; 0 is PDLS.
        comp: Put ``(1 - p_c) C / (C - 1)`` for ``1 - p_c``, which is 1 where all classes are
            alike; a variant of the paper's code.
    """
    log_p = logits.float().log_softmax(1)
    classes = logits.shape[1]
    factor = modulation(log_p, gamma) * ((classes / (classes - 1)) ** gamma if comp else 1)
    return -(factor * mixed_target(target, prior, alpha) * log_p).sum() / max(len(target), 1)
