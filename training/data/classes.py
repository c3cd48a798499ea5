"""Each dataset's classes as canonical words in the dataset's own order, and maps between them.

Source: common specification, section 3. Folder sort order never decides a class.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.labels import EXPRESSIONS
from training.data.table import FaceTable, one_hot

OTHER: Final = "other"  # Aff-Wild2's eighth class: none of the seven

Classes = tuple[str, ...]

RAF_DB: Final[Classes] = (
    "surprise",
    "fear",
    "disgust",
    "happiness",
    "sadness",
    "anger",
    "neutral",
)
FER2013: Final[Classes] = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "neutral",
)
FER_PLUS: Final[Classes] = EXPRESSIONS
AFFECTNET_8: Final[Classes] = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
AFFECTNET_7: Final[Classes] = AFFECTNET_8[:7]
AFF_WILD2: Final[Classes] = (
    "neutral",
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    OTHER,
)
EXPW: Final[Classes] = FER2013
JAFFE: Final[Mapping[str, str]] = {
    "NE": "neutral",
    "HA": "happiness",
    "SA": "sadness",
    "SU": "surprise",
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
}
FERG: Final[Mapping[str, str]] = {
    "anger": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "joy": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprise": "surprise",
}
# What AI-Hub's words stand for beside Aff-Wild2; None where nothing there matches.
AI_HUB: Final[Mapping[str, str | None]] = {
    "분노": "anger",
    "불안": "fear",  # anxiety
    "당황": "surprise",  # embarrassment, panic
    "중립": "neutral",
    "기쁨": None,  # joy: unused by the seed
    "상처": None,  # hurt
    "슬픔": None,  # sadness: unused by the seed
}


def class_map(source: Classes, target: Classes) -> dict[int, int]:
    """Give the target's index of each of the source's classes that the target has.

    Contempt becomes "other" where the target has no contempt but an "other".
    """
    places = {word: index for index, word in enumerate(target)}
    if OTHER in places:
        places.setdefault("contempt", places[OTHER])
    return {index: places[word] for index, word in enumerate(source) if word in places}


def rows_of(source: Classes, target: Classes) -> list[int]:
    """Give, for each of the target's classes, its row in something ordered like the source.

    Raises:
        ValueError: The target has a class that the source lacks.
    """
    absent = set(target) - set(source)
    if absent:
        raise ValueError(f"target: {sorted(absent)} not among {source}")
    return [source.index(word) for word in target]


def remap(labels: NDArray[np.intp], source: Classes, target: Classes) -> NDArray[np.intp]:
    """Turn (N,) labels of one dataset into another's; -1 where it has no such class."""
    places = np.full(len(source) + 1, -1, np.intp)  # the last is where -1 points
    for index, place in class_map(source, target).items():
        places[index] = place
    return places[labels]


def remapped(table: FaceTable, target: Classes) -> FaceTable:
    """Give a table in another dataset's classes, without the faces it has no class for.

    Vote shares are summed by class and made to sum to 1 again; faces that had no label stay.
    """
    labels = remap(table.labels, table.classes, target)
    kept = (labels >= 0) | (table.labels < 0)
    matrix = np.zeros((len(table.classes), len(target)), np.float32)
    for index, place in class_map(table.classes, target).items():
        matrix[index, place] = 1
    shares = table.shares @ matrix
    total = shares.sum(axis=1, keepdims=True)
    lost = (total[:, 0] == 0) & (labels >= 0)
    shares = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    shares[lost] = one_hot(labels[lost], len(target))
    changed = replace(table, classes=target, labels=labels, shares=shares.astype(np.float32))
    return changed if kept.all() else changed.at(kept)
