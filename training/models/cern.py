"""CERN, the compact expression recognition net: a light trunk, a whole view and four quarters.

Source: Gera, Balasubramanian and Jami (2022), "CERN: Compact facial expression recognition net",
Pattern Recognition Letters 155, doi:10.1016/j.patrec.2022.01.013: the first two stages of
LightCNN-29 v2 (Wu et al. 2018, "A light CNN for deep face representation with noisy labels"), whose
map is read whole and in quarters, each through channel attention (ECA; Wang et al. 2020), an
average, a hidden layer and a classifier that compares directions. Written anew from their
descriptions. Sizes are those of the code that the authors released, github.com/1980x/CFERNet.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.faces.preprocessing import MEAN
from training.models.poster_rt import luminance

WIDTHS: Final = (48, 96, 192)  # of the trunk's stem and its two stages
BLOCKS: Final = (1, 2)  # residual units of each stage
HIDDEN: Final = 256
ATTENTION: Final = 3  # neighbouring channels that a channel's weight depends on
SCALE: Final = 30.0  # what a cosine is multiplied with to be a logit
STRIDE: Final = 8  # of the trunk's map
QUARTERS: Final = 4


class MaxFeature(nn.Module):
    """A convolution of twice the channels, the larger of each two: the network's only bend."""

    def __init__(self, cin: int, cout: int, kernel: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(cin, 2 * cout, kernel, padding=kernel // 2)
        # The larger of two standard normals has the second moment 1: what comes out is as large as
        # what went in, without any normalisation.
        nn.init.kaiming_normal_(self.filter.weight, nonlinearity="linear")
        nn.init.zeros_(self.filter.bias)  # type: ignore[arg-type]  # there is one

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H, W)."""
        one, other = self.filter(x).chunk(2, 1)
        return torch.maximum(one, other)


class _Unit(nn.Module):
    """Two of them with a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(MaxFeature(width, width, 3), MaxFeature(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.main(x)
        return y


class LightTrunk(nn.Module):
    """LightCNN-29 v2 as far as its second stage; no normalisation, no strides but of pooling."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.stem = MaxFeature(1, first, 5)
        self.stage1 = _stage(first, second, BLOCKS[0])
        self.stage2 = _stage(second, third, BLOCKS[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map gray crops (B, 1, S, S), 0 to 1, to (B, 192, S / 8, S / 8)."""
        y = _pooled(self.stem(x))
        y = _pooled(self.stage1(y))
        return _pooled(self.stage2(y))


class _Branch(nn.Module):
    """What one part of the map says: attention over channels, then a hidden layer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.Conv1d(1, 1, ATTENTION, padding=ATTENTION // 2, bias=False)
        self.hidden = nn.Linear(width, HIDDEN)

    def forward(self, part: Tensor) -> Tensor:
        """Map (B, width, H, W) to (B, HIDDEN)."""
        # A weight of a whole channel may as well be applied to its mean.
        means = part.mean((2, 3))
        weights = self.attention(means[:, None])[:, 0].sigmoid()
        y: Tensor = self.hidden(means * weights).relu()
        return y


class _Cosines(nn.Linear):
    """How far a feature points the way of each class."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__(width, classes, bias=False)

    def forward(self, feature: Tensor) -> Tensor:
        """Map (B, D) to logits (B, C), float32: at 30, half of it has steps of an eighth."""
        directions = functional.normalize(feature.float(), dim=1)
        return SCALE * functional.linear(directions, functional.normalize(self.weight, dim=1))


class CernOutput(NamedTuple):
    """What CERN says of a batch.

    Attributes:
        parts: (B, 5, classes) logits of the four quarters, row by row, then of the whole.
        embedding: (B, D) what the whole's classifier reads.
    """

    parts: Tensor
    embedding: Tensor


class Cern(nn.Module):
    """CERN.

    The released code compares directions without normalising the classifiers' weights, as its lines
    that are to do so change nothing, and scales the quarters alone; here all five are alike.

    Args:
        classes: Number of expressions.
        mirrored: Whether the classifiers read the face and its mirror image, as published; without,
            a face costs half as much.
    """

    weights: Tensor
    black: Tensor

    def __init__(self, classes: int, *, mirrored: bool = True) -> None:
        super().__init__()
        self.mirrored = mirrored
        gray = luminance()
        self.register_buffer("weights", gray, persistent=False)
        black = gray.new_tensor(
            sum(w * m for w, m in zip((0.299, 0.587, 0.114), MEAN, strict=True))
        )
        self.register_buffer("black", black, persistent=False)
        self.trunk = LightTrunk()
        self.branches = nn.ModuleList(_Branch(WIDTHS[-1]) for _ in range(QUARTERS + 1))
        width = HIDDEN * (2 if mirrored else 1)
        self.classifiers = nn.ModuleList(_Cosines(width, classes) for _ in range(QUARTERS + 1))

    def forward(self, images: Tensor) -> CernOutput:
        """Judge ImageNet-normalised RGB (B, 3, S, S), S a multiple of 16."""
        gray = functional.conv2d(images, self.weights) + self.black
        sides = [gray, gray.flip(3)] if self.mirrored else [gray]
        read = [self._read(side) for side in sides]
        features = [torch.cat(both, 1) for both in zip(*read, strict=True)]
        pairs = zip(self.classifiers, features, strict=True)
        logits = [classify(feature) for classify, feature in pairs]
        return CernOutput(torch.stack(logits, 1), features[-1])

    def _read(self, gray: Tensor) -> list[Tensor]:
        """Give the features (B, HIDDEN) of the quarters and of the whole."""
        y = self.trunk(gray)
        half = y.shape[2] // 2
        cuts = (slice(None, half), slice(half, None))
        parts = [*(y[:, :, rows, columns] for rows in cuts for columns in cuts), y]
        return [branch(part) for branch, part in zip(self.branches, parts, strict=True)]


def _stage(cin: int, cout: int, blocks: int) -> nn.Sequential:
    units = (_Unit(cin) for _ in range(blocks))
    return nn.Sequential(*units, MaxFeature(cin, cin, 1), MaxFeature(cin, cout, 3))


def _pooled(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 2) + functional.avg_pool2d(x, 2)
