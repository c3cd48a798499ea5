"""`fer-video --list-models`: the networks there are, as a table or as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from app.settings.speed import FaceSpeed, measure_face
from engine.analyze import AnalyzerConfig
from engine.errors import ModelError
from engine.networks.models import PRECISIONS, names_of
from engine.networks.runtime import Device
from engine.reading.catalogue import Entry, entries_in, shipped_entries

MEASURED: Final = "ms a face"
_RIGHT: Final = ("MB", "M parameters", "GMAC", "accuracy", "ECE", MEASURED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is printed.

    Attributes:
        entries: The networks.
        problems: A line for each that is left out, or could not be measured.
        speeds: What was measured, by place in `entries`; None where nothing was asked for.
        failed: A measurement that was asked for failed.
    """

    entries: tuple[Entry, ...]
    problems: tuple[str, ...] = ()
    speeds: Mapping[int, FaceSpeed] | None = field(default=None)
    failed: bool = False

    @classmethod
    def of(cls, folder: Path | None, model: str = "") -> Self:
        """List networks.

        Args:
            folder: The user's own; None for what came with this installation.
            model: Names of the latter, with commas; empty for all.

        Raises:
            ModelError: There is none of a name, or none at all.
        """
        if folder is not None:
            entries, problems = entries_in(folder)
            return cls(entries=tuple(entries), problems=tuple(problems))
        return cls(entries=tuple(shipped_entries(names_of(model) if model else ())))

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {
            "models": [
                {**entry.to_json(), **self._speed(place)}
                for place, entry in enumerate(self.entries)
            ],
            "warnings": list(self.problems),
        }

    def _speed(self, place: int) -> dict[str, Any]:
        if self.speeds is None:
            return {}
        speed = self.speeds.get(place)
        if speed is None:
            return {"device": None, "landmarks_ms": None, "expression_ms": None}
        return {
            "device": speed.device,
            "landmarks_ms": round(speed.landmarks_ms, 3),
            "expression_ms": round(speed.expression_ms, 3),
        }


def measured(listing: Listing, device: Device) -> Listing:
    """Time every network, one after the other; one that fails is a problem and no more."""
    speeds, failures = {}, list[str]()
    for place, entry in enumerate(listing.entries):
        try:
            speeds[place] = measure_face(_config(entry, device))
        except ModelError as error:
            failures.append(str(error))
    problems = (*listing.problems, *failures)
    return replace(listing, speeds=speeds, problems=problems, failed=bool(failures))


def _config(entry: Entry, device: Device) -> AnalyzerConfig:
    """Name a network as users do: what ships runs where it is meant to."""
    if entry.model == str(entry.file) or entry.precision not in PRECISIONS:
        return AnalyzerConfig(model=entry.model, device=device)
    return AnalyzerConfig(model=entry.model, precision=entry.precision, device=device)


def to_text(listing: Listing) -> str:
    """Give a table for a reader."""
    rows = [_row(entry) for entry in listing.entries]
    if listing.speeds is not None:
        for place, row in enumerate(rows):
            speed = listing.speeds.get(place)
            row[MEASURED] = "" if speed is None else f"{speed.face_ms:.2f}"
    heads = [head for head in rows[0] if any(row[head] for row in rows)] if rows else []
    cells = [heads, *([row[head] for head in heads] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(heads))]
    return "\n".join(_line(line, heads, widths) for line in cells)


def _line(cells: Sequence[str], heads: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        cell.rjust(width) if head in _RIGHT else cell.ljust(width)
        for cell, head, width in zip(cells, heads, widths, strict=True)
    ]
    return "  ".join(parts).rstrip()


def _row(entry: Entry) -> dict[str, str]:
    def number(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    parameters = None if entry.parameters is None else entry.parameters / 1e6
    concordance = (number(entry.ccc_valence, 3), number(entry.ccc_arousal, 3))
    return {
        "model": entry.model,
        "precision": entry.precision,
        "MB": number(entry.megabytes, 1),
        "M parameters": number(parameters, 2),
        "GMAC": number(entry.gmac, 2),
        "accuracy": "" if entry.accuracy is None else f"{100 * entry.accuracy:.1f} %",
        "ECE": number(entry.ece, 3),
        "CCC V, A": ", ".join(filter(None, concordance)),
        "judged on": entry.judged_on,
        MEASURED: "",
        "classes": entry.classes,
        "gives": entry.said,
    }
