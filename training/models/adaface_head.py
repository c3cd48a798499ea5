"""The cosine classifier that AdaFace trains, with its running statistics of feature norms."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.losses.adaface import margin_logits, norm_statistics, quality_indicator

Statistics = Literal["ema", "batch"]


class AdaFaceHead(nn.Module):
    """Logits s cos t for judging, and with a quality-adaptive margin for training.

    The moving averages of the norm's mean and deviation are kept whatever `stats` says: quality
    at inference is measured by them. They move at most once per `arm()`, at the first batch
    that training mode then sees: the second pass of SAM, further accumulated batches and eval
    leave them as they are. So whoever trains calls `arm()` once per optimiser step, before its
    first forward pass; never called, they stay at 20 and 100.

    Source: Kim et al. (2022), "AdaFace"; POSTER specification, section 5.2.

    Args:
        dim: Length of a feature.
        classes: How many.
        m: Margin.
        h: Concentration of the quality indicator.
        s: Scale of the logits.
        stats: Standardise norms by the moving averages, or by the batch as the paper writes;
            one sample alone is always standardised by the averages.
        ema_alpha: Weight of a new batch in the averages.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        dim: int,
        classes: int,
        *,
        m: float = 0.4,
        h: float = 0.33,
        s: float = 64.0,
        stats: Statistics = "ema",
        ema_alpha: float = 0.01,
    ) -> None:
        super().__init__()
        self.m, self.h, self.s = m, h, s
        self.stats, self.ema_alpha = stats, ema_alpha
        kernel = torch.empty(dim, classes).uniform_(-1, 1)
        self.kernel = nn.Parameter(functional.normalize(kernel, dim=0))
        self.register_buffer("mean", torch.tensor(20.0))
        self.register_buffer("deviation", torch.tensor(100.0))
        self._armed = False

    def arm(self) -> None:
        """Let the next training batch move the averages, in place, once."""
        self._armed = True

    def forward(self, feature: Tensor) -> Tensor:
        """Map (B, dim) to logits s cos t (B, classes), no margin."""
        return self.s * self._cosines(feature)

    def training_logits(self, feature: Tensor, labels: Tensor, nhat: Tensor) -> Tensor:
        """Map (B, dim), true classes (B,) and their `indicator` (B,) to logits with margin."""
        return margin_logits(self._cosines(feature), labels, nhat, m=self.m, s=self.s)

    def indicator(self, norms: Tensor) -> Tensor:
        """Give nhat (B,), -1 to 1, of a batch's norms (B,); moves the averages when armed."""
        if self.training and len(norms) > 1:
            batch = norm_statistics(norms.detach())
            self._follow(batch)
            if self.stats == "batch":
                return quality_indicator(norms, *batch, self.h)
        return self.quality(norms)

    def quality(self, norms: Tensor) -> Tensor:
        """Give nhat (B,), -1 to 1, by the moving averages: a score of the picture's quality."""
        return quality_indicator(norms, self.mean, self.deviation, self.h)

    def _follow(self, batch: tuple[Tensor, Tensor]) -> None:
        if not self._armed:
            return
        self._armed = False
        self.mean.lerp_(batch[0], self.ema_alpha)
        self.deviation.lerp_(batch[1], self.ema_alpha)

    def _cosines(self, feature: Tensor) -> Tensor:
        """Float32 whatever the precision around: 64 cos t in half precision is too coarse."""
        with torch.autocast(feature.device.type, enabled=False):
            directions = functional.normalize(self.kernel.float(), dim=0)
            return functional.normalize(feature.float(), dim=1) @ directions
