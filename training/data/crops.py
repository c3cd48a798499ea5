"""Aligned crops of a whole table, cut once into a memory-mapped array."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import SinkError, SourceError
from engine.faces.alignment import align, middle, recut
from engine.files import written
from engine.types import Floats, Image
from training.data.pictures import key_of
from training.data.progress import tracked
from training.data.table import FaceTable
from training.data.unpacking import array_in

RECUT: Final = b"2"  # another where crops are cut otherwise than those in caches


class Crops(Protocol):
    """Crops by row, such as a memory-mapped (N, H, W, 3) array."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Image:
        """Give one crop, (H, W, 3) uint8, BGR; it is not written into."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrops:
    """Crops of a table that are cut when asked for.

    Attributes:
        table: N faces.
        points: As `cached_crops` takes them.
        size: Side of a crop, pixels.
    """

    table: FaceTable
    points: Floats | None
    size: int

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int, /) -> Image:
        """Cut one as the engine does, (size, size, 3) uint8, BGR.

        Raises:
            SourceError: The picture is missing or unreadable, or its points coincide.
        """
        image = self.table.read(row)
        if self.points is None:
            return middle(image, self.size)
        try:
            return recut(image, align(image, self.points[row]), self.size)
        except ValueError as error:
            raise SourceError(f"{self.table.names[row]}: cannot be aligned: {error}") from error


def cached_crops(
    table: FaceTable, points: Floats | None, size: int, cache: Path
) -> NDArray[np.uint8]:
    """Give every face's crop, cut with the engine's own alignment the first time.

    Args:
        table: The faces.
        points: (N, 5, 2) float32, pixels of each picture, as `engine.faces.alignment.align` takes
            them; None where the pictures are aligned already: their middle is the crop.
        size: Side of the crops, pixels.
        cache: Folder for decoded data.

    Returns:
        (N, size, size, 3) uint8, BGR, memory-mapped, read only.

    Raises:
        SourceError: A picture is missing or unreadable, or its points coincide.
        SinkError: The cache cannot be written, or its disk is too full.
    """
    if points is not None and points.shape != (len(table), 5, 2):
        raise ValueError(f"points: expected {(len(table), 5, 2)}, got {points.shape}")
    path = cache / "crops" / f"{table.dataset}-{size}-{_key(table, points)}.npy"
    if not path.is_file():
        with written(path) as partial:
            _check_space(path.parent, len(table) * size * size * 3)
            _cut(table, points, size, partial)
    return array_in(path, f"{path} (remove it to make it again)", mapped=True)


def _key(table: FaceTable, points: Floats | None) -> str:
    where = b"the middle" if points is None else np.ascontiguousarray(points).tobytes()
    where += RECUT
    return f"{key_of(table)}-{hashlib.sha256(where).hexdigest()[:16]}"


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:  # a full disk under a memory map would kill the process without a word
        raise SinkError(f"{folder}: crops need {needed >> 20} MiB, {free >> 20} MiB are free")


def _cut(table: FaceTable, points: Floats | None, size: int, target: Path) -> None:
    shape = (len(table), size, size, 3)
    crops = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape)
    cut = FaceCrops(table, points, size)
    for row in tracked(range(len(table)), f"cutting {table.dataset}", len(table)):
        crops[row] = cut[row]
    crops.flush()
