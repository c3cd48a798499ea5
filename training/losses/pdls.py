"""Prior distribution label smoothing, plain and focal: PDLS and F-PDLS.

The target mixes the hard label with its class's prior row: how people who look at such faces
spread their votes (`training.data.prior`). Source: Hwang et al., "Neural Resizer", whose two
formulas, b. F-PDLS, have no numbers; PDLS is of Vo et al. (2020); specification, section 5.
"""

from torch import Tensor
from torch.nn import functional

from training.losses.focal import modulation


def mixed_target(labels: Tensor, prior: Tensor, alpha: float) -> Tensor:
    """Give ``q_c = alpha t_c + (1 - alpha) d_kc``, (B, C), t one-hot and k the label.

    Args:
        labels: (B,) int64 k, 0 to C - 1.
        prior: (C, C) d, rows summing to 1.
        alpha: Share of the hard label, 0 to 1.
    """
    hard = functional.one_hot(labels, len(prior)).to(prior.dtype)
    return alpha * hard + (1 - alpha) * prior[labels]


def pdls(logits: Tensor, labels: Tensor, prior: Tensor, *, alpha: float = 0.8) -> Tensor:
    """``L_PDLS = -sum_c q_c ln p_c``, averaged over the batch; 0 for an empty one.

    Source: the paper's first formula (it has no numbers).

    Args:
        logits: (B, C).
        labels: See `mixed_target`.
        prior: See `mixed_target`.
        alpha: See `mixed_target`; 1 is cross-entropy.
    """
    log_p = logits.float().log_softmax(1)
    return -(mixed_target(labels, prior, alpha) * log_p).sum() / max(len(labels), 1)


def f_pdls(
    logits: Tensor,
    labels: Tensor,
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
        labels: See `mixed_target`.
        prior: See `mixed_target`.
        alpha: See `mixed_target`; 1 is the focal loss.
        gamma: Focusing, at least 0; 0 is PDLS.
        comp: Put ``(1 - p_c) C / (C - 1)`` for ``1 - p_c``, which is 1 where all classes are
            alike; a variant of the paper's code.
    """
    log_p = logits.float().log_softmax(1)
    classes = logits.shape[1]
    factor = modulation(log_p, gamma) * ((classes / (classes - 1)) ** gamma if comp else 1)
    return -(factor * mixed_target(labels, prior, alpha) * log_p).sum() / max(len(labels), 1)
