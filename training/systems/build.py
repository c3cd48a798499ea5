"""Systems by name, from the tables of a recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import torch
from torch import nn

from engine.config import checked, one_of
from engine.types import Floats
from training.losses.arbex import inverse_frequency
from training.models.backbones import load_backbone
from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import start_from_landmarks
from training.models.resnet import load_trunk, resnet
from training.models.streams import (
    IMAGE_TRUNKS,
    LANDMARK_STREAMS,
    image_trunk,
    landmark_stream,
    last_tap,
)
from training.systems.arbex import ArbexConfig, ArbexSystem
from training.systems.cern import CernConfig, CernSystem
from training.systems.dan import DanConfig, DanSystem
from training.systems.neural_resizer import (
    NeuralResizerConfig,
    NeuralResizerSystem,
    make_enlarger,
    make_upscaler,
)
from training.systems.poster import PosterConfig, PosterSystem
from training.systems.poster_pp import PosterPPConfig, PosterPPSystem
from training.systems.poster_rt import PosterRTConfig, PosterRTSystem
from training.systems.settings import Starting, SystemSettings
from training.types import System
from training.weights import load_weights


@checked("system")
class SystemConfig(Starting):
    """Which system, on which streams.

    Attributes:
        name: A name of `SYSTEMS`; the table of that name holds its settings.
        image: Image trunk of the cross-fusion systems (`training.models.streams`); ``poster_rt``
            has streams of its own.
        image_weights: Pre-trained weights of the image trunk, DAN's too: a run's, or as they are
            distributed (docs/training.md); empty for none.
        landmarks: Their landmark stream.
        landmark_weights: Its weights, without which it says nothing, also of the landmark network
            in ``poster_rt``; as `image_weights`, for ``mobilefacenet``.
        start: Weights of the whole system to go on from, for POSTER also its authors'; empty
            for none.
    """

    STARTS: ClassVar[tuple[str, ...]] = ("start", "image_weights", "landmark_weights")

    name: Annotated[str, one_of(lambda: SYSTEMS)]
    image: Annotated[str, one_of(IMAGE_TRUNKS)] = "ir50"
    image_weights: str = ""
    landmarks: Annotated[str, one_of(LANDMARK_STREAMS)] = "mobilefacenet"
    landmark_weights: str = ""
    start: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Truths:
    """What losses ask of the training data.

    Attributes:
        counts: Training faces of each class.
        prior: (C, C) how votes spread over the classes (`training.data.prior`).
        classes: In the order of the labels; empty where nobody named them.
    """

    counts: tuple[int, ...]
    prior: Floats | None
    classes: tuple[str, ...] = ()


Make = Callable[[Any, SystemConfig, Truths], System]


def _streams(system: SystemConfig) -> tuple[nn.Module, nn.Module]:
    return (
        image_trunk(system.image, system.image_weights),
        landmark_stream(system.landmarks, system.landmark_weights),
    )


def _arbex(config: ArbexConfig, system: SystemConfig, truths: Truths) -> System:
    weights = inverse_frequency(torch.tensor(truths.counts)) if config.balanced else None
    return ArbexSystem(config, *_streams(system), class_weights=weights)


def _neural_resizer(config: NeuralResizerConfig, system: SystemConfig, truths: Truths) -> System:
    upscaler, enlarger = make_upscaler(config), make_enlarger(config)
    if config.upscaler_weights:
        load_weights(enlarger or upscaler, Path(config.upscaler_weights))
    made = NeuralResizerSystem(config, truths.prior, upscaler=upscaler, enlarger=enlarger)
    if config.backbone_weights:
        load_backbone(made.network.backbone, Path(config.backbone_weights))
    return made


def _dan(config: DanConfig, system: SystemConfig, truths: Truths) -> System:
    if config.trunk in IMAGE_TRUNKS:
        trunk, width = last_tap(image_trunk(config.trunk, system.image_weights))
    else:
        trunk, width = resnet(config.trunk, config.convention)
        if system.image_weights:
            load_trunk(trunk, Path(system.image_weights))
    return DanSystem(config, trunk, width, counts=truths.counts)


def _poster_rt(config: PosterRTConfig, system: SystemConfig, truths: Truths) -> System:
    landmarks = LandmarkNet()
    if system.landmark_weights:
        load_weights(landmarks, Path(system.landmark_weights))
    made = PosterRTSystem(config, landmarks)
    start_from_landmarks(made)
    return made


# Name to the settings' type and what makes the system of them.
SYSTEMS: Final[Mapping[str, tuple[type[SystemSettings], Make]]] = {
    "poster": (PosterConfig, lambda config, system, _: PosterSystem(config, *_streams(system))),
    "poster_pp": (
        PosterPPConfig,
        lambda config, system, _: PosterPPSystem(config, *_streams(system)),
    ),
    "arbex": (ArbexConfig, _arbex),
    "neural_resizer": (NeuralResizerConfig, _neural_resizer),
    "dan": (DanConfig, _dan),
    "cern": (CernConfig, lambda config, system, truths: CernSystem(config)),
    "poster_rt": (PosterRTConfig, _poster_rt),
}


def settings_type(system: SystemConfig) -> type[SystemSettings]:
    """Give the dataclass of a system's settings."""
    return SYSTEMS[system.name][0]


def build(config: SystemSettings, system: SystemConfig, truths: Truths) -> System:
    """Build a system from its settings."""
    made = SYSTEMS[system.name][1](config, system, truths)
    made.class_names = truths.classes if config.expressions else ()
    return made
