"""What a reader finds in one part of a dataset: the faces, and what is not among them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from engine.errors import SourceError
from engine.types import Floats, Image
from training.data.classes import Classes
from training.data.files import Files
from training.data.table import FaceTable, one_hot

Box = tuple[int, int, int, int]  # x0 y0 x1 y1, pixels of the picture, x1 and y1 outside


class FaceRow(NamedTuple):
    """One labelled face.

    Attributes:
        picture: Path from the dataset's top.
        label: Index into the dataset's classes; -1 where there is none.
        group: Video, subject, character, or the picture itself.
        name: What messages call it; the picture where empty.
        affect: Valence and arousal, -1 to 1; NaN where unknown.
        box: The face's part of the picture; None where it is the whole.
    """

    picture: str
    label: int
    group: str
    name: str = ""
    affect: tuple[float, float] = (float("nan"), float("nan"))
    box: Box | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DatasetReading:
    """One part of a dataset.

    Attributes:
        table: The faces whose pictures are there.
        missing: Names of labelled faces whose pictures are not.
        left_out: How many faces were left out on purpose, by reason.
    """

    table: FaceTable
    missing: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


def reading_of(
    files: Files,
    dataset: str,
    classes: Classes,
    rows: Sequence[FaceRow],
    *,
    labels_from: str,
    shares: Floats | None = None,
    left_out: Mapping[str, int] | None = None,
) -> DatasetReading:
    """Make a table of the rows whose pictures are there.

    Args:
        files: Where the pictures lie.
        dataset: Its name.
        classes: Its classes.
        rows: Its faces.
        labels_from: The label file or folder, as a path from the dataset's top.
        shares: (N, C) vote shares; None where labels are all there is.
        left_out: How many faces were left out, by reason.

    Raises:
        SourceError: A face is labelled twice, or there is none.
    """
    where = files.place(labels_from)
    names = np.array([row.name or row.picture for row in rows], np.str_)
    if not rows:
        raise SourceError(f"{where}: expected labelled faces, found none")
    name, times = Counter(names.tolist()).most_common(1)[0]
    if times > 1:
        raise SourceError(f"{where}: expected each face once, {name} is there {times} times")
    labels = np.array([row.label for row in rows], np.intp)
    table = FaceTable(
        dataset=dataset,
        classes=classes,
        names=names,
        labels=labels,
        shares=one_hot(labels, len(classes)) if shares is None else shares,
        affect=np.array([row.affect for row in rows], np.float32),
        groups=np.array([row.group for row in rows], np.str_),
        read=lambda index: _picture(files, rows[index]),
        labels_from=where,
    )
    there = np.array([files.has(row.picture) for row in rows])
    missing = tuple(names[~there].tolist())
    return DatasetReading(table if there.all() else table.at(there), missing, left_out or {})


def _picture(files: Files, row: FaceRow) -> Image:
    image = files.image(row.picture)
    if row.box is None:
        return image
    height, width = image.shape[:2]
    x0, y0 = max(row.box[0], 0), max(row.box[1], 0)
    x1, y1 = min(row.box[2], width), min(row.box[3], height)
    if x0 >= x1 or y0 >= y1:
        raise SourceError(f"{files.place(row.picture)}: the face box {row.box} lies outside it")
    return image[y0:y1, x0:x1]
