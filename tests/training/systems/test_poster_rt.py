"""poster-rt as a system: its loss, its weights, its training beside the papers' systems."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.assets import asset_path
from engine.errors import ConfigError
from engine.faces.alignment import CROP_SIZE, align, template, transform
from engine.faces.preprocessing import to_input
from training.data.epochs import EpochBatches, WebcamViews
from training.data.samplers import Shuffle
from training.data.targets import target_of, valence_arousal
from training.data.transforms import WebcamConfig
from training.evaluation.runs import evaluate_run
from training.losses.ccc import ccc_loss
from training.losses.divergence import divergence
from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import PosterRT
from training.models.trunk import parameter_count
from training.report.cli import main as report
from training.systems.build import SystemConfig, Truths, build
from training.systems.poster_rt import PosterRTConfig, PosterRTSystem
from training.tasks.system import run
from training.trainer.recipe import read_recipe
from training.types import Answer, Target
from training.weights import load_weights, save_weights

COUNT, SIDE = 5, 48
PLAIN = WebcamConfig(rotation_deg=0, scale=1, shift=0, degraded=0, occluded=0, live=True)

POSTER_RT = """
task = "system"
[system]
name = "poster_rt"
landmark_weights = "LANDMARKS"
[loop]
steps = 2
batch = 4
every = 1
workers = 0
accelerator = "cpu"
monitor = "accuracy"
[optimizer]
warmup = 0
[data]
dataset = "ferplus-soft"
channel_order = "gray"
votes = true
derived_affect = true
augmentation = "webcam"
landmark_weights = "LANDMARKS"
[webcam]
live = true
"""
POSTER = """
task = "system"
[system]
name = "poster"
image = "rt"
landmarks = "landmark-net"
[poster]
dim = 32
depth = 1
[loop]
steps = 2
batch = 4
every = 1
workers = 0
accelerator = "cpu"
monitor = "accuracy"
[optimizer]
warmup = 0
[data]
align = "none"
"""


@pytest.fixture
def faces(gray_faces):
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE), np.uint8)
    votes = np.zeros((COUNT, 10), np.float32)
    votes[np.arange(COUNT), [0, 1, 1, 2, 4]] = 8
    votes[:, 3] = 2
    return gray_faces(pixels, votes)


@pytest.fixture
def points():
    """Five points of each picture, some of whose crops leave the picture."""
    rng = np.random.default_rng(1)
    moved = []
    for _ in range(COUNT):
        scale, angle = rng.uniform(0.7, 1.2), rng.uniform(-0.4, 0.4)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        matrix = np.array([[cos, -sin, rng.uniform(-4, 8)], [sin, cos, rng.uniform(-4, 8)]])
        moved.append(transform(template(SIDE, 0.0), matrix.astype(np.float32)))
    return np.stack(moved).astype(np.float32)


def batches(faces, points, config=PLAIN, batch=6, seed=0, **options):
    views = WebcamViews(faces, points, CROP_SIZE, config)
    target = target_of(faces, votes=True, derived_affect=True)
    sampler = Shuffle(COUNT, seed)
    return EpochBatches(views, target, sampler, batch=batch, seed=seed, **options)


def test_a_training_batch_holds_the_engines_crops(faces, points):
    source = batches(faces, points, batch=COUNT)
    rows = {row.numpy().tobytes() for index in range(60) for row in source[index][0]}
    wanted = {to_input([align(faces.image(i), points[i]).crop])[0].tobytes() for i in range(COUNT)}
    assert wanted <= rows  # the others are mirrored or have another border


def test_live_crop_that_strays_shows_the_picture_around_it(gray_faces):
    rows = np.tile(np.arange(SIDE, dtype=np.uint8) * 5, (SIDE, 1))
    faces = gray_faces(rows[None], np.eye(10, dtype=np.float32)[:1] * 10)
    narrow = (template(SIDE, 0.0) - SIDE / 2) * 0.4 + SIDE / 2
    config = WebcamConfig(rotation_deg=0, scale=1, shift=0.3, degraded=0, occluded=0, live=True)
    straight = align(faces.image(0), narrow).crop.astype(int)
    beyond = 0
    views = WebcamViews(faces, narrow[None].astype(np.float32), CROP_SIZE, config)
    for seed in range(20):
        crop = views(0, np.random.default_rng(seed)).astype(int)
        beyond += crop.max() > straight.max() + 5 or crop.min() < straight.min() - 5
    assert beyond > 10


def test_batch_depends_on_seed_and_step_alone(faces, points):
    config = WebcamConfig(live=True)
    make = lambda seed=0: batches(faces, points, config, batch=4, seed=seed)  # noqa: E731
    source, again, other = make(), make(), make(1)
    for step in (7, 0):
        assert torch.equal(source[step][0], again[step][0])
        assert torch.equal(source[step][1].shares, again[step][1].shares)
        assert not torch.equal(source[step][0], other[step][0])
    assert not torch.equal(source[0][0], source[7][0])


@pytest.mark.parametrize("mixed", [0.0, 1.0])
def test_batch_has_inputs_and_shares_that_sum_to_one(faces, points, mixed):
    images, target = batches(faces, points, batch=4, mixed=mixed)[3]
    assert (images.shape, images.dtype) == ((4, 3, CROP_SIZE, CROP_SIZE), torch.float32)
    assert target.shares.shape == (4, 8)
    torch.testing.assert_close(target.shares.sum(1), torch.ones(4))
    derived = torch.from_numpy(valence_arousal(target.shares.numpy()))
    torch.testing.assert_close(target.affect, derived)


def test_twins_are_the_same_views_mirrored_and_hardly_moved(gray_faces):
    smooth = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 60, (SIDE, SIDE)), (0, 0), 4)
    pixels = np.clip(128 + 6 * smooth, 0, 255).astype(np.uint8)
    faces = gray_faces(pixels[None], np.eye(10, dtype=np.float32)[:1] * 10)
    config = WebcamConfig(degraded=0, occluded=0, live=True)
    views = WebcamViews(faces, template(SIDE, 0.0)[None], CROP_SIZE, config)
    for seed in range(8):
        view, other = (
            views(0, np.random.default_rng(k))[..., 0].astype(int) for k in (seed, seed + 100)
        )
        twin = views(0, np.random.default_rng(seed), twin=True)[..., 0].astype(int)
        inside = np.s_[16:-16, 16:-16]
        apart = np.abs(view[:, ::-1] - twin)[inside].mean()
        assert 0 < apart < 0.6 * np.abs(view[:, ::-1] - other)[inside].mean()


@pytest.mark.parametrize("mixed", [0.0, 1.0])
def test_a_batch_of_twins_has_each_face_and_its_truth_twice(faces, points, mixed):
    plain, truth = batches(faces, points, batch=4, mixed=mixed)[3]
    images, target = batches(faces, points, batch=4, mixed=mixed, twins=True)[3]
    assert torch.equal(images[:4], plain)
    assert not torch.equal(images[4:], plain)
    for own, both in zip(truth, target, strict=True):
        assert torch.equal(both, torch.cat([own, own]))


def system(**options):
    torch.manual_seed(0)
    truths = Truths((1,) * 8, None, ())
    return build(PosterRTConfig(**options), SystemConfig(name="poster_rt"), truths)


def test_loss_is_cross_entropy_with_the_votes_plus_concordance(faces, monkeypatch):
    logits, affect = torch.randn(COUNT, 8), torch.rand(COUNT, 2)
    made = system(affect_weight=0.5)
    said = Answer(logits, affect, logits, {})
    monkeypatch.setattr(PosterRTSystem, "forward", lambda self, images: said)
    target = target_of(faces, votes=True, derived_affect=True)
    loss, figures = made.loss(torch.zeros(COUNT, 3, 112, 112), target)
    cross_entropy = -(target.shares * logits.log_softmax(1)).sum(1).mean()
    wanted = cross_entropy + 0.5 * ccc_loss(affect, target.affect)
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-6)
    assert figures["ce"].item() == pytest.approx(cross_entropy.item(), abs=1e-6)


def test_consistency_draws_the_answers_to_twins_together(faces, monkeypatch):
    logits = torch.randn(6, 8)
    said = Answer(logits, torch.rand(6, 2), logits, {})
    monkeypatch.setattr(PosterRTSystem, "forward", lambda self, images: said)
    target = target_of(faces, votes=True, derived_affect=True)
    target = Target(*(torch.cat([part[:3], part[:3]]) for part in target))
    images = torch.zeros(6, 3, 112, 112)
    plain, _ = system().loss(images, target)
    loss, figures = system(consistency=2.0).loss(images, target)
    assert figures["unlike"].item() == pytest.approx(divergence(logits[:3], logits[3:]).item())
    assert loss.item() == pytest.approx((plain + 2 * figures["unlike"]).item(), abs=1e-5)


def test_consistency_needs_twins(trained):
    with pytest.raises(ConfigError, match=r"^poster_rt\.consistency: needs webcam\.twins"):
        trained("alone", POSTER_RT, "poster_rt.consistency=1.0")


def test_shipped_weights_are_the_systems_own(tmp_path):
    shipped = asset_path("poster-rt.onnx").with_suffix(".safetensors")
    alone, made = PosterRT().eval(), system().eval()
    load_weights(alone, shipped)
    load_weights(made, shipped)
    crops = torch.rand(2, 3, CROP_SIZE, CROP_SIZE)
    with torch.no_grad():
        assert torch.equal(made(crops).logits, alone(crops).logits)


def test_image_stream_starts_from_the_landmark_network(tmp_path):
    torch.manual_seed(3)
    landmarks = LandmarkNet()
    save_weights(landmarks, tmp_path / "landmarks.safetensors")
    config = SystemConfig(
        name="poster_rt", landmark_weights=str(tmp_path / "landmarks.safetensors")
    )
    made = build(PosterRTConfig(), config, Truths((1,) * 8, None, ()))
    trunk, own = landmarks.trunk.state_dict(), made.state_dict()
    alike = [name for name in trunk if name in own and own[name].shape == trunk[name].shape]
    assert len(alike) > 10
    assert all(torch.equal(own[name], trunk[name]) for name in alike)
    frozen = landmarks.state_dict()
    assert all(torch.equal(own[f"landmark_net.{name}"], frozen[name]) for name in frozen)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"input_size": 224}, r"poster_rt\.input_size: must be 112, got 224"),
        ({"channels": (32, 80, 161)}, r"poster_rt\.channels: must be multiples of 2, 4 and 5"),
        ({"dropout": 1.0}, r"poster_rt\.dropout: must be below 1"),
        ({"affect_weight": -1.0}, r"poster_rt\.affect_weight: must be at least 0"),
    ],
)
def test_wrong_settings_are_refused(changed, says):
    with pytest.raises(ConfigError, match=says):
        PosterRTConfig(**changed)


def test_a_wider_network_answers_alike_and_goes_on_from_the_landmark_networks_maps():
    made = system(channels=(48, 120, 240), blocks=(1, 2, 1), depth=2).eval()
    with torch.no_grad():
        said = made(torch.rand(2, 3, CROP_SIZE, CROP_SIZE))
    assert (said.logits.shape, said.affect.shape, said.embedding.shape) == (
        (2, 8),
        (2, 2),
        (2, 720),
    )
    assert parameter_count(made) > 1.2 * parameter_count(system())


@pytest.fixture
def trained(tmp_path, ferplus_root):
    """Give `trained(name, text, *overrides)`: trains a recipe, gives its run folder."""
    torch.manual_seed(0)
    save_weights(LandmarkNet(), tmp_path / "landmarks.safetensors")

    def trained(name, text, *overrides):
        path = tmp_path / f"{name}.toml"
        path.write_text(text.replace("LANDMARKS", str(tmp_path / "landmarks.safetensors")))
        folder = tmp_path / "runs" / name
        places = {"data": ferplus_root, "cache": tmp_path / "cache", "folder": folder}
        run(read_recipe(path, overrides, **places))
        return folder

    return trained


def test_report_compares_poster_rt_with_a_system_of_the_papers(
    trained, ferplus_root, tmp_path, capsys
):
    folders = [trained("poster-rt", POSTER_RT), trained("poster", POSTER)]
    out = tmp_path / "report"
    where = ["--data", str(ferplus_root), "--cache", str(tmp_path / "cache"), "--out", str(out)]
    assert report([*map(str, folders), *where]) == 0
    table = next(out.rglob("*.md")).parent
    text = "\n".join(path.read_text() for path in sorted(table.rglob("*.md")))
    assert "| poster-rt | poster_rt |" in text
    assert "| poster | poster |" in text
    figures = [
        evaluate_run(folder, "test", root=ferplus_root, cache=tmp_path / "cache").figures()
        for folder in folders
    ]
    assert figures[0]["data_sha256"] == figures[1]["data_sha256"]  # the same faces judge both
    assert {"ccc_valence", "ccc_arousal"} <= figures[0].keys() - figures[1].keys()


def test_either_system_learns_from_the_other(trained, tmp_path):
    rt, poster = trained("poster-rt", POSTER_RT), trained("poster", POSTER)
    for name, text, teacher in (("rt2", POSTER_RT, poster), ("poster2", POSTER, rt)):
        override = f'distillation.teachers=["{teacher}"]', "distillation.distilled=0.5"
        folder = trained(name, text, *override)
        files = json.loads((folder / "provenance.json").read_text())["files"]
        assert str(teacher / "model.safetensors") in files
        with (folder / "log.csv").open(newline="") as file:
            assert np.isfinite([float(row["loss"]) for row in csv.DictReader(file)]).all()
    plain = load_file(poster / "model.safetensors")
    taught = load_file(tmp_path / "runs" / "poster2" / "model.safetensors")
    assert any(not torch.equal(plain[name], taught[name]) for name in plain)


def test_colour_is_refused_for_a_network_that_is_shown_gray_crops(trained):
    with pytest.raises(ConfigError, match=r"^data\.channel_order: poster_rt is shown gray crops"):
        trained("colour", POSTER_RT, "data.channel_order=rgb")


def test_poster_rt_interrupted_ends_in_the_same_weights(trained, tmp_path, monkeypatch):
    whole = trained("whole", POSTER_RT, "data.mixed=0.5", "loop.ema=0.5")
    cut = EpochBatches.__getitem__

    def broken(self, index):
        if index == 1:
            raise KeyboardInterrupt
        return cut(self, index)

    monkeypatch.setattr(EpochBatches, "__getitem__", broken)
    with pytest.raises(KeyboardInterrupt):
        trained("parts", POSTER_RT, "data.mixed=0.5", "loop.ema=0.5")
    monkeypatch.undo()
    parts = trained("parts", POSTER_RT, "data.mixed=0.5", "loop.ema=0.5")
    one, two = (load_file(folder / "model.safetensors") for folder in (whole, parts))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_live_crops_need_points_and_the_webcam(trained):
    for override in ("data.align=none", "data.augmentation=none"):
        with pytest.raises(ConfigError, match=r"webcam\.live: needs data\.augmentation webcam and"):
            trained("wrong", POSTER_RT, override)
