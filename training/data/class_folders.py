"""Pictures in one folder per class, ``PART/CLASS/``: a form several datasets are passed on in.

Source: common specification, section 4. A folder's name decides its class, never its place in
an order.
"""

from collections.abc import Mapping

from engine.errors import SourceError
from training.data.classes import Classes
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of


def read_class_folders(
    files: Files, part: str, *, dataset: str, classes: Classes, folders: Mapping[str, str]
) -> DatasetReading:
    """Read one part.

    Args:
        files: The dataset.
        part: Its folder.
        dataset: Its name.
        classes: Its classes.
        folders: Folder names, in small letters, and the class each stands for.

    Raises:
        SourceError: A folder that stands for no class, two that stand for the same one, or none
            for one of the classes.
    """
    rows = []
    for label, folder in enumerate(_folder_of_each(files, part, classes, folders)):
        names = sorted(files.listed(f"{part}/{folder}"))
        rows += [FaceRow(f"{part}/{folder}/{n}", label, f"{part}/{folder}/{n}") for n in names]
    return reading_of(files, dataset, classes, rows, labels_from=part)


def _folder_of_each(
    files: Files, part: str, classes: Classes, folders: Mapping[str, str]
) -> list[str]:
    """Give the folder of each class, in the classes' order."""
    found: dict[str, str] = {}
    for folder in files.folders(part):
        word = folders.get(folder.lower())
        if word is None:
            raise SourceError(
                f"{files.place(part)}/{folder}: stands for no class; known here: "
                f"{', '.join(folders)}"
            )
        if word in found:
            raise SourceError(
                f"{files.place(part)}: expected one folder for {word}, got {found[word]} and "
                f"{folder}"
            )
        found[word] = folder
    absent = [word for word in classes if word not in found]
    if absent:
        raise SourceError(
            f"{files.place(part)}: expected a folder for each class, none for {', '.join(absent)}"
        )
    return [found[word] for word in classes]
