"""The four data packs: where they lie, unpacked once, and their tables as arrays."""

import csv
import hashlib
import logging
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.documents import open_ordinary, read_text
from engine.errors import SourceError
from engine.files import written_folder
from engine.types import Floats, Image
from engine.wording import shown
from training.data.unpacking import DAMAGED, arrays_in, check_archive, picture_in

log = logging.getLogger(__name__)

TABLES = frozenset({".csv", ".npz"})  # read whole; a picture counts by its name and size
FLIP_ERROR_MAX = 0.06  # teacher landmarks above it are unreliable (data pack's README)
HELD_OUT: Final = 10  # one person, or background, in ten is never trained on
FAR: Final = 100.0  # sides of a picture; no point of a face lies so far outside
# Arrays of a teacher's labels: kinds of their numbers as NumPy calls them, and shape of a row.
FORMS: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "names": ("U", ()),
    "found": ("b", ()),
    "flip_err": ("f", ()),
    "points": ("f", (68, 2)),
    "yaw_pitch_roll": ("f", (3,)),
    "size": ("iu", (2,)),
    "split": ("U", ()),
}

NONE: Final = "missing or not a picture"
NUMBER_MAX: Final = 1e9  # of a table; what is made of it is kept in 32 bits
# Columns of the packs' tables that are read, and what they hold; there may be more.
TEXT, NUMBER, MAYBE = "a text", "a number", "a number or nothing"
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "legend.csv": {"image": TEXT},
    "scenes.csv": dict.fromkeys(("image", "split", "source", "person"), TEXT),
    "background_hits.csv": {"image": TEXT, "score": NUMBER},
    "boxes.csv": {
        **dict.fromkeys(("pack", "image", "agree"), TEXT),
        **dict.fromkeys("xywh", NUMBER),
        **{f"{axis}{point}": MAYBE for point in range(5) for axis in "xy"},
    },
}

Row = dict[str, str]


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


def tenth_of(name: str) -> int:
    """Say in which tenth of all people, or backgrounds, one is; 0 is what training never sees."""
    return zlib.crc32(name.encode()) % HELD_OUT


def is_held_out(name: str) -> bool:
    """Say whether a person, or background, is kept from all training."""
    return tenth_of(name) == 0


def person_of(name: str) -> str:
    """Give the person whom a picture of faces_wild or a frame of scenes is named after."""
    return re.sub(r"^yt_(t_)?|_\d+\.\w+$", "", PurePosixPath(name).name)


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
    try:
        with open_ordinary(path) as file:
            content = file.read()
    except (OSError, ValueError) as error:  # also a name that the system does not take
        raise SourceError(f"{path}: {NONE}") from error
    return picture_in(content, str(path), cv2.IMREAD_COLOR, NONE)


def read_table(path: Path) -> list[Row]:
    """Read one of the tables of `COLUMNS`.

    Raises:
        SourceError: Missing, no such table, or cut off, with the line.
    """
    if not path.is_file():
        raise SourceError(f"{path}: missing; is the data pack complete?")
    return parse_table(read_text(path, SourceError).splitlines(keepends=True), str(path))


def parse_table(lines: Iterable[str], place: str) -> list[Row]:
    """Read the rows of a table of `COLUMNS`, by the file's name.

    Args:
        lines: Of the file, with their ends.
        place: What messages call it.

    Raises:
        SourceError: It lacks a column, is cut off, or says no number, with the line.
    """
    columns = COLUMNS[PurePath(place).name]
    reader = csv.DictReader(lines)
    try:
        if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
            raise SourceError(f"{place}: {', '.join(missing)}: no such column")
        rows = []
        for row in reader:
            _check(row, columns, f"{place}, line {reader.line_num}")
            rows.append(row)
    except csv.Error as error:
        raise SourceError(f"{place}, line {reader.line_num}: {error}") from error
    return rows


def _check(row: Mapping[str, str | None], columns: Mapping[str, str], place: str) -> None:
    for name, kind in columns.items():
        said = row[name]
        if said is None:
            raise SourceError(f"{place}: {name}: missing")
        if kind == TEXT or (kind == MAYBE and not said):
            continue
        try:
            value = float(said)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SourceError(f"{place}: {name}: no number: {shown(said)}")
        if abs(value) > NUMBER_MAX:
            raise SourceError(f"{place}: {name}: over {NUMBER_MAX:.0e}: {shown(said)}")


class TeacherLabels:
    """What a teacher says of the pictures of one pack: arrays by name, a row for each picture.

    Attributes:
        place: What messages call the ``.npz`` file.
    """

    def __init__(self, place: str, file: Path | IO[bytes]) -> None:
        """Read the file.

        Args:
            place: What messages call it.
            file: The file.

        Raises:
            SourceError: Missing, or no such file.
        """
        self.place = place
        self._arrays = arrays_in(file, place)
        self._rows = np.shape(self._arrays.get("found", ()))[:1]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Give an array of `FORMS`.

        Raises:
            SourceError: It is missing, or of another kind or shape.
        """
        kinds, shape = FORMS[name]
        array = self._arrays.get(name)
        if array is None or array.dtype.kind not in kinds or array.shape != (*self._rows, *shape):
            found = "none" if array is None else f"{array.dtype} {array.shape}"
            wanted = (*self._rows, *shape)
            raise SourceError(
                f"{self.place}: {name}: expected {wanted} of kind {kinds}, got {found}"
            )
        return np.asarray(array)

    @property
    def names(self) -> list[str]:
        """Paths of the pictures inside of their pack.

        Raises:
            SourceError: A path leads elsewhere.
        """
        names: list[str] = self["names"].tolist()
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not name.isprintable():
                raise SourceError(f"{self.place}: names: {name!r} is no picture of the pack")
        return names

    @property
    def points(self) -> Floats:
        """(N, 68, 2) float32, of pictures whose edges lie at 0 and 1; anything where not found.

        Raises:
            SourceError: Points of a face that was found lie far outside of its picture.
        """
        points = self["points"].astype(np.float32)
        if not (np.abs(points[self["found"]]) <= FAR).all():
            raise SourceError(f"{self.place}: points: some lie far outside of their pictures")
        return points

    def trusted(self, flip_error_max: float = FLIP_ERROR_MAX) -> NDArray[np.bool_]:
        """(N,) where a face was found and its mirror image agrees."""
        # The error is NaN where the mirror image gave no face: not below the limit either.
        with np.errstate(invalid="ignore"):
            agrees = self["flip_err"].astype(np.float32) < flip_error_max
        return np.asarray(self["found"] & agrees, np.bool_)
