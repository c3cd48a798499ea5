"""Spatial transformer: an affine warp that the network chooses for each picture.

Source: Jaderberg et al. (2015), "Spatial Transformer Networks"; the Neural Resizer paper (Hwang et
al.) has it in its table 2, setting e, without an equation; its specification, section 3.2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-6


class SpatialTransformer(nn.Module):
    """Warp each picture by an affine map read from it; the identity before training.

    Args:
        size: Side of the pictures, pixels.
        scale_limit: Largest deviation of the warp's scale from 1; 0 is no limit. Strong
            augmentation can make the scale drift.
    """

    def __init__(self, size: int = 384, *, scale_limit: float = 0.0) -> None:
        super().__init__()
        self.scale_limit = scale_limit
        side = ((size - 6) // 2 - 4) // 2
        self.localisation = nn.Sequential(
            nn.Conv2d(3, 8, 7),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(8, 10, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(10 * side**2, 32),
            nn.ReLU(),
        )
        self.affine = nn.Linear(32, 6)
        nn.init.zeros_(self.affine.weight)
        with torch.no_grad():
            self.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, S, S) to its warp, alike in shape; 0 where the warp leaves the picture."""
        return warp(x, self.theta(x))

    def theta(self, x: Tensor) -> Tensor:
        """Give the affine maps (B, 2, 3) from places in the result to places in `x`."""
        theta: Tensor = self.affine(self.localisation(x)).reshape(-1, 2, 3)
        # A grid in half precision would move pixels.
        theta = theta.float()
        return _limited(theta, self.scale_limit) if self.scale_limit else theta


def warp(x: Tensor, theta: Tensor) -> Tensor:
    """Sample (B, C, H, W) where `theta` points, bilinear, zeros outside.

    Args:
        x: Pictures.
        theta: (B, 2, 3), x before y; -1 and 1 are the centres of the outermost pixels.
    """
    grid = functional.affine_grid(theta, list(x.shape), align_corners=True)
    return functional.grid_sample(
        x, grid, mode="bilinear", padding_mode="zeros", align_corners=True
    )


def _limited(theta: Tensor, limit: float) -> Tensor:
    """Keep the scale, the square root of the linear part's determinant, within 1 -+ limit."""
    a, b, c, d = theta[:, :, :2].flatten(1).unbind(1)
    scale = (a * d - b * c).abs().clamp(min=EPSILON).sqrt()
    factor = (scale.clamp(1 - limit, 1 + limit) / scale)[:, None, None]
    return torch.cat([theta[:, :, :2] * factor, theta[:, :, 2:]], 2)
