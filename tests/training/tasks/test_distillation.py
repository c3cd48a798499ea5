"""Teachers: what they are shown, how their answers are joined and kept."""

import json

import numpy as np
import pytest
import torch

from engine.errors import ConfigError, ModelError
from engine.faces.alignment import align
from engine.faces.preprocessing import to_input
from training.data.crops import FaceCrops
from training.data.epochs import AugmentedCrops, EpochBatches, images_of
from training.data.operations import resized
from training.data.registry import read_dataset
from training.data.samplers import Shuffle
from training.data.targets import target_of
from training.data.transforms import transform
from training.tasks import distillation
from training.tasks.distillation import DistillationConfig, ask, soft_targets
from training.types import Answer, System

FIVE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)


VIEWLESS = None  # nobody looks at views without rounds


class Teacher(System):
    """Answers by the crop's left half, so that a mirrored crop gets another answer."""

    def __init__(self):
        super().__init__()
        self.input_size, self.seen = 64, []

    def forward(self, images):
        self.seen.append(images)
        left = images[:, :, :, :32].mean((1, 2, 3))
        logits = torch.stack([left, *[torch.zeros_like(left)] * 7], 1)
        return Answer(logits, logits[:, :0], logits, {})

    def loss(self, images, target):
        raise NotImplementedError


@pytest.fixture
def pictures(ferplus_root, tmp_path):
    return read_dataset("ferplus", ferplus_root, "train", tmp_path / "cache")


@pytest.fixture
def points(pictures):
    return np.stack([FIVE] * len(pictures))


def test_teacher_sees_the_engines_crop_of_its_own_size_and_its_mirror_image(pictures, points):
    teacher = Teacher()
    said = ask(teacher, FaceCrops(pictures, points, 64))
    crops = [align(pictures.image(row), FIVE, 64).crop for row in range(len(pictures))]
    straight = torch.from_numpy(to_input(crops))
    assert torch.equal(teacher.seen[0], straight)
    assert torch.equal(teacher.seen[1], straight.flip(3))
    wanted = (teacher(straight).logits.softmax(1) + teacher(straight.flip(3)).logits.softmax(1)) / 2
    assert np.allclose(said, wanted.numpy(), atol=1e-7)


def taught_by(*runs):
    return DistillationConfig(teachers=tuple(map(str, runs)), distilled=0.5)


def test_answers_are_averaged_and_asked_for_once(system_run, pictures, tmp_path, monkeypatch):
    asked = []
    answers = [np.full((8, 8), 1 / 8, np.float32), np.eye(8, dtype=np.float32)]

    def fake(system, crops, order):
        asked.append(len(crops))
        return answers[len(asked) - 1]

    monkeypatch.setattr(distillation, "ask", fake)
    other = tmp_path / "runs" / "other"
    other.mkdir()
    for name in ("recipe.json", "model.json", "model.safetensors"):
        (other / name).write_bytes((system_run / name).read_bytes())
    for _ in range(2):
        said = soft_targets(taught_by(system_run, other), pictures, tmp_path / "cache", VIEWLESS, 0)
        assert np.allclose(said, [(answers[0] + answers[1]) / 2])
    assert asked == [8, 8]
    assert soft_targets(DistillationConfig(), pictures, tmp_path / "cache", VIEWLESS, 0) is None


def test_teacher_sees_pictures_as_it_was_trained_to(system_run, pictures, tmp_path, monkeypatch):
    recipe = json.loads((system_run / "recipe.json").read_text())
    recipe["data"]["channel_order"] = "bgr"
    (system_run / "recipe.json").write_text(json.dumps(recipe))
    seen = []

    def fake(system, crops, order):
        seen.append((crops, order))
        return np.full((8, 8), 1 / 8, np.float32)

    monkeypatch.setattr(distillation, "ask", fake)
    soft_targets(taught_by(system_run), pictures, tmp_path / "cache", VIEWLESS, 0)
    ((crops, order),) = seen
    assert order == "bgr"
    assert np.array_equal(crops[2], resized(pictures.image(2), 48))  # not aligned


def test_teachers_judge_the_very_views_that_a_round_shows(
    system_run, pictures, tmp_path, monkeypatch
):
    views = AugmentedCrops([pictures.image(row) for row in range(8)], transform("adaface"), 48)
    asked = []

    def fake(system, crops, order):
        asked.append(np.stack([crops[row] for row in range(len(crops))]))
        return np.full((8, 8), len(asked), np.float32)

    monkeypatch.setattr(distillation, "ask", fake)
    config = DistillationConfig(teachers=(str(system_run),), distilled=0.5, rounds=2)
    for _ in range(2):  # kept for the second time
        taught = soft_targets(config, pictures, tmp_path / "cache", views, 3)
        assert taught[:, 0, 0].tolist() == [1, 2]
    assert len(asked) == 2
    truths = [target_of(pictures, taught=said, distilled=0.5) for said in taught]
    rows = Shuffle(8, 3)
    source = EpochBatches(views, truths[0], rows, batch=8, seed=3, rounds=truths)
    for epoch in range(4):
        order = rows.order(epoch)
        images, target = source[epoch]
        wanted = images_of(list(asked[epoch % 2][order]))
        assert torch.equal(images, wanted)
        shares = truths[epoch % 2].shares[torch.from_numpy(order)]
        assert torch.equal(target.shares, shares)
    other = soft_targets(config, pictures, tmp_path / "cache", views, 4)
    assert other[:, 0, 0].tolist() == [3, 4]  # another seed, other views


def test_rounds_need_teachers():
    with pytest.raises(ConfigError, match=r"^distillation\.rounds: needs distillation\.teachers"):
        DistillationConfig(rounds=2)


def test_teacher_of_other_classes_is_refused(system_run, pictures, tmp_path):
    card = json.loads((system_run / "model.json").read_text())
    card["classes"] = card["classes"][::-1]
    (system_run / "model.json").write_text(json.dumps(card))
    with pytest.raises(ConfigError, match=r"knows contempt, fear, .*; expected neutral, happiness"):
        soft_targets(taught_by(system_run), pictures, tmp_path / "cache", VIEWLESS, 0)


def test_unfinished_teacher_is_refused(system_run, pictures, tmp_path):
    (system_run / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors: missing; has the run ended\?"):
        soft_targets(taught_by(system_run), pictures, tmp_path / "cache", VIEWLESS, 0)


@pytest.mark.parametrize("changed", [{"teachers": ("runs/a",)}, {"distilled": 0.5}])
def test_teachers_and_their_share_come_together(changed):
    with pytest.raises(
        ConfigError, match=r"distillation\.teachers, distillation\.distilled: give both"
    ):
        DistillationConfig(**changed)
