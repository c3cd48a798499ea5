"""Neural Resizer with F-PDLS: pretrained transformers on enlarged, learnably reduced faces."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from engine.config import (
    Natural,
    NonNegative,
    Positive,
    Share,
    ShareBelowOne,
    Side,
    checked,
    one_of,
    require,
)
from engine.errors import ConfigError
from engine.types import Floats
from training.data.table import FaceTable
from training.losses.pdls import f_pdls, pdls
from training.losses.smoothing import smoothed_cross_entropy
from training.models.backbones import BACKBONES, RT, backbone
from training.models.neural_resizer import SETTINGS, NeuralResizer, NeuralResizerOutput, Setting
from training.models.super_resolution import (
    Beforehand,
    Interpolate,
    Precomputed,
    SRLite,
    Upscaler,
)
from training.systems.settings import Classes, SystemSettings
from training.types import Answer, System, Target

Loss = Literal["ce", "pdls", "fpdls"]

# What keeps feature maps has no pooled features for the head.
POOLED = (*(name for name in BACKBONES if not name.startswith("resnet")), RT)


@checked("neural_resizer")
class NeuralResizerConfig(SystemSettings):
    """A row of the Neural Resizer specification, section 4, and its loss, section 5.

    The defaults are setting d. Setting a reads `input_size` and `backbone_size` only; a and b
    enlarge by ``bilinear``. Ours for a CPU: 48, 96 and 56 pixels with ``swin_micro``.

    Attributes:
        setting: Which stages stand before the backbone.
        backbone: Name in `training.models.backbones`.
        pretrained: Start the backbone from ImageNet weights.
        backbone_weights: Of a system with the same backbone, such as a run's
            ``model.safetensors``, whose backbone is what this one starts from; or as timm and the
            authors distribute them (docs/training.md).
        classes: C.
        input_size: Side of the faces handed in, pixels; `upscaled_size` for ``disk``.
        upscaler: ``disk`` takes faces that were super-resolved beforehand.
        upscaled_size: Pixels; a power of 2 times `input_size` for ``sr_lite``.
        backbone_size: Pixels.
        upscaler_weights: Trained weights of ``sr_lite``, safetensors; for ``disk`` of the one
            that enlarged the pictures beforehand, which does the same live.
        enlarged_from: For ``disk``: side of the pictures before that, pixels; 0 where something
            else enlarged them, and the network cannot run live.
        sr_channels: Channels of ``sr_lite``.
        sr_blocks: Residual blocks of ``sr_lite``.
        width: Channels of the Neural Resizer.
        blocks: Its residual blocks.
        legacy_scale: Resize by 0.584 like the paper's checkpoints; 384 to 224 pixels only.
        stn_scale_limit: Largest deviation of setting e's warp from scale 1; 0 is no limit.
        loss: Cross-entropy, PDLS or F-PDLS.
        alpha: Share of the hard label in PDLS and F-PDLS.
        gamma: Focusing of F-PDLS.
        comp: Variant of F-PDLS, see `training.losses.pdls.f_pdls`.
    """

    STARTS: ClassVar[tuple[str, ...]] = ("pretrained", "backbone_weights", "upscaler_weights")

    setting: Setting = "d"
    backbone: Annotated[str, one_of(POOLED)] = "swin_s"
    pretrained: bool = False
    backbone_weights: str = ""
    classes: Classes = 8
    input_size: Side = 384
    upscaler: Upscaler = "disk"
    upscaler_weights: str = ""
    enlarged_from: Natural = 0
    upscaled_size: Side = 384
    backbone_size: Side = 224
    sr_channels: Positive = 32
    sr_blocks: Natural = 8
    width: Positive = 16
    blocks: Natural = 1
    legacy_scale: bool = False
    stn_scale_limit: ShareBelowOne = 0.0
    loss: Loss = "fpdls"
    alpha: Share = 0.8
    gamma: NonNegative = 2.0
    comp: bool = False

    def __post_init__(self) -> None:
        both = self.pretrained and bool(self.backbone_weights)
        require(self, "backbone_weights", not both, "empty where pretrained is true")
        _check_sizes(self)

    @property
    def needs_prior(self) -> bool:
        """Whether labels are smoothed by it."""
        return self.loss != "ce"

    def check_start(self, start: str) -> None:
        """Refuse a super-resolution network that nobody trained: it is frozen."""
        asked = self.upscaler == "sr_lite" or self.enlarged_from
        if asked and not (self.upscaler_weights or start):
            raise ConfigError(
                "neural_resizer.upscaler_weights: missing; sr_lite is frozen: it must be trained "
                "before"
            )

    def check_pictures(self, table: FaceTable) -> None:
        """Refuse pictures that were not super-resolved where ``disk`` says they were."""
        side = max(table.image(0).shape[:2]) if self.upscaler == "disk" else self.input_size
        if side != self.input_size:
            raise ConfigError(
                f"neural_resizer.upscaler: disk wants pictures of {self.input_size} pixels, "
                f"{table.names[0]} has {side}; super-resolve them first, or choose another upscaler"
            )


def _check_sizes(config: NeuralResizerConfig) -> None:
    """Check that the sizes suit the upscaler, and the upscaler the setting."""
    size, large = config.input_size, config.upscaled_size
    if not SETTINGS[config.setting].super_resolved:
        require(config, "upscaler", config.upscaler == "bilinear", "bilinear in settings a and b")
    if config.upscaler == "disk":
        require(config, "input_size", size == large, f"{large}, the upscaled_size, for disk")
    lite = config.upscaler == "sr_lite" or config.enlarged_from or not config.upscaler_weights
    require(config, "upscaler_weights", bool(lite), "empty but for sr_lite")
    if config.enlarged_from:
        require(config, "enlarged_from", config.upscaler == "disk", "0 but for disk")
        fits = _doublings(config) and large == config.enlarged_from << _doublings(config)
        require(config, "enlarged_from", bool(fits), f"{large}, the upscaled_size, halved")
    if config.upscaler == "sr_lite":
        fits = large > size and large == size << _doublings(config)
        require(config, "input_size", fits, f"{large}, the upscaled_size, halved once or more")
    if config.setting == "e":
        require(config, "upscaled_size", large >= 18, "at least 18 in setting e")
    if config.legacy_scale:
        sizes = (large, config.backbone_size) == (384, 224)
        require(config, "legacy_scale", sizes, "false unless 384 pixels become 224")


def _doublings(config: NeuralResizerConfig) -> int:
    """How often a small picture's side doubles on its way to `upscaled_size`."""
    small = config.enlarged_from or config.input_size
    return max(0, (config.upscaled_size // small).bit_length() - 1)


class NeuralResizerSystem(System):
    """The network and the loss it is trained by.

    Args:
        config: Setting, sizes and loss.
        prior: (C, C), rows summing to 1, in the data set's class order (`training.data.prior`);
            None where the settings need none.
        upscaler: A trained one in place of the configured, such as `SRLite`, which starts
            untrained; it is frozen.
        enlarger: A trained one that enlarged the pictures beforehand; untrained by default.

    Raises:
        ConfigError: The loss needs a prior and has none, or one of other classes.
    """

    prior: Tensor

    def __init__(
        self,
        config: NeuralResizerConfig,
        prior: Floats | None = None,
        *,
        upscaler: nn.Module | None = None,
        enlarger: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.input_size = config.input_size
        self.register_buffer("prior", _checked_prior(config, prior))
        self.network = NeuralResizer(
            config.setting,
            backbone(
                config.backbone, pretrained=config.pretrained, image_size=config.backbone_size
            ),
            upscaler or make_upscaler(config),
            classes=config.classes,
            upscaled_size=config.upscaled_size,
            backbone_size=config.backbone_size,
            width=config.width,
            blocks=config.blocks,
            legacy_scale=config.legacy_scale,
            scale_limit=config.stn_scale_limit,
        )
        self.enlarger = None
        if config.enlarged_from:
            self.enlarger = Beforehand(enlarger or _lite(config)).requires_grad_(False).eval()

    @property
    def crop_size(self) -> int:
        """Side of the crops that are cut live."""
        return self.config.enlarged_from or self.input_size

    @property
    def unserved(self) -> str:
        """See `System.unserved`."""
        if self.config.upscaler != "disk" or self.enlarger is not None:
            return ""
        return (
            "its pictures were super-resolved beforehand, and the network that did it is not known "
            "here: train on pictures of fer-data enlarge with neural_resizer.enlarged_from and "
            "upscaler_weights, or with upscaler = sr_lite"
        )

    def served(self, crops: Tensor) -> Answer:
        """Judge what is cut live, enlarged as the pictures were."""
        said: Answer = self(crops if self.enlarger is None else self.enlarger(crops))
        return said

    def train(self, mode: bool = True) -> "NeuralResizerSystem":
        """Switch modes; what enlarged pictures beforehand stays in eval."""
        super().train(mode)
        if self.enlarger is not None:
            self.enlarger.eval()
        return self

    def forward(self, images: Tensor) -> Answer:
        """Judge normalised RGB faces (B, 3, S, S), S the input size."""
        said: NeuralResizerOutput = self.network(images)
        return Answer(said.logits, said.logits[:, :0], said.embedding, {})

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the configured loss over faces that have a label, and their cross-entropy."""
        said: NeuralResizerOutput = self.network(images)
        known = target.labels >= 0
        logits, shares = said.logits[known].float(), target.shares[known]
        plain = smoothed_cross_entropy(logits, shares)
        config = self.config
        if config.loss == "ce":
            value = plain
        elif config.loss == "pdls":
            value = pdls(logits, shares, self.prior, alpha=config.alpha)
        else:
            value = f_pdls(
                logits,
                shares,
                self.prior,
                alpha=config.alpha,
                gamma=config.gamma,
                comp=config.comp,
            )
        return value, {"cross_entropy": plain.detach()}


def make_upscaler(config: NeuralResizerConfig) -> nn.Module:
    """Build the configured upscaler; ``sr_lite`` untrained."""
    large = config.upscaled_size if SETTINGS[config.setting].enlarged else config.backbone_size
    if config.upscaler == "disk":
        return Precomputed(large)
    if config.upscaler == "sr_lite":
        return _lite(config)
    return Interpolate(large, config.upscaler)


def make_enlarger(config: NeuralResizerConfig) -> nn.Module | None:
    """Build what enlarged the pictures of ``disk``, untrained; None where nobody knows it."""
    return _lite(config) if config.enlarged_from else None


def _lite(config: NeuralResizerConfig) -> SRLite:
    return SRLite(config.sr_channels, config.sr_blocks, _doublings(config))


def _checked_prior(config: NeuralResizerConfig, prior: Floats | None) -> Tensor:
    """Give the prior as a buffer; uniform where the loss reads none."""
    classes = config.classes
    if prior is None and not config.needs_prior:
        return torch.full((classes, classes), 1 / classes)
    if prior is None or prior.shape != (classes, classes):
        got = "none" if prior is None else f"one of shape {prior.shape}"
        raise ConfigError(
            f"neural_resizer.loss: {config.loss} needs a prior of {classes} classes, got {got}"
        )
    return torch.as_tensor(prior, dtype=torch.float32)
