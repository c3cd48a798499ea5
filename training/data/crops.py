"""Aligned crops of a whole table, cut once into a memory-mapped array."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import SinkError, SourceError
from engine.faces.alignment import align
from engine.files import written
from engine.types import Floats
from training.data.operations import resized
from training.data.pictures import key_of
from training.data.progress import tracked
from training.data.table import FaceTable


def cached_crops(
    table: FaceTable, points: Floats | None, size: int, cache: Path
) -> NDArray[np.uint8]:
    """Give every face's crop, cut with the engine's own alignment the first time.

    Args:
        table: The faces.
        points: (N, 5, 2) float32, pixels of each picture, as `engine.faces.alignment.align` takes
            them; None where the pictures are aligned already and are only resized.
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
    return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _key(table: FaceTable, points: Floats | None) -> str:
    where = b"aligned already" if points is None else np.ascontiguousarray(points).tobytes()
    return f"{key_of(table)}-{hashlib.sha256(where).hexdigest()[:16]}"


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:  # a full disk under a memory map would kill the process without a word
        raise SinkError(f"{folder}: crops need {needed >> 20} MiB, {free >> 20} MiB are free")


def _cut(table: FaceTable, points: Floats | None, size: int, target: Path) -> None:
    shape = (len(table), size, size, 3)
    crops = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape)
    for row in tracked(range(len(table)), f"cutting {table.dataset}", len(table)):
        image = table.read(row)
        if points is None:
            crops[row] = resized(image, size)
            continue
        try:
            crops[row] = align(image, points[row], size).crop
        except ValueError as error:
            raise SourceError(f"{table.names[row]}: cannot be aligned: {error}") from error
    crops.flush()
