"""MobileFaceNet: the frozen landmark network whose maps are the landmark stream.

Source: Chen et al. (2018), "MobileFaceNets", as the 68-point regressor that POSTER reads;
common specification, section 1. No convolution has a bias.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from engine.errors import ModelError
from engine.types import POINTS
from training.models.trunk import Taps


class MobileFaceNet(nn.Module):
    """Landmarks and three feature maps of (B, 3, 112, 112) crops; frozen, always in eval.

    As a landmark stream it is fed what the expression network is fed, ImageNet-normalised RGB.
    Its coordinates mean something only for its native input: BGR divided by 255, no mean and no
    deviation, of a square with side 1.2 min(w, h) about the face box, black outside the picture.

    Attributes:
        channels: Of the taps with sides 28, 14 and 7.
    """

    channels: tuple[int, int, int] = (64, 128, 512)

    def __init__(self, output_head: bool = True) -> None:
        super().__init__()
        self.conv1 = _conv_block(3, 64, 3, stride=2)
        self.conv2_dw = _conv_block(64, 64, 3, groups=64)
        self.conv_23 = _DepthWise(64, 64, 128, stride=2)
        self.conv_3 = _residual(64, 4, 128)
        self.conv_34 = _DepthWise(64, 128, 256, stride=2)
        self.conv_4 = _residual(128, 6, 256)
        self.conv_45 = _DepthWise(128, 128, 512, stride=2)
        self.conv_5 = _residual(128, 2, 256)
        self.conv_6_sep = _conv_block(128, 512, 1)
        self.output = _output_head() if output_head else None
        self.apply(_initialise)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "MobileFaceNet":
        """Stay in eval whatever `mode` says: batch statistics belong to the frozen weights."""
        return super().train(False)

    def forward(self, x: Tensor) -> Taps:
        """Map (B, 3, 112, 112) to L1 (B, 64, 28, 28), L2 (B, 128, 14, 14), L3 (B, 512, 7, 7)."""
        l1: Tensor = self.conv_3(self.conv_23(self.conv2_dw(self.conv1(x))))
        l2: Tensor = self.conv_4(self.conv_34(l1))
        l3: Tensor = self.conv_6_sep(self.conv_5(self.conv_45(l2)))
        return l1, l2, l3

    def landmarks(self, x: Tensor) -> Tensor:
        """Map (B, 3, 112, 112) to (B, 136): x y of 68 points, 0 to 1 of the crop's side.

        Raises:
            ValueError: The network was built without its output head.
        """
        if self.output is None:
            raise ValueError("landmarks: built with output_head=False")
        y: Tensor = self.output(self(x)[2])
        return y

    def load_released(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of the landmark network that POSTER reads, in place.

        Its output head is ignored, as is a ``module.`` prefix. Counters of batches may be
        missing, as older versions of torch wrote none; nothing reads them.

        The names are those of the authors' public code (`models/mobilefacenet.py` of POSTER); the
        released file itself is not here.

        Args:
            state: Tensors by name: ``conv1.bn.weight``, ``conv_3.model.0.conv_dw.conv.weight``.

        Raises:
            ModelError: A tensor of this network is missing there or has another shape.
            ValueError: The network was built with its output head.
        """
        if self.output is not None:
            raise ValueError("load_released: the names of the output head are not known")
        given = {name.removeprefix("module."): tensor for name, tensor in state.items()}
        own = self.state_dict()
        for name, released in self.released_names().items():
            tensor = given.get(released)
            if tensor is None and name.endswith(_COUNTER):
                continue
            if tensor is None or tensor.shape != own[name].shape:
                found = "is missing" if tensor is None else f"is {tuple(tensor.shape)}"
                raise ModelError(
                    f"MobileFaceNet weights: {released} {found}, expected "
                    f"{tuple(own[name].shape)}; give the released landmark checkpoint"
                )
            own[name] = tensor
        self.load_state_dict(own)

    def released_names(self) -> dict[str, str]:
        """Map the name of every own state tensor to its name in the released checkpoint."""
        return {name: _released_name(name) for name in self.state_dict()}


def _released_name(name: str) -> str:
    *place, layer, kind = name.split(".")
    if len(place) == 3:  # stage, block, layers of the block: a stage of residual blocks
        place.insert(1, "model")
    return ".".join([*place, _LAYERS[int(layer)], kind])


_LAYERS = ("conv", "bn", "prelu")
_COUNTER = "num_batches_tracked"


class _DepthWise(nn.Module):
    """DW(cin, cout, g, s): expand, filter each of `groups` channels alone, project."""

    def __init__(
        self, cin: int, cout: int, groups: int, *, stride: int = 1, residual: bool = False
    ) -> None:
        super().__init__()
        self.residual = residual
        self.conv = _conv_block(cin, groups, 1)
        self.conv_dw = _conv_block(groups, groups, 3, stride=stride, groups=groups)
        self.project = _linear_block(groups, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H / stride, W / stride)."""
        y: Tensor = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


def _residual(channels: int, count: int, groups: int) -> nn.Sequential:
    return nn.Sequential(
        *(_DepthWise(channels, channels, groups, residual=True) for _ in range(count))
    )


def _output_head() -> nn.Sequential:
    """(B, 512, 7, 7) to (B, 136): one weight per place and channel keeps "where"."""
    return nn.Sequential(
        *_linear_block(512, 512, 7, groups=512, padding=0),
        nn.Flatten(),
        nn.Linear(512, 2 * POINTS, bias=False),
        nn.BatchNorm1d(2 * POINTS),
    )


def _conv_block(cin: int, cout: int, side: int, *, stride: int = 1, groups: int = 1) -> nn.Module:
    return nn.Sequential(*_linear_block(cin, cout, side, stride, groups), nn.PReLU(cout))


def _linear_block(
    cin: int, cout: int, side: int, stride: int = 1, groups: int = 1, padding: int | None = None
) -> nn.Sequential:
    padding = side // 2 if padding is None else padding
    conv = nn.Conv2d(cin, cout, side, stride, padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(cout))


def _initialise(module: nn.Module) -> None:
    """Kaiming-normal convolutions and linears, in place; the rest starts as torch has it."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
