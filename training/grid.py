"""`fer-grid GRID [table.key=value ...]`: one recipe, many ways, beside the paper's own numbers.

Each row of a grid overrides some settings of the recipe and is trained once per seed, in a run
folder of its own. Started again, it skips finished runs and goes on with an interrupted one.
"""

import csv
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any, Final, get_args

from pydantic import Field

from engine.command import CLOCK, Parser, add_data_options, libraries, run_command
from engine.config import Natural, Text, checked, read
from engine.documents import is_file, read_toml
from engine.errors import ConfigError
from engine.files import write_text, written
from training import LIBRARIES
from training.data.faces import Split
from training.documents import read_as
from training.evaluation.tables import table
from training.train import GOES_ON
from training.trainer.provenance import PLACE
from training.trainer.recipe import Recipe, read_recipe

log = logging.getLogger(__name__)

PROGRAM: Final = "fer-grid"
METRICS = "metrics.json"
# What the table shows, in percent; a published number is an accuracy, or a score where there are
# no expressions.
SHOWN: Final = {"accuracy": "accuracy", "macro_f1": "macro-F1", "ece": "ECE", "va_score": "CCC"}
NONE = "-"

Figures = Mapping[str, float]
Train = Callable[[Recipe], None]  # trains, or goes on, in the recipe's folder
Judge = Callable[[Recipe, Split], Figures]  # judges the weights that a finished run kept


@dataclass(frozen=True, slots=True)
class GridRow:
    """One way to train the recipe.

    Attributes:
        name: In the table; the run folders are named after it.
        overrides: ``table.key=value`` each.
        published: The paper's number for it, percent; None where there is none.
    """

    name: str
    overrides: tuple[str, ...] = ()
    published: float | None = None

    @property
    def folder(self) -> str:
        """The name as part of a path."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-.")


@dataclass(frozen=True, slots=True)
class Grid:
    """What is trained.

    Attributes:
        title: Of the table.
        recipe: TOML file of task ``system``.
        seeds: Each row is trained once with each.
        rows: In the table's order.
    """

    title: str
    recipe: Path
    seeds: tuple[int, ...]
    rows: tuple[GridRow, ...]


@checked()
class _RowTable:
    """A row as the file has it, see `GridRow`."""

    name: str
    set: tuple[str, ...] = ()
    published: Annotated[float, Field(ge=-100, le=100)] | None = None  # a CCC may be below 0


@checked()
class _File:
    """A grid as the file has it, see `Grid`."""

    title: str
    recipe: Text
    seeds: tuple[Natural, ...]
    row: tuple[_RowTable, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a grid is trained and judged.

    Attributes:
        data: Folder with the data.
        cache: Folder for decoded data.
        out: Gets a folder per run, ``table.md`` and ``table.csv``.
        split: Split that judges.
    """

    data: Path
    cache: Path
    out: Path
    split: Split = "valid"


def read_grid(path: Path, overrides: Sequence[str] = ()) -> Grid:
    """Read a grid file; its recipe is looked for beside it.

    Args:
        path: TOML file.
        overrides: ``table.key=value`` each, for all rows.

    Raises:
        ConfigError: It cannot be read, a key is unknown, missing or of the wrong type, two rows
            share a name, there is no such recipe, or an override is of what the grid itself sets.
    """
    tables = read_toml(path, ConfigError)
    try:
        said = read(_File, tables)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    rows = tuple(_row(path, row) for row in said.row)
    recipe = path.parent / said.recipe
    if not is_file(recipe):
        raise ConfigError(f"{path}: recipe: {recipe} is missing")
    for key, values in (("seeds", list(said.seeds)), ("row.name", [row.folder for row in rows])):
        if not values or len(set(values)) < len(values):
            raise ConfigError(f"{path}: {key}: must be one or more, none twice, got {values}")
    return Grid(said.title, recipe, said.seeds, tuple(_overridden(row, overrides) for row in rows))


def _overridden(row: GridRow, overrides: Sequence[str]) -> GridRow:
    own = {override.partition("=")[0] for override in (*row.overrides, "loop.seed=")}
    for override in overrides:
        if override.partition("=")[0] in own:
            raise ConfigError(f"{override}: the grid itself sets this; change the grid's file")
    return replace(row, overrides=(*overrides, *row.overrides))


def _row(path: Path, said: _RowTable) -> GridRow:
    if any(override.startswith("loop.seed=") for override in said.set):
        raise ConfigError(f"{path}: row.set: loop.seed comes from seeds")
    made = GridRow(said.name, said.set, said.published)
    if not made.folder:
        raise ConfigError(f"{path}: row.name: needs a letter or digit, got {made.name!r}")
    return made


def recipe_of(grid: Grid, row: GridRow, seed: int, place: Place) -> Recipe:
    """Give the recipe of one run."""
    return read_recipe(
        grid.recipe,
        [*row.overrides, f"loop.seed={seed}"],
        data=place.data,
        cache=place.cache,
        folder=place.out / f"{row.folder}-{seed}",
    )


def run_grid(grid: Grid, place: Place, train: Train, judge: Judge) -> None:
    """Train and judge what is not yet, one seed of all rows after the other; write the table.

    Raises:
        ConfigError: A run folder holds a run of other settings, or the recipe is not understood.
        FerError: What training or judging raises; runs finished before are kept.
    """
    recipes = [recipe_of(grid, row, seed, place) for seed in grid.seeds for row in grid.rows]
    done = {recipe.folder: finished(recipe, place.split) for recipe in recipes}  # refuse early
    for number, recipe in enumerate(recipes, 1):
        if done[recipe.folder] is not None:
            continue
        log.info("run %d of %d: %s", number, len(recipes), recipe.folder)
        train(recipe)
        write_metrics(recipe, place.split, judge(recipe, place.split))
        write_tables(grid, place)
    write_tables(grid, place)


def finished(recipe: Recipe, split: Split) -> Figures | None:
    """Give what a run was judged as on a split, None while it has not been.

    Raises:
        ConfigError: It was a run of other settings.
    """
    path = recipe.folder / METRICS
    if not path.exists():
        return None
    said = read_as(path, _Judged, "remove it to judge again")
    before, figures = said.settings, said.figures.get(split)
    now = _settings(recipe)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise ConfigError(
                f"{recipe.folder}: holds a run of other settings ({name} was {before.get(name)}, "
                f"is {now.get(name)}); choose another --out or remove it"
            )
    return dict(figures) if figures is not None else None


@checked()
class _Judged:
    """What ``metrics.json`` says: settings by dotted name, and figures of each split."""

    settings: dict[str, Any]
    figures: dict[str, dict[str, Any]]


def write_metrics(recipe: Recipe, split: Split, figures: Figures) -> None:
    """Write ``metrics.json`` into a run's folder, beside what other splits said."""
    path = recipe.folder / METRICS
    known = read_as(path, _Judged, "remove it to judge again").figures if path.exists() else {}
    content = {"settings": _settings(recipe), "figures": known | {split: dict(figures)}}
    write_text(path, json.dumps(content, indent=2) + "\n")


def _settings(recipe: Recipe) -> dict[str, Any]:
    """Give what decides a run's outcome, by dotted names."""
    named = {
        f"{name}.{key}": value
        for name, settings in recipe.tables.items()
        for key, value in settings.items()
    }
    return {name: value for name, value in named.items() if name not in PLACE}


def write_tables(grid: Grid, place: Place) -> None:
    """Write ``table.md`` and ``table.csv`` of the runs there are."""
    runs = {row.name: _runs(grid, row, place) for row in grid.rows}
    shown = [key for key in SHOWN if any(key in run for many in runs.values() for run in many)]
    write_text(place.out / "table.md", _markdown(grid, runs, shown, place.split))
    _write_csv(grid, runs, shown, place.out / "table.csv")


def _runs(grid: Grid, row: GridRow, place: Place) -> list[Figures]:
    found = [finished(recipe_of(grid, row, seed, place), place.split) for seed in grid.seeds]
    return [figures for figures in found if figures is not None]


def _markdown(
    grid: Grid, runs: Mapping[str, Sequence[Figures]], shown: Sequence[str], split: Split
) -> str:
    seeds = ", ".join(map(str, grid.seeds))
    head = ("", "runs", *(f"{SHOWN[key]}, %" for key in shown), "published, %")
    rows = [
        (
            row.name,
            str(len(runs[row.name])),
            *(_spread(runs[row.name], key) for key in shown),
            NONE if row.published is None else f"{row.published:.2f}",
        )
        for row in grid.rows
    ]
    about = (
        f"`{grid.recipe.name}` on the {split} split; mean ± standard deviation over seeds {seeds}. "
        "Published numbers are of the paper's own data and network."
    )
    return "\n".join([f"# {grid.title}", "", about, "", *table(head, rows)]) + "\n"


def _spread(runs: Sequence[Figures], key: str) -> str:
    values = _percents(runs, key)
    if not values:
        return NONE
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _percents(runs: Sequence[Figures], key: str) -> list[float]:
    return [100 * run[key] for run in runs if key in run]


def _write_csv(
    grid: Grid, runs: Mapping[str, Sequence[Figures]], shown: Sequence[str], path: Path
) -> None:
    """Write means and deviations in percent; empty where there is none."""
    names = [f"{key}_{what}_percent" for key in shown for what in ("mean", "std")]
    with written(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "runs", *names, "published_percent"])
        for row in grid.rows:
            many = [_percents(runs[row.name], key) for key in shown]
            cells = [
                cell
                for values in many
                for cell in (
                    mean(values) if values else None,
                    stdev(values) if len(values) > 1 else None,
                )
            ]
            writer.writerow([row.name, len(runs[row.name]), *cells, row.published])


def train_system(recipe: Recipe) -> None:
    """Train a system of the papers, or go on where it stopped."""
    from training.tasks.system import run

    run(recipe)


def judge_run(recipe: Recipe, split: Split) -> Figures:
    """Let the system of a finished run judge a split."""
    from training.evaluation.answers import answers_on, figures_of
    from training.systems.saved import open_run
    from training.tasks.system import faces_of, read_settings

    settings = read_settings(recipe)
    faces = faces_of(settings, split, recipe)
    return figures_of(answers_on(faces, open_run(recipe.folder).system, settings.data))


def parser() -> Parser:
    """Describe the command line."""
    parse = Parser(prog=PROGRAM, version=libraries(*LIBRARIES), description=__doc__)
    add = parse.add_argument
    add("grid", type=Path, help="TOML file; see training/grids")
    add(
        "overrides",
        nargs="*",
        default=(),
        help="table.key=value, of all rows, as in loop.steps=100",
    )
    add("--out", type=Path, metavar="DIR", help="folder of the runs; default runs/GRID")
    add("--split", choices=get_args(Split), default="valid", help="which judges (valid)")
    add_data_options(parse)
    return parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run a grid from the command line; return the exit code."""
    return run_command(PROGRAM, _grid, argv, extra="train", kept=GOES_ON, info=CLOCK)


def _grid(argv: Sequence[str]) -> None:
    args = parser().parse_intermixed_args(argv)
    place = Place(args.data, args.cache, args.out or Path("runs") / args.grid.stem, args.split)
    grid = read_grid(args.grid, args.overrides)
    _check_task(recipe_of(grid, grid.rows[0], grid.seeds[0], place), grid.recipe)
    run_grid(grid, place, train_system, judge_run)


def _check_task(recipe: Recipe, path: Path) -> None:
    if recipe.task != "system":
        raise ConfigError(f"{path}: task: expected system, got {recipe.task}")


if __name__ == "__main__":
    raise SystemExit(main())
