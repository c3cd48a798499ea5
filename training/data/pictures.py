"""Pictures that are missing, cannot be read, or are there twice."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.config import ShareBelowOne, checked
from engine.errors import SourceError
from engine.files import written
from engine.wording import counted
from training.data.progress import tracked
from training.data.reading import DatasetReading
from training.data.table import FaceTable
from training.data.unpacking import array_in

log = logging.getLogger(__name__)

NAMED = 5  # missing pictures that a message names


@checked("data")
class PictureConfig:
    """What to put up with.

    Attributes:
        missing_max: Largest share of faces, 0 to 1, that may lack a readable picture.
    """

    missing_max: ShareBelowOne = 0.01


def usable(reading: DatasetReading, config: PictureConfig, cache: Path) -> FaceTable:
    """Give the faces whose pictures can be read; count and name the others in the log.

    Raises:
        SourceError: More are missing or unreadable than allowed.
    """
    fine = readable(fingerprints(reading.table, cache))
    judge(reading, reading.table.names[~fine].tolist(), config)
    return reading.table if fine.all() else reading.table.at(fine)


def judge(reading: DatasetReading, unreadable: Sequence[str], config: PictureConfig) -> None:
    """Log missing and unreadable pictures, or refuse where they are too many.

    Raises:
        SourceError: As `usable`.
    """
    bad = [*reading.missing, *unreadable]
    if not bad:
        return
    share = len(bad) / (len(reading.table) + len(reading.missing))
    message = (
        f"{reading.table.labels_from}: {counted(len(reading.missing), 'picture')} missing and "
        f"{len(unreadable)} unreadable, {share:.2%} of the faces: {', '.join(bad[:NAMED])}"
        f"{', ...' if len(bad) > NAMED else ''}"
    )
    if share > config.missing_max:
        raise SourceError(f"{message}; at most {config.missing_max:.2%} may be")
    log.warning("skipped: %s", message)


def fingerprints(table: FaceTable, cache: Path) -> NDArray[np.uint8]:
    """Give (N, 16) a digest of each picture's pixels, zeros where it cannot be read.

    Computed once; kept in the cache unless a picture was unreadable.

    Raises:
        SinkError: The cache cannot be written.
    """
    path = cache / "fingerprints" / f"{table.dataset}-{key_of(table)}.npy"
    if path.is_file():
        return array_in(path, f"{path} (remove it to make it again)")
    digests = np.zeros((len(table), 16), np.uint8)
    for row in tracked(range(len(table)), f"reading {table.dataset}", len(table)):
        digests[row] = _fingerprint(table, row)
    if readable(digests).all():
        with written(path) as partial:
            np.save(partial, digests)
    return digests


def readable(digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which of (N, 16) fingerprints belong to a picture that could be read."""
    return np.asarray(digests.any(axis=1), np.bool_)


def _fingerprint(table: FaceTable, row: int) -> NDArray[np.uint8]:
    try:
        image = table.read(row)
    except SourceError as error:
        log.debug("%s", error)
        return np.zeros(16, np.uint8)
    content = repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()
    return np.frombuffer(hashlib.blake2b(content, digest_size=16).digest(), np.uint8)


def key_of(table: FaceTable) -> str:
    """Give a short digest of where a table's labels lie and of its faces' names."""
    names = "\n".join([table.labels_from, *table.names.tolist()])
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def copies(digests: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which of (N, 16) fingerprints are among (M, 16) others; unreadable never are."""
    seen = {digest.tobytes() for digest in others if digest.any()}
    return np.array([digest.tobytes() in seen for digest in digests], bool)


def repeats(digests: NDArray[np.uint8]) -> tuple[int, int]:
    """Count the groups of identical pictures and the pictures in them."""
    counts = Counter(digest.tobytes() for digest in digests[readable(digests)])
    groups = [count for count in counts.values() if count > 1]
    return len(groups), sum(groups)


def without_copies(table: FaceTable, held_out: Sequence[FaceTable], cache: Path) -> FaceTable:
    """Drop faces whose picture is pixel for pixel one of the held-out tables' pictures."""
    digests = fingerprints(table, cache)
    seen = np.zeros(len(table), bool)
    for other in held_out:
        seen |= copies(digests, fingerprints(other, cache))
    log.info("dropped %d copies of held-out pictures from %s", seen.sum(), table.dataset)
    return table.at(~seen)
