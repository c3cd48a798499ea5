"""POSTER++ as a system: the encoder, a plain classifier, cross-entropy."""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from engine.config import Positive, ShareBelowOne, checked, require
from training.losses.smoothing import smoothed_cross_entropy
from training.models.poster_pp import PosterPP
from training.systems.settings import Classes, SystemSettings
from training.types import Answer, System, Target


@checked("poster_pp")
class PosterPPConfig(SystemSettings):
    """Size of POSTER++; the defaults are the paper's (ARBEx specification, section 3)."""

    classes: Classes = 8
    input_size: Literal[112, 224] = 112  # 224: what the released weights saw, each second pixel
    width: Positive = 768  # of the tokens and of the feature
    depth: Positive = 2  # blocks of the ViT
    heads: Positive = 8  # of each of them
    drop_path: ShareBelowOne = 0.25  # rate of the last level; 0 in the first, half in the second
    head_size: Positive = 32  # of the window attention; divides the trunk's channels

    def __post_init__(self) -> None:
        require(self, "width", self.width % self.heads == 0, "a multiple of heads")


class PosterPPSystem(System):
    """POSTER++ with a linear classifier, the baseline that ARBEx is compared with.

    Args:
        config: Size of the network.
        image: Image trunk, `channels` and taps as in `PosterPP`; trained along.
        landmarks: Frozen landmark network, `channels` and taps as in `PosterPP`.
    """

    def __init__(self, config: PosterPPConfig, image: nn.Module, landmarks: nn.Module) -> None:
        super().__init__()
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
        self.classifier = nn.Linear(config.width, config.classes)

    def forward(self, images: Tensor) -> Answer:
        """Judge crops; the embedding is v, the gated class token."""
        feature = self.encoder(images).feature
        logits = self.classifier(feature)
        return Answer(logits, logits[:, :0], feature, {})

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Give the mean cross-entropy over rows that have a label, 0 where none has."""
        known = target.labels >= 0
        return smoothed_cross_entropy(self(images).logits[known], target.shares[known]), {}
