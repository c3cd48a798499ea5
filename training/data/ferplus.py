"""FER+'s ten crowd votes on each face, and the rules that make classes and shares of them.

Source: Barsoum et al. (2016), "Training deep networks for facial expression recognition with
crowd-sourced label distribution", arXiv 1608.01041; their code's ``majority`` mode.
"""

import csv
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import SourceError
from engine.labels import EXPRESSIONS
from engine.types import Floats
from training.data.faces import Split

FOLDERS: dict[Split, str] = {
    "train": "FER2013Train",
    "valid": "FER2013Valid",
    "test": "FER2013Test",
}
CLASSES = len(EXPRESSIONS)
VOTES_DIGITS: Final = 9


def parse_votes(lines: Iterable[str], where: str) -> tuple[list[str], Floats]:
    """Read the lines of a ``label.csv``: name, face box, ten votes a row, no header.

    Args:
        lines: Of the file.
        where: What messages call it.

    Returns:
        N names and (N, 10) float32: the eight expressions, unknown, not a face.

    Raises:
        SourceError: A row is malformed, with its line.
    """
    names, votes = [], []
    for line, row in enumerate(csv.reader(lines), 1):
        if len(row) != 12 or not all(map(is_votes, row[2:])):
            raise SourceError(f"{where}, line {line}: expected a name, a box and ten votes")
        names.append(row[0])
        votes.append([int(value) for value in row[2:]])
    return names, np.array(votes, np.float32).reshape(-1, 10)


def is_votes(text: str) -> bool:
    """Say whether a cell is a number of votes, of which a picture has about ten."""
    return text.strip().isdecimal() and len(text) <= VOTES_DIGITS


def cleaned(votes: Floats) -> Floats:
    """Set single votes to zero, as the authors' code does."""
    return np.where(votes > 1, votes, 0).astype(np.float32)


def majority(votes: Floats) -> NDArray[np.intp]:
    """Give each row's class, or -1 where it has none.

    Single votes count as zero; the top count must hold more than half of the rest and be an
    expression, neither "unknown" nor "not a face".
    """
    kept = cleaned(votes)
    top = kept.argmax(axis=1)
    clear = kept.max(axis=1) > 0.5 * kept.sum(axis=1)
    return np.where(clear & (top < CLASSES), top, -1)


def distribution(votes: Floats) -> Floats:
    """Give the vote shares of the eight expressions, (N, 8), rows summing to 1.

    Rows without any vote for an expression (after cleaning) are zero.
    """
    kept = cleaned(votes)[:, :CLASSES]
    total = kept.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0)
    return shares


def mostly_expression(votes: Floats) -> NDArray[np.bool_]:
    """Mark faces with a repeated vote for an expression and over half of all votes for some."""
    seen = votes[:, CLASSES:].sum(axis=1) < votes.sum(axis=1) / 2
    return np.asarray(distribution(votes).any(axis=1) & seen, np.bool_)
