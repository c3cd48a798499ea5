"""The four data packs: where they lie, unpacked once, and their tables as arrays."""

import csv
import hashlib
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engine.errors import SourceError
from engine.files import written_folder
from engine.types import Image
from training.data.unpacking import DAMAGED, check_archive

log = logging.getLogger(__name__)

TABLES = frozenset({".csv", ".npz"})  # read whole; a picture counts by its name and size
FLIP_ERROR_MAX = 0.06  # teacher landmarks above it are unreliable (data pack's README)


def pack_folder(root: Path, name: str, cache: Path) -> Path:
    """Give the folder of a pack, unpacking its zip into the cache the first time.

    Args:
        root: Folder that holds ``name/`` or ``name.zip``.
        name: ``ferplus``, ``faces_wild``, ``scenes`` or ``teacher_labels``.
        cache: Folder for unpacked and decoded data.

    Raises:
        SourceError: Neither the folder nor the zip is there, or the zip is broken or unpacks to
            far more than it is.
        SinkError: The cache cannot be written.
    """
    if (root / name).is_dir():
        return root / name
    target, archive = cache / "packs" / name, root / f"{name}.zip"
    if target.is_dir():
        return target
    if not archive.is_file():
        raise SourceError(f"data pack {name}: neither {name}/ nor {name}.zip in {root}")
    log.info("unpacking %s", archive)
    try:
        with zipfile.ZipFile(archive) as zipped:
            check_archive(zipped, str(archive))
            with written_folder(target) as partial:
                zipped.extractall(partial)
    except DAMAGED as error:
        raise SourceError(f"{archive}: not a readable zip: {error}; copy it again") from error
    return target


def pack_digests(names: Sequence[str], root: Path, cache: Path) -> dict[str, str]:
    """Give the digests of data packs.

    Raises:
        SourceError: A data pack is missing.
    """
    return {name: digest(pack_folder(root, name, cache)) for name in names}


def digest(folder: Path) -> str:
    """Give a SHA-256 that changes with any table's content and any other file's name or size."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        if path.suffix in TABLES:
            total.update(path.read_bytes())
    return total.hexdigest()


def read_image(path: Path) -> Image:
    """Read one picture as (H, W, 3) uint8 BGR.

    Raises:
        SourceError: Missing or not a picture.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: missing or not a picture")
    return np.asarray(image, np.uint8)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with a header line.

    Raises:
        SourceError: Missing, or no such text.
    """
    if not path.is_file():
        raise SourceError(f"{path}: missing; is the data pack complete?")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
