"""JAFFE: 213 posed pictures of ten women, everything in the file name.

Source: Lyons et al. (1998); common specification, section 4.
"""

import re
from typing import Final

from engine.errors import SourceError
from training.data.classes import JAFFE
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of

PARTS = ("all",)
NAME: Final = re.compile(r"([A-Z]{2})\.([A-Z]{2})(\d)\.(\d+)\.tiff?")


def read_jaffe(files: Files, part: str = "all") -> DatasetReading:
    """Read every picture; its subject is its group. There is no official split.

    Raises:
        SourceError: A ``.tiff`` is not named ``SUBJECT.CODETAKE.NUMBER.tiff``.
    """
    classes = tuple(JAFFE.values())
    rows = []
    for name in sorted(files.listed("")):
        if not name.endswith((".tif", ".tiff")):
            continue
        named = NAME.fullmatch(name)
        if named is None or named[2] not in JAFFE:
            raise SourceError(
                f"{files.place(name)}: expected a name like KA.AN1.39.tiff with one of the codes "
                f"{', '.join(JAFFE)}"
            )
        rows.append(FaceRow(name, classes.index(JAFFE[named[2]]), named[1]))
    return reading_of(files, "jaffe", classes, rows, labels_from="")
