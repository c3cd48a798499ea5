"""`fer-train`: exit codes and messages."""

import logging
from pathlib import Path

import pytest

from training import train
from training.train import main


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.toml"
    path.write_text('task = "landmarks"\n[loop]\nsteps = 1\nbatch = 1\n')
    return path


def test_task_is_run_with_the_resolved_recipe(recipe, monkeypatch):
    ran = []
    module = type("Task", (), {"run": staticmethod(ran.append)})
    monkeypatch.setattr(train.importlib, "import_module", lambda name: module)
    assert main([str(recipe), "--data", "packs", "loop.steps=3", "--cache", "c"]) == 0
    (given,) = ran
    assert (given.task, given.tables["loop"]["steps"]) == ("landmarks", 3)
    assert (str(given.data), str(given.cache), str(given.folder)) == ("packs", "c", "runs/tiny")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["none.toml"], 2, "none.toml: cannot be read"),
        (["tiny.toml", "steps=3"], 2, "steps=3: expected table.key=value"),
        (["tiny.toml", "loop.stps=3"], 2, "loop.stps: unknown key"),
        (["tiny.toml", "landmarks.negative=3"], 2, "landmarks.negative: unknown key"),
        (["tiny.toml", "--data", "nowhere"], 3, "data pack teacher_labels: neither"),
    ],
)
def test_error_is_one_line_and_its_exit_code(recipe, capsys, arguments, code, says):
    assert main(arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-train: ")
    assert says in line
    assert not Path("runs").exists()


def test_unknown_task_lists_the_choices(recipe, capsys):
    recipe.write_text('task = "gaze"\n')
    assert main([str(recipe)]) == 2
    tasks = "detector, landmarks, super_resolution, system"
    wanted = f"fer-train: task gaze: unknown; choose one of {tasks}\n"
    assert capsys.readouterr().err == wanted


def test_missing_landmark_weights_say_what_to_train(recipe, ferplus_root, capsys):
    recipe.write_text(
        'task = "system"\n[system]\nname = "poster_rt"\n[loop]\nsteps = 1\nbatch = 1\n'
    )
    given = ["data.landmark_weights=none", "data.channel_order=gray"]
    assert main([str(recipe), *given, "--data", str(ferplus_root)]) == 4
    says = "none: cannot be read: no such file; train landmarks.toml first"
    assert says in capsys.readouterr().err


def test_interruption_is_one_line_and_exit_code_130(recipe, monkeypatch, capsys):
    def run(_):
        raise KeyboardInterrupt

    module = type("Task", (), {"run": staticmethod(run)})
    monkeypatch.setattr(train.importlib, "import_module", lambda name: module)
    assert main([str(recipe)]) == 130
    wanted = "fer-train: interrupted; the same command goes on from here\n"
    assert capsys.readouterr().err == wanted


def test_wrong_usage_is_exit_code_two(capsys):
    assert main([]) == 2
    wanted = "fer-train: the following arguments are required: recipe; see fer-train --help\n"
    assert capsys.readouterr().err == wanted
    assert logging.getLogger("training").level == logging.NOTSET
