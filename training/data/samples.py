"""From a dataset's name to the crops a system sees: read, mended, aligned, cut once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from engine.config import Natural, Share, ShareBelowOne, checked, one_of
from engine.documents import is_file
from engine.errors import ConfigError, ModelError
from engine.types import Floats
from training.data.crops import Crops, FaceCrops, cached_crops
from training.data.epochs import ChannelOrder
from training.data.faces import Split
from training.data.landmark_cache import cached_points
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
        align: ``landmarks`` cuts faces out as the live engine does; ``none`` takes the middle of
            pictures as they are, for datasets that come aligned (`export.framing`).
        landmark_weights: Of the landmark network that aligns.
        augmentation: A name of `training.data.transforms.TRANSFORMS`.
        mixed: Share of batches blended pairwise ("mixup").
        noise: Share of training labels replaced by another class.
        copies: Keep training pictures that are also in the validation or test split.
        limit: Faces of each class to train on at most; 0 is all of them.
        channel_order: ``gray`` for networks that are shown gray crops, ``bgr`` for POSTER's
            released RAF-DB weights alone.
        missing_max: Largest share of faces, 0 to 1, that may lack a readable picture.
        votes: Learn how votes spread over the classes instead of each face's label.
        derived_affect: Derive valence and arousal from votes or label where nobody annotated them.
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
    votes: bool = False
    derived_affect: bool = False

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
class Samples:
    """Faces of one split with their crops.

    Attributes:
        table: Labels and names, N rows.
        points: (N, 5, 2) float32, pixels of each picture; None where pictures come aligned.
        crops: Of the N faces, S pixels wide: memory-mapped, or cut when asked for.
        parts: What the table was put together of, one table of each dataset, before
            faces were limited and labels made noisy.
    """

    table: FaceTable
    points: Floats | None
    crops: Crops
    parts: tuple[FaceTable, ...]


def load_samples(
    config: DataConfig,
    split: Split,
    side: int,
    *,
    root: Path,
    cache: Path,
    seed: int = 0,
    cut: bool = True,
) -> Samples:
    """Read one split and cut its faces to crops of `side` pixels.

    Noise, limit, added datasets and the search for copies are for training alone.

    Args:
        config: Which faces, and how they are shown.
        split: ``train``, ``valid`` or ``test``.
        side: Of the crops.
        root: Where datasets lie.
        cache: Folder for what is computed once.
        seed: Of the run.
        cut: Cut all crops now, into the cache; else each when it is asked for.

    Raises:
        ConfigError: Unknown fold, a split that the dataset lacks, or an added dataset without a
            face for it.
        SourceError: The data is missing or malformed, with file and line.
    """
    parts: tuple[FaceTable, ...] = (read_table(config, split, root, cache),)
    table = parts[0]
    if split == "train":
        parts = _for_training(config, table, root, cache)
        table = _chosen(config, joined(parts), seed)
    points = points_of(config, table, cache)
    crops = cached_crops(table, points, side, cache) if cut else FaceCrops(table, points, side)
    return Samples(table, points, crops, parts)


def points_of(config: DataConfig, table: FaceTable, cache: Path) -> Floats | None:
    """Find the faces in their pictures, once; None where they come aligned.

    Raises:
        ModelError: The landmark network's weights cannot be read.
    """
    if config.align == "none":
        return None
    weights = Path(config.landmark_weights)
    if not is_file(weights):
        raise ModelError(f"{weights}: cannot be read: no such file; train landmarks.toml first")
    return cached_points(table, weights, cache)


def read_table(config: DataConfig, split: Split, root: Path, cache: Path) -> FaceTable:
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
    tables = [table, *(read_table(other, "train", root, cache) for other in others)]
    if not config.copies:
        splits = dataset(config.dataset).splits[1:]
        held_out = [read_table(config, split, root, cache) for split in splits]
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
