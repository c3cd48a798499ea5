"""Ways to make a small face large before the Neural Resizer makes it small again.

All work on normalised pictures. Source: Neural Resizer specification, section 3.1. The paper's
DIC runs beforehand, and its pictures are read from disk; `SRLite` is ours and no DIC.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.errors import SourceError
from engine.faces.preprocessing import MEAN, STD

Upscaler = Literal["disk", "bilinear", "bicubic", "sr_lite"]


class Interpolate(nn.Module):
    """Resize pictures to one side, pixel centres at halves, without antialiasing."""

    def __init__(self, size: int, mode: Literal["bilinear", "bicubic"] = "bilinear") -> None:
        super().__init__()
        self.size, self.mode = size, mode

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, h, w) to (B, 3, size, size)."""
        return functional.interpolate(x, size=(self.size, self.size), mode=self.mode)


class Precomputed(nn.Module):
    """Let pictures through that were made large beforehand."""

    def __init__(self, size: int = 384) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Give (B, 3, size, size) back.

        Raises:
            SourceError: The pictures have another size.
        """
        height, width = x.shape[2:]
        if (height, width) != (self.size, self.size):
            raise SourceError(
                f"super-resolved faces: expected {self.size}x{self.size}, got {height}x{width}; "
                "super-resolve the data set first, or choose another upscaler"
            )
        return x


class SRResidual(nn.Module):
    """``x + Conv3x3(ReLU(Conv3x3 x))``, without batch normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, c, h, w) to the same shape."""
        y: Tensor = self.main(x)
        return x + y


class SRLite(nn.Module):
    """Enlarge 2 ** `doublings` times: residual blocks, then pixel shuffles.

    Args:
        channels: c.
        blocks: n, residual blocks.
        doublings: Of the side; 3 make 384 of 48.
    """

    def __init__(self, channels: int = 32, blocks: int = 8, doublings: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.Sequential(
            *(SRResidual(channels) for _ in range(blocks)),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.enlarge = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2))
                for _ in range(doublings)
            )
        )
        self.last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, h, w) to (B, 3, 2 ** doublings h, 2 ** doublings w)."""
        y = self.first(x)
        y = y + self.blocks(y)
        large: Tensor = self.last(self.enlarge(y))
        return large


class Beforehand(nn.Module):
    """Enlarge pictures as those on disk were: to whole bytes, as a file keeps them.

    Args:
        network: Maps normalised RGB (B, 3, h, w) to (B, 3, H, W), such as a trained `SRLite`.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        for name, values in (("mean", MEAN), ("spread", STD)):
            self.register_buffer(name, 255 * torch.tensor(values).reshape(3, 1, 1), False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, h, w) to (B, 3, H, W)."""
        return (self.pixels(x) - self.mean) / self.spread

    def pixels(self, x: Tensor) -> Tensor:
        """Give the picture's values, whole numbers from 0 to 255."""
        y: Tensor = self.network(x) * self.spread + self.mean
        return y.round().clamp(0, 255)
