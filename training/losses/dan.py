"""The two losses that DAN adds: features gather by class, attention heads part from each other.

Source: Wen et al. (2021), in the form of their code; DAN specification, sections 5 and 8. The
ABAW paper (Jeong et al. 2022, section 2.2) names them and prints no equation.
"""

import torch
from torch import Tensor, nn


class AffinityLoss(nn.Module):
    """Draw each class's features to a learnable centre and the centres apart.

    ``L_af = (1/B) sum_i ||a_i - c_yi||^2 / sum_d Var_j(c_jd)``, a the pooled feature map. The
    spread of the centres is part of the graph.

    Attributes:
        centres: (C, D), one per class, drawn from N(0, 1), trained by the network's optimiser.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Measure (B, D, H, W) maps against the centres of labels (B,); 0 for an empty batch."""
        distances = (features.float().mean((2, 3)) - self.centres[labels]).square().sum()
        spread = self.centres.var(0).sum()
        return distances / max(len(labels), 1) / spread


def partition_loss(attention: Tensor, eps: float = 2.22e-16) -> Tensor:
    """Push attention heads apart.

    ``L_pt = ln(1 + H / (V + eps))``, V the mean over batch and channels of the unbiased variance
    over heads.

    Args:
        attention: (B, H, D), log-softmax over heads where there are several.
        eps: Bounds the loss of heads that agree; 1e-6 under mixed precision.

    Returns:
        A scalar; 0 for a single head.
    """
    heads = attention.shape[1]
    if heads == 1:
        return attention.new_zeros(())
    spread = attention.var(1).mean()
    return (heads / (spread + eps)).log1p()
