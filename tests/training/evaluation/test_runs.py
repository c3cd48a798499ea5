"""A saved run opened again and judged, calibrated on validation."""

import json
import math

import numpy as np
import pytest
import torch

import training.evaluation.runs
from engine.errors import ConfigError, ModelError
from training.data.classes import FER_PLUS, RAF_DB
from training.evaluation.answers import Answers
from training.evaluation.calibration import fit_temperature
from training.evaluation.runs import evaluate_run, temperature_of
from training.systems.saved import open_run
from training.types import Target
from training.weights import save_weights


@pytest.fixture
def places(ferplus_root, tmp_path):
    return {"root": ferplus_root, "cache": tmp_path / "cache"}


def answers(logits, labels):
    target = Target(
        torch.tensor(labels), torch.zeros(len(labels), 8), torch.full((len(labels), 2), math.nan)
    )
    rows = np.asarray(logits, np.float32)
    return Answers(target, rows, rows[:, :0], rows, {})


def test_figures_are_raw_and_calibrated_with_the_validation_temperature(system_run, places):
    evaluation, valid = (
        evaluate_run(system_run, "test", **places),
        evaluate_run(system_run, "valid", **places),
    )
    known = valid.answers
    wanted = fit_temperature(known.logits, known.target.labels.numpy())
    assert evaluation.temperature == pytest.approx(wanted, rel=1e-6)
    assert evaluation.temperature == valid.temperature
    figures = evaluation.figures()
    assert (figures["run"], figures["system"], figures["split"]) == (
        "tiny",
        "neural_resizer",
        "test",
    )
    assert figures["images"] == 8
    assert list(figures["per_class"]) == list(FER_PLUS)
    assert figures["ece"] != figures["ece_raw"]
    assert valid.figures()["nll"] <= valid.figures()["nll_raw"] + 1e-6
    assert {"brier", "brier_raw", "davies_bouldin", "calinski_harabasz"} <= figures.keys()
    json.dumps(figures, allow_nan=False)


def test_weights_file_of_a_run_is_judged_alike(system_run, places):
    folder = evaluate_run(system_run, "test", **places)
    file = evaluate_run(system_run / "model.safetensors", "test", **places)
    np.testing.assert_array_equal(folder.answers.logits, file.answers.logits)
    assert file.folder == system_run


def test_another_order_of_classes_is_refused_with_both_named(system_run, places):
    card = system_run / "model.json"
    content = json.loads(card.read_text())
    content["classes"] = list(reversed(FER_PLUS))
    card.write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"are contempt, fear, .*; ferplus has neutral, happ"):
        evaluate_run(system_run, "test", **places)


def test_weights_of_another_order_than_the_card_says_are_refused(system_run):
    system = open_run(system_run).system
    system.class_names = FER_PLUS[::-1]
    save_weights(system, system_run / "best.safetensors")
    with pytest.raises(
        ModelError, match=r"best\.safetensors: its classes are contempt, .*; expected"
    ):
        open_run(system_run, "best.safetensors")


def test_run_is_opened_without_the_weights_it_started_from(system_run):
    path = system_run / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["system"] |= dict.fromkeys(("start", "image_weights", "landmark_weights"), "gone")
    recipe["neural_resizer"]["backbone_weights"] = "gone.safetensors"
    path.write_text(json.dumps(recipe))
    assert open_run(system_run).name == "neural_resizer"


def without(table, key=None):
    """Take a table or a key of it away."""

    def change(content):
        del (content[table] if key else content)[key or table]
        return content

    return change


def having(table, **keys):
    """Change keys of a table."""

    def change(content):
        content[table] |= keys
        return content

    return change


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("recipe", without("system"), "system: missing"),
        ("recipe", without("neural_resizer"), "neural_resizer: missing"),
        ("recipe", without("data"), "data: missing"),
        ("recipe", without("loop"), "loop: missing"),
        ("recipe", without("system", "name"), r"system\.name: missing"),
        ("recipe", having("system", name="x"), r"system\.name: 'x' is unknown"),
        ("recipe", having("neural_resizer", wide=1), r"neural_resizer\.wide: unknown key"),
        (
            "recipe",
            having("neural_resizer", width="x"),
            r"neural_resizer\.width: must be a whole number",
        ),
        ("recipe", having("data", dataset="x"), r"data\.dataset: 'x' is unknown"),
        ("recipe", lambda content: content | {"data": []}, "data: missing, or no table"),
        ("recipe", lambda content: [content], "expected a JSON object, got list"),
        ("model", lambda content: [content], "expected a JSON object, got list"),
        ("model", without("classes"), "classes: missing"),
        ("model", without("parameters"), "parameters: missing"),
        ("model", lambda content: content | {"gmac": "much"}, "gmac: must be a number, got 'much'"),
    ],
)
def test_damaged_run_folder_is_one_line_that_names_file_and_key(system_run, name, change, says):
    path = system_run / f"{name}.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ModelError, match=rf"{name}\.json: {says}") as caught:
        open_run(system_run)
    assert len(str(caught.value).splitlines()) == 1


def test_card_and_recipe_of_different_numbers_of_classes_are_named(system_run):
    path = system_run / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"classes": RAF_DB}))
    says = r"recipe\.json: neural_resizer\.classes: 8, but model\.json has 7 classes"
    with pytest.raises(ModelError, match=says):
        open_run(system_run)


def test_another_dataset_with_the_same_classes_is_judged_with_the_runs_own_temperature(
    system_run, places
):
    own = evaluate_run(system_run, "test", **places)
    other = evaluate_run(system_run, "test", dataset="ferplus-votes", **places)
    assert other.temperature == own.temperature
    np.testing.assert_array_equal(other.answers.logits, own.answers.logits)


def test_unknown_dataset_is_refused(system_run, places):
    with pytest.raises(ConfigError, match=r"data\.dataset: 'fer' is unknown; choose raf-db, "):
        evaluate_run(system_run, "test", dataset="fer", **places)


def test_fold_is_for_datasets_without_splits(system_run, places):
    with pytest.raises(ConfigError, match="fold: this dataset has splits of its own, got KA"):
        evaluate_run(system_run, "test", fold="KA", **places)


def test_temperature_leaves_faces_without_a_label_out():
    logits = [[2.0, 0], [0, 2], [2, 0], [9, 0]]
    with_unknown = temperature_of(answers(logits, [0, 1, 1, -1]))
    assert with_unknown == pytest.approx(temperature_of(answers(logits[:3], [0, 1, 1])))
    assert temperature_of(answers(logits, [-1] * 4)) is None
    assert temperature_of(answers(np.zeros((2, 0)), [0, 1])) is None


def test_validation_faces_are_not_judged_twice(system_run, places, monkeypatch):
    asked = []

    def counted(faces, system, config):
        asked.append(len(faces.table))
        return answers(np.eye(8), list(range(8)))

    monkeypatch.setattr(training.evaluation.runs, "answers_on", counted)
    evaluate_run(system_run, "valid", **places)
    assert asked == [8]
