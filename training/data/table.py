"""Faces of one split of a dataset, whatever it looks like on disk."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.types import Floats, Image


@dataclass(frozen=True, slots=True, eq=False)
class FaceTable:
    """Labelled faces in a fixed order; pictures are read when asked for.

    Attributes:
        dataset: Name of the dataset, such as ``raf-db``.
        classes: Its classes as canonical words, in its own order (`training.data.classes`).
        names: (N,) what a message calls each face: a path inside the dataset, a frame.
        labels: (N,) index into `classes`; -1 where there is none.
        shares: (N, C) float32, vote shares; one-hot where the dataset has no votes, zeros
            where there is no label.
        affect: (N, 2) float32, valence and arousal, -1 to 1; NaN where unknown.
        groups: (N,) what must not be torn apart: video, subject, character.
        read: Gives the picture of a row, (H, W, 3) uint8, BGR.
        labels_from: The label file or folder it was read from: results name it.
    """

    dataset: str
    classes: tuple[str, ...]
    names: NDArray[np.str_]
    labels: NDArray[np.intp]
    shares: Floats
    affect: Floats
    groups: NDArray[np.str_]
    read: Callable[[int], Image]
    labels_from: str = ""

    def __post_init__(self) -> None:
        rows, columns = len(self.names), len(self.classes)
        wanted = {
            "labels": (rows,),
            "shares": (rows, columns),
            "affect": (rows, 2),
            "groups": (rows,),
        }
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name}: expected {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image:
        """Give the picture of a row, (H, W, 3) uint8, BGR."""
        return self.read(index)

    def at(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "FaceTable":
        """Keep only these rows, in this order."""
        rows = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else np.asarray(chosen, np.intp)
        read = self.read
        return replace(
            self,
            names=self.names[rows],
            labels=self.labels[rows],
            shares=self.shares[rows],
            affect=self.affect[rows],
            groups=self.groups[rows],
            read=lambda index: read(int(rows[index])),
        )


def table_digest(table: FaceTable) -> str:
    """Give a SHA-256 of the names and truths of a table's faces, in their order."""
    total = hashlib.sha256("\n".join(table.names.tolist()).encode())
    for values in (table.labels.astype(np.int64), table.shares, table.affect):
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def joined(tables: Sequence[FaceTable]) -> FaceTable:
    """Put tables of the same classes one below the other.

    Raises:
        ValueError: Their classes differ, or there is none.
    """
    first = tables[0] if tables else None
    if first is None or any(table.classes != first.classes for table in tables):
        raise ValueError("tables: expected at least one, all with the same classes")
    starts = np.cumsum([0, *map(len, tables)])

    def read(index: int) -> Image:
        which = int(np.searchsorted(starts, index, side="right")) - 1
        return tables[which].read(index - int(starts[which]))

    return FaceTable(
        dataset="+".join(dict.fromkeys(table.dataset for table in tables)),
        classes=first.classes,
        names=np.concatenate([table.names for table in tables]),
        labels=np.concatenate([table.labels for table in tables]),
        shares=np.concatenate([table.shares for table in tables]),
        affect=np.concatenate([table.affect for table in tables]),
        groups=np.concatenate([table.groups for table in tables]),
        read=read,
        labels_from=", ".join(dict.fromkeys(table.labels_from for table in tables)),
    )


def one_hot(labels: NDArray[np.intp], classes: int) -> Floats:
    """Give (N, C) float32 shares of hard labels; rows labelled -1 are zero."""
    shares = np.zeros((len(labels), classes), np.float32)
    known = np.flatnonzero(labels >= 0)
    shares[known, labels[known]] = 1
    return shares
