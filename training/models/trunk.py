"""A small residual trunk with taps at strides 4, 8 and 16, shared by both streams.

Dense 3x3 convolutions with ReLU: on CPUs with wide vectors they give more accuracy per
millisecond than depthwise ones, whose cost is memory traffic (docs/decisions/0003).
"""

from torch import Tensor, nn

CHANNELS = (32, 80, 160)
BLOCKS = (2, 2, 1)

Taps = tuple[Tensor, Tensor, Tensor]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016)."""

    def __init__(self, cin: int, cout: int, stride: int = 1) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(cin, cout, 3, stride, 1, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU(inplace=True),
            nn.Conv2d(cout, cout, 3, 1, 1, bias=False),
            nn.BatchNorm2d(cout),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout)
            )
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H / stride, W / stride)."""
        y: Tensor = self.act(self.main(x) + self.shortcut(x))
        return y


def stage(cin: int, cout: int, blocks: int, stride: int = 2) -> nn.Sequential:
    """Stack residual blocks; the first one changes width and resolution."""
    return nn.Sequential(
        BasicBlock(cin, cout, stride), *(BasicBlock(cout, cout) for _ in range(blocks - 1))
    )


def stem(stride: int, cout: int, cin: int = 3) -> nn.Sequential:
    """Bring a 112 (stride 2) or 56 (stride 1) pixel input to (B, cout, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(cin, 16, 3, stride, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, cout, 3, 2, 1, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


class Trunk(nn.Module):
    """Stem and three stages; its taps are (B, 32, 28, 28), (B, 80, 14, 14), (B, 160, 7, 7)."""

    def __init__(
        self, *, stem_stride: int = 2, cin: int = 3, blocks: tuple[int, int, int] = BLOCKS
    ) -> None:
        super().__init__()
        c1, c2, c3 = CHANNELS
        self.stem = stem(stem_stride, c1, cin)
        self.stage1 = stage(c1, c1, blocks[0], stride=1)
        self.stage2 = stage(c1, c2, blocks[1])
        self.stage3 = stage(c2, c3, blocks[2])

    def forward(self, x: Tensor) -> Taps:
        """Compute the three taps of a normalised RGB crop."""
        l1 = self.stage1(self.stem(x))
        l2 = self.stage2(l1)
        return l1, l2, self.stage3(l2)


def channels_of(trunk: nn.Module) -> tuple[int, int, int]:
    """Give the channels of a trunk's three taps."""
    channels: tuple[int, int, int] = trunk.channels  # type: ignore[assignment]  # of nn.Module
    return channels


def sides_of(trunk: nn.Module) -> tuple[int, int, int]:
    """Give the sides of an image trunk's three taps, pixels."""
    sides: tuple[int, int, int] = trunk.sides  # type: ignore[assignment]  # of nn.Module
    return sides


def parameter_count(module: nn.Module) -> int:
    """Count the parameters of a module (buffers not included)."""
    return sum(parameter.numel() for parameter in module.parameters())
