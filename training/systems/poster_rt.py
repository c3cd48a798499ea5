"""poster-rt, the network that ships, with its loss."""

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.config import NonNegative, ShareBelowOne, Side, checked, require
from engine.faces.alignment import CROP_SIZE
from training.losses.ccc import ccc_loss
from training.losses.divergence import divergence
from training.losses.smoothing import smoothed_cross_entropy
from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import BLOCKS, HEADS, PosterRT
from training.models.trunk import CHANNELS
from training.systems.settings import Classes, SystemSettings
from training.types import System, Target


@checked("poster_rt")
class PosterRTConfig(SystemSettings):
    """What may be chosen of poster-rt; the rest is fixed by what the engine runs.

    Attributes:
        classes: C.
        input_size: Side of the crops it takes, pixels.
        channels: Of the image stream's stages; multiples of 2, 4 and 5, its attention's heads.
        blocks: Residual units of each stage.
        depth: Cross blocks.
        affect_weight: Weight of the valence-arousal loss.
        consistency: Weight of how unlike the answers to a face and to its twin are.
        dropout: Before the heads.
        drop_path: Stochastic depth of the cross blocks.
    """

    classes: Classes = 8
    input_size: Side = CROP_SIZE
    channels: tuple[Side, Side, Side] = CHANNELS
    blocks: tuple[Side, Side, Side] = BLOCKS
    depth: Side = 1
    affect_weight: NonNegative = 0.5
    consistency: NonNegative = 0.0
    dropout: ShareBelowOne = 0.2
    drop_path: ShareBelowOne = 0.1

    def __post_init__(self) -> None:
        require(self, "input_size", self.input_size == CROP_SIZE, str(CROP_SIZE))
        fits = all(width % heads == 0 for width, heads in zip(self.channels, HEADS, strict=True))
        require(self, "channels", fits, "multiples of 2, 4 and 5")

    @property
    def needs_gray(self) -> bool:
        """Whether the engine shows it gray crops, whatever it was trained on."""
        return True

    @property
    def needs_twins(self) -> bool:
        """Whether its loss compares the answers to a face and to its twin."""
        return self.consistency > 0

    @property
    def affect(self) -> bool:
        """Whether it learns valence and arousal."""
        return True


class PosterRTSystem(PosterRT, System):
    """poster-rt; names and shapes of its weights are those of the network alone."""

    def __init__(self, config: PosterRTConfig, landmark_net: LandmarkNet) -> None:
        super().__init__(
            landmark_net,
            classes=config.classes,
            channels=config.channels,
            blocks=config.blocks,
            depth=config.depth,
            dropout=config.dropout,
            drop_path=config.drop_path,
        )
        self.input_size = config.input_size
        self.affect_weight, self.consistency = config.affect_weight, config.consistency

    def loss(self, images: Tensor, target: Target) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Cross-entropy with the shares plus CCC loss of valence and arousal.

        Where `consistency` is asked for, the second half of the batch are the first half's twins.
        """
        said = self(images.contiguous(memory_format=torch.channels_last))
        logits, known = said.logits.float(), target.shares.any(1)
        cross_entropy = smoothed_cross_entropy(logits[known], target.shares[known])
        affect = ccc_loss(said.affect.float(), target.affect)
        agree = (logits.argmax(1) == target.shares.argmax(1)).float().mean()
        figures = {"ce": cross_entropy, "affect": affect, "agree": agree}
        loss = cross_entropy + self.affect_weight * affect
        if self.consistency:
            figures["unlike"] = divergence(*logits.chunk(2))
            loss = loss + self.consistency * figures["unlike"]
        return loss, {name: figure.detach() for name, figure in figures.items()}
