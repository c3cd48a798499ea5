"""ResNets of timm as trunks of DAN, with the rewiring that Caffe's weights want."""

from typing import Literal

import torch
from torch import Tensor, nn

from engine.errors import ConfigError
from engine.faces.preprocessing import MEAN, STD
from training.models.backbones import backbone

Convention = Literal["imagenet_norm", "caffe"]
CAFFE_MEAN = (91.4953, 103.8827, 131.0912)  # VGGFace2: BGR, of pixels from 0 to 255


def resnet(
    name: str, convention: Convention = "imagenet_norm", *, pretrained: bool = False
) -> tuple[nn.Module, int]:
    """Build a trunk (B, 3, S, S) to (B, C, S / 32, S / 32), and say what C is.

    Args:
        name: ``resnet18`` or ``resnet50``.
        convention: What the weights to be loaded expect; "caffe" is for a ResNet-50.
        pretrained: Start from timm's ImageNet weights, which are not Caffe's.

    Raises:
        ConfigError: The settings do not fit each other.
        ModelError: The weights can be neither found nor downloaded.
    """
    if name not in ("resnet18", "resnet50"):
        raise ConfigError(f"dan.trunk: must be resnet18 or resnet50, got {name}")
    if convention == "caffe" and (name != "resnet50" or pretrained):
        raise ConfigError(
            "dan.convention: must be imagenet_norm but for resnet50 without pretraining,"
            f" got caffe for {name}, pretrained {str(pretrained).lower()}"
        )
    network = backbone(name, pretrained=pretrained)
    return (CaffeResNet(network) if convention == "caffe" else network), network.features


class CaffeResNet(nn.Module):
    """A bottleneck ResNet wired, and fed, as the Caffe weights of VGGFace2 expect.

    The stride sits in the first 1x1 convolution of a bottleneck, the 3x3 max-pooling has no
    padding and rounds up. Such weights load into the usual wiring without a word, and answer
    wrongly. Source: DAN specification, section 8.

    Args:
        network: A timm ResNet that gives its last feature map; it is changed in place.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        _rewire(network)
        self.network = network
        scale, shift = _caffe_input()
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ImageNet-normalised RGB (B, 3, S, S) to the last map (B, C, S / 32, S / 32)."""
        y: Tensor = self.network(x.flip(1) * self.scale + self.shift)
        return y


def _caffe_input() -> tuple[Tensor, Tensor]:
    """Give scale and shift (1, 3, 1, 1) from normalised BGR to BGR 0..255 less the mean."""
    scale = 255 * torch.tensor(STD[::-1])
    shift = 255 * torch.tensor(MEAN[::-1]) - torch.tensor(CAFFE_MEAN)
    return scale.reshape(1, 3, 1, 1), shift.reshape(1, 3, 1, 1)


def _rewire(network: nn.Module) -> None:
    """Move strides and pooling in place.

    Raises:
        ValueError: The network has no bottlenecks, or no max-pooling.
    """
    parts = list(network.modules())
    bottlenecks = [part for part in parts if hasattr(part, "conv3") and hasattr(part, "conv1")]
    pools = [part for part in parts if isinstance(part, nn.MaxPool2d)]
    if not bottlenecks or len(pools) != 1:
        raise ValueError("network: expected a ResNet with bottlenecks, such as resnet50")
    for block in bottlenecks:
        first, second = block.get_submodule("conv1"), block.get_submodule("conv2")
        first.stride, second.stride = second.stride, first.stride
    pools[0].padding, pools[0].ceil_mode = 0, True
