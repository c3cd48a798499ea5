"""ExpW: faces in whole web pictures, listed in ``label.lst`` with their boxes.

Source: Zhang, Luo, Loy, Tang (2018), arXiv 1609.06426; common specification, section 4.
"""

from engine.errors import SourceError
from training.data.classes import EXPW
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of

PARTS = ("all",)
LABELS = ("label.lst", "label/label.lst")
PICTURES = ("image/origin", "origin", "image", "images")


def read_expw(files: Files, part: str = "all") -> DatasetReading:
    """Read every face, cut out by its box; the picture is its group. There is no split.

    Raises:
        SourceError: Missing list or pictures, or a malformed line.
    """
    labels = next((name for name in LABELS if files.has(name)), LABELS[0])
    lines = files.lines(labels)
    folder = next((name for name in PICTURES if files.listed(name)), None)
    if folder is None:
        raise SourceError(f"{files.where}: expected the pictures in {', '.join(PICTURES)}")
    rows = [
        _row(line, folder, f"{files.place(labels)}, line {number}")
        for number, line in enumerate(lines, 1)
    ]
    return reading_of(files, "expw", EXPW, rows, labels_from=labels)


def _row(line: str, folder: str, place: str) -> FaceRow:
    """Parse ``name face top left right bottom confidence label``: left before right, then down."""
    try:
        name, face, *numbers = line.split()
        top, left, right, bottom = map(int, numbers[:4])
        _, label = float(numbers[4]), int(numbers[5])
    except (ValueError, IndexError):
        raise SourceError(f"{place}: {_EXPECTED}, got {line!r}") from None
    if len(numbers) != 6 or label not in range(7) or left >= right or top >= bottom:
        raise SourceError(f"{place}: {_EXPECTED}, got {line!r}")
    box = (left, top, right, bottom)
    return FaceRow(f"{folder}/{name}", label, name, name=f"{folder}/{name}#{face}", box=box)


_EXPECTED = (
    "expected a picture, a face number, a box as top left right bottom, a confidence and a label "
    "0 to 6"
)
