"""What choosing on the judging split would have given: who is chosen, and of what it is said."""

import json

import pytest
import torch

from engine.errors import ModelError
from training.evaluation.cli import main
from training.evaluation.oracle import Judged, chosen_by, kept_weights, oracle_figures
from training.evaluation.runs import evaluate_run
from training.systems.saved import open_run
from training.trainer.loop import KEPT
from training.weights import save_weights

ROWS = [
    Judged(10, 0.70, 0.70, 0.69),
    Judged(20, 0.80, 0.80, 0.75),
    Judged(30, 0.80, 0.80, 0.78),
    Judged(40, 0.75, 0.75, 0.76),
]


@pytest.fixture
def places(ferplus_root, tmp_path):
    return {"root": ferplus_root, "cache": tmp_path / "cache"}


@pytest.fixture
def kept_run(system_run):
    """Give a run with three evaluations, each of other random weights."""
    path = system_run / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["loop"] |= {"monitor": "accuracy", "keep": True}
    path.write_text(json.dumps(recipe))
    system = open_run(system_run).system
    for step in (20, 100, 3):
        torch.manual_seed(step)
        with torch.no_grad():
            for parameter in system.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        save_weights(system, system_run / KEPT.format(step=step))
    return system_run


def test_validation_chooses_the_earliest_of_the_best_and_the_split_its_own():
    said = chosen_by(ROWS, monitored=True)
    assert (said["step"], said["accuracy"]) == (20, 0.75)
    assert (said["step_if_chosen_on_it"], said["accuracy_if_chosen_on_it"]) == (30, 0.78)
    assert said["points_gained"] == pytest.approx(3.0)
    assert (said["chosen_by"], said["evaluations_kept"]) == ("validation", 4)


def test_a_run_that_watches_nothing_keeps_its_end():
    said = chosen_by(ROWS, monitored=False)
    assert (said["step"], said["accuracy"]) == (40, 0.76)
    assert said["points_gained"] == pytest.approx(2.0)
    assert said["chosen_by"] == "the end of the schedule"


def test_another_figure_than_accuracy_may_choose():
    said = chosen_by([Judged(1, -2.0, 0.9, 0.9), Judged(2, -1.0, 0.8, 0.7)], monitored=True)
    assert (said["step"], said["accuracy"]) == (2, 0.7)


def test_kept_weights_are_found_in_the_order_of_their_steps(kept_run):
    (kept_run / "kept-notes.safetensors").touch()
    assert list(kept_weights(kept_run)) == [3, 20, 100]


def test_every_kept_evaluation_is_judged_as_its_file_is(kept_run, places):
    said = oracle_figures(kept_run, "test", **places)
    rows = said["evaluations"]
    assert [row[0] for row in rows] == [3, 20, 100]
    for step, valid, judged in rows:
        path = kept_run / KEPT.format(step=step)
        for split, accuracy in (("valid", valid), ("test", judged)):
            assert evaluate_run(path, split, **places).figures()["accuracy"] == accuracy
    best = max(row[2] for row in rows)
    chosen = max(rows, key=lambda row: row[1])
    assert (said["accuracy"], said["accuracy_if_chosen_on_it"]) == (chosen[2], best)
    assert (said["run"], said["split"], said["images"]) == ("tiny", "test", 8)


def test_command_prints_it(kept_run, places, capsys):
    where = ["--data", str(places["root"]), "--cache", str(places["cache"])]
    assert main([str(kept_run), "--oracle", *where]) == 0
    assert "| accuracy_if_chosen_on_it | " in capsys.readouterr().out


def test_run_that_kept_nothing_says_what_to_do(system_run):
    with pytest.raises(ModelError, match=r"holds no kept-.*train with loop\.keep=true"):
        kept_weights(system_run)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--split", "valid"], "--oracle: validation is what chooses; leave --split out"),
        (["--dataset", "raf-db"], "--oracle: judges on the run's own dataset; leave out raf-db"),
        (["--fold", "KA"], "--oracle: judges on the run's own dataset; leave out KA"),
        (["SECOND"], "--oracle: looks at one run folder, got "),
        (["FILE"], "--oracle: looks at one run folder, got "),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line(more, says, kept_run, capsys):
    named = {"SECOND": [kept_run, kept_run], "FILE": [kept_run / "model.safetensors"]}
    models = named.get(more[0], [kept_run])
    options = [] if more[0] in named else more
    assert main([*map(str, models), "--oracle", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fer-eval: {says}")
