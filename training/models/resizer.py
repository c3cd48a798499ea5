"""Neural Resizer: a picture made smaller by a small network instead of by interpolation.

Source: Talebi and Milanfar (2021), "Learning to Resize Images for Computer Vision Tasks"; the
Neural Resizer paper (Hwang et al.), a. Neural Resizer, which prints no equation; its specification,
section 3.3.
"""

from torch import Tensor, nn
from torch.nn import functional

LEGACY_SCALE = 0.584
SLOPE = 0.2


class ResidualBlock(nn.Module):
    """``g + BN(Conv3x3(LReLU(BN(Conv3x3 g))))``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, g: Tensor) -> Tensor:
        """Map (B, n, H, W) to the same shape."""
        y: Tensor = self.main(g)
        return g + y


class LearnedResizer(nn.Module):
    """Resize pictures of any side to one fixed side; neither clipped nor normalised again.

    Args:
        size: Side of the result, pixels.
        ratio: Side of the result over the picture's side, in place of `size`.
        channels: n.
        blocks: r, residual blocks; 0 is allowed.
        legacy_scale: Sample by the factor 0.584 as the paper's code does, which moves content
            by up to 0.4 pixels; needed by its checkpoints alone.
    """

    def __init__(
        self,
        size: int = 224,
        *,
        ratio: float | None = None,
        channels: int = 16,
        blocks: int = 1,
        legacy_scale: bool = False,
    ) -> None:
        super().__init__()
        self.size, self.ratio, self.legacy_scale = size, ratio, legacy_scale
        self.features = nn.Sequential(
            nn.Conv2d(3, channels, 7, padding=3),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels, channels, 1),
            nn.LeakyReLU(SLOPE),
            nn.BatchNorm2d(channels),
        )
        self.blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.merge = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        )
        self.picture = nn.Conv2d(channels, 3, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, S, S) to (B, 3, size, size)."""
        small = self._bilinear(self.features(x))
        merged = self.merge(self.blocks(small)) + small
        y: Tensor = self.picture(merged)
        return y + self._bilinear(x)

    def _bilinear(self, x: Tensor) -> Tensor:
        if self.legacy_scale:
            return functional.interpolate(x, scale_factor=LEGACY_SCALE, mode="bilinear")
        side = self.size if self.ratio is None else round(self.ratio * x.shape[3])
        return functional.interpolate(x, size=(side, side), mode="bilinear")
