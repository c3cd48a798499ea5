"""Every dataset by name: its reader, its parts and its splits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from engine.config import unknown
from engine.errors import ConfigError
from training.data import (
    affectnet,
    affwild2,
    aihub,
    expw,
    fer2013,
    ferg,
    ferplus_csv,
    ferplus_folder,
    jaffe,
    rafdb,
)
from training.data.classes import AFFECTNET_7, AFFECTNET_8
from training.data.faces import Split
from training.data.files import Files, open_files
from training.data.pictures import PictureConfig, usable
from training.data.reading import DatasetReading
from training.data.splits import Plan, carved, official, one_out
from training.data.table import FaceTable


@dataclass(frozen=True, slots=True)
class Dataset:
    """How a dataset is read.

    Attributes:
        read: Reads one of its parts.
        parts: The parts it has on disk, by its own names.
        plan: Makes the splits of them.
        splits: What the plan can make.
        collection: Shared by datasets of the same pictures; empty where no other shows them.
        expressions: Whether its faces have classes.
        affect: Whether its faces have valence and arousal.
        votes: Whether several people said what each face shows, and their votes are known.
        needs_fold: Whether there are splits only once a fold is named.
        stored: What its folder or zip is called; empty where that is its own name.
        gray: Whether its pictures have no colour.
    """

    read: Callable[[Files, str], DatasetReading]
    parts: tuple[str, ...]
    plan: Plan
    splits: tuple[Split, ...] = ("train", "valid", "test")
    collection: str = ""
    expressions: bool = True
    affect: bool = False
    votes: bool = False
    needs_fold: bool = False
    stored: str = ""
    gray: bool = False


_FOLDERS: Final = official(train="FER2013Train", valid="FER2013Valid", test="FER2013Test")
_USAGES: Final = official(train="Training", valid="PublicTest", test="PrivateTest")
# The papers report on the official validation parts; test annotations are not public.
_AFFECTNET: Final = carved("train_set", "val_set")
_AFF_WILD2: Final = carved("Train_Set", "Validation_Set", by_group=True)

DATASETS: Final[dict[str, Dataset]] = {
    "raf-db": Dataset(rafdb.read_rafdb, rafdb.PARTS, carved("train", "test"), collection="raf-db"),
    "raf-db-folders": Dataset(
        rafdb.read_rafdb_folders,
        rafdb.FOLDER_PARTS,
        carved("train", "valid"),
        collection="raf-db",
    ),
    "fer2013": Dataset(
        fer2013.read_fer2013, fer2013.PARTS, _USAGES, collection="fer2013", gray=True
    ),
    "fer2013-folders": Dataset(
        fer2013.read_fer2013_folders,
        fer2013.FOLDER_PARTS,
        carved("train", "test"),
        collection="fer2013",
        gray=True,
    ),
    "ferplus": Dataset(
        ferplus_folder.read_ferplus_folder,
        ferplus_folder.PARTS,
        _FOLDERS,
        collection="fer2013",
        gray=True,
        votes=True,
    ),
    "ferplus-votes": Dataset(
        partial(ferplus_folder.read_ferplus_folder, protocol="votes"),
        ferplus_folder.PARTS,
        _FOLDERS,
        collection="fer2013",
        gray=True,
        votes=True,
        stored="ferplus",
    ),
    "ferplus-soft": Dataset(
        ferplus_folder.read_soft_training,
        ferplus_folder.PARTS,
        _FOLDERS,
        collection="fer2013",
        gray=True,
        votes=True,
        stored="ferplus",
    ),
    "ferplus-csv": Dataset(
        ferplus_csv.read_ferplus_csv,
        fer2013.PARTS,
        _USAGES,
        collection="fer2013",
        gray=True,
        votes=True,
    ),
    "affectnet-8": Dataset(
        partial(affectnet.read_affectnet, classes=AFFECTNET_8),
        affectnet.PARTS,
        _AFFECTNET,
        collection="affectnet",
        affect=True,
    ),
    "affectnet-7": Dataset(
        partial(affectnet.read_affectnet, classes=AFFECTNET_7),
        affectnet.PARTS,
        _AFFECTNET,
        collection="affectnet",
        affect=True,
    ),
    "aff-wild2-expr": Dataset(
        affwild2.read_expressions, affwild2.PARTS, _AFF_WILD2, collection="aff-wild2"
    ),
    "aff-wild2-va": Dataset(
        affwild2.read_affect,
        affwild2.PARTS,
        _AFF_WILD2,
        collection="aff-wild2",
        expressions=False,
        affect=True,
    ),
    "jaffe": Dataset(jaffe.read_jaffe, jaffe.PARTS, one_out("all"), needs_fold=True, gray=True),
    "ferg": Dataset(ferg.read_ferg, ferg.PARTS, one_out("all", random_share=0.2)),
    "expw": Dataset(expw.read_expw, expw.PARTS, official(train="all"), ("train",)),
    "ai-hub": Dataset(
        aihub.read_aihub,
        aihub.PARTS,
        official(train="Training", valid="Validation"),
        ("train", "valid"),
    ),
}


def dataset(name: str) -> Dataset:
    """Look a dataset up.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in DATASETS:
        raise ConfigError(f"dataset: {unknown(name, DATASETS)}")
    return DATASETS[name]


def read_dataset(
    name: str,
    root: Path,
    split: Split,
    cache: Path,
    *,
    fold: str | None = None,
    config: PictureConfig | None = None,
) -> FaceTable:
    """Read one split of a dataset, every picture of which can be read.

    Args:
        name: A name of `DATASETS`.
        root: The dataset's folder or zip, or a folder that holds ``NAME/`` or ``NAME.zip``.
        split: ``train``, ``valid`` or ``test``; see `training.data.splits`.
        cache: Folder for what is computed once.
        fold: The subject (JAFFE) or character (FERG) that is left out as the test split.
        config: How many pictures may be missing.

    Raises:
        ConfigError: Unknown dataset, or a split or fold it does not have.
        SourceError: Anything missing or malformed, with its file and line.
    """
    found = dataset(name)
    files = open_files(root, found.stored or name)

    def part(part_name: str) -> FaceTable:
        return usable(found.read(files, part_name), config or PictureConfig(), cache)

    return found.plan(part, split, fold)
