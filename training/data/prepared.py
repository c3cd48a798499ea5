"""From a dataset's name to the crops a system sees: read, mended, aligned, cut once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from training.data.crops import cached_crops
from training.data.epochs import ChannelOrder
from training.data.faces import Split
from training.data.located import located_table
from training.data.noise import with_label_noise
from training.data.pictures import PictureConfig, without_copies
from training.data.registry import dataset, read_dataset
from training.data.table import FaceTable
from training.data.transforms import transform

Align = Literal["landmarks", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which faces a system is trained on, and how they are shown.

    Attributes:
        dataset: A name of `training.data.registry.DATASETS`.
        fold: The subject or character left out, for datasets without a split of their own.
        align: ``landmarks`` cuts faces out as the live engine does; ``none`` takes pictures as
            they are, for datasets that come aligned.
        landmark_weights: Of the landmark network that aligns.
        augmentation: A name of `training.data.transforms.TRANSFORMS`.
        mixed: Share of batches blended pairwise ("mixup").
        noise: Share of training labels replaced by another class.
        copies: Keep training pictures that are also in the validation or test split.
        limit: Faces of each class to train on at most; 0 is all of them.
        channel_order: ``bgr`` for POSTER's released RAF-DB weights alone.
        missing_max: Largest share of faces, 0 to 1, that may lack a readable picture.
    """

    dataset: str = "ferplus"
    fold: str = ""
    align: Align = "landmarks"
    landmark_weights: str = "assets/landmark-net.safetensors"
    augmentation: str = "none"
    mixed: float = 0.0
    noise: float = 0.0
    copies: bool = False
    limit: int = 0
    channel_order: ChannelOrder = "rgb"
    missing_max: float = 0.01

    def __post_init__(self) -> None:
        dataset(self.dataset)
        transform(self.augmentation)
        for key, choices in (("align", get_args(Align)), ("channel_order", get_args(ChannelOrder))):
            if getattr(self, key) not in choices:
                raise ConfigError(
                    f"data.{key}: must be one of {', '.join(choices)}, got {getattr(self, key)}"
                )
        for key in ("mixed", "noise"):
            if not 0 <= getattr(self, key) <= 1:
                raise ConfigError(f"data.{key}: must be 0 to 1, got {getattr(self, key)}")
        if self.limit < 0:
            raise ConfigError(f"data.limit: must not be negative, got {self.limit}")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Faces of one split with their crops.

    Attributes:
        table: Labels and names, N rows.
        crops: (N, S, S, 3) uint8, BGR, memory-mapped.
    """

    table: FaceTable
    crops: NDArray[np.uint8]


def prepare(
    config: DataConfig, split: Split, side: int, *, root: Path, cache: Path, seed: int = 0
) -> Prepared:
    """Read one split and cut its faces to crops of `side` pixels.

    Noise, limit and the search for copies are for training alone.

    Raises:
        ConfigError: Unknown fold, or a split that the dataset lacks.
        SourceError: The data is missing or malformed, with file and line.
    """
    table = labelled(config, split, root, cache)
    if split == "train":
        table = _for_training(config, table, root, cache, seed)
    points = None
    if config.align == "landmarks":
        points = located_table(table, Path(config.landmark_weights), cache)
    return Prepared(table, cached_crops(table, points, side, cache))


def labelled(config: DataConfig, split: Split, root: Path, cache: Path) -> FaceTable:
    """Read one split as it is on disk, no picture cut yet."""
    pictures = PictureConfig(missing_max=config.missing_max)
    return read_dataset(
        config.dataset, root, split, cache, fold=config.fold or None, config=pictures
    )


def _for_training(
    config: DataConfig, table: FaceTable, root: Path, cache: Path, seed: int
) -> FaceTable:
    if not config.copies:
        splits = dataset(config.dataset).splits[1:]
        held_out = [labelled(config, split, root, cache) for split in splits]
        table = without_copies(table, held_out, cache)
    if config.limit:
        table = table.at(_few(table.labels, config.limit, seed))
    return with_label_noise(table, config.noise, seed) if config.noise else table


def _few(labels: NDArray[np.intp], limit: int, seed: int) -> NDArray[np.intp]:
    """Draw up to `limit` rows of each class, in the table's order."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:limit] for k in np.unique(labels)]
    return np.sort(np.concatenate(rows))
