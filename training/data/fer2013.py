"""FER2013: ``fer2013.csv``, one row of 2,304 gray values per face; or folders of pictures.

Source: Goodfellow et al. (2013), arXiv 1307.0414; common specification, section 4.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.types import Floats, Image
from training.data.class_folders import read_class_folders
from training.data.classes import FER2013, Classes
from training.data.files import Files
from training.data.reading import DatasetReading
from training.data.table import FaceTable, one_hot

PICTURES = "fer2013.csv"
HEADER = ["emotion", "pixels", "Usage"]
PARTS = ("Training", "PublicTest", "PrivateTest")
SIDE = 48  # pixels
FOLDER_PARTS = ("train", "test")
FOLDERS: Final[Mapping[str, str]] = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}


class CsvFace(NamedTuple):
    """One row of ``fer2013.csv``, its pixels not yet parsed."""

    line: int
    emotion: str
    pixels: str
    usage: str


def read_fer2013(files: Files, part: str) -> DatasetReading:
    """Read ``Training``, ``PublicTest`` (validation) or ``PrivateTest`` (test).

    Raises:
        SourceError: Missing file, other columns, or a malformed row, with its line.
    """
    labels, names, pictures = [], [], []
    for record in records(files):
        if record.usage != part:
            continue
        if record.emotion not in set("0123456"):
            place = f"{files.place(PICTURES)}, line {record.line}"
            raise SourceError(f"{place}: expected an emotion 0 to 6, got {record.emotion!r}")
        labels.append(int(record.emotion))
        names.append(f"{part}/{record.line}")
        pictures.append(pixels_of(files, record))
    found = np.array(labels, np.intp)
    return DatasetReading(
        table_of(
            "fer2013",
            FER2013,
            names=names,
            labels=found,
            shares=one_hot(found, len(FER2013)),
            pictures=pictures,
            labels_from=files.place(PICTURES),
        )
    )


def read_fer2013_folders(files: Files, part: str) -> DatasetReading:
    """Read ``train``, which is ``Training``, or ``test``, ``PublicTest`` and ``PrivateTest``.

    Raises:
        SourceError: As `read_class_folders`.
    """
    return read_class_folders(
        files, part, dataset="fer2013-folders", classes=FER2013, folders=FOLDERS
    )


def records(files: Files) -> Iterator[CsvFace]:
    """Give the rows of ``fer2013.csv``; a record's line counts from 1, the header being 1.

    Raises:
        SourceError: Missing file, other columns, a row of another length or unknown usage.
    """
    place = files.place(PICTURES)
    rows = csv.reader(files.lines(PICTURES))
    header = [column.strip() for column in next(rows, [])]
    if header != HEADER:
        raise SourceError(f"{place}, line 1: expected the columns {','.join(HEADER)}")
    for line, row in enumerate(rows, 2):
        if len(row) != 3 or row[2] not in PARTS:
            raise SourceError(
                f"{place}, line {line}: expected emotion, pixels and one of {', '.join(PARTS)}"
            )
        yield CsvFace(line, *row)


def pixels_of(files: Files, record: CsvFace) -> NDArray[np.uint8]:
    """Parse a record's picture, (48, 48) gray.

    Raises:
        SourceError: Not 2,304 numbers from 0 to 255.
    """
    try:
        values = np.fromiter(map(int, record.pixels.split()), np.int64)
    except (ValueError, OverflowError):
        values = np.empty(0, np.int64)
    if values.size != SIDE * SIDE or values.min() < 0 or values.max() > 255:
        raise SourceError(
            f"{files.place(PICTURES)}, line {record.line}: expected {SIDE * SIDE} gray values "
            f"0 to 255, got {record.pixels[:20]!r}..."
        )
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def table_of(
    dataset: str,
    classes: Classes,
    *,
    names: Sequence[str],
    labels: NDArray[np.intp],
    shares: Floats,
    pictures: Sequence[NDArray[np.uint8]],
    labels_from: str,
) -> FaceTable:
    """Make a table of gray pictures held in memory.

    Raises:
        SourceError: There is none.
    """
    if not names:
        raise SourceError(f"{labels_from}: expected labelled faces, found none")

    def read(index: int) -> Image:
        return np.repeat(pictures[index][..., None], 3, axis=2)

    return FaceTable(
        dataset=dataset,
        classes=classes,
        names=np.array(names, np.str_),
        labels=labels,
        shares=shares,
        affect=np.full((len(names), 2), np.nan, np.float32),
        groups=np.array(names, np.str_),
        read=read,
        labels_from=labels_from,
    )
