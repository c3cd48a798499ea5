"""Neural Resizer network: large, straight, learnably small, then a transformer.

Source: Neural Resizer specification, sections 2 to 4.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from training.models.backbones import Backbone
from training.models.resizer import LearnedResizer
from training.models.stn import SpatialTransformer
from training.models.super_resolution import Interpolate

Setting = Literal["a", "b", "c", "d", "e"]
HIDDEN = 512


class Stages(NamedTuple):
    """What a setting has before the backbone.

    Attributes:
        enlarged: Pictures are first made larger than the backbone's input.
        super_resolved: By more than bilinear interpolation.
        straightened: A spatial transformer follows.
        learned: The Neural Resizer makes them small again, not bilinear interpolation.
    """

    enlarged: bool
    super_resolved: bool
    straightened: bool
    learned: bool


SETTINGS: Final[Mapping[Setting, Stages]] = {
    "a": Stages(enlarged=False, super_resolved=False, straightened=False, learned=False),
    "b": Stages(enlarged=True, super_resolved=False, straightened=False, learned=True),
    "c": Stages(enlarged=True, super_resolved=True, straightened=False, learned=False),
    "d": Stages(enlarged=True, super_resolved=True, straightened=False, learned=True),
    "e": Stages(enlarged=True, super_resolved=True, straightened=True, learned=True),
}


class NeuralResizerOutput(NamedTuple):
    """What the network says of a batch.

    Attributes:
        logits: (B, C).
        embedding: (B, 512), what the classifier reads, before dropout.
    """

    logits: Tensor
    embedding: Tensor


class NeuralResizer(nn.Module):
    """A setting's stages, a backbone and a head, trained together but for the upscaler.

    Args:
        setting: Row of the specification's section 4.
        backbone: Gives pooled features of `backbone_size` pictures.
        upscaler: Gives pictures of `upscaled_size`, in setting a of `backbone_size`; frozen
            from here on.
        classes: C.
        upscaled_size: Pixels.
        backbone_size: Pixels.
        width: Channels of the Neural Resizer.
        blocks: Its residual blocks.
        legacy_scale: See `LearnedResizer`.
        scale_limit: See `SpatialTransformer`.
    """

    def __init__(
        self,
        setting: Setting,
        backbone: Backbone,
        upscaler: nn.Module,
        *,
        classes: int = 8,
        upscaled_size: int = 384,
        backbone_size: int = 224,
        width: int = 16,
        blocks: int = 1,
        legacy_scale: bool = False,
        scale_limit: float = 0.0,
    ) -> None:
        super().__init__()
        stages = SETTINGS[setting]
        self.upscaler = upscaler.requires_grad_(False).eval()
        self.stn: nn.Module = nn.Identity()
        if stages.straightened:
            self.stn = SpatialTransformer(upscaled_size, scale_limit=scale_limit)
        self.resizer: nn.Module = nn.Identity()
        if stages.learned:
            self.resizer = LearnedResizer(
                backbone_size, channels=width, blocks=blocks, legacy_scale=legacy_scale
            )
        elif stages.enlarged:
            self.resizer = Interpolate(backbone_size)
        self.backbone = backbone
        self.neck = nn.Sequential(
            nn.Linear(backbone.features, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU()
        )
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(HIDDEN, classes))

    def train(self, mode: bool = True) -> "NeuralResizer":
        """Switch modes; the frozen upscaler stays in eval."""
        super().train(mode)
        self.upscaler.eval()
        return self

    def forward(self, x: Tensor) -> NeuralResizerOutput:
        """Map normalised RGB (B, 3, h, w) to `NeuralResizerOutput`."""
        embedding = self.neck(self.backbone(self.resized(x)))
        return NeuralResizerOutput(self.classifier(embedding), embedding)

    def resized(self, x: Tensor) -> Tensor:
        """Give what the backbone sees of (B, 3, h, w): (B, 3, backbone_size, backbone_size)."""
        y: Tensor = self.resizer(self.stn(self.upscaled(x)))
        return y

    def upscaled(self, x: Tensor) -> Tensor:
        """Give the large picture of (B, 3, h, w), free of gradients."""
        with torch.no_grad():
            y: Tensor = self.upscaler(x)
        return y
