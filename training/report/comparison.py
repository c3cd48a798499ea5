"""Several runs in one table; runs that differ in their seed alone are one row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from training.evaluation.tables import table
from training.trainer.provenance import PLACE

# Figure to its heading and how it is written.
COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "accuracy": ("accuracy", ".4f"),
    "balanced_accuracy": ("balanced accuracy", ".4f"),
    "macro_f1": ("macro-F1", ".4f"),
    "ece_raw": ("ECE raw", ".4f"),
    "ece": ("ECE calibrated", ".4f"),
    "davies_bouldin": ("Davies-Bouldin", ".3f"),
    "calinski_harabasz": ("Calinski-Harabasz", ".1f"),
}
NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """Runs of one recipe.

    Attributes:
        runs: Their names.
        system: Its name.
        parameters: Of the network.
        gmac: Of one forward pass.
        figures: One value for each run, by name; absent where a run has none.
    """

    runs: tuple[str, ...]
    system: str
    parameters: int
    gmac: float
    figures: Mapping[str, tuple[float, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Give the row with mean and spread of each figure, ready for JSON."""
        spreads = {
            name: dict(zip(("mean", "std"), spread(values), strict=True))
            for name, values in self.figures.items()
        }
        return {
            "runs": list(self.runs),
            "system": self.system,
            "parameters": self.parameters,
            "gmac": self.gmac,
            **spreads,
        }


def rows_of(
    recipes: Sequence[dict[str, Any]], figures: Sequence[dict[str, Any]]
) -> list[ComparisonRow]:
    """Gather runs, given by recipe and figures, into rows in the order of their first ones."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for recipe, said in zip(recipes, figures, strict=True):
        groups.setdefault(_recipe_key(recipe, said), []).append(said)
    return [_row(said) for said in groups.values()]


def spread(values: Sequence[float]) -> tuple[float, float | None]:
    """Give mean and sample standard deviation; of one run there is none."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def comparison_table(rows: Sequence[ComparisonRow]) -> list[str]:
    """Write the rows as a Markdown table; several runs as mean ± standard deviation."""
    head = ("runs", "system", "parameters (M)", "GMAC", *(name for name, _ in COLUMNS.values()))
    return table(head, [_cells(row) for row in rows])


def _cells(row: ComparisonRow) -> list[str]:
    cells = [", ".join(row.runs), row.system, f"{row.parameters / 1e6:.2f}", f"{row.gmac:.3f}"]
    return cells + [_cell(row.figures.get(name), how) for name, (_, how) in COLUMNS.items()]


def _cell(values: tuple[float, ...] | None, how: str) -> str:
    if values is None:
        return NOTHING
    mean, deviation = spread(values)
    return format(mean, how) + ("" if deviation is None else f" ± {deviation:{how}}")


def _row(said: Sequence[dict[str, Any]]) -> ComparisonRow:
    first = said[0]
    return ComparisonRow(
        tuple(figures["run"] for figures in said),
        first["system"],
        first["parameters"],
        first["gmac"],
        {
            name: tuple(figures[name] for figures in said)
            for name in COLUMNS
            if all(name in figures for figures in said)
        },
    )


def _recipe_key(recipe: dict[str, Any], said: dict[str, Any]) -> str:
    """Write a recipe without its seed and place, and the data that judged it."""
    placeless = {
        name: {key: one for key, one in value.items() if not _is_apart(f"{name}.{key}")}
        if isinstance(value, dict)
        else value
        for name, value in recipe.items()
    }
    return json.dumps([placeless, said["data_sha256"]], sort_keys=True)


def _is_apart(key: str) -> bool:
    return key == "loop.seed" or key in PLACE
