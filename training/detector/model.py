"""The detector's network: anchor-free, three strides, one score, a box and five points a cell."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDES: Final = (8, 16, 32)
OUTPUTS: Final = 15  # score logit, centre x y, log width height, five points x y
MEAN: Final = 127.5
SPREAD: Final = 64.0


def _block(
    inputs: int,
    outputs: int,
    size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    padding: int | None = None,
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            inputs,
            outputs,
            size,
            stride=stride,
            padding=dilation * (size // 2) if padding is None else padding,
            dilation=dilation,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.body = _block(width, width, 3, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # type: ignore[no-any-return]  # nn.Module calls are untyped


class FaceNet(nn.Module):
    """Find faces of 10 to 400 pixels in a gray picture; 233,167 parameters at width 64.

    Gray, because the packs' backgrounds are gray and their people are not: a network that sees
    no colour cannot learn it. Dense convolutions, because they are faster than depthwise ones of
    the same accuracy on a CPU; only the head, which runs on every cell, is separable.

    Args:
        width: Channels from stride 8 on.
        stem: Channels at stride 4.
    """

    def __init__(self, width: int = 64, stem: int = 32) -> None:
        super().__init__()
        self.stem = _block(1, stem, 6, stride=4, padding=1)
        self.stage8 = nn.Sequential(_block(stem, width, 3, stride=2), _Residual(width))
        self.stage16 = nn.Sequential(_block(width, width, 3, stride=2), _Residual(width))
        self.stage32 = nn.Sequential(
            _block(width, width, 3, stride=2), _Residual(width, dilation=2)
        )
        self.lateral = nn.ModuleList(_block(width, width, 1) for _ in STRIDES)
        # A head of its own for each stride: batch norms that three strides share see three kinds
        # of input, and what they average over a training is right for none of them.
        self.heads = nn.ModuleList(
            nn.Sequential(_block(width, width, 3, groups=width), _block(width, width, 1))
            for _ in STRIDES
        )
        self.output = nn.Conv2d(width, OUTPUTS, 1)
        nn.init.normal_(self.output.weight, std=0.01)
        bias = torch.zeros(OUTPUTS)
        bias[0] = -4.6  # a score of 0.01 at first: almost every cell is background
        bias[3:5] = 1.0  # the median face is e cells wide
        self.output.bias = nn.Parameter(bias)

    def forward(self, image: Tensor) -> Tensor:
        """Score every cell.

        Args:
            image: (B, 1, H, W) uint8, gray; H and W multiples of 32.

        Returns:
            (B, A, 15): logit and raw geometry of the A = HW (1/64 + 1/256 + 1/1024) cells,
            stride after stride, row after row; `decode` makes pixels of them.
        """
        x = (image.float() - MEAN) / SPREAD
        at8 = self.stage8(self.stem(x))
        at16 = self.stage16(at8)
        at32 = self.stage32(at16)
        top = self.lateral[2](at32)
        middle = self.lateral[1](at16) + functional.interpolate(top, scale_factor=2.0)
        bottom = self.lateral[0](at8) + functional.interpolate(middle, scale_factor=2.0)
        levels = zip(self.heads, (bottom, middle, top), strict=True)
        maps = [self.output(head(level)) for head, level in levels]
        return torch.cat([m.flatten(2) for m in maps], dim=2).transpose(1, 2)


def cells(height: int, width: int) -> Tensor:
    """List the cells of a picture.

    Returns:
        (A, 3) float32: centre x, y (pixels, integer = pixel centre) and stride.
    """
    rows = []
    for stride in STRIDES:
        y = (torch.arange(height // stride, dtype=torch.float32) + 0.5) * stride - 0.5
        x = (torch.arange(width // stride, dtype=torch.float32) + 0.5) * stride - 0.5
        grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
        flat = torch.stack([grid_x.flatten(), grid_y.flatten()], dim=1)
        rows.append(torch.cat([flat, torch.full((len(flat), 1), float(stride))], dim=1))
    return torch.cat(rows)


def decode(raw: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Turn raw geometry into pixels.

    Args:
        raw: (..., A, 14): centre, log size, points, in strides from the cell's centre.
        grid: (A, 3), see `cells`.

    Returns:
        Boxes (..., A, 4) as x0 y0 x1 y1, and points (..., A, 5, 2).
    """
    origin, stride = grid[:, :2], grid[:, 2:]
    centre = origin + raw[..., :2] * stride
    half = raw[..., 2:4].clamp(-4, 5).exp() * stride / 2
    boxes = torch.cat([centre - half, centre + half], dim=-1)
    points = raw[..., 4:].reshape(*raw.shape[:-1], 5, 2) * stride[:, None] + origin[:, None]
    return boxes, points


def encode(boxes: Tensor, points: Tensor, grid: Tensor) -> Tensor:
    """Invert `decode`: (A, 4) boxes and (A, 5, 2) points to (A, 14) raw geometry."""
    origin, stride = grid[:, :2], grid[:, 2:]
    centre = ((boxes[:, :2] + boxes[:, 2:]) / 2 - origin) / stride
    size = ((boxes[:, 2:] - boxes[:, :2]) / stride).log()
    offsets = (points - origin[:, None]) / stride[:, None]
    return torch.cat([centre, size, offsets.flatten(1)], dim=1)
