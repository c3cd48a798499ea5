"""Stochastic depth: whole residual branches rest, each sample's by its own draw."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Zero a sample's branch with probability `rate`, and scale the kept ones to keep the mean.

    The identity in eval and at rate 0. Source: Huang et al. (2016), "Deep networks with
    stochastic depth".
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"rate: must be from 0 to below 1, got {rate}")
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Map a branch's (B, ...) output to the same shape."""
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        mask = x.new_empty(len(x), *(1 for _ in x.shape[1:])).bernoulli_(keep)
        return x * mask / keep

    def extra_repr(self) -> str:
        """Give the rate, for the printed network."""
        return f"rate={self.rate}"


def drop_rates(rate: float, depth: int) -> list[float]:
    """Rise linearly from 0 in the first of `depth` blocks to `rate` in the last."""
    return [rate * place / max(depth - 1, 1) for place in range(depth)]
