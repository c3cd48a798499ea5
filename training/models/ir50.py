"""IR-50: the image trunk, an improved ResNet cut after its third stage.

Source: common specification, section 2; Deng et al. (2019), "ArcFace", whose residual unit it
is, but for the first batch norm of each: these weights do not fit AdaFace's IR networks.
"""

import re
from collections.abc import Mapping
from itertools import accumulate

from torch import Tensor, nn
from torch.nn import functional

from engine.errors import ModelError
from training.models.trunk import Taps

SIDE = 112


class IRUnit(nn.Module):
    """U(cin, cout, s): BN, two 3x3 convolutions with a PReLU between, BN; plus a shortcut."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.BatchNorm2d(cin),
            nn.Conv2d(cin, cout, 3, 1, 1, bias=False),
            nn.PReLU(cout),
            nn.Conv2d(cout, cout, 3, stride, 1, bias=False),
            nn.BatchNorm2d(cout),
        )
        self.shortcut: nn.Module = nn.MaxPool2d(1, stride)
        if cin != cout:
            self.shortcut = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H / stride, W / stride)."""
        y: Tensor = self.main(x) + self.shortcut(x)
        return y


class IR50(nn.Module):
    """Three feature maps of ImageNet-normalised RGB crops (B, 3, 112, 112).

    Args:
        channels: Of the three stages; the stem has the first one's.
        blocks: Residual units of each stage.
        half_input: Average 2x2 pixels first and let stage 1 keep the resolution, which makes a
            trunk for a CPU about four times cheaper up to there; the taps have the same sides.

    Attributes:
        channels: Of the taps.
        sides: Of the taps.
    """

    sides: tuple[int, int, int] = (56, 28, 14)

    def __init__(
        self,
        channels: tuple[int, int, int] = (64, 128, 256),
        blocks: tuple[int, int, int] = (3, 4, 14),
        *,
        half_input: bool = False,
    ) -> None:
        super().__init__()
        c1, c2, c3 = self.channels = channels
        self.blocks = blocks
        self.half_input = half_input
        self.stem = nn.Sequential(
            nn.Conv2d(3, c1, 3, 1, 1, bias=False), nn.BatchNorm2d(c1), nn.PReLU(c1)
        )
        self.stage1 = _stage(c1, c1, blocks[0], stride=1 if half_input else 2)
        self.stage2 = _stage(c1, c2, blocks[1])
        self.stage3 = _stage(c2, c3, blocks[2])

    def forward(self, x: Tensor) -> Taps:
        """Give I1 (B, 64, 56, 56), I2 (B, 128, 28, 28) and I3 (B, 256, 14, 14)."""
        if self.half_input:
            x = functional.avg_pool2d(x, 2)
        i1: Tensor = self.stage1(self.stem(x))
        i2: Tensor = self.stage2(i1)
        i3: Tensor = self.stage3(i2)
        return i1, i2, i3

    def load_released(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of a full IR-50 as released for POSTER, in place.

        Its fourth stage and its embedding head are ignored, as is a ``module.`` prefix.

        Args:
            state: Tensors by name: ``input_layer.0.weight``, ``body.7.res_layer.1.weight``; or with
                a body for each stage, ``body2.4.res_layer.1.weight``, as POSTER++ has them.

        Raises:
            ModelError: A tensor of this trunk is missing there or has another shape.
        """
        given = {self._joined(name): tensor for name, tensor in state.items()}
        own = self.state_dict()
        sources = {name: given.get(released) for name, released in self.released_names().items()}
        fits = {
            name: tensor
            for name, tensor in sources.items()
            if tensor is not None and tensor.shape == own[name].shape
        }
        if len(fits) < len(own):
            first = next(name for name in own if name not in fits)
            raise ModelError(
                f"IR-50 weights: {len(fits)} of {len(own)} tensors match, and"
                f" {self.released_names()[first]} does not; give the released ir50 checkpoint"
            )
        self.load_state_dict(fits)

    def released_names(self) -> dict[str, str]:
        """Map the name of every own state tensor to its name in the released checkpoint."""
        return {name: self._released_name(name) for name in self.state_dict()}

    def _joined(self, name: str) -> str:
        """Give the name that a tensor has where all stages are one body."""
        name = name.removeprefix("module.")
        found = re.match(r"body([1-3])\.(\d+)\.(.+)", name)
        if not found:
            return name
        first = [0, *accumulate(self.blocks)][int(found[1]) - 1]
        return f"body.{first + int(found[2])}.{found[3]}"

    def _released_name(self, name: str) -> str:
        if name.startswith("stem."):
            return name.replace("stem.", "input_layer.", 1)
        stage, unit, branch, rest = name.split(".", 3)
        first = [0, *accumulate(self.blocks)][int(stage.removeprefix("stage")) - 1]
        layer = {"main": "res_layer", "shortcut": "shortcut_layer"}[branch]
        return f"body.{first + int(unit)}.{layer}.{rest}"


def halved(images: Tensor) -> Tensor:
    """Bring (B, 3, 224, 224) to 112 as nearest-neighbour resizing does; leave 112 as it is.

    Source: common specification, section 2, "Resolution".

    Raises:
        ValueError: The crops have another side.
    """
    side = images.shape[3]
    if side not in (SIDE, 2 * SIDE):
        raise ValueError(f"images: expected side {SIDE} or {2 * SIDE}, got {side}")
    return images if side == SIDE else images[:, :, ::2, ::2]


def _stage(cin: int, cout: int, units: int, stride: int = 2) -> nn.Sequential:
    return nn.Sequential(
        IRUnit(cin, cout, stride), *(IRUnit(cout, cout, 1) for _ in range(units - 1))
    )
