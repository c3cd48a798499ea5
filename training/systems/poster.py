"""POSTER and POSTER-Ada: cross-fusion with a linear or a quality-adaptive classifier."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from engine.config import AboveZero, NonNegative, Positive, ShareBelowOne, checked
from training.losses.adaface import clipped_norm
from training.losses.smoothing import smoothed_cross_entropy
from training.models.adaface_head import AdaFaceHead, Statistics
from training.models.poster import Poster, PosterFeatures, Tokenise
from training.models.streams import Released
from training.systems.settings import Classes, SystemSettings
from training.types import Answer, System, Target

Head = Literal["linear", "adaface"]
Norm = Literal["z", "image", "pre_ln"]
SMOOTHING = 0.2


@checked("poster")
class PosterConfig(SystemSettings):
    """The rows of the paper's table (POSTER specification, section 4).

    POSTER-s, -m, -l: `depth` 4, 6, 8. POSTER-Ada: `head` "adaface". w/MLP: `mlp`. w/IRf: `norm`
    "image". Smaller `depth` and `dim` make versions for a CPU.
    """

    classes: Classes = 8
    input_size: Literal[112, 224] = 112  # 224: what the released weights saw, each second pixel
    depth: Positive = 4
    dim: Annotated[int, Field(ge=32, multiple_of=32)] = 512
    tokenise: Tokenise = "raw_view"
    token_mix: bool = True  # false for AffectNet
    q_proj: bool = False
    drop_path: ShareBelowOne = 0.1
    head: Head = "linear"
    mlp: bool = False  # a linear layer between the body and the head
    norm: Norm = "z"  # whose length is the quality: what the head reads, image branch, class token
    m: NonNegative = 0.4
    h: NonNegative = 0.33
    s: AboveZero = 64.0
    stats: Statistics = "ema"
    ema_alpha: Annotated[float, Field(gt=0, le=1)] = 0.01


class PosterSystem(System):
    """POSTER with its classifier and loss (POSTER specification, sections 4 and 5).

    `before_step` must come once per optimiser step, before its first forward pass, and not again
    before the second one of SAM: it allows AdaFace's moving averages one move.

    Args:
        config: Of the body and the head.
        image: Image trunk, `channels` and taps as in `Poster`.
        landmarks: Frozen landmark network, `channels` and taps as in `Poster`.
    """

    def __init__(self, config: PosterConfig, image: nn.Module, landmarks: nn.Module) -> None:
        super().__init__()
        self.input_size = config.input_size
        self.norm = config.norm
        self.body = Poster(
            image,
            landmarks,
            dim=config.dim,
            depth=config.depth,
            tokenise=config.tokenise,
            token_mix=config.token_mix,
            q_proj=config.q_proj,
            drop_path=config.drop_path,
        )
        self.mlp = nn.Linear(config.dim, config.dim) if config.mlp else nn.Identity()
        self.head = _head(config)

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; extras: ``norm`` (B,), and with AdaFace ``quality`` (B,), -1 to 1."""
        feature, norms = self._read(images)
        extras = {"norm": norms}
        if isinstance(self.head, AdaFaceHead):
            extras["quality"] = self.head.quality(norms)
        return Answer(self.head(feature), feature[:, :0], feature, extras)

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the head's loss over rows that have a label, and what the norms do."""
        feature, norms = self._read(images)
        figures = {"norm_mean": norms.mean(), "norm_deviation": norms.std(correction=0)}
        known = target.labels >= 0
        labels, shares = target.labels[known], target.shares[known]
        if isinstance(self.head, AdaFaceHead):
            nhat = self.head.indicator(norms)
            figures["quality_clipped"] = (nhat.abs() == 1).float().mean()
            logits = self.head.training_logits(feature[known], labels, nhat[known])
            return smoothed_cross_entropy(logits, shares), figures
        return poster_loss(self.head(feature[known]), shares), figures

    def released_names(self) -> Mapping[str, str]:
        """Give the names in the checkpoint that POSTER's authors released.

        It has IR-50 and MobileFaceNet for streams and a linear head.
        """
        image, landmarks = self.body.image, self.body.landmarks
        if not (isinstance(image, Released) and isinstance(landmarks, Released)):
            return {}
        names = {name: _released_name(name) for name in self.state_dict()}
        for own, there in image.released_names().items():
            names[f"body.image.{own}"] = f"ir_back.{there}"
        for own, there in landmarks.released_names().items():
            names[f"body.landmarks.{own}"] = f"face_landback.{there}"
        return names

    def before_step(self, progress: float) -> None:
        """Allow AdaFace's moving averages one move."""
        del progress
        if isinstance(self.head, AdaFaceHead):
            self.head.arm()

    def _read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Give what the head reads (B, dim), and n (B,)."""
        said: PosterFeatures = self.body(images)
        feature = self.mlp(said.z)
        sources = {"z": feature, "image": said.image_token, "pre_ln": said.class_token}
        return feature, clipped_norm(sources[self.norm])


def poster_loss(logits: Tensor, target: Tensor) -> Tensor:
    """2 LS(0.2) + CE of (B, C) logits, the loss of the linear head; 0 for an empty batch.

    Source: POSTER specification, section 5.1; the same as 3 CE with smoothing 0.4 / 3.
    """
    smoothed = smoothed_cross_entropy(logits, target, SMOOTHING)
    return 2 * smoothed + smoothed_cross_entropy(logits, target)


def _head(config: PosterConfig) -> nn.Module:
    if config.head == "linear":
        return nn.Linear(config.dim, config.classes)
    return AdaFaceHead(
        config.dim,
        config.classes,
        m=config.m,
        h=config.h,
        s=config.s,
        stats=config.stats,
        ema_alpha=config.ema_alpha,
    )


# Of the body and the head, in this order: what a name of ours holds, and what theirs does there.
_RELEASED = (
    ("body.image_project.", "ir_layer."),
    ("body.gate.gate.0.", "se_block.linear1."),
    ("body.gate.gate.2.", "se_block.linear2."),
    ("head.", "head.linear."),
    ("body.fusion.position", "pyramid_fuse.pos_embed"),
    ("body.fusion.down_medium.", "pyramid_fuse.downsample_m."),
    ("body.fusion.down_small.", "pyramid_fuse.downsample_s."),
    ("body.fusion.", "pyramid_fuse."),
    (".large.", ".block_l."),
    (".medium.", ".block_m."),
    (".small.", ".block_s."),
    (".up_small.", ".upsample_s."),
    (".up_medium.", ".upsample_m."),
    (".image_attention.", ".attn_img."),
    (".landmark_attention.", ".attn_lm."),
    (".key_value.", ".kv."),
    (".project.", ".proj."),
    (".mlp1.0.", ".mlp1.fc1."),
    (".mlp1.2.", ".mlp1.fc2."),
    (".mlp2.0.", ".mlp2.fc1."),
    (".mlp2.2.", ".mlp2.fc2."),
    (".token_mix.", ".conv."),
)


def _released_name(name: str) -> str:
    for ours, theirs in _RELEASED:
        name = (
            name.replace(ours, theirs, 1) if ours.startswith(".") else _started(name, ours, theirs)
        )
    return name


def _started(name: str, ours: str, theirs: str) -> str:
    return theirs + name.removeprefix(ours) if name.startswith(ours) else name
