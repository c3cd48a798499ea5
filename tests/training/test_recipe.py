"""Recipe files: every one of ours, and what is said of a wrong one."""

from pathlib import Path

import pytest

from engine.errors import ConfigError
from training.detector.train import DetectorConfig
from training.expression import ExpressionConfig
from training.landmarks import LandmarkConfig
from training.loop import LoopConfig
from training.recipe import read_recipe
from training.train import TASKS

RECIPES = sorted((Path(__file__).parents[2] / "training" / "recipes").glob("*.toml"))
CONFIGS = {
    "detector": DetectorConfig,
    "expression": ExpressionConfig,
    "landmarks": LandmarkConfig,
}
PLACES = {"data": Path("data"), "cache": Path("cache"), "folder": Path("run")}


@pytest.fixture
def read(tmp_path):
    """Give `read(text, *overrides)`, which reads a recipe with this text."""

    def read(text, *overrides):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return read_recipe(path, overrides, **PLACES)

    return read


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_into_its_configs(path):
    recipe = read_recipe(path, **PLACES)
    assert set(recipe.tables) <= {"loop", recipe.task}
    assert recipe.section("loop", LoopConfig).steps >= 100
    assert isinstance(recipe.section(recipe.task, CONFIGS[recipe.task]), CONFIGS[recipe.task])


def test_every_task_has_a_recipe():
    assert {read_recipe(path, **PLACES).task for path in RECIPES} == set(TASKS) == set(CONFIGS)


def test_overrides_beat_the_file(read):
    text = 'task = "expression"\n[loop]\nsteps = 5\nbatch = 2\n'
    recipe = read(text, "loop.steps=9", "expression.start=a/b.safetensors", "loop.lr=1e-4")
    loop = recipe.section("loop", LoopConfig)
    assert (loop.steps, loop.batch, loop.lr) == (9, 2, 1e-4)
    assert recipe.section("expression", ExpressionConfig).start == "a/b.safetensors"
    assert (recipe.data, recipe.cache, recipe.folder) == tuple(PLACES.values())


def test_whole_number_will_do_for_a_fraction(read):
    assert read('task = "x"\n[loop]\nsteps=1\nbatch=1\nlr=1\n').section("loop", LoopConfig).lr == 1


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("loop.stps=5", r"loop\.stps: unknown key; known here: batch, ema, every, lr, seed, steps"),
        ("loop.steps=many", r"loop\.steps: expected int, got 'many'"),
        ("loop.steps=1.5", r"loop\.steps: expected int, got 1\.5"),
        ("loop.steps=true", r"loop\.steps: expected int, got True"),
        ("loop.lr=false", r"loop\.lr: expected float, got False"),
        ("loop.steps=0", r"loop\.steps: must be at least 1, got 0"),
        ("loop.batch=[1]", r"loop\.batch: expected int, got \[1\]"),
    ],
)
def test_wrong_value_is_named_with_its_path(read, override, says):
    recipe = read('task = "x"\n[loop]\nsteps=1\nbatch=1\n', override)
    with pytest.raises(ConfigError, match=says):
        recipe.section("loop", LoopConfig)


def test_missing_value_is_named(read):
    with pytest.raises(ConfigError, match=r"loop: .*missing.*'batch'"):
        read('task = "x"\n[loop]\nsteps=1\n').section("loop", LoopConfig)


@pytest.mark.parametrize("override", ["steps=5", "loop.steps", "loop.=5", "loop.steps="])
def test_override_without_path_or_value_is_refused(read, override):
    with pytest.raises(ConfigError, match=r"expected table\.key=value, such as loop"):
        read('task = "x"\n', override)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "recipe.toml: task: missing"),
        ("task = 3", "recipe.toml: task: missing"),
        ("task = ", "recipe.toml: cannot be read"),
        ('task = "x"\nloop = 3', "recipe.toml: loop: expected a table, got 3"),
    ],
)
def test_malformed_recipe_is_named(read, text, says):
    with pytest.raises(ConfigError, match=says):
        read(text)


def test_missing_recipe_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        read_recipe(tmp_path / "none.toml", **PLACES)
