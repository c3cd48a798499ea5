"""From a dataset's name to the crops a system sees: read, mended, aligned, cut once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from engine.config import Natural, Share, ShareBelowOne, checked, one_of
from engine.errors import ConfigError
from training.data.crops import cached_crops
from training.data.epochs import ChannelOrder
from training.data.faces import Split
from training.data.located import located_table
from training.data.merged import merged
from training.data.noise import with_label_noise
from training.data.pictures import PictureConfig, without_copies
from training.data.registry import DATASETS, dataset, read_dataset
from training.data.table import FaceTable, joined
from training.data.transforms import TRANSFORMS

Align = Literal["landmarks", "none"]


@checked("data")
class DataConfig:
    """Which faces a system is trained on, and how they are shown.

    Attributes:
        dataset: A name of `training.data.registry.DATASETS`; its classes are the system's, and
            its splits alone choose the model and judge it.
        also: More datasets, whose training splits are added in those classes
            (`training.data.merged`); not one of the same pictures.
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

    dataset: Annotated[str, one_of(DATASETS)] = "ferplus"
    also: tuple[Annotated[str, one_of(DATASETS)], ...] = ()
    fold: str = ""
    align: Align = "landmarks"
    landmark_weights: str = "assets/landmark-net.safetensors"
    augmentation: Annotated[str, one_of(TRANSFORMS)] = "none"
    mixed: Share = 0.0
    noise: Share = 0.0
    copies: bool = False
    limit: Natural = 0
    channel_order: ChannelOrder = "rgb"
    missing_max: ShareBelowOne = 0.01

    def __post_init__(self) -> None:
        _check_also(self.dataset, self.also)


def _check_also(main: str, also: Sequence[str]) -> None:
    for name in also:
        if name == main:
            raise ConfigError(f"data.also: {name} is data.dataset already; leave it out")
        if dataset(name).needs_fold:
            raise ConfigError(f"data.also: {name} has no training split of its own; leave it out")
    for one, other in combinations((main, *also), 2):
        shared = dataset(one).collection
        if one == other or (shared and shared == dataset(other).collection):
            raise ConfigError(f"data.also: {other} has the pictures of {one}; leave one out")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Faces of one split with their crops.

    Attributes:
        table: Labels and names, N rows.
        crops: (N, S, S, 3) uint8, BGR, memory-mapped.
        parts: What the table was put together of, one table of each dataset, before
            faces were limited and labels made noisy.
    """

    table: FaceTable
    crops: NDArray[np.uint8]
    parts: tuple[FaceTable, ...]


def prepare(
    config: DataConfig, split: Split, side: int, *, root: Path, cache: Path, seed: int = 0
) -> Prepared:
    """Read one split and cut its faces to crops of `side` pixels.

    Noise, limit, added datasets and the search for copies are for training alone.

    Raises:
        ConfigError: Unknown fold, a split that the dataset lacks, or an added dataset without a
            face for it.
        SourceError: The data is missing or malformed, with file and line.
    """
    parts: tuple[FaceTable, ...] = (labelled(config, split, root, cache),)
    table = parts[0]
    if split == "train":
        parts = _for_training(config, table, root, cache)
        table = _chosen(config, joined(parts), seed)
    points = None
    if config.align == "landmarks":
        points = located_table(table, Path(config.landmark_weights), cache)
    return Prepared(table, cached_crops(table, points, side, cache), parts)


def labelled(config: DataConfig, split: Split, root: Path, cache: Path) -> FaceTable:
    """Read one split as it is on disk, no picture cut yet."""
    pictures = PictureConfig(missing_max=config.missing_max)
    return read_dataset(
        config.dataset, root, split, cache, fold=config.fold or None, config=pictures
    )


def _for_training(
    config: DataConfig, table: FaceTable, root: Path, cache: Path
) -> tuple[FaceTable, ...]:
    """Give the training faces of each dataset, without copies of held-out ones."""
    others = [replace(config, dataset=name, also=(), fold="") for name in config.also]
    tables = [table, *(labelled(other, "train", root, cache) for other in others)]
    if not config.copies:
        splits = dataset(config.dataset).splits[1:]
        held_out = [labelled(config, split, root, cache) for split in splits]
        tables = [without_copies(one, held_out, cache) for one in tables]
    return merged(tables[0], tables[1:])


def _chosen(config: DataConfig, table: FaceTable, seed: int) -> FaceTable:
    if config.limit:
        table = table.at(_few(table.labels, config.limit, seed))
    return with_label_noise(table, config.noise, seed) if config.noise else table


def _few(labels: NDArray[np.intp], limit: int, seed: int) -> NDArray[np.intp]:
    """Draw up to `limit` rows of each class, in the table's order."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:limit] for k in np.unique(labels)]
    return np.sort(np.concatenate(rows))
