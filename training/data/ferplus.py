"""FER+: faces with ten crowd votes each, from the folder export's ``label.csv``.

Source: Barsoum et al. (2016), "Training deep networks for facial expression recognition with
crowd-sourced label distribution", arXiv 1608.01041; their code's ``majority`` mode.
"""

import csv
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.files import written
from engine.labels import EXPRESSIONS, VALENCE_AROUSAL, Expression
from engine.types import Floats, Image
from training.data.faces import Split
from training.data.packs import pack_folder, read_image

log = logging.getLogger(__name__)

FOLDERS: dict[Split, str] = {
    "train": "FER2013Train",
    "valid": "FER2013Valid",
    "test": "FER2013Test",
}
CLASSES = len(EXPRESSIONS)
SIDE = 48  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class FerPlus:
    """One split.

    Attributes:
        names: (N,) file names inside the split's folder.
        images: (N, 48, 48) uint8, gray.
        votes: (N, 10) float32: the eight expressions, unknown, not a face.
    """

    names: NDArray[np.str_]
    images: NDArray[np.uint8]
    votes: Floats

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image:
        """Give one picture as (48, 48, 3) uint8, BGR."""
        return np.repeat(self.images[index][..., None], 3, axis=2)

    def at(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "FerPlus":
        """Keep only these rows."""
        return FerPlus(self.names[chosen], self.images[chosen], self.votes[chosen])


def read_ferplus(split: Split, root: Path, cache: Path) -> FerPlus:
    """Read one split, decoding its pictures into the cache the first time.

    Raises:
        SourceError: The pack is missing, or a row of ``label.csv`` is malformed.
        SinkError: The cache cannot be written.
    """
    folder = pack_folder(root, "ferplus", cache) / FOLDERS[split]
    names, votes = read_votes(folder / "label.csv")
    store = cache / "ferplus" / f"{split}.npy"
    if not store.is_file():
        pixels = np.stack([read_image(folder / name)[..., 0] for name in names])
        with written(store) as partial:
            np.save(partial, pixels)
    return FerPlus(np.array(names), np.load(store), votes)


def read_votes(path: Path) -> tuple[list[str], Floats]:
    """Read ``label.csv``: name, face box, ten votes a row, no header.

    Raises:
        SourceError: Missing file or malformed row, with its line.
    """
    if not path.is_file():
        raise SourceError(f"{path}: missing; is the FER+ pack complete?")
    with path.open(newline="") as file:
        return parse_votes(file, str(path))


def parse_votes(lines: Iterable[str], where: str) -> tuple[list[str], Floats]:
    """Do `read_votes` on the lines of a ``label.csv`` that messages call `where`."""
    names, votes = [], []
    for line, row in enumerate(csv.reader(lines), 1):
        if len(row) != 12 or not all(value.isdigit() for value in row[2:]):
            raise SourceError(f"{where}, line {line}: expected a name, a box and ten votes")
        names.append(row[0])
        votes.append([int(value) for value in row[2:]])
    return names, np.array(votes, np.float32).reshape(-1, 10)


def cleaned(votes: Floats) -> Floats:
    """Set single votes to zero, as the authors' code does."""
    return np.where(votes > 1, votes, 0).astype(np.float32)


def majority(votes: Floats) -> NDArray[np.intp]:
    """Give each row's class, or -1 where it has none.

    Single votes count as zero; the top count must hold more than half of the rest and be an
    expression, neither "unknown" nor "not a face".
    """
    kept = cleaned(votes)
    top = kept.argmax(axis=1)
    clear = kept.max(axis=1) > 0.5 * kept.sum(axis=1)
    return np.where(clear & (top < CLASSES), top, -1)


def distribution(votes: Floats) -> Floats:
    """Give the vote shares of the eight expressions, (N, 8), rows summing to 1.

    Rows without any vote for an expression (after cleaning) are zero.
    """
    kept = cleaned(votes)[:, :CLASSES]
    total = kept.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    return shares


def valence_arousal(shares: Floats) -> Floats:
    """Derive valence and arousal (N, 2) as the mean of the classes' published places."""
    places = np.array([VALENCE_AROUSAL[Expression(i)] for i in range(CLASSES)], np.float32)
    return np.asarray(shares @ places, np.float32)


def without_duplicates(train: FerPlus, others: Sequence[FerPlus]) -> FerPlus:
    """Drop training pictures that are pixel for pixel one of the others' pictures."""
    held_out = {image.tobytes() for other in others for image in other.images}
    keep = np.array([image.tobytes() not in held_out for image in train.images])
    log.info("dropped %d duplicates of held-out pictures from training", int((~keep).sum()))
    return train.at(keep)
