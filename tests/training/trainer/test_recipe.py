"""Recipe files: every one of ours is read, built and run, and what is said of a wrong one."""

import csv
import importlib
import itertools
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine.assets import asset_path
from engine.errors import ConfigError
from engine.faces.alignment import template
from training.data.ferplus import FOLDERS
from training.data.registry import dataset
from training.detector import train as detector
from training.detector.evaluate import validation
from training.detector.train import DetectorConfig
from training.models.landmark_net import LandmarkNet
from training.systems.build import Truths, build
from training.tasks.landmarks import LandmarkConfig
from training.tasks.super_resolution import SuperResolutionConfig
from training.tasks.system import read_settings, run
from training.train import TASKS
from training.trainer.loop import LoopConfig
from training.trainer.optimizers import OptimizerConfig
from training.trainer.recipe import read_recipe
from training.weights import save_weights

RECIPES = sorted((Path(__file__).parents[3] / "training" / "recipes").glob("*.toml"))
CONFIGS = {
    "detector": DetectorConfig,
    "landmarks": LandmarkConfig,
    "super_resolution": SuperResolutionConfig,
}
# What is not here: weights, and pictures in which a face can be found.
BARE = (
    *("system.image_weights=''", "system.landmark_weights=''", "system.start=''"),
    *("webcam.live=false", "distillation.teachers=[]", "distillation.distilled=0"),
)
BARE_RESIZER = ("neural_resizer.backbone_weights=''",)
SHORT = (
    *("loop.steps=2", "loop.epochs=0", "loop.every=2", "loop.accumulate=1", "loop.workers=0"),
    "loop.accelerator=cpu",
)
STREAMS = ("system.image=ir-small", "system.landmarks=landmark-net")
SHRUNK = {
    "poster": (*STREAMS, "poster.dim=32", "poster.depth=1", "poster.input_size=112"),
    "poster_pp": (*STREAMS, "poster_pp.width=32", "poster_pp.input_size=112"),
    "arbex": (*STREAMS, "arbex.width=32", "arbex.input_size=112"),
    "neural_resizer": (
        *("neural_resizer.backbone=swin_micro", "neural_resizer.pretrained=false"),
        *("neural_resizer.input_size=96", "neural_resizer.upscaled_size=96"),
        "neural_resizer.backbone_size=56",
    ),
    "dan": ("dan.trunk=resnet18", "dan.width=64", "dan.input_size=64"),
    "poster_rt": (),
    "cern": ("cern.input_size=32",),
}
SHRUNK_TASK = {
    "detector": (
        *("detector.width=16", "detector.side=64", "detector.large_side=96"),
        "detector.threads=1",
    ),
    "landmarks": (f"landmarks.detector={asset_path('fer-detector.onnx')}",),
    "super_resolution": ("super_resolution.channels=12", "super_resolution.blocks=1"),
}
PLACES = {"data": Path("data"), "cache": Path("cache"), "folder": Path("run")}


def bare(path):
    """Give what makes a recipe of the task ``system`` want no weights."""
    many = system_of(path) == "neural_resizer" and path.stem.startswith("ferplus-small-")
    return (*BARE, *BARE_RESIZER) if many else BARE


def system_of(path):
    """Name the system of a recipe of the task ``system``."""
    return read_recipe(path, **PLACES).tables["system"]["name"]


SYSTEMS = [path for path in RECIPES if read_recipe(path, **PLACES).task == "system"]
SMALL = [path for path in SYSTEMS if path.stem.startswith("ferplus-small-")]
# Not what others start from, and those that learn votes besides: derived valence and arousal.
UNEQUAL = tuple(f"ferplus-small-{name}" for name in ("swin", "dan-va", "dan-multi"))
EQUAL = [path for path in SMALL if path.stem not in UNEQUAL]
FULL = [path for path in SYSTEMS if path not in SMALL]
OTHERS = [path for path in RECIPES if path not in SYSTEMS]


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
    if recipe.task == "system":
        settings = read_settings(recipe)
        assert set(recipe.tables) <= settings.tables().keys()
        assert settings.loop.steps >= 10_000 or (
            settings.loop.epochs >= (1 if path.stem.startswith("ferplus-small-") else 5)
            and settings.loop.monitor
        )
        return
    assert set(recipe.tables) <= {"loop", "optimizer", recipe.task}
    assert recipe.section("loop", LoopConfig).steps >= 100
    assert isinstance(recipe.section(recipe.task, CONFIGS[recipe.task]), CONFIGS[recipe.task])


def test_every_task_has_a_recipe():
    tasks = {read_recipe(path, **PLACES).task for path in RECIPES}
    assert tasks == set(TASKS) == {*CONFIGS, "system"}


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda path: path.stem)
def test_every_system_recipe_builds(path):
    settings = read_settings(read_recipe(path, bare(path), **PLACES))
    if hasattr(settings.own, "upscaler_weights"):
        settings = replace(settings, own=replace(settings.own, upscaler_weights=""))
    own, count = settings.own, settings.own.classes
    if hasattr(own, "pretrained"):
        own = replace(own, pretrained=False)
    truths = Truths((1,) * count, np.full((count, count), 1 / count, np.float32))
    with torch.device("meta"):
        system = build(own, settings.system, truths)
    assert system.input_size == own.input_size
    for start in settings.optimizer.factors:
        assert any(name.startswith(start) for name, _ in system.named_parameters())


def test_equal_budget_recipes_differ_in_the_system_alone():
    small = [read_settings(read_recipe(path, **PLACES)) for path in EQUAL]
    assert len(small) >= 9
    assert all((s.loop, s.data) == (small[0].loop, small[0].data) for s in small)
    # The trunk that was trained before moves slower, under whatever name it has in a system.
    optimizers = [replace(s.optimizer, factors={}) for s in small]
    assert all(optimizer == optimizers[0] for optimizer in optimizers)
    assert all(tuple(s.optimizer.factors.values()) == (0.3,) for s in small)


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_equal_budget_recipe_runs_two_steps(path, two_steps):
    two_steps(path)


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_full_size_recipe_runs_two_steps_when_shrunk(path, two_steps):
    two_steps(path, *SHRUNK[system_of(path)])


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_recipe_of_another_task_runs_two_steps(path, tmp_path, monkeypatch, made_up):
    """On generated packs; the detector with less of the crowds that it is judged by."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(detector, "validation", partial(fewer, validation))
    save_weights(LandmarkNet(), tmp_path / "landmarks.safetensors")
    packs(made_up, tmp_path / "data")
    task = read_recipe(path, **PLACES).task
    short = [*SHORT, "loop.batch=2", *SHRUNK_TASK[task]]
    recipe = read_recipe(path, short, **PLACES)
    threads = torch.get_num_threads()
    importlib.import_module(TASKS[task]).run(recipe)
    torch.set_num_threads(threads)
    assert_ran_two_steps(tmp_path / "run")


def fewer(validation, packs, share=1, skip=0):
    return validation(packs, share=120, skip=skip)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_full_size_recipe_runs_two_steps(path, two_steps):
    full = ("neural_resizer.pretrained=false",) if system_of(path) == "neural_resizer" else ()
    two_steps(path, *full)


@pytest.fixture
def two_steps(tmp_path, made_up):
    """Give `two_steps(path, *overrides)`, which trains a recipe on a handful of made-up faces."""

    def two_steps(path, *overrides):
        settings = read_settings(read_recipe(path, **PLACES))
        data, task = settings.data, getattr(settings.own, "task", "expr")
        name = data.dataset
        faces = 2 if task == "expr" else 32  # fewer say too little of a correlation
        recipe = read_recipe(
            path,
            [*bare(path), *SHORT, "data.align=none", f"loop.batch={faces}", *overrides],
            data=tmp_path / "data",
            cache=tmp_path / "cache",
            folder=tmp_path / "run",
        )
        for each in (name, *data.also):
            made_up.TREES[each](tmp_path / "data" / (dataset(each).stored or each))
        own = read_settings(recipe).own
        if getattr(own, "upscaler", "") == "disk":
            super_resolve(tmp_path / "data", own.input_size)
        run(recipe)
        assert_ran_two_steps(tmp_path / "run")

    return two_steps


def assert_ran_two_steps(folder):
    with (folder / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["step"] == "2"
    assert np.isfinite(float(row["loss"]))
    assert row.get("dropped", "0.0") == "0.0"
    assert (folder / "model.safetensors").is_file()


def super_resolve(root, side):
    for path in [*root.rglob("*.png"), *root.rglob("*.jpg")]:
        assert cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (side, side)))


def packs(made_up, root):
    """Write the four data packs: two of every four portraits and scenes are held out."""
    made_up.ferplus(root / "ferplus")
    people = [*held_out(2), "x", "y"]
    portraits = [f"{person}_1.jpg" for person in people]
    scenes = [f"yt_{person}_10.jpg" for person in people]
    scenes += [f"ground{number}.jpg" for number in range(4)]
    for folder, names in (("faces_wild", portraits), ("scenes", scenes)):
        for name in names:
            made_up.picture(root / folder / "images" / name, 208)
    (root / "faces_wild" / "legend.csv").write_text(table("image,emotion", portraits, "happiness"))
    rows = [
        f"{name},{'test' if number % 4 < 2 else 'train'},{source},{person}"
        for number, name in enumerate(scenes)
        for source, person in [("background", 0) if name.startswith("g") else ("yt", 1)]
    ]
    (root / "scenes" / "scenes.csv").write_text(table("image,split,source,person", rows))
    teach(root / "teacher_labels", portraits, scenes[:4])


def table(header, rows, *more):
    return "\n".join([header, *(",".join([row, *more]) for row in rows)]) + "\n"


def held_out(count):
    """Give names that the detector holds out, as it does one in ten by their checksum."""
    names = (f"h{number}" for number in itertools.count())
    return list(itertools.islice((n for n in names if zlib.crc32(n.encode()) % 10 == 0), count))


def teach(folder, portraits, frames):
    """Write the teacher's labels: a face that fills its picture."""
    folder.mkdir()
    boxes = [
        f"{pack},{name},20,10,168,180,1"
        for pack, names in (("faces_wild", portraits), ("scenes", frames))
        for name in names
    ]
    points = ",".join(f"x{i},y{i}" for i in range(5))
    header = f"pack,image,x,y,w,h,agree,{points}"
    (folder / "boxes.csv").write_text(table(header, boxes, *[""] * 10))
    (folder / "background_hits.csv").write_text("image,score\n")
    stamps = [
        f"{part}/fer{number}{label}.png"
        for number, part in enumerate(FOLDERS.values())
        for label in range(8)
    ]
    for pack, names, side in (
        ("faces_wild", [f"images/{name}" for name in portraits], 208),
        ("scenes", [f"images/{name}" for name in frames], 208),
        ("ferplus", stamps, 48),
    ):
        count = len(names)
        splits = [
            next(
                (s for s, part in FOLDERS.items() if name.startswith(part)),
                "test" if number < 2 else "train",
            )
            for number, name in enumerate(names)
        ]
        np.savez(
            folder / f"landmarks_{pack}.npz",
            names=np.array(names),
            points=np.stack([(face_points(side) + 0.5) / side] * count).astype(np.float16),
            yaw_pitch_roll=np.zeros((count, 3), np.float16),
            found=np.ones(count, bool),
            flip_err=np.zeros(count, np.float16),
            size=np.full((count, 2), side, np.uint16),
            split=np.array(splits),
        )


def face_points(side):
    """68 points whose five points are the template's, in pixels."""
    points = np.random.default_rng(0).uniform(0.2 * side, 0.8 * side, (68, 2)).astype(np.float32)
    right, left, nose, *corners = template(side)
    points[36:42], points[42:48], points[30] = right, left, nose
    points[48], points[54] = corners
    return points


def test_overrides_beat_the_file(read):
    text = 'task = "landmarks"\n[loop]\nsteps = 5\nbatch = 2\n'
    recipe = read(text, "loop.steps=9", "landmarks.occluded=0.5", "loop.ema=1e-4")
    loop = recipe.section("loop", LoopConfig)
    assert (loop.steps, loop.batch, loop.ema) == (9, 2, 1e-4)
    assert recipe.section("landmarks", LandmarkConfig).occluded == 0.5
    assert (recipe.data, recipe.cache, recipe.folder) == tuple(PLACES.values())


def test_whole_number_will_do_for_a_fraction(read):
    recipe = read('task = "x"\n[optimizer]\nlr=1\n')
    assert recipe.section("optimizer", OptimizerConfig).lr == 1


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("loop.stps=5", r"loop\.stps: unknown key; known here: batch, steps, epochs"),
        ("loop.steps=many", r"loop\.steps: must be a whole number, got 'many'"),
        ("loop.steps=1.5", r"loop\.steps: must be a whole number, got 1\.5"),
        ("loop.steps=true", r"loop\.steps: must be a whole number, got True"),
        ("loop.ema=false", r"loop\.ema: must be a number, got False"),
        ("loop.steps=0", r"loop\.steps, loop\.epochs: give one of them, above 0"),
        ("loop.batch=[1]", r"loop\.batch: must be a whole number, got \[1\]"),
    ],
)
def test_wrong_value_is_named_with_its_path(read, override, says):
    recipe = read('task = "x"\n[loop]\nsteps=1\nbatch=1\n', override)
    with pytest.raises(ConfigError, match=says):
        recipe.section("loop", LoopConfig)


def test_missing_value_is_named(read):
    with pytest.raises(ConfigError, match=r"^loop\.batch: missing$"):
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


@pytest.mark.parametrize("task", TASKS)
def test_unknown_table_is_refused_before_data_is_read(task, tmp_path):
    path = next(path for path in RECIPES if read_recipe(path, **PLACES).task == task)
    places = {"data": tmp_path, "cache": tmp_path / "cache", "folder": tmp_path / "run"}
    recipe = read_recipe(path, ["lop.steps=1"], **places)
    with pytest.raises(ConfigError, match=r"lop: unknown table; known here: .*loop, optimizer"):
        importlib.import_module(TASKS[task]).run(recipe)
    assert list(tmp_path.iterdir()) == []


def test_share_of_missing_pictures_is_refused_before_data_is_read():
    path = SYSTEMS[0]
    with pytest.raises(ConfigError, match=r"data\.missing_max: must be"):
        read_settings(read_recipe(path, ["data.missing_max=1.5"], **PLACES))
