"""POSTER++ as a system: the encoder, a plain classifier, cross-entropy."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from engine.errors import ConfigError
from training.losses.smoothing import smoothed_cross_entropy
from training.models.poster_pp import PosterPP
from training.systems.settings import SystemSettings
from training.types import Answer, System, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterPPConfig(SystemSettings):
    """Size of POSTER++; the defaults are the paper's (ARBEx specification, section 3)."""

    classes: int = 8
    input_size: int = 112  # 224 is what the released weights saw, each second pixel of it
    width: int = 768  # of the tokens and of the feature
    depth: int = 2  # blocks of the ViT
    heads: int = 8  # of each of them
    drop_path: float = 0.25  # rate of the last level; 0 in the first, half of it in the second
    head_size: int = 32  # of the window attention; divides the trunk's channels

    def __post_init__(self) -> None:
        rules = {
            "classes": (self.classes >= 2, "at least 2"),
            "input_size": (self.input_size in (112, 224), "112 or 224"),
            "depth": (self.depth >= 1, "at least 1"),
            "heads": (self.heads >= 1, "at least 1"),
            "width": (self.width % max(self.heads, 1) == 0 < self.width, "a multiple of heads"),
            "head_size": (self.head_size >= 1, "at least 1"),
            "drop_path": (0 <= self.drop_path < 1, "from 0 to below 1"),
        }
        for key, (holds, wanted) in rules.items():
            if not holds:
                raise ConfigError(f"poster_pp.{key}: must be {wanted}, got {getattr(self, key)}")


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
