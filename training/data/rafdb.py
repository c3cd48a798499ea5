"""RAF-DB, basic expressions: ``EmoLabel/list_patition_label.txt`` and ``Image/aligned``.

It is also passed on as folders, ``train/CLASS/`` and ``valid/CLASS/``.

Source: Li, Deng, Du (2017); common specification, section 4.
"""

from collections.abc import Mapping
from typing import Final

from engine.errors import SourceError
from training.data.class_folders import read_class_folders
from training.data.classes import RAF_DB
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of

LABELS = "EmoLabel/list_patition_label.txt"  # the misspelling is the real name
PARTS = ("train", "test")
FOLDER_PARTS = ("train", "valid")
# The label file's numbers, and words.
FOLDERS: Final[Mapping[str, str]] = {
    **{str(number): word for number, word in enumerate(RAF_DB, 1)},
    **{word: word for word in RAF_DB},
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
}


def read_rafdb(files: Files, part: str) -> DatasetReading:
    """Read ``train`` or ``test``: the aligned pictures, 100 x 100.

    Raises:
        SourceError: A line is not ``train_NAME.jpg LABEL`` (or ``test_``) with label 1 to 7.
    """
    rows = [
        FaceRow(f"Image/aligned/{stem}_aligned.jpg", label, stem)
        for stem, label in read_labels(files)
        if stem.startswith(f"{part}_")
    ]
    return reading_of(files, "raf-db", RAF_DB, rows, labels_from=LABELS)


def read_labels(files: Files) -> list[tuple[str, int]]:
    """Give each picture's stem and its label, 0 to 6, in the file's order.

    Raises:
        SourceError: As `read_rafdb`.
    """
    found = []
    for number, line in enumerate(files.lines(LABELS), 1):
        name, _, label = line.strip().partition(" ")
        named = name.endswith(".jpg") and name.startswith(tuple(f"{part}_" for part in PARTS))
        if not named or label not in set("1234567"):
            raise SourceError(
                f"{files.place(LABELS)}, line {number}: expected train_NAME.jpg or test_NAME.jpg "
                f"and a label 1 to 7, got {line!r}"
            )
        found.append((name.removesuffix(".jpg"), int(label) - 1))
    return found


def read_rafdb_folders(files: Files, part: str) -> DatasetReading:
    """Read the variant with one folder per class: ``train`` or ``valid``, its test part.

    Raises:
        SourceError: As `read_class_folders`.
    """
    return read_class_folders(
        files, part, dataset="raf-db-folders", classes=RAF_DB, folders=FOLDERS
    )
