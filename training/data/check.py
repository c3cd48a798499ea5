"""What `fer-data check` prints: what is there, what is missing, what is there twice."""

from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from engine.wording import counted
from training.data.files import open_files
from training.data.pictures import (
    NAMED,
    PictureConfig,
    copies,
    fingerprints,
    judge,
    readable,
    repeats,
)
from training.data.published import HISTOGRAMS, TOTALS
from training.data.reading import DatasetReading
from training.data.registry import dataset

Prints = dict[str, NDArray[np.uint8]]  # part to fingerprints of its pictures


def check(name: str, path: Path, config: PictureConfig, out: Console) -> None:
    """Print a dataset's counts, its missing and its duplicate pictures.

    Raises:
        SourceError: Malformed, or more pictures missing than `config` allows; what was found
            is printed before.
    """
    found, files = dataset(name), open_files(path, name.removesuffix("-votes"))
    readings = {part: found.read(files, part) for part in found.parts}
    with TemporaryDirectory() as empty:  # a check looks at the pictures, not into a cache
        prints = {
            part: fingerprints(reading.table, Path(empty)) for part, reading in readings.items()
        }
    out.print(counts(name, readings, prints))
    for part, reading in readings.items():
        out.print(f"{part}: labels from {reading.table.labels_from}", soft_wrap=True, markup=False)
    for line in [*absences(readings, prints), *duplicates(readings, prints)]:
        out.print(line, soft_wrap=True, markup=False)
    for part, reading in readings.items():
        judge(reading, _unreadable(reading, prints[part]), config)


def counts(name: str, readings: dict[str, DatasetReading], prints: Prints) -> Table:
    """Tabulate faces per class and part, with the published number in brackets."""
    table = Table(title=name, show_footer=False)
    table.add_column("")
    for part in readings:
        table.add_column(part, justify="right")
    tables = [reading.table for reading in readings.values()]
    for index, word in enumerate(tables[0].classes):
        cells = []
        for part, reading in readings.items():
            histogram = HISTOGRAMS.get(name, {}).get(part)
            number = int((reading.table.labels == index).sum())
            cells.append(_compared(number, histogram[index] if histogram else None))
        table.add_row(word, *cells)
    if any((found.labels < 0).any() for found in tables):
        table.add_row("no class", *(str(int((found.labels < 0).sum())) for found in tables))
    if any(np.isfinite(found.affect).any() for found in tables):
        known = (int(np.isfinite(found.affect).all(axis=1).sum()) for found in tables)
        table.add_row("valence, arousal", *map(str, known))
    table.add_section()
    totals = (
        _compared(len(reading.table), TOTALS.get(name, {}).get(part))
        for part, reading in readings.items()
    )
    table.add_row("total", *totals)
    table.add_section()
    for reason in sorted({why for reading in readings.values() for why in reading.left_out}):
        left_out = (str(reading.left_out.get(reason, 0)) for reading in readings.values())
        table.add_row(f"left out: {reason}", *left_out)
    table.add_row("missing pictures", *(str(len(found.missing)) for found in readings.values()))
    bad = (str(len(_unreadable(found, prints[part]))) for part, found in readings.items())
    table.add_row("unreadable pictures", *bad)
    return table


def _compared(number: int, published: int | None) -> str:
    return str(number) if published in (None, number) else f"{number} (published {published})"


def absences(readings: dict[str, DatasetReading], prints: Prints) -> list[str]:
    """Name the missing and unreadable pictures, the first few of each part."""
    said = []
    for part, reading in readings.items():
        for what, names in (
            ("missing", reading.missing),
            ("unreadable", _unreadable(reading, prints[part])),
        ):
            if names:
                more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
                said.append(f"{part}: {what}: {', '.join(names[:NAMED])}{more}")
    return said


def _unreadable(reading: DatasetReading, digests: NDArray[np.uint8]) -> list[str]:
    return [str(name) for name in reading.table.names[~readable(digests)]]


def duplicates(readings: dict[str, DatasetReading], prints: Prints) -> list[str]:
    """Count pixel-identical pictures inside each part and between each two; name the first."""
    said = []
    for part, digests in prints.items():
        groups, pictures = repeats(digests)
        said.append(f"{part}: {_alike(pictures, groups)}")
    for one, other in combinations(prints, 2):
        there, back = copies(prints[one], prints[other]), copies(prints[other], prints[one])
        both = counted(int(there.sum()), f"picture of {one} is", f"pictures of {one} are")
        said.append(
            f"{one} and {other}: {both} also in {other}, "
            f"{back.sum()} of {other} also in {one}" + _first(readings[other].table.names[back])
        )
    if len(prints) > 1:
        groups, pictures = repeats(np.concatenate(list(prints.values())))
        said.append(f"all parts: {_alike(pictures, groups)}")
    return said


def _alike(pictures: int, groups: int) -> str:
    return f"{counted(pictures, 'picture')} in {counted(groups, 'group')} of identical ones"


def _first(names: NDArray[np.str_]) -> str:
    return f", the first {', '.join(names[:NAMED])}" if len(names) else ""
