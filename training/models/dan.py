"""DAN: a trunk's map weighed by several heads of spatial, then channel attention.

Source: Wen et al. (2021), "Distract your attention: multi-head cross attention network for
facial expression recognition", in the form of their code; Jeong et al. (2022), section 2.2, which
prints no equation; DAN specification, sections 2 and 3.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn


class SpatialAttention(nn.Module):
    """Where to look: one non-negative map, neither squashed nor normalised (section 3.1).

    ``u = BN(Conv1x1(F))``; the map is the sum over channels of ReLU of the sum of a 3x3, a 1x3
    and a 3x1 branch.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = _conv_bn(width, hidden, (1, 1))
        self.branches = nn.ModuleList(
            _conv_bn(hidden, width, kernel) for kernel in ((3, 3), (1, 3), (3, 1))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to weights (B, 1, H, W), at least 0, always float32."""
        u = self.squeeze(features)
        branches = [branch(u) for branch in self.branches]
        # In half precision a sum over 512 channels leaves the range of numbers.
        y: Tensor = (branches[0] + branches[1] + branches[2]).relu().float()
        return y.sum(1, keepdim=True)


class ChannelAttention(nn.Module):
    """What to keep: a gate per channel, 0 to 1 (section 3.2)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(width, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, width),
            nn.Sigmoid(),
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """Map (B, width) to gates (B, width)."""
        gates: Tensor = self.gate(pooled)
        return gates


class AttentionHead(nn.Module):
    """Spatial, then channel attention: ``S = F * SA(F)``, ``o = v * CA(v)``, v = GAP(S)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = SpatialAttention(width, min(256, width // 2))
        self.channel = ChannelAttention(width, min(32, width // 16))
        self.apply(_initialise)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, width), float32."""
        pooled: Tensor = (features.float() * self.spatial(features)).mean((2, 3))
        with _full_precision(pooled.device):
            gates: Tensor = self.channel(pooled)
        return pooled * gates


def fuse(heads: Tensor) -> Tensor:
    """Let heads compete: log-softmax over the head axis of (B, H, D); one head stays as it is.

    Source: section 3.3, ``A[b,h,c] = log(exp(o_h,c) / sum_h' exp(o_h',c))``.
    """
    return heads if heads.shape[1] == 1 else heads.log_softmax(1)


class DanOutput(NamedTuple):
    """What DAN says of a batch, and what its losses look at.

    Attributes:
        logits: (B, classes); (B, 0) without expressions.
        affect: (B, 2) valence and arousal, within -1 and 1; (B, 0) without them.
        embedding: (B, width), the sum of the fused heads, which the output layers read.
        features: (B, width, H, W), the map the heads see (affinity loss).
        attention: (B, heads, width), see `fuse` (partition loss).
    """

    logits: Tensor
    affect: Tensor
    embedding: Tensor
    features: Tensor
    attention: Tensor


class Dan(nn.Module):
    """Multi-head cross attention on a trunk's last map, for expressions, affect or both.

    Args:
        trunk: Maps (B, 3, S, S) to (B, width_in, H, W).
        width_in: Channels of the trunk's map.
        classes: Number of expressions; 0 for none.
        affect: Whether there is an output for valence and arousal.
        heads: Number of parallel heads H.
        width: Channels the heads see; a trunk of another width is reduced to it by a 1x1
            convolution (section 8: 33 M instead of 58 M parameters on ResNet-50).
    """

    def __init__(
        self,
        trunk: nn.Module,
        width_in: int,
        *,
        classes: int = 0,
        affect: bool = False,
        heads: int = 4,
        width: int = 512,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.reduce: nn.Module = nn.Identity() if width_in == width else _reduce(width_in, width)
        self.heads = nn.ModuleList(AttentionHead(width) for _ in range(heads))
        self.expression = _output(width, classes) if classes else None
        self.affect = _output(width, 2) if affect else None

    def forward(self, x: Tensor) -> DanOutput:
        """Judge normalised crops (B, 3, S, S)."""
        features = self.reduce(self.trunk(x))
        attention = fuse(torch.stack([head(features) for head in self.heads], 1))
        embedding = attention.sum(1)
        nothing = embedding[:, :0]
        logits = nothing if self.expression is None else self.expression(embedding)
        affect = nothing if self.affect is None else self.affect(embedding).tanh()
        return DanOutput(logits, affect, embedding, features, attention)


def _full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Switch autocast off: half precision ends at 65,504, which pooled maps exceed."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def _conv_bn(cin: int, cout: int, kernel: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, padding=padding), nn.BatchNorm2d(cout))


def _reduce(cin: int, cout: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)
    )


def _output(width: int, outputs: int) -> nn.Sequential:
    """Linear, then BN: outputs stay off the tanh's saturation; folds into one layer (8, 10)."""
    return nn.Sequential(nn.Linear(width, outputs), nn.BatchNorm1d(outputs))


def _initialise(module: nn.Module) -> None:
    """Initialise a layer of a head in place (section 3.4); BN starts at 1 and 0 anyway."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.001)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
