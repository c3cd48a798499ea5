"""Which files belong to a recording, so that nothing a user saves replaces one of them.

A recording is known by its folder, whether it is open or not: saved statistics and exports ask the
same question.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.session.folder import (
    ABOUT,
    CLEAN,
    EDITS,
    MARKERS,
    RECORDS,
    SNAPSHOTS,
    VIDEO,
    read_about,
)
from engine.errors import SinkError, SourceError

_OWN: Final = (ABOUT, VIDEO, CLEAN, RECORDS, MARKERS, EDITS)
_NUMBERED: Final = re.compile(r"(video|clean|records)-\d{3,}\.\w+")
_TAKEN: Final = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.\d{3}\.png")  # by `save_snapshot`


def check_apart(target: Path, own: Iterable[Path] = ()) -> None:
    """Refuse a target that is a file of a recording, under whatever name.

    Args:
        target: What would be written.
        own: Files of what is open, wherever they lie.

    Raises:
        SinkError: It is one of them, or of a recording whose folder it lies in.
    """
    if is_taken(target, own):
        raise SinkError(
            f"{target}: is a file of the recording, which is never replaced; choose another name"
        )


def is_taken(target: Path, own: Iterable[Path] = ()) -> bool:
    """Say whether a path leads to a file of a recording; as `check_apart`."""
    real = Path(os.path.realpath(target))
    try:
        files = (*own, *files_of(real.parent), *_snapshots(real))
    except OSError:  # nobody may look there; whoever writes there says so
        return False
    return any(_same(real, file) for file in files)


def _same(real: Path, file: Path) -> bool:
    """Whether two paths are one file, or would be once it is there."""
    try:
        return real.samefile(file)
    except OSError:  # one is not there yet, such as the corrections before the first
        return os.path.normcase(real) == os.path.normcase(os.path.realpath(file))


def files_of(folder: Path) -> Iterator[Path]:
    """Give the files of the recording that a folder holds, there or not; none where it is none.

    Raises:
        OSError: Nobody may look there.
    """
    if not (folder / ABOUT).exists():
        return
    try:
        files = read_about(folder).get("files")
    except SourceError:  # damaged, or an export that somebody called so
        files = {} if any((folder / name).exists() for name in _OWN if name != ABOUT) else None
    if files is None:
        return
    named = set(_named(files))
    named |= set(_OWN) | {path.name for path in folder.iterdir() if _NUMBERED.fullmatch(path.name)}
    for name in sorted(named):
        yield folder / name
        yield folder / f"{name}.{EDITS}"  # of rows that were opened by themselves


def _named(files: Any) -> Iterator[str]:  # noqa: ANN401 - whatever a stranger's file holds
    """Give the names in what `session.json` says of files, those of all parts."""
    if isinstance(files, str):
        if "\0" not in files:
            yield files
    elif isinstance(files, Mapping):
        for each in files.values():
            yield from _named(each)
    elif isinstance(files, list):
        for each in files:
            yield from _named(each)


def _snapshots(real: Path) -> Iterator[Path]:
    """Give the file itself where it is a snapshot."""
    if real.parent.name == SNAPSHOTS and _TAKEN.fullmatch(real.name) and real.exists():
        yield real
