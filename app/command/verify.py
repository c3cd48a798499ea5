"""`fer-video --verify ROWS`: read the film again, and say whether the rows are the same."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.command.interrupt import Interrupt
from app.command.job import Job, run_job
from app.session.records import RecordTable, read_records
from engine.analyze import AnalyzerConfig
from engine.config import read
from engine.errors import ConfigError, SourceError
from engine.origin import Origin, differences, read_origin
from engine.video.opening import SourceConfig
from engine.wording import counted

DIFFERS: Final = 7  # exit code
BOX_PX: Final = 0.5  # another processor may round otherwise: so far, and no further
SHARE: Final = 1e-3
MARGIN: Final = 2e-3  # between the two most probable classes, below which the label may differ
_BOX: Final = ("x", "y", "width", "height")
_PLACE: Final = ("frame", "face_id")
_TIME_S: Final = 1e-6
_LINES: Final = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it.

    Attributes:
        same: The rows are the same, as far as another processor may have them.
        lines: Says so, and what differs.
    """

    same: bool
    lines: tuple[str, ...]


def verify(
    rows: Path, given: str | None, changed: Mapping[str, Any], interrupt: Interrupt
) -> Verdict:
    """Read a film again as the rows say it was read, and compare.

    Args:
        rows: Written by `fer-video --records`.
        given: The film; None looks for its name beside the rows.
        changed: Options of the analysis in place of what the rows say.
        interrupt: Ends it early.

    Raises:
        ConfigError: It was of a live source, of several systems, or the film is not named.
        SourceError: Rows or film are not there, or say nothing.
        FerError: The film cannot be analysed.
    """
    origin = read_origin(rows)
    job = _job(origin, given or str(_film(rows, origin)), changed)
    with tempfile.TemporaryDirectory(prefix="fer-verify-") as folder:
        again = Path(folder) / rows.name
        outcome = run_job(replace(job, records=again), interrupt)
        if interrupt.requested:
            raise KeyboardInterrupt
        otherwise = tuple(differences(_lasting(origin), _lasting(outcome.origin)))
        if rows.read_bytes() == again.read_bytes():
            lines = (f"{rows}: the same, byte for byte", *otherwise)
            return Verdict(same=True, lines=lines)
        (was, _), (now, _) = read_records(rows), read_records(again)
    if found := list(_differing(was, now)):
        more = len(found) - _LINES
        rest = (f"and {more} more",) if more > 0 else ()
        lines = (f"{rows}: differs", *otherwise, *found[:_LINES], *rest)
        return Verdict(same=False, lines=lines)
    words = f"{rows}: {counted(len(was), 'row')}, the same"
    if not _equal(was, now):
        words += f" but for rounding: boxes within {BOX_PX} px, probabilities within {SHARE}"
    return Verdict(same=True, lines=(words, *otherwise))


def _film(rows: Path, origin: Origin) -> Path:
    name = origin["input"]["name"]
    film = rows.parent / str(name)
    if not name or not film.exists():
        raise SourceError(f"{rows}: {name} is not beside it; name the film: --verify {rows} FILM")
    return film


def _job(origin: Origin, film: str, changed: Mapping[str, Any]) -> Job:
    """Give what was done, with what is to be done otherwise."""
    options, was = origin["options"], origin["input"]
    if was["live"] or origin["frames"]["dropped"]:
        raise ConfigError(f"{was['name']}: was live, or not read whole; that cannot be verified")
    if options["compare"]:
        raise ConfigError("--verify: rows of one system; these are of a comparison")
    analyzer = dict(options["analyzer"])
    if analyzer["precision"] == "auto" and origin["precision"] in ("fp32", "int8"):
        analyzer["precision"] = origin["precision"]  # what it was on that machine
    return Job(
        input=film,
        landmarks=options["landmarks"],
        source=read(SourceConfig, _tuples(options["source"])),
        analyzer=read(AnalyzerConfig, analyzer | dict(changed)),
    )


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}


def _lasting(origin: Mapping[str, Any]) -> dict[str, Any]:
    """Give of an origin what can make rows differ: not how a film beside them was encoded."""
    options = origin["options"]
    analyzer = {name: x for name, x in options["analyzer"].items() if name != "precision"}
    kept = {name: options[name] for name in ("landmarks", "source")}
    known = ("commit", "versions", "input", "networks", "device", "precision", "frames")
    return {name: origin[name] for name in known} | {"options": {"analyzer": analyzer, **kept}}


def _differing(was: RecordTable, now: RecordTable) -> Iterator[str]:
    """Say what differs by more than another processor may make it."""
    if len(was) != len(now):
        yield f"rows: {len(was)}, {len(now)}"
        return
    if was.vocabulary != now.vocabulary:
        yield f"classes: {', '.join(was.classes)}; {', '.join(now.classes)}"
        return
    for name in was.numbers:
        one, other = was.numbers[name], now.numbers[name]
        most = 0 if name in _PLACE else _TIME_S if name == "timestamp" else SHARE
        if name in _BOX or name.startswith("landmark_"):
            most = BOX_PX
        apart = np.nan_to_num(np.abs(one - other))
        apart[np.isnan(one) != np.isnan(other)] = np.inf
        worst = int(apart.argmax()) if len(apart) else 0
        if len(apart) and apart[worst] > most:
            count = int((apart > most).sum())
            where = f"frame {was.numbers['frame'][worst]:.0f}"
            yield f"{name}: in {count} rows, most in {where}: {one[worst]:g}, {other[worst]:g}"
    changed = (was.labels != now.labels) & (_margins(was) > MARGIN)
    if changed.any():
        first = int(changed.argmax())
        words = (was.words[first], now.words[first])
        where = f"frame {was.numbers['frame'][first]:.0f}"
        yield f"expression: in {int(changed.sum())} rows, first in {where}: {', '.join(words)}"


def _equal(was: RecordTable, now: RecordTable) -> bool:
    return bool((was.labels == now.labels).all()) and all(
        np.array_equal(values, now.numbers[name], equal_nan=True)
        for name, values in was.numbers.items()
    )


def _margins(table: RecordTable) -> np.ndarray[Any, Any]:
    """Say how much more probable the first class of each row is than the second."""
    shares = [table.numbers[name] for name in table.classes if name in table.numbers]
    if len(shares) < 2:
        return np.zeros(len(table))
    ordered = np.sort(np.nan_to_num(np.stack(shares)), axis=0)
    return np.asarray(ordered[-1] - ordered[-2])
