"""AffectNet: a picture and three small ``.npy`` annotations per face.

Source: Mollahosseini, Hasani, Mahoor (2017), arXiv 1708.03985; common specification, section 4.
"""

import math
from collections import Counter
from typing import Final

from engine.errors import SourceError
from training.data.classes import AFFECTNET_8, Classes
from training.data.files import Files, array_of
from training.data.reading import DatasetReading, FaceRow, reading_of

PARTS = ("train_set", "val_set")
INVALID = -2  # valence and arousal of faces without them
EXCLUDED: Final = {7: "contempt", 8: "no expression", 9: "uncertain", 10: "no face"}


def read_affectnet(files: Files, part: str, classes: Classes = AFFECTNET_8) -> DatasetReading:
    """Read ``train_set`` or ``val_set``, with valence and arousal.

    Args:
        files: The dataset.
        part: Which of its two parts.
        classes: `AFFECTNET_8`, or `AFFECTNET_7` to leave contempt out.

    Raises:
        SourceError: An annotation is missing, pickled, or out of range.
    """
    folder = f"{part}/annotations"
    rows, left_out = [], Counter[str]()
    for name in sorted(files.listed(folder)):
        if not name.endswith("_exp.npy"):
            continue
        face = name.removesuffix("_exp.npy")
        label = _expression(files, f"{folder}/{name}")
        if label >= len(classes):
            left_out[EXCLUDED[label]] += 1
            continue
        affect = (_affect(files, f"{folder}/{face}_{axis}.npy") for axis in ("val", "aro"))
        rows.append(FaceRow(f"{part}/images/{face}.jpg", label, face, affect=_both(*affect)))
    dataset = f"affectnet-{len(classes)}"
    return reading_of(files, dataset, classes, rows, labels_from=folder, left_out=left_out)


def _expression(files: Files, name: str) -> int:
    value = _number(files, name)
    if value not in range(11):
        raise SourceError(f"{files.place(name)}: expected an expression 0 to 10, got {value:g}")
    return int(value)


def _affect(files: Files, name: str) -> float:
    value = _number(files, name)
    if value != INVALID and not -1 <= value <= 1:
        raise SourceError(f"{files.place(name)}: expected -1 to 1, or -2 for none, got {value:g}")
    return value


def _both(valence: float, arousal: float) -> tuple[float, float]:
    """Give the pair, or NaN twice where either is missing."""
    return (math.nan, math.nan) if INVALID in (valence, arousal) else (valence, arousal)


def _number(files: Files, name: str) -> float:
    """Read the one number, stored as a number or as text, in a ``.npy`` file."""
    array = array_of(files, name)
    value = array.item() if array.size == 1 else ""
    try:
        return float(value.decode() if isinstance(value, bytes) else value)
    except (ValueError, TypeError):
        raise SourceError(f"{files.place(name)}: expected one number, got {array}") from None
