"""ResNets of timm as trunks of DAN, with the rewiring that Caffe's weights want."""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from engine.errors import ConfigError, ModelError
from engine.faces.preprocessing import MEAN, STD
from training.models.backbones import backbone
from training.weights import is_own, load_weights, take_named, tensors_of

Convention = Literal["imagenet_norm", "caffe"]
CAFFE_FIRST = "conv1_7x7_s2.weight"
_CAFFE_PARTS = ("1x1_reduce", "3x3", "1x1_increase")
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


def load_trunk(trunk: nn.Module, path: Path) -> None:
    """Read weights of a ResNet in place: ours, timm's or torchvision's, or VGGFace2's from Caffe.

    Raises:
        ModelError: They are another network's, or wired otherwise than `trunk`.
    """
    tensors = tensors_of(path)
    if is_own(trunk, tensors):
        load_weights(trunk, path)
        return
    start = "network.body." if isinstance(trunk, CaffeResNet) else "body."
    short = {name: name.removeprefix(start) for name in trunk.state_dict()}
    if CAFFE_FIRST in {name.removeprefix("module.") for name in tensors}:
        if not isinstance(trunk, CaffeResNet):
            raise ModelError(
                f"{path}: VGGFace2's weights from Caffe, which answer wrongly in the usual wiring; "
                "set dan.trunk to resnet50 and dan.convention to caffe"
            )
        short = {name: caffe_name(there) for name, there in short.items()}
    take_named(trunk, tensors, short, str(path))


def caffe_name(name: str) -> str:
    """Give the name that a tensor of timm's ResNet-50 has in VGGFace2's weights from Caffe.

    Source: "Resnet50_ft" of Albanie's collection of networks that were brought from MatConvNet.
    """
    *place, kind = name.split(".")
    norm = "_bn" if place[-1].startswith("bn") else ""
    if len(place) == 1:  # conv1 or bn1
        return f"conv1_7x7_s2{norm}.{kind}"
    stage, block, layer = int(place[0].removeprefix("layer")), int(place[1]), place[2:]
    if layer[0] == "downsample":
        part, norm = "1x1_proj", "_bn" if layer[1] == "1" else ""
    else:
        part = _CAFFE_PARTS[int(layer[0][-1]) - 1]
    return f"conv{stage + 1}_{block + 1}_{part}{norm}.{kind}"


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
