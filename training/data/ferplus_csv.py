"""FER+ as the authors publish it: votes in ``fer2013new.csv``, pictures in ``fer2013.csv``.

Source: Barsoum et al. (2016), arXiv 1608.01041; common specification, section 4.
"""

import csv

import numpy as np

from engine.errors import SourceError
from training.data.classes import FER_PLUS
from training.data.fer2013 import PICTURES, pixels_of, records, table_of
from training.data.ferplus import distribution, is_votes, majority
from training.data.ferplus_folder import REASONS, Protocol, chosen
from training.data.files import Files
from training.data.reading import DatasetReading

VOTES = "fer2013new.csv"
HEADER = ["Usage", "Image name", *FER_PLUS, "unknown", "NF"]


def read_ferplus_csv(files: Files, part: str, protocol: Protocol = "majority") -> DatasetReading:
    """Read ``Training``, ``PublicTest`` (validation) or ``PrivateTest`` (test).

    Row i of the one file belongs to row i of the other. Rows without an image name are dropped.

    Raises:
        SourceError: Missing file, other columns, a malformed row with its line, or two files
            that do not go together.
    """
    pictures, votes = list(records(files)), _read_votes(files)
    if len(pictures) != len(votes):
        raise SourceError(
            f"{files.place(VOTES)}: expected {len(pictures)} rows as in {PICTURES}, "
            f"got {len(votes)}"
        )
    rows, unnamed = [], 0
    for record, (usage, name, counts) in zip(pictures, votes, strict=True):
        if record.usage != usage:
            raise SourceError(
                f"{files.place(VOTES)}, line {record.line}: expected {record.usage} as in "
                f"{PICTURES}, got {usage}"
            )
        if usage == part and name:
            rows.append((record, name, counts))
        unnamed += usage == part and not name
    counted = np.array([counts for *_, counts in rows], np.float32).reshape(-1, 10)
    kept = chosen(counted, protocol)
    table = table_of(
        "ferplus-csv",
        FER_PLUS,
        names=[rows[row][1] for row in kept],
        labels=majority(counted[kept]),
        shares=distribution(counted[kept]),
        pictures=[pixels_of(files, rows[row][0]) for row in kept],
        labels_from=files.place(VOTES),
    )
    left_out = {"no image name": unnamed, REASONS[protocol]: len(rows) - len(kept)}
    return DatasetReading(table, (), left_out)


def _read_votes(files: Files) -> list[tuple[str, str, list[int]]]:
    """Give usage, image name and ten votes of every row."""
    rows = csv.reader(files.lines(VOTES))
    header = [column.strip() for column in next(rows, [])]
    if header != HEADER:
        raise SourceError(f"{files.place(VOTES)}, line 1: expected the columns {','.join(HEADER)}")
    found = []
    for line, row in enumerate(rows, 2):
        if len(row) != len(HEADER) or not all(map(is_votes, row[2:])):
            raise SourceError(
                f"{files.place(VOTES)}, line {line}: expected usage, image name and ten votes"
            )
        found.append((row[0].strip(), row[1].strip(), [int(value) for value in row[2:]]))
    return found
