"""What the Neural Resizer stands before: networks of timm by the papers' names, and our trunk.

This is the one place that imports timm.
"""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from engine.config import unknown
from engine.errors import ConfigError, ModelError
from training.models.poster_rt import RTTrunk
from training.models.trunk import channels_of
from training.weights import load_part, one_line, take_named, tensors_of


class _Known(NamedTuple):
    """A network of timm: its name there, the tag of its weights ("" for none), its width."""

    architecture: str
    tag: str
    features: int
    options: Mapping[str, Any]


RT: Final = "rt"  # the trunk of `training.models.streams`, which every small system starts from
RT_SIDE: Final = 112
IN_A_RUN: Final = "network.backbone."  # how a backbone's tensors start in a run's weights
_MAPS: Final = {"global_pool": ""}
_SWIN_MICRO: Final = {"embed_dim": 64, "depths": (2, 6), "num_heads": (2, 4)}
_VIT_MICRO: Final = {"patch_size": 8, "embed_dim": 128, "depth": 6, "num_heads": 4}

# The micro ones are ours: made for a CPU and 56 pixels, which is to 96 what 224 is to 384.
BACKBONES: Final[Mapping[str, _Known]] = {
    "swin_t": _Known("swin_tiny_patch4_window7_224", "ms_in1k", 768, {}),
    "swin_s": _Known("swin_small_patch4_window7_224", "ms_in1k", 768, {}),
    "swin_b": _Known("swin_base_patch4_window7_224", "ms_in22k_ft_in1k", 1024, {}),
    "swin_l": _Known("swin_large_patch4_window7_224", "ms_in22k_ft_in1k", 1536, {}),
    "vit_s": _Known("vit_small_patch16_224", "augreg_in21k_ft_in1k", 384, {}),
    "deit_s": _Known("deit_small_patch16_224", "fb_in1k", 384, {}),
    "convit_s": _Known("convit_small", "fb_in1k", 432, {}),
    "xcit_s12": _Known("xcit_small_12_p16_224", "fb_in1k", 384, {}),
    "swin_micro": _Known("swin_tiny_patch4_window7_224", "", 128, _SWIN_MICRO),
    "vit_micro": _Known("vit_tiny_patch16_224", "", 128, _VIT_MICRO),
    "resnet18": _Known("resnet18", "a1_in1k", 512, _MAPS),
    "resnet50": _Known("resnet50", "a1_in1k", 2048, _MAPS),
}


class _Pooled(nn.Module):
    """An image trunk whose last tap is averaged over the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = RTTrunk()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.trunk(x)[2].mean(dim=(2, 3))
        return y


class Backbone(nn.Module):
    """A network without its classifier.

    Attributes:
        features: F, channels of what it gives.
        weights: timm's full name of the weights it started from, for the run's record; "" where
            it started untrained.
    """

    def __init__(self, body: nn.Module, features: int, weights: str) -> None:
        super().__init__()
        self.body = body
        self.features = features
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, S, S) to pooled features (B, F); a ResNet to maps (B, F, S / 32, S / 32)."""
        y: Tensor = self.body(x)
        return y


def backbone(name: str, *, pretrained: bool = False, image_size: int = 224) -> Backbone:
    """Build a backbone, from ImageNet weights if asked for; timm downloads them once.

    Args:
        name: One of `BACKBONES`, or `RT`, which takes 112 pixels.
        pretrained: Start from the weights that the Neural Resizer specification, section 8,
            names; else from timm's own initialisation.
        image_size: S, pixels; a transformer takes no other size.

    Raises:
        ConfigError: The name is unknown, or no weights are published for it.
        ModelError: The weights can be neither found nor downloaded.
    """
    if name not in (*BACKBONES, RT):
        raise ConfigError(f"backbone: {unknown(name, (*BACKBONES, RT))}")
    known = BACKBONES.get(name)
    if pretrained and not (known and known.tag):
        raise ConfigError(f"pretrained: must be false for {name}, no weights are published for it")
    if known is None:
        if image_size != RT_SIDE:
            raise ConfigError(f"backbone_size: must be {RT_SIDE} for {RT}, got {image_size}")
        pooled = _Pooled()
        return Backbone(pooled, channels_of(pooled.trunk)[2], "")
    options = dict(known.options)
    if "global_pool" not in options:  # a ResNet takes any size
        options["img_size"] = image_size
    weights = f"{known.architecture}.{known.tag}" if pretrained else ""
    try:
        body: nn.Module = _timm().create_model(
            weights or known.architecture, pretrained=pretrained, num_classes=0, **options
        )
    except OSError as error:
        raise ModelError(
            f"{weights}: cannot be loaded; connect once, or train with pretrained = false"
        ) from error
    return Backbone(body, known.features, weights)


def load_backbone(network: Backbone, path: Path) -> None:
    """Read a backbone's weights in place: of a run with the same backbone, or as it is distributed.

    That is for `RT` a file of poster-rt, such as assets/poster-rt.safetensors. timm brings files of
    earlier versions and of the authors to its names, and position tables to the picture's size;
    classifiers are left out.

    Raises:
        ModelError: They are another network's.
    """
    tensors = tensors_of(path)
    if any(name.startswith(IN_A_RUN) for name in tensors):
        load_part(network, path, IN_A_RUN)
        return
    if isinstance(network.body, _Pooled):
        load_part(network.body.trunk, path)
        return
    plain = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    brought = getattr(sys.modules[type(network.body).__module__], "checkpoint_filter_fn", None)
    if brought is not None:
        try:
            plain = dict(brought(plain, network.body))
        except (RuntimeError, ValueError, LookupError, AttributeError, TypeError) as error:
            raise ModelError(
                f"{path}: not the weights of {type(network.body).__name__}: {one_line(error)}"
            ) from error
    names = {name: name.removeprefix("body.") for name in network.state_dict()}
    take_named(network, plain, names, str(path))


def _timm() -> ModuleType:
    """Import timm, also where torchvision's compiled operators do not fit the installed torch.

    timm imports torchvision, which then fails while it describes operators that do not exist.
    None of them is used here, so it is enough that their names are known.
    """
    try:
        import timm
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        _declare_operators()
        import timm
    return timm


@cache  # what a Library declares lives as long as it does
def _declare_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]  # torch's
    schema = "(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms"):
        library.define(name + schema)  # type: ignore[no-untyped-call]  # torch's
    return library
