"""FERG-DB: rendered faces of six characters, ``FERG_DB_256/CHARACTER/CHARACTER_EXPRESSION``.

Source: Aneja et al. (2016); common specification, section 4.
"""

from typing import Final

from engine.errors import SourceError
from training.data.classes import FERG
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of

PARTS = ("all",)
TOP = "FERG_DB_256"
CHARACTERS: Final = ("aia", "bonnie", "jules", "malcolm", "mery", "ray")


def read_ferg(files: Files, part: str = "all") -> DatasetReading:
    """Read every picture; its character is its group. There is no official split.

    Raises:
        SourceError: A character is missing, or a folder is not ``CHARACTER_EXPRESSION``.
    """
    classes = tuple(FERG.values())
    top = f"{TOP}/" if TOP in files.folders("") else ""
    rows = []
    for character in CHARACTERS:
        folders = files.folders(f"{top}{character}")
        if not folders:
            raise SourceError(f"{files.place(top + character)}: missing or empty")
        for folder in folders:
            path, expression = f"{top}{character}/{folder}", folder.removeprefix(f"{character}_")
            if expression not in FERG or expression == folder:
                raise SourceError(
                    f"{files.place(path)}: expected {character}_ and one of {', '.join(FERG)}"
                )
            label = classes.index(FERG[expression])
            names = sorted(name for name in files.listed(path) if name.endswith(".png"))
            rows += [FaceRow(f"{path}/{name}", label, character) for name in names]
    return reading_of(files, "ferg", classes, rows, labels_from=top.rstrip("/"))
