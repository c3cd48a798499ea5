"""Training a system from a recipe: what the run folder holds, and what is refused."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.errors import ConfigError, ModelError
from training.data.classes import AFF_WILD2, FER_PLUS, RAF_DB
from training.data.registry import dataset, read_dataset
from training.data.samples import DataConfig
from training.data.table import FaceTable, one_hot
from training.systems.dan import DanConfig
from training.systems.saved import open_run, write_card
from training.tasks.system import check_also, check_truth, make_system, prior_of, read_settings, run
from training.trainer.recipe import read_recipe
from training.weights import save_weights

TINY = """
task = "system"
[system]
name = "neural_resizer"
[neural_resizer]
setting = "b"
backbone = "swin_micro"
input_size = 48
upscaler = "bilinear"
upscaled_size = 96
backbone_size = 56
[loop]
steps = 2
batch = 4
every = 1
workers = 0
accelerator = "cpu"
monitor = "accuracy"
[optimizer]
lr = 1e-3
warmup = 0
[data]
align = "none"
"""


@pytest.fixture
def recipe(tmp_path, ferplus_root):
    """Give `recipe(*overrides)`: the tiny recipe on the tiny FER+."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    places = {"data": ferplus_root, "cache": tmp_path / "cache", "folder": tmp_path / "run"}
    return lambda *overrides: read_recipe(path, overrides, **places)


def test_trained_system_is_opened_again_as_it_was(recipe, tmp_path):
    run(recipe("neural_resizer.loss=ce"))
    saved = open_run(tmp_path / "run")
    assert saved.classes[:4] == ("neutral", "happiness", "surprise", "sadness")
    assert not saved.system.training
    weights = load_file(tmp_path / "run" / "model.safetensors")
    state = saved.system.state_dict()
    assert all(torch.equal(weights[name], state[name]) for name in weights)
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert (card["input_size"], card["dataset"]) == (48, "ferplus")
    assert card["parameters"] == sum(p.numel() for p in saved.system.parameters())


def test_run_folder_says_what_it_was_trained_on(recipe, tmp_path):
    run(recipe("neural_resizer.loss=ce"))
    data = json.loads((tmp_path / "run" / "provenance.json").read_text())["data"]
    assert "FER2013Train/label.csv " in data["train"]
    assert data["train"] != data["valid"]
    resolved = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert resolved["optimizer"]["clip"] == 5.0  # a default, filled in


def test_run_folder_names_every_dataset_it_was_trained_on(recipe, tmp_path, ferplus_root):
    folder = ferplus_root / "expw" / "images"
    folder.mkdir(parents=True)
    for label in range(7):
        cv2.imwrite(str(folder / f"{label}.png"), np.full((48, 48), 30 * label, np.uint8))
    lines = [f"{label}.png 0 0 0 48 48 90.5 {label}" for label in range(7)]
    (ferplus_root / "expw" / "label.lst").write_text("\n".join(lines))
    run(recipe("neural_resizer.loss=ce", 'data.also=["expw"]'))
    data = json.loads((tmp_path / "run" / "provenance.json").read_text())["data"]
    assert data.keys() == {"train", "valid", "train ferplus", "train expw"}
    assert "expw/label.lst " in data["train expw"]
    assert len({value.rpartition(" ")[2] for value in data.values()}) == 4
    assert open_run(tmp_path / "run").classes == FER_PLUS


def test_run_that_ended_is_not_said_to_be_of_labels_that_changed_since(
    recipe, tmp_path, ferplus_root
):
    run(recipe("neural_resizer.loss=ce"))
    folder = tmp_path / "run"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    labels = ferplus_root / "ferplus" / "FER2013Train" / "label.csv"
    first, *rest = labels.read_text().splitlines()
    labels.write_text("\n".join([*rest, first]) + "\n")
    with pytest.raises(ConfigError, match=r"run: holds a run of other data \(train was \w+, is "):
        run(recipe("neural_resizer.loss=ce"))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_label_noise_is_part_of_what_it_was_trained_on(recipe, tmp_path):
    run(recipe("neural_resizer.loss=ce"))
    clean = json.loads((tmp_path / "run" / "provenance.json").read_text())["data"]
    noisy_recipe = recipe("neural_resizer.loss=ce", "data.noise=1.0")
    with pytest.raises(ConfigError, match=r"another recipe \(data\.noise was 0\.0, is 1\.0\)"):
        run(noisy_recipe)
    (tmp_path / "run" / "recipe.json").unlink()
    (tmp_path / "run" / "checkpoint.safetensors").unlink()
    run(noisy_recipe)
    noisy = json.loads((tmp_path / "run" / "provenance.json").read_text())["data"]
    assert noisy["train"] != clean["train"]
    assert noisy["valid"] == clean["valid"]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["neural_resizer.classes=7"], r"neural_resizer\.classes: 7, but ferplus has 8: neutral"),
        (["system.name=resnet"], r"system\.name: 'resnet' is unknown; choose poster"),
        (
            ["neural_resizer.setting=d", "neural_resizer.upscaler=sr_lite"],
            r"neural_resizer\.upscaler_weights: missing",
        ),
        (
            [
                "neural_resizer.setting=d",
                "neural_resizer.upscaler=disk",
                "neural_resizer.input_size=96",
            ],
            r"disk wants pictures of 96 pixels, FER2013Train/0\.png has 48",
        ),
        (["data.dataset=rafdb"], r"data\.dataset: 'rafdb' is unknown; choose raf-db, "),
        (['data.also=["aff-wild2-va"]'], r"data\.also: aff-wild2-va has no expressions to learn"),
        (["data.augmentation=heavy"], "heavy"),
        (["loop.batch=100"], r"loop\.batch: must not exceed the 8 faces"),
    ],
)
def test_settings_that_do_not_fit_are_refused(recipe, overrides, says):
    with pytest.raises(ConfigError, match=says):
        run(recipe("neural_resizer.loss=ce", *overrides))


def test_added_datasets_say_something_of_what_is_learned(recipe):
    def checked(task, also):
        own, data = DanConfig(task=task), DataConfig(also=(also,))
        check_also(replace(read_settings(recipe()), own=own, data=data))

    checked("multi", "expw")
    checked("multi", "aff-wild2-va")
    checked("va", "aff-wild2-va")
    with pytest.raises(ConfigError, match=r"data\.also: expw has no valence and arousal"):
        checked("va", "expw")
    with pytest.raises(ConfigError, match=r"data\.also: aff-wild2-va has no expressions to learn"):
        checked("expr", "aff-wild2-va")


def test_weights_and_checkpoint_of_another_system_are_refused(recipe, tmp_path):
    run(recipe("neural_resizer.loss=ce"))
    start = tmp_path / "run" / "model.safetensors"
    other = recipe("neural_resizer.loss=ce", f"system.start={start}", "neural_resizer.blocks=2")
    says = (
        r"not the weights of a NeuralResizerSystem: holds a NeuralResizerSystem; \d+ missing: net"
    )
    with pytest.raises(ModelError, match=says):
        run(other)
    (tmp_path / "run" / "recipe.json").unlink()
    with pytest.raises(ModelError, match=rf"another run than this one: {says}") as caught:
        run(recipe("neural_resizer.loss=ce", "neural_resizer.blocks=2"))
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def started(recipe, tmp_path):
    """Give `started(classes, start)`: the tiny system for these, from the weights of `start`."""

    def make(classes, start=""):
        ours = recipe("neural_resizer.loss=ce", f"system.start='{start}'")
        return make_system(read_settings(ours), table(classes), ours)

    return make


def test_weights_of_another_label_order_do_not_start_a_run(started, tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(started(FER_PLUS), path)
    started(FER_PLUS, path)
    with pytest.raises(ModelError, match=r"its classes are neutral, .*; expected contempt, fear, "):
        started(FER_PLUS[::-1], path)


def test_run_card_speaks_for_weights_that_do_not_name_their_classes(started, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(started(FER_PLUS).state_dict(), path)
    started(FER_PLUS[::-1], path)  # nothing says that they are of another order
    write_card(started(FER_PLUS), table(FER_PLUS), tmp_path)
    started(FER_PLUS, path)
    with pytest.raises(ModelError, match=r"its classes are neutral, .*; expected contempt, fear, "):
        started(FER_PLUS[::-1], path)


def test_folder_of_another_task_is_no_system(tmp_path):
    (tmp_path / "recipe.json").write_text('{"task": "landmarks"}')
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(ModelError, match="holds a run of task landmarks, expected system"):
        open_run(tmp_path)


def table(classes, dataset="raf-db"):
    labels = np.arange(len(classes))
    words = np.array([str(label) for label in labels])
    return FaceTable(
        dataset,
        classes,
        words,
        labels,
        one_hot(labels, len(classes)),
        np.zeros((len(classes), 2), np.float32),
        words,
        lambda row: np.zeros((8, 8, 3), np.uint8),
    )


def test_prior_of_ferplus_comes_from_its_votes(ferplus_root, tmp_path):
    path = ferplus_root / "ferplus" / "FER2013Train" / "label.csv"
    rows = [
        f'{k}.png,"(0, 0, 48, 48)",' + ",".join("8" if k == c else "1" for c in range(8)) + ",0,0"
        for k in range(8)
    ]
    path.write_text("\n".join(rows) + "\n")
    train = read_dataset("ferplus", ferplus_root, "train", tmp_path / "cache")
    prior = prior_of(train, ferplus_root)
    assert np.allclose(np.diag(prior), 8 / 15)
    assert np.allclose(prior.sum(axis=1), 1)


def test_other_datasets_borrow_the_prior_and_aff_wild2_has_none(tmp_path):
    prior = prior_of(table(RAF_DB), tmp_path)
    assert prior.shape == (7, 7)
    surprise, fear = RAF_DB.index("surprise"), RAF_DB.index("fear")
    row = np.delete(prior[surprise], surprise)
    assert row.max() == prior[surprise, fear]
    assert prior_of(table(AFF_WILD2, "aff-wild2-expr"), tmp_path) is None


def test_tables_are_understood_with_their_defaults(recipe):
    settings = read_settings(recipe())
    assert settings.tables().keys() == {
        *("system", "neural_resizer", "loop", "optimizer", "data", "sampler"),
        *("webcam", "distillation"),
    }
    assert settings.own.alpha == 0.8


DAN = """
task = "system"
[system]
name = "dan"
[dan]
trunk = "resnet18"
width = 32
input_size = 64
heads = 2
[loop]
steps = 1
batch = 4
every = 1
workers = 0
accelerator = "cpu"
monitor = "accuracy"
[optimizer]
lr = 1e-3
warmup = 0
[data]
align = "none"
"""


TEACHER = 'distillation.teachers=["x"]'


@pytest.fixture
def dan(recipe, tmp_path):
    """Give `dan(*overrides)`: a tiny DAN on the tiny FER+, which has no valence and arousal."""
    (tmp_path / "tiny.toml").write_text(DAN)
    return recipe


def test_task_of_which_the_data_says_nothing_is_refused(dan, tmp_path):
    """It once trained on, its loss of valence and arousal 0 at every step."""
    says = (
        r"data\.dataset: ferplus has no valence and arousal for dan to learn; choose another "
        r"dataset, or add one by data\.also, or data\.derived_affect"
    )
    with pytest.raises(ConfigError, match=says):
        run(dan("dan.task=multi", "loop.batch=32"))
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").glob("*.safetensors"))


@pytest.fixture
def more_faces(ferplus_root):
    """Add 32 faces to the training part, so that a batch of them says something of valence."""
    folder = ferplus_root / "ferplus" / "FER2013Train"
    lines = (folder / "label.csv").read_text().splitlines()
    rng = np.random.default_rng(1)
    for face in range(8, 40):
        lines.append(lines[face % 8].replace(f"{face % 8}.png", f"{face}.png"))
        cv2.imwrite(str(folder / f"{face}.png"), rng.integers(0, 256, (48, 48), np.uint8))
    (folder / "label.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(("task", "parts"), [("multi", {"focal", "ccc"}), ("va", {"ccc"})])
def test_tasks_learn_from_derived_affect(dan, more_faces, task, parts, tmp_path):
    monitor = "loop.monitor=va_score"
    run(dan(f"dan.task={task}", "data.derived_affect=true", "loop.batch=32", monitor))
    saved = open_run(tmp_path / "run")
    said = saved.system(torch.zeros(1, 3, 64, 64))
    assert (said.logits.shape[1], said.affect.shape[1]) == (8 if task == "multi" else 0, 2)
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert all(float(row[part]) > 0.1 for part in parts)
    assert float(row["dropped"]) == 0


def test_batch_that_says_nothing_of_valence_and_arousal_is_refused(dan, more_faces, tmp_path):
    """It once trained on: of fewer than 32 faces the loss is left out, so that it was always 0."""
    given = ("dan.task=multi", "data.derived_affect=true")
    says = r"loop\.batch: at least 32 for dan to learn valence and arousal, .*; got 31"
    with pytest.raises(ConfigError, match=says):
        run(dan(*given, "loop.batch=31"))
    settings = read_settings(dan(*given, "loop.batch=32"))
    bare = replace(table(FER_PLUS), affect=np.array([[0, 0]] * 4 + [[np.nan] * 2] * 4, np.float32))
    check_truth(settings, bare)  # derived where nobody annotated
    annotated = replace(settings, data=replace(settings.data, derived_affect=False))
    says = r"loop\.batch: of 32 faces 16\.0 have valence and arousal in raf-db; dan learns from 32"
    with pytest.raises(ConfigError, match=says):
        check_truth(annotated, bare)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["data.derived_affect=true"], r"data\.derived_affect: dan learns no valence and arousal"),
        (["data.dataset=raf-db", "data.votes=true"], r"data\.votes: raf-db has one label of each"),
        (["dan.task=va", "loop.batch=32", "data.noise=0.1"], r"data\.noise: is of classes, which"),
        (
            ["dan.task=va", "loop.batch=32", "distillation.distilled=0.5", TEACHER],
            r"distillation\.teachers: is of classes, which dan does not learn; leave it out",
        ),
        (["dan.task=va", "dan.class_weights=true"], r"class_weights: must be false for task va"),
    ],
)
def test_settings_of_what_a_system_does_not_learn_are_refused(dan, overrides, says):
    with pytest.raises(ConfigError, match=says):
        read_settings(dan(*overrides))


def test_figure_that_no_evaluation_gives_is_refused_before_training(dan, tmp_path):
    """It was found after the first pass, whose work was lost."""
    says = r"loop\.monitor: va_score, but ferplus gives dan accuracy, .*; choose one of these"
    with pytest.raises(ConfigError, match=says):
        run(dan("loop.monitor=va_score"))
    assert not list(tmp_path.glob("run/*"))


def test_faces_without_labels_teach_no_expressions(dan, ferplus_root, tmp_path):
    table = read_dataset("ferplus", ferplus_root, "train", tmp_path / "cache")
    settings = read_settings(dan("dan.task=expr"))
    check_truth(settings, table)
    bare = replace(table, labels=np.full_like(table.labels, -1))
    with pytest.raises(ConfigError, match="ferplus has no expressions for dan to learn"):
        check_truth(settings, bare)


def test_gray_datasets_are_gray(ferplus_root, tmp_path):
    table = read_dataset("ferplus", ferplus_root, "train", tmp_path / "cache")
    pictures = [table.read(row) for row in range(len(table))]
    assert dataset("ferplus").gray
    assert all((picture == picture[..., :1]).all() for picture in pictures)
    assert not dataset("raf-db").gray
