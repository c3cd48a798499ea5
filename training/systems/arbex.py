"""ARBEx as a system: POSTER++ encoder, primary distribution, reliability balancing.

Source: ARBEx (Wasi et al. 2023), sections 3.3-3.5; ARBEx specification, sections 4-6.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor, distributed, nn

from engine.config import (
    AboveZero,
    Natural,
    NonNegative,
    Positive,
    Share,
    ShareBelowOne,
    checked,
    require,
)
from training.losses.arbex import FLOOR, Pairs, anchor_loss, center_loss, class_distribution_loss
from training.models.class_means import ClassMeans
from training.models.poster_pp import PosterPP
from training.models.primary_head import PrimaryHead
from training.models.reliability import (
    Anchors,
    AttentionVote,
    Mix,
    ReliabilityBalancing,
    Scope,
    confidence,
)
from training.systems.settings import Classes, SystemSettings
from training.types import Answer, System, Target

AnchorInit = Literal["normal", "class_mean"]
Trust = Literal["full", "linear"]
MOMENTUM = 0.1


@checked("arbex")
class ArbexConfig(SystemSettings):
    """Size and settings of ARBEx; the defaults are the specification's.

    Attributes:
        classes: C.
        input_size: 112 or 224 pixels; of 224 each second one is read.
        width: Of the encoder's tokens and of its feature.
        depth: Blocks of the encoder's ViT.
        heads: Of each of them.
        drop_path: Rate of the encoder's last level.
        head_size: Of the encoder's window attention; divides the trunk's channels.
        freeze_image: Keep the image trunk as it is; false where it has no pre-trained weights.
        embedding: D, features of the embedding that classifier and anchors read.
        hidden: Width of the primary head.
        dropout: In the primary head.
        anchors: K per class; 0 is no reliability balancing at all.
        anchor_init: ``normal``, or ``class_mean``: moved there at `class_mean_at`.
        class_mean_at: Share of the training after which anchors move to their class's mean.
        anchor_radius: Largest ||a|| in running means of ||e||, such as 2; 0 is no limit.
        delta: Steepness of the anchors' similarities; smaller is nearer to the nearest one.
        attention_scope: Who attends: ``sample``, ``tokens`` or ``batch``, see `AttentionVote`.
        attention_heads: Of the attention vote.
        attention_groups: Outputs per class of the attention vote.
        mix: ``seed`` or ``code``, see `ReliabilityBalancing`.
        trust: ``full``, or ``linear`` from the primary to the corrected distribution.
        smoothing: eps_s of the class distribution loss.
        class_weight: lambda_cls.
        balanced: Weigh classes by inverse frequency, for runs without the refinement sampler.
        anchor_weight: lambda_a.
        anchor_multiplier: mult_a.
        center_weight: lambda_c.
        anchor_pairs: ``cross_class`` or ``same_index``, see `anchor_loss`.
        center_confidence: Weigh each face of the center loss by k(p).
    """

    classes: Classes = 8
    input_size: Literal[112, 224] = 112
    width: Positive = 768
    depth: Positive = 2
    heads: Positive = 8
    drop_path: ShareBelowOne = 0.25
    head_size: Positive = 32
    freeze_image: bool = True
    embedding: Positive = 128
    hidden: Positive = 64
    dropout: ShareBelowOne = 0.5
    anchors: Natural = 10
    anchor_init: AnchorInit = "normal"
    class_mean_at: Share = 0.005
    anchor_radius: NonNegative = 0.0
    delta: AboveZero = 1.0
    attention_scope: Scope = "sample"
    attention_heads: Positive = 8
    attention_groups: Positive = 1
    mix: Mix = "seed"
    trust: Trust = "full"
    smoothing: Share = 0.11
    class_weight: NonNegative = 1.0
    balanced: bool = False
    anchor_weight: NonNegative = 0.01
    anchor_multiplier: NonNegative = 1.0
    center_weight: NonNegative = 1.0
    anchor_pairs: Pairs = "cross_class"
    center_confidence: bool = False

    def __post_init__(self) -> None:
        require(self, "width", self.width % self.heads == 0, "a multiple of heads")
        whole = self.embedding % self.attention_heads == 0
        require(self, "embedding", whole, "a multiple of attention_heads")


class ArbexEvaluation(NamedTuple):
    """Both distributions of a batch of faces and what they come from.

    Attributes:
        primary: (B, C), p.
        corrected: (B, C), q.
        embedding: (B, D), e.
    """

    primary: Tensor
    corrected: Tensor
    embedding: Tensor


class ArbexSystem(System):
    """ARBEx with its losses.

    Args:
        config: Size and settings.
        image: Image trunk, `channels` and taps as in `PosterPP`.
        landmarks: Frozen landmark network, `channels` and taps as in `PosterPP`.
        class_weights: (C,) factors of the class distribution loss (`inverse_frequency`).
    """

    class_weights: Tensor | None
    embedding_norm: Tensor

    def __init__(
        self,
        config: ArbexConfig,
        image: nn.Module,
        landmarks: nn.Module,
        class_weights: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.input_size = config.input_size
        self.encoder = PosterPP(
            image,
            landmarks,
            width=config.width,
            depth=config.depth,
            heads=config.heads,
            drop_path=config.drop_path,
            head_size=config.head_size,
        )
        if config.freeze_image:
            self.encoder.image.requires_grad_(False)
        self.reduction = nn.Linear(config.width, config.embedding)
        self.primary = PrimaryHead(
            config.embedding, config.classes, hidden=config.hidden, dropout=config.dropout
        )
        self.balancing = _balancing(config) if config.anchors else None
        by_means = config.anchors and config.anchor_init == "class_mean"
        self.means = ClassMeans(config.classes, config.embedding) if by_means else None
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.register_buffer("embedding_norm", torch.zeros(()))
        self.train()

    def train(self, mode: bool = True) -> "ArbexSystem":
        """Switch modes; a frozen image trunk stays in eval, its statistics fixed."""
        super().train(mode)
        if self.config.freeze_image:
            self.encoder.image.eval()
        return self

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; logits are ln max(q, 1e-8), the embedding is e.

        Extras: ``primary`` ln p and ``corrected`` ln q (B, C), ``primary_confidence`` k(p) and
        ``confidence`` k(q) (B,), which may say "uncertain".
        """
        primary, corrected, embedding = self.judge(images)
        logits = _log(corrected)
        extras = {
            "primary": _log(primary),
            "corrected": logits,
            "primary_confidence": confidence(primary),
            "confidence": confidence(corrected),
        }
        return Answer(logits, logits[:, :0], embedding, extras)

    def judge(self, images: Tensor) -> ArbexEvaluation:
        """Give p, q and e of crops; q is p where there is no balancing."""
        encoded = self.encoder(images)
        embedding = self.reduction(encoded.feature)
        primary = self.primary(embedding).float().softmax(1)
        if self.balancing is None:
            return ArbexEvaluation(primary, primary, embedding)
        tokens = embedding[:, None]
        if self.config.attention_scope == "tokens":
            tokens = torch.cat([tokens, self.reduction(encoded.tokens[:, 1:])], 1)
        return ArbexEvaluation(primary, self.balancing(primary, tokens).corrected, embedding)

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give L = lambda_cls L_cls + r (lambda_a mult_a L_anchor + lambda_c L_center) (eq. 23).

        Over rows that have a label. The figures are its terms before their weights, the longest
        anchor and r.
        """
        judged = self.judge(images)
        known = target.labels >= 0
        labels, config = target.labels[known], self.config
        primary, corrected, embedding = (x[known] for x in judged)
        distribution = class_distribution_loss(
            corrected, target.shares[known], smoothing=config.smoothing, weights=self.class_weights
        )
        figures = {"class_distribution": distribution}
        loss = config.class_weight * distribution
        if self.balancing is not None:
            self._remember(embedding, labels)
            points, trust = self.balancing.anchors.points, self.balancing.trust
            sure = confidence(primary) if config.center_confidence else None
            apart = anchor_loss(points, config.anchor_pairs)
            near = center_loss(points, embedding, labels, sure)
            anchor_weight = config.anchor_weight * config.anchor_multiplier
            loss = loss + trust * (anchor_weight * apart + config.center_weight * near)
            longest = points.detach().norm(dim=2).amax()
            figures |= {"anchor": apart, "center": near, "anchor_norm_max": longest, "trust": trust}
        return loss, {name: figure.detach().clone() for name, figure in figures.items()}

    def before_step(self, progress: float) -> None:
        """Raise the trust r to `progress`, and move anchors to their classes, when asked to."""
        if self.balancing is None:
            return
        if self.config.trust == "linear":
            self.balancing.trust.fill_(progress)
        due = self.means is not None and progress >= self.config.class_mean_at
        if self.means is not None and due and not self.means.placed:
            self.means.place(self.balancing.anchors.points)

    @torch.no_grad()
    def after_step(self) -> None:
        """Pull anchors back to ||a|| <= radius, when there is one."""
        if self.balancing is None or not self.config.anchor_radius:
            return
        points = self.balancing.anchors.points
        radius = self.config.anchor_radius * self.embedding_norm
        points.mul_((radius / points.norm(dim=2, keepdim=True)).clamp(max=1))

    @torch.no_grad()
    def _remember(self, embedding: Tensor, labels: Tensor) -> None:
        """Follow where embeddings lie, as far as something asks for it, in place."""
        if not self.training or not len(labels):
            return
        if self.means is not None and not self.means.placed:
            self.means.update(embedding, labels)
        if self.config.anchor_radius:
            norm = _mean_of_processes(embedding.float().norm(dim=1).mean())
            self.embedding_norm.copy_(
                self.embedding_norm.lerp(norm, MOMENTUM if self.embedding_norm else 1.0)
            )


def _balancing(config: ArbexConfig) -> ReliabilityBalancing:
    anchors = Anchors(config.classes, config.anchors, config.embedding, delta=config.delta)
    attention = AttentionVote(
        config.embedding,
        config.classes,
        heads=config.attention_heads,
        groups=config.attention_groups,
        scope=config.attention_scope,
    )
    balancing = ReliabilityBalancing(anchors, attention, mix=config.mix)
    balancing.trust.fill_(float(config.trust == "full"))
    return balancing


def _log(distribution: Tensor) -> Tensor:
    return distribution.clamp(min=FLOOR).log()


def _mean_of_processes(x: Tensor) -> Tensor:
    """Agree on one radius, or the processes' anchors would drift apart."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(x)
        x = x / distributed.get_world_size()
    return x
