"""AI-Hub, Korean composite emotion images: JSON lists per part and emotion.

Lists and pictures lie anywhere inside ``Training`` or ``Validation``; the release has a folder
``[라벨]EMOIMG_기쁨_TRAIN`` for a list and ``[원천]EMOIMG_기쁨_TRAIN_01`` for its pictures.

Source: https://aihub.or.kr/aidata/27716; common specification, section 4.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from engine.documents import MALFORMED
from engine.errors import SourceError
from training.data.classes import AI_HUB
from training.data.files import Files
from training.data.reading import Box, DatasetReading, FaceRow, reading_of

PARTS = ("Training", "Validation")
ANNOTATORS = ("annot_A", "annot_B", "annot_C")
CLASSES: Final = ("anger", "fear", "surprise", "neutral")


def read_aihub(
    files: Files, part: str, *, agreeing: int = 2, neutral: bool = False
) -> DatasetReading:
    """Read ``Training`` or ``Validation``: faces cut out by the mean of the annotators' boxes.

    Args:
        files: The dataset.
        part: Which of its two parts.
        agreeing: How many of the three annotators must say what the uploader says, 2 or 3.
        neutral: Keep neutral faces, which the seed's statistics do not count.

    Raises:
        SourceError: No list, no valid JSON, or a malformed entry, with its number.
    """
    paths = files.below(part)
    pictures = {_normal(PurePosixPath(path).name): path for path in paths}
    rows, left_out = [], Counter[str]()
    for path in paths:
        if not path.endswith(".json"):
            continue
        for number, entry in enumerate(_entries(files, path), 1):
            place = f"{files.place(path)}, entry {number}"
            word, said, box = _parsed(entry, place)
            label = AI_HUB[word]
            if label is None or (label == "neutral" and not neutral):
                left_out[f"unused class {word}"] += 1
            elif said.count(word) < agreeing:
                left_out["annotators disagree"] += 1
            else:
                name = _normal(str(entry["filename"]))
                picture = pictures.get(name, f"{part}/{name}")
                rows.append(FaceRow(picture, CLASSES.index(label), name, box=box))
    return reading_of(files, "ai-hub", CLASSES, rows, labels_from=part, left_out=left_out)


def _entries(files: Files, path: str) -> list[Any]:
    content = files.read(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp949", errors="replace")  # some editions are in the Korean code
    try:
        entries = json.loads(text)
    except MALFORMED as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        why = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise SourceError(f"{files.place(path)}{line}: no JSON: {why}") from error
    if not isinstance(entries, list):
        raise SourceError(f"{files.place(path)}: expected a JSON list of faces")
    return entries


def _parsed(entry: dict[str, Any], place: str) -> tuple[str, list[str], Box]:
    """Give the uploader's word, the annotators' words and the mean of their boxes."""
    try:
        word = _normal(entry["faceExp_uploader"])
        said = [_normal(entry[annotator]["faceExp"]) for annotator in ANNOTATORS]
        box = _mean_box([entry[annotator]["boxes"] for annotator in ANNOTATORS])
        named = isinstance(entry["filename"], str)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SourceError(
            f"{place}: expected filename, faceExp_uploader and annot_A, B, C with boxes and "
            f"faceExp; {type(error).__name__}: {error}"
        ) from None
    if word not in AI_HUB or not named:
        raise SourceError(f"{place}: expected one of {', '.join(AI_HUB)}, got {word!r}")
    return word, said, box


def _mean_box(boxes: Sequence[Mapping[str, float]]) -> Box:
    x0, y0, x1, y1 = (
        round(sum(float(box[side]) for box in boxes) / len(boxes))
        for side in ("minX", "minY", "maxX", "maxY")
    )
    return x0, y0, x1, y1


def _normal(text: str) -> str:
    """Compose Korean letters: file systems and archives differ in how they store them."""
    return unicodedata.normalize("NFC", text)
