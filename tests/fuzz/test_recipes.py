"""Damaged recipes, grids, and what a grid keeps of its runs."""

import json
import tomllib
from pathlib import Path

import pytest

from training.grid import METRICS, finished, read_grid, recipe_of
from training.grid import Place as GridPlace
from training.tasks.system import read_settings
from training.trainer.recipe import read_recipe

CASES = 20
TRAINING = Path(__file__).parents[2] / "training"


def tables_of(folder):
    return [
        (path.name, tomllib.loads(path.read_text("utf-8")))
        for path in sorted((TRAINING / folder).glob("*.toml"))
    ]


@pytest.fixture(scope="module")
def recipes():
    return [(name, tables) for name, tables in tables_of("recipes") if tables["task"] == "system"]


@pytest.fixture(scope="module")
def grids():
    return tables_of("grids")


def opened(case, path, overrides=()):
    places = {"data": case.folder, "cache": case.folder, "folder": case.out}
    return read_settings(read_recipe(path, overrides, **places))


def test_recipes(case, recipes):
    name, tables = case.pick(recipes)
    path = case.put(name, case.change.damaged_toml(case.rng, tables))
    case.judge(lambda: opened(case, path))


def test_overrides(case, recipes):
    name, tables = case.pick(recipes)
    path = case.put(name, (TRAINING / "recipes" / name).read_bytes())
    table = case.pick([table for table, content in tables.items() if isinstance(content, dict)])
    key = case.pick(list(tables[table]))
    value = case.change.damaged_text(case.rng, json.dumps(tables[table][key]))
    override = f"{table}.{key}={value.decode(errors='surrogateescape')}"
    case.judge(lambda: opened(case, path, [override]))


def test_grids(case, grids):
    name, tables = case.pick(grids)
    recipe = Path(name).with_suffix(".recipe.toml").name
    case.put(recipe, (TRAINING / "grids" / tables["recipe"]).resolve().read_bytes())
    path = case.put(name, case.change.damaged_toml(case.rng, {**tables, "recipe": recipe}))
    place = GridPlace(case.folder, case.folder, case.out)

    def read():
        grid = read_grid(path)
        return [read_settings(recipe_of(grid, row, grid.seeds[0], place)) for row in grid.rows]

    case.judge(read)


def test_metrics(case, recipes):
    name, _ = case.pick(recipes)
    path = TRAINING / "recipes" / name
    recipe = read_recipe(path, data=case.folder, cache=case.folder, folder=case.folder)
    settings = {
        f"{table}.{key}": value
        for table, content in recipe.tables.items()
        for key, value in content.items()
    }
    metrics = {"settings": settings, "figures": {"valid": {"accuracy": 0.5, "ece": 0.1}}}
    case.put(METRICS, case.change.damaged_json(case.rng, metrics))
    case.judge(lambda: finished(recipe, "valid"))
