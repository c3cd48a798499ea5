"""Grids: what is trained, what is skipped, what the table says, and what is said of a wrong one."""

import csv
import json
from pathlib import Path

import pytest

from engine.errors import ConfigError, ModelError, SinkError
from training import grid as grids
from training.grid import METRICS, Grid, GridRow, Place, main, read_grid, recipe_of, run_grid
from training.tasks.system import read_settings

FOLDER = Path(grids.__file__).parent / "grids"
FILES = sorted(FOLDER.glob("*.toml"))
RECIPE = 'task = "system"\n[system]\nname = "poster"\n[loop]\nepochs = 1\nbatch = 2\n'
ACCURACY = {("one", 0): 0.5, ("one", 1): 0.7, ("two", 0): 0.25, ("two", 1): 0.25}


class Trainer:
    """Keeps a list of runs; fails or is interrupted where asked to."""

    def __init__(self, stop_at=None, error=KeyboardInterrupt):
        self.trained, self.stop_at, self.error = [], stop_at, error

    def __call__(self, recipe):
        if recipe.folder.name == self.stop_at:
            raise self.error("stopped")
        recipe.folder.mkdir(parents=True)
        self.trained.append(recipe.folder.name)


def judge(recipe, split):
    name, seed = recipe.folder.name.rsplit("-", 1)
    return {"accuracy": ACCURACY[name, int(seed)], "ece": 0.125, "nll": 1.0}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def grid(recipe):
    rows = (GridRow("One", (), 91), GridRow("two", ("poster.depth=2",)))
    return Grid("Depths", recipe, (0, 1), rows)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path, tmp_path, tmp_path / "out")


@pytest.fixture
def written(tmp_path, recipe):
    """Give `written(text)`, which writes a grid file beside the recipe."""

    def written(text):
        path = tmp_path / "grid.toml"
        path.write_text(text)
        return path

    return written


def test_every_row_is_trained_with_every_seed(grid, place):
    seen = []
    run_grid(grid, place, lambda recipe: seen.append(recipe) or Trainer()(recipe), judge)
    assert [recipe.folder.name for recipe in seen] == ["one-0", "two-0", "one-1", "two-1"]
    assert [recipe.tables["loop"]["seed"] for recipe in seen] == [0, 0, 1, 1]
    assert [recipe.tables.get("poster") for recipe in seen] == [None, {"depth": 2}] * 2


def test_table_puts_mean_and_deviation_beside_the_published_number(grid, place):
    run_grid(grid, place, Trainer(), judge)
    text = (place.out / "table.md").read_text()
    assert text.startswith("# Depths\n\n`recipe.toml` on the valid split; mean ± standard")
    assert "|  | runs | accuracy, % | ECE, % | published, % |" in text
    assert "| One | 2 | 60.00 ± 14.14 | 12.50 ± 0.00 | 91.00 |" in text
    assert "| two | 2 | 25.00 ± 0.00 | 12.50 ± 0.00 | - |" in text
    with (place.out / "table.csv").open(newline="") as file:
        one, two = csv.DictReader(file)
    assert float(one["accuracy_mean_percent"]) == pytest.approx(60)
    assert float(one["accuracy_std_percent"]) == pytest.approx(14.1421, abs=1e-4)
    assert (one["published_percent"], two["published_percent"]) == ("91", "")
    assert "nll_mean_percent" not in one


def test_single_run_has_no_deviation(grid, place):
    single = Grid(grid.title, grid.recipe, (0,), grid.rows)
    run_grid(single, place, Trainer(), judge)
    assert "| One | 1 | 50.00 | 12.50 | 91.00 |" in (place.out / "table.md").read_text()


def test_finished_runs_are_skipped_and_the_interrupted_one_goes_on(grid, place):
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, place, Trainer(stop_at="one-1"), judge)
    half = (place.out / "table.md").read_text()
    assert "| One | 1 | 50.00 |" in half
    rest = Trainer()
    run_grid(grid, place, rest, judge)
    assert rest.trained == ["one-1", "two-1"]
    assert "| One | 2 | 60.00 ± 14.14 |" in (place.out / "table.md").read_text()
    again = Trainer()
    run_grid(grid, place, again, judge)
    assert again.trained == []


def test_run_that_was_trained_but_not_judged_goes_to_its_trainer_again(grid, place):
    def broken(recipe, split):
        raise ModelError("no weights")

    with pytest.raises(ModelError):
        run_grid(grid, place, Trainer(), broken)
    assert not (place.out / "one-0" / METRICS).exists()
    seen = []
    run_grid(grid, place, lambda recipe: seen.append(recipe.folder.name), _judge_and_make)
    assert seen[0] == "one-0"


def _judge_and_make(recipe, split):
    recipe.folder.mkdir(exist_ok=True)
    return judge(recipe, split)


def test_splits_are_judged_apart(grid, place):
    run_grid(grid, place, Trainer(), judge)
    test = Place(place.data, place.cache, place.out, "test")
    run_grid(grid, test, lambda recipe: None, lambda recipe, split: {"accuracy": 0.1})
    said = json.loads((place.out / "one-0" / METRICS).read_text())["figures"]
    assert said == {"valid": {"accuracy": 0.5, "ece": 0.125, "nll": 1.0}, "test": {"accuracy": 0.1}}
    assert "on the test split" in (place.out / "table.md").read_text()


def test_run_of_other_settings_is_refused_before_anything_is_trained(grid, place):
    run_grid(grid, place, Trainer(), judge)
    changed = Grid(
        grid.title, grid.recipe, (0, 1), (GridRow("new"), GridRow("two", ("poster.depth=3",)))
    )
    trainer = Trainer()
    with pytest.raises(ConfigError, match=r"two-0: holds a run of other settings \(poster\.depth"):
        run_grid(changed, place, trainer, judge)
    assert trainer.trained == []


def test_where_a_run_goes_on_does_not_matter(grid, place):
    run_grid(grid, place, Trainer(), judge)
    rows = tuple(GridRow(row.name, (*row.overrides, "loop.workers=3")) for row in grid.rows)
    trainer = Trainer()
    run_grid(Grid(grid.title, grid.recipe, (0, 1), rows), place, trainer, judge)
    assert trainer.trained == []


def test_damaged_metrics_are_named(grid, place):
    run_grid(grid, place, Trainer(), judge)
    (place.out / "two-1" / METRICS).write_text("{}")
    with pytest.raises(ModelError, match=r"two-1/metrics\.json: settings: missing; remove it"):
        run_grid(grid, place, Trainer(), judge)


def test_grid_file_is_read(written, recipe):
    path = written(
        'title = "T"\nrecipe = "recipe.toml"\nseeds = [3, 1]\n'
        '[[row]]\nname = "K = 10, noise 5 %"\nset = ["arbex.anchors=10"]\npublished = 70\n'
        '[[row]]\nname = "plain"\n'
    )
    said = read_grid(path)
    assert (said.title, said.recipe, said.seeds) == ("T", recipe, (3, 1))
    assert said.rows == (GridRow("K = 10, noise 5 %", ("arbex.anchors=10",), 70), GridRow("plain"))
    assert said.rows[0].folder == "k-10-noise-5"


GOOD = 'title = "T"\nrecipe = "recipe.toml"\nseeds = [0]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "cannot be read"),
        ('title = "T"\n', r"recipe: missing"),
        (GOOD + "colour = 1\n", r"colour: unknown key; known here: title, recipe, seeds, row"),
        (GOOD + '[[row]]\nnmae = "a"\n', r"row\.0\.nmae: unknown key; known here: name, set, publ"),
        (GOOD + "[[row]]\nset = []\n", r"row\.0\.name: missing"),
        (GOOD + '[[row]]\nname = "a"\n[[row]]\nname = "A"\n', r"row\.name: .*none twice"),
        (GOOD + '[[row]]\nname = "?"\n', r"row\.name: needs a letter or digit, got '\?'"),
        (
            GOOD + '[[row]]\nname = "a"\npublished = "x"\n',
            r"row\.0\.published: must be a number",
        ),
        (GOOD + '[[row]]\nname = "a"\nset = [1]\n', r"row\.0\.set\.0: must be a text, got 1"),
        (GOOD + '[[row]]\nname = "a"\nset = ["loop.seed=1"]\n', r"loop\.seed comes from seeds"),
        (GOOD + "row = []\n", r"row\.name: must be one or more"),
        (GOOD + "row = [1]\n", r"row\.0: must be a table, got 1"),
        (GOOD.replace("[0]", "[0, 0]") + '[[row]]\nname = "a"\n', r"seeds: .*none twice"),
        (
            GOOD.replace("[0]", "[-1]") + '[[row]]\nname = "a"\n',
            r"seeds\.0: must be at least 0",
        ),
        (GOOD.replace("[0]", "[]") + '[[row]]\nname = "a"\n', r"seeds: must be one or more"),
        (GOOD.replace("recipe.", "none.") + '[[row]]\nname = "a"\n', r"none\.toml is missing"),
    ],
)
def test_wrong_grid_is_named(written, text, says):
    with pytest.raises(ConfigError, match=rf"grid\.toml: .*{says}"):
        read_grid(written(text))


def test_missing_grid_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        read_grid(tmp_path / "none.toml")


def test_command_trains_and_judges(written, tmp_path, monkeypatch):
    trainer = Trainer()
    monkeypatch.setattr(grids, "train_system", trainer)
    monkeypatch.setattr(grids, "judge_run", judge)
    path = written(GOOD + '[[row]]\nname = "one"\n')
    words = ["loop.steps=7", "--split", "test", "dan.classes=8"]
    assert main([str(path), "--out", str(tmp_path / "runs"), *words]) == 0
    assert trainer.trained == ["one-0"]
    settings = json.loads((tmp_path / "runs" / "one-0" / "metrics.json").read_text())["settings"]
    assert (settings["loop.steps"], settings["dan.classes"]) == (7, 8)
    assert "on the test split" in (tmp_path / "runs" / "table.md").read_text()


def test_command_says_that_it_can_go_on(written, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(grids, "train_system", Trainer(stop_at="one-0"))
    path = written(GOOD + '[[row]]\nname = "one"\n')
    assert main([str(path), "--out", str(tmp_path / "runs")]) == 130
    assert capsys.readouterr().err.endswith(
        "\nfer-grid: interrupted; the same command goes on from here\n"
    )


def test_overrides_of_the_command_line_are_for_every_row(written, place):
    path = written(GOOD + '[[row]]\nname = "one"\nset = ["loop.batch=2"]\n')
    (row,) = read_grid(path, ["loop.steps=7"]).rows
    assert row.overrides == ("loop.steps=7", "loop.batch=2")


@pytest.mark.parametrize("override", ["loop.seed=3", "loop.batch=3"])
def test_what_the_grid_sets_is_not_overridden(written, tmp_path, capsys, override):
    path = written(GOOD + '[[row]]\nname = "one"\nset = ["loop.batch=2"]\n')
    assert main([str(path), "--out", str(tmp_path / "runs"), override]) == 2
    wanted = f"fer-grid: {override}: the grid itself sets this; change the grid's file\n"
    assert capsys.readouterr().err == wanted
    assert not (tmp_path / "runs").exists()


def test_command_refuses_a_recipe_of_another_task(written, recipe, tmp_path, capsys):
    recipe.write_text('task = "detector"\n')
    path = written(GOOD + '[[row]]\nname = "one"\n')
    assert main([str(path), "--out", str(tmp_path / "runs")]) == 2
    assert "task: expected system, got detector" in capsys.readouterr().err


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_row_of_our_grids_is_a_recipe(path, place):
    grid = read_grid(path)
    assert len(grid.seeds) >= 2
    settings = [read_settings(recipe_of(grid, row, 0, place)).tables() for row in grid.rows]
    for number, one in enumerate(settings):
        assert one not in settings[:number], grid.rows[number].name


def test_there_is_a_grid_for_every_ablation():
    assert {path.stem for path in FILES} == {
        *("arbex-anchors", "arbex-noise", "arbex-smoothing", "arbex-anchor-loss"),
        *("poster-sizes", "adaface", "resizer-settings", "resizer-losses", "dan-data"),
    }


def test_place_that_cannot_be_written_is_one_line(written, tmp_path, monkeypatch, capsys):
    (tmp_path / "runs").write_text("in the way")
    monkeypatch.setattr(grids, "train_system", lambda recipe: None)
    monkeypatch.setattr(grids, "judge_run", judge)
    path = written(GOOD + '[[row]]\nname = "one"\n')
    assert main([str(path), "--out", str(tmp_path / "runs")]) == 5
    assert "runs/one-0/metrics.json: cannot be written: " in capsys.readouterr().err


def test_table_that_cannot_be_written_is_named_and_the_old_one_stays(grid, place, monkeypatch):
    run_grid(grid, place, Trainer(), judge)
    before = (place.out / "table.csv").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(grids.csv, "writer", full)
    with pytest.raises(SinkError, match=r"table\.csv: cannot be written: No space left"):
        run_grid(grid, place, Trainer(), judge)
    assert (place.out / "table.csv").read_bytes() == before


K = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20)
NOISE = (0, 5, 10, 15, 20, 25, 30, 35, 40, 50)  # percent
SMOOTHING = (0, 5, 10, 11, 15, 18, 20, 25, 30, 35, 40, 50)  # percent
# What each row sets and the paper's number for it, as the specifications quote them: ARBEx,
# section 8; POSTER, section 7; Neural Resizer, section 7; DAN, section 6.
WANTED = {
    "arbex-anchors": [
        ({"arbex.smoothing": 0, "arbex.anchors": k}, percent)
        for k, percent in zip(
            K,
            (
                *(68.92, 70.74, 70.95, 71.03, 71.11, 71.16, 71.18, 71.21, 71.24, 71.24, 71.25),
                round(68.92 + 0.51, 2),
            ),
            strict=True,
        )
    ],
    "arbex-noise": [
        ({"arbex.smoothing": 0, "arbex.anchors": k, "data.noise": noise / 100}, percent)
        for k, percents in (
            (0, (68.92, 68.41, 67.70, 63.69, 54.99, 50.36, 41.18, 36.94, 34.12, 30.92)),
            (10, (71.25, 70.73, 70.53, 67.02, 60.33, 51.69, 44.51, 38.27, 36.45, 34.30)),
        )
        for noise, percent in zip(NOISE, percents, strict=True)
    ],
    "arbex-smoothing": [
        ({"arbex.smoothing": smoothing / 100, "arbex.anchors": 10}, percent)
        for smoothing, percent in zip(
            SMOOTHING,
            (
                *(71.25, 71.89, 72.45, 72.48, 71.97, 71.19),
                *(71.13, 67.10, 63.58, 61.17, 56.66, 51.71),
            ),
            strict=True,
        )
    ],
    "arbex-anchor-loss": [
        ({"arbex.anchor_multiplier": factor}, percent)
        for factor, percent in ((1, 89.6), (100, 47.9), (0.01, 82.3), (0, 88.5))
    ],
    "poster-sizes": [
        ({"poster.depth": depth, "poster.head": "linear"}, percent)
        for depth, percent in ((4, 90.94), (6, 91.87), (8, 91.59))
    ],
    "adaface": [
        ({"poster.head": "linear"}, 90.94),
        (ada := {"poster.head": "adaface", "poster.m": 0.4}, 88.30),
        (ada | {"poster.m": 0.75}, 85.3),
        (ada | {"poster.mlp": True}, 87.32),
        (ada | {"data.augmentation": "adaface"}, 86.99),
        (ada | {"poster.norm": "image"}, 87.06),
        (ada | {"poster.norm": "pre_ln"}, None),
        (ada | {"poster.depth": 3}, 87.26),
        (ada | {"poster.stats": "batch"}, None),
        (ada | {"poster.s": 30.0}, None),
        (ada | {"poster.s": 10.0}, None),
    ],
    "resizer-settings": [
        (
            {
                "neural_resizer.setting": setting,
                "neural_resizer.upscaler": "bilinear" if setting in "ab" else "sr_lite",
                "neural_resizer.loss": "fpdls",
            },
            percent,
        )
        for setting, percent in zip("abcde", (88.69, 88.53, 89.03, 89.28, 89.50), strict=True)
    ],
    "resizer-losses": [
        ({"neural_resizer.setting": setting, "neural_resizer.loss": loss}, percent)
        for setting, percents in (("a", (88.72, 88.69, 88.78)), ("d", (88.87, 88.91, 89.50)))
        for loss, percent in zip(("ce", "pdls", "fpdls"), percents, strict=True)
    ],
    "dan-data": [
        ({"data.dataset": "aff-wild2-expr", "data.also": also}, None)
        for also in (
            (),
            ("affectnet-8",),
            ("affectnet-8", "expw"),
            ("affectnet-8", "expw", "ai-hub"),
        )
    ],
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_and_published_numbers_of_our_grids_are_the_specified_ones(path, place):
    grid = read_grid(path)
    for row, (wanted, published) in zip(grid.rows, WANTED[path.stem], strict=True):
        settings = read_settings(recipe_of(grid, row, 0, place)).tables()
        said = {key: _setting(settings, key) for key in wanted}
        assert (said, row.published) == (wanted, published), row.name


def _setting(tables, key):
    table, _, name = key.partition(".")
    value = getattr(tables[table], name)
    return tuple(value) if isinstance(value, list) else value


TINY = """
task = "system"
[system]
name = "neural_resizer"
[neural_resizer]
setting = "b"
backbone = "swin_micro"
pretrained = false
input_size = 48
upscaler = "bilinear"
upscaled_size = 96
backbone_size = 56
loss = "ce"
[loop]
steps = 1
batch = 4
every = 1
workers = 0
accelerator = "cpu"
[data]
align = "none"
"""
TWO_ROWS = """
title = "Settings"
recipe = "recipe.toml"
seeds = [3]
[[row]]
name = "A"
set = ["neural_resizer.setting=a"]
published = 88.69
[[row]]
name = "B"
"""


def test_command_really_trains_and_judges_and_goes_on(
    written, recipe, ferplus_root, tmp_path, monkeypatch
):
    recipe.write_text(TINY)
    out = tmp_path / "runs"
    command = [str(written(TWO_ROWS)), "--data", str(ferplus_root), "--out", str(out)]
    command += ["--cache", str(tmp_path / "cache")]
    real, begun = grids.train_system, []

    def stopped(recipe):
        begun.append(recipe.folder.name)
        if recipe.folder.name == "b-3" and len(begun) == 2:
            raise KeyboardInterrupt
        real(recipe)

    monkeypatch.setattr(grids, "train_system", stopped)
    assert main(command) == 130
    assert "| B | 0 | - | - | - | - |" in (out / "table.md").read_text()
    assert main(command) == 0
    assert main(command) == 0
    assert begun == ["a-3", "b-3", "b-3"]
    text = (out / "table.md").read_text()
    for name in ("a-3", "b-3"):
        said = json.loads((out / name / METRICS).read_text())["figures"]["valid"]
        with (out / name / "log.csv").open(newline="") as file:
            (logged,) = csv.DictReader(file)
        assert said["accuracy"] == pytest.approx(float(logged["accuracy"]), abs=1e-4)
        assert json.loads((out / name / "recipe.json").read_text())["loop"]["seed"] == 3
        figures = " | ".join(f"{100 * said[key]:.2f}" for key in ("accuracy", "macro_f1", "ece"))
        published = "88.69" if name == "a-3" else "-"
        assert f"| {name[:-2].upper()} | 1 | {figures} | {published} |" in text
