"""FER+ as folders of pictures, each with a ``label.csv``; in a folder or inside a zip."""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.types import Floats
from training.data.classes import FER_PLUS
from training.data.ferplus import (
    FOLDERS,
    distribution,
    majority,
    mostly_expression,
    parse_votes,
)
from training.data.files import Files
from training.data.reading import DatasetReading, FaceRow, reading_of

# "majority": the faces with a majority class, the benchmark. "votes": all faces with a repeated
# vote for an expression; labelled -1 where there is no majority. "soft": faces that were mostly
# given an expression, for a loss that takes shares; labelled with the one that got the most votes.
Protocol = Literal["majority", "votes", "soft"]

PARTS: Final = tuple(FOLDERS.values())
REASONS: Final[dict[Protocol, str]] = {
    "majority": "no majority class",
    "votes": "no repeated vote for an expression",
    "soft": "mostly no expression",
}


def read_ferplus_folder(files: Files, part: str, protocol: Protocol = "majority") -> DatasetReading:
    """Read ``FER2013Train``, ``FER2013Valid`` (validation) or ``FER2013Test`` (test).

    Its ``label.csv`` differs from ``fer2013new.csv`` (`training.data.ferplus_csv`) in the
    votes of 1,601 pictures; `FaceTable.labels_from` tells which a result used.

    Raises:
        SourceError: Missing file or malformed row, with its line.
    """
    labels_from = f"{part}/label.csv"
    names, votes = parse_votes(files.lines(labels_from), files.place(labels_from))
    kept = chosen(votes, protocol)
    shares = distribution(votes[kept])
    labels = shares.argmax(axis=1) if protocol == "soft" else majority(votes[kept])
    rows = [
        FaceRow(f"{part}/{names[row]}", int(label), f"{part}/{names[row]}")
        for row, label in zip(kept, labels, strict=True)
    ]
    return reading_of(
        files,
        "ferplus",
        FER_PLUS,
        rows,
        labels_from=labels_from,
        shares=shares,
        left_out={REASONS[protocol]: len(names) - len(kept)},
    )


def chosen(votes: Floats, protocol: Protocol) -> list[int]:
    """Give the rows of (N, 10) votes that a protocol uses."""
    rules: dict[Protocol, NDArray[np.bool_]] = {
        "majority": majority(votes) >= 0,
        "votes": np.asarray(distribution(votes).any(axis=1), np.bool_),
        "soft": mostly_expression(votes),
    }
    return [int(row) for row in np.flatnonzero(rules[protocol])]


def read_soft_training(files: Files, part: str) -> DatasetReading:
    """Read the training part by its votes, the others by their majority classes.

    So one is trained on all that the crowd said and judged as everybody is.

    Raises:
        SourceError: As `read_ferplus_folder`.
    """
    return read_ferplus_folder(files, part, "soft" if part == FOLDERS["train"] else "majority")
