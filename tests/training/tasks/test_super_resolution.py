"""Batches, loss and figures of the super-resolution network's training."""

from itertools import count

import cv2
import numpy as np
import pytest
import torch

from engine.errors import ConfigError
from engine.faces.alignment import CROP_SIZE, template
from engine.faces.preprocessing import to_input
from training.data.faces import FaceBank
from training.data.operations import resized
from training.data.packs import is_held_out
from training.models.super_resolution import Interpolate, SRLite
from training.systems.neural_resizer import NeuralResizerConfig, make_upscaler
from training.tasks.super_resolution import (
    SuperResolutionBatches,
    SuperResolutionConfig,
    SuperResolutionTask,
    held_out_crops,
    large_enough,
    start_as_interpolation,
)
from training.train import main
from training.weights import load_weights

TINY = SuperResolutionConfig(input_size=12, upscaled_size=24, channels=12, blocks=1)


def picture(seed, side=80):
    """Smooth coloured noise: a picture with something to interpolate."""
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def face_points(side):
    """68 points whose five points are the template's."""
    points = np.full((68, 2), side / 2, np.float32)
    right, left, nose, *corners = template(side)
    points[36:42], points[42:48], points[30] = right, left, nose
    points[48], points[54] = corners
    return points


@pytest.fixture
def bank():
    return FaceBank(
        np.stack([picture(seed) for seed in range(3)]),
        np.full((3, 2), 80, np.int32),
        np.stack([face_points(80), face_points(80), face_points(20)]),
        np.ones((3, 68), bool),
        np.array(["a", "b", "c"]),
    )


@pytest.fixture
def make_batches(bank):
    def make_batches(**config):
        config = SuperResolutionConfig(input_size=12, upscaled_size=24, **config)
        return SuperResolutionBatches(bank, large_enough(bank, 24), 16, 0, config)

    return make_batches


@pytest.fixture
def task(bank):
    model = SRLite(12, 1, 1)
    start_as_interpolation(model)
    return SuperResolutionTask(model, held_out_crops(bank, 24), TINY)


def test_batch_depends_on_seed_and_step_alone(make_batches):
    one, two = make_batches(), make_batches()
    assert [part.shape for part in one[4]] == [(16, 3, 12, 12), (16, 3, 24, 24)]
    assert all(torch.equal(a, b) for a, b in zip(one[4], two[4], strict=True))
    assert not torch.equal(one[4][1], one[5][1])
    assert one.names(4) == two.names(4)


def test_face_that_would_be_enlarged_is_left_out(bank, make_batches):
    assert large_enough(bank, 24).tolist() == [0, 1]
    assert set(make_batches().names(0)) == {"a", "b"}
    with pytest.raises(ConfigError, match=r"super_resolution\.upscaled_size: 96, but none of 3"):
        large_enough(bank, 96)


@pytest.mark.parametrize(("gray", "count"), [(0.0, 0), (1.0, 16)])
def test_share_of_pictures_is_gray(make_batches, gray, count):
    for part in make_batches(gray=gray)[0]:
        pixels = part * torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        pixels += torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        assert ((pixels.amax(1) - pixels.amin(1)).amax((1, 2)) < 1e-3).sum() == count


def test_undegraded_small_picture_is_the_large_one_averaged(make_batches):
    small, large = make_batches(degraded=0.0)[0]
    averaged = torch.nn.functional.avg_pool2d(large, 2)
    torch.testing.assert_close(small, averaged, rtol=0, atol=0.02)  # rounded to whole values
    small, large = make_batches(degraded=1.0)[0]
    assert (small - torch.nn.functional.avg_pool2d(large, 2)).abs().max() > 0.1


def test_training_starts_as_bicubic_inside_the_edge():
    model, x = SRLite(16, 2, 1), torch.randn(2, 3, 12, 10)
    start_as_interpolation(model)
    bicubic = torch.nn.functional.interpolate(x, scale_factor=2, mode="bicubic")
    torch.testing.assert_close(model(x)[..., 4:-4, 4:-4], bicubic[..., 4:-4, 4:-4])


def test_training_starts_near_bicubic_where_it_doubles_often():
    model, x = SRLite(12, 0, 3), torch.from_numpy(to_input([resized(picture(0), 16)]))
    start_as_interpolation(model)
    away = (model(x) - Interpolate(128, "bicubic")(x))[..., 24:-24, 24:-24].abs()
    assert away.mean() < 0.05


def test_loss_falls(task, make_batches):
    batch = make_batches()[0]
    optimizer = torch.optim.Adam(task.model.parameters(), 2e-3)
    losses = []
    for _ in range(40):
        loss, _ = task.loss(task.model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.85 * losses[0]


def test_bicubic_figure_is_opencvs(task):
    figures = task.evaluate(task.model)
    said = []
    for large in task.large:
        small = cv2.resize(large, (12, 12), interpolation=cv2.INTER_AREA).astype(np.float32)
        bicubic = cv2.resize(small, (24, 24), interpolation=cv2.INTER_CUBIC).clip(0, 255)
        said.append(10 * np.log10(255**2 / np.square(bicubic - large).mean()))
    assert figures["psnr_bicubic"] == pytest.approx(np.mean(said), abs=1e-3)
    assert figures["gain"] == pytest.approx(figures["psnr"] - figures["psnr_bicubic"], abs=1e-4)
    assert figures["gain_inside"] == pytest.approx(0, abs=1e-3)
    assert figures == task.evaluate(task.model)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("upscaled_size=100", "must be 48, the input_size, doubled once or more, got 100"),
        ("upscaled_size=48", "must be 48, the input_size, doubled once or more, got 48"),
        ("input_size=0", "must be at least 1, got 0"),
        ("channels=8", "must be at least 12, got 8"),
        ("blocks=-1", "must be at least 0, got -1"),
        ("gray=1.5", "must be at most 1, got 1.5"),
        ("size=3", "unknown key; known here: input_size, upscaled_size"),
    ],
)
def test_wrong_setting_is_one_line_with_its_path(recipe, capsys, override, says):
    assert main([str(recipe), f"super_resolution.{override}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fer-train: super_resolution.{override.partition('=')[0]}: {says}")


def test_missing_pack_is_named(recipe, capsys):
    assert main([str(recipe), "--data", "nowhere"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fer-train: data pack teacher_labels: neither teacher_labels/ nor")


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.toml"
    path.write_text(
        'task = "super_resolution"\n[loop]\nsteps = 2\nbatch = 2\nmonitor = "gain"\nworkers = 0\n'
        "[super_resolution]\nchannels = 12\nblocks = 1\n"
    )
    return path


@pytest.fixture
def packs(tmp_path):
    """A picture of each of four people; one of them is held out."""
    images, labels = tmp_path / "packs" / "faces_wild", tmp_path / "packs" / "teacher_labels"
    images.mkdir(parents=True)
    labels.mkdir()
    held = next(name for name in (f"p{n}" for n in count()) if is_held_out(name))
    names = [f"{person}_1.png" for person in (held, "a", "b", "c")]
    assert not any(map(is_held_out, "abc"))
    for seed, name in enumerate(names):
        cv2.imwrite(str(images / name), picture(seed, CROP_SIZE))
    points = (face_points(CROP_SIZE) + 0.5) / CROP_SIZE
    np.savez(
        labels / "landmarks_faces_wild.npz",
        names=np.array(names),
        found=np.ones(4, bool),
        flip_err=np.zeros(4, np.float16),
        points=np.stack([points] * 4).astype(np.float16),
        yaw_pitch_roll=np.zeros((4, 3), np.float32),
    )
    return images.parent


def test_trained_network_is_the_neural_resizers_upscaler(recipe, packs):
    assert main([str(recipe), "--data", str(packs), "loop.accelerator=cpu"]) == 0
    config = NeuralResizerConfig(
        input_size=48, upscaler="sr_lite", upscaled_size=96, sr_channels=12, sr_blocks=1
    )
    upscaler = make_upscaler(config)
    load_weights(upscaler, recipe.parent / "runs" / "tiny" / "model.safetensors")
    assert upscaler(torch.zeros(1, 3, 48, 48)).shape == (1, 3, 96, 96)
