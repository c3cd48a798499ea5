"""Pictures and crops to network input."""

import numpy as np
import pytest

from engine.assets import asset_path
from engine.faces.preprocessing import (
    MEAN,
    STD,
    batch_of,
    gray_of,
    levelled,
    padded,
    to_input,
    without_colour,
)
from engine.networks.manifest import CropInput, load_manifest


def test_blue_ends_up_in_the_last_channel():
    blue = np.zeros((4, 4, 3), np.uint8)
    blue[..., 0] = 255
    batch = to_input([blue], (0, 0, 0), (1, 1, 1))
    np.testing.assert_allclose(batch[0, :, 0, 0], [0, 0, 1])


def test_input_is_normalised_float32():
    crops = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    batch = to_input(list(crops))
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    wanted = (crops[..., ::-1] / 255 - MEAN) / STD
    np.testing.assert_allclose(batch, wanted.transpose(0, 3, 1, 2), atol=1e-5)


def test_a_crop_gives_the_same_bytes_in_any_batch():
    crops = list(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8))
    assert to_input(crops)[1].tobytes() == to_input([crops[1]])[0].tobytes()


FORM = {"size": 8, "margin": 0.0, "mean": MEAN, "std": STD}


def test_a_network_is_fed_as_its_manifest_says():
    crops = list(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8))
    batches = {
        (colour, dtype): batch_of(crops, CropInput(**FORM, colour=colour, dtype=dtype))
        for colour, dtype in (("rgb", "float32"), ("rgb", "uint8"), ("gray", "uint8"))
    }
    np.testing.assert_array_equal(batches["rgb", "float32"], to_input(crops))
    assert batches["rgb", "uint8"].dtype == np.uint8
    np.testing.assert_array_equal(batches["rgb", "uint8"][1, 2], crops[1][..., 0])
    assert batches["gray", "uint8"].shape == (3, 1, 8, 8)
    np.testing.assert_array_equal(batches["gray", "uint8"][2, 0], gray_of(crops[2]))


def test_a_dark_crop_is_shown_to_gray_networks_as_a_bright_one():
    bright = np.repeat(RAMP[..., None], 3, axis=2)
    assert gray_of(bright).mean() == RAMP.mean()
    assert gray_of(bright // 12).mean() > 2 * (bright // 12).mean()


def test_training_shows_gray_networks_the_bytes_of_the_engine():
    crops = list(np.random.default_rng(0).integers(0, 40, (3, 8, 8, 3), np.uint8))
    live = batch_of(crops, CropInput(**FORM, colour="gray", dtype="uint8"))
    shown = np.stack([without_colour(crop) for crop in crops])
    for channel in range(3):
        assert shown[..., channel].tobytes() == live[:, 0].tobytes()


@pytest.mark.parametrize("name", ["landmark-net.onnx", "poster-rt.onnx"])
def test_shipped_networks_were_trained_on_this_normalisation(name):
    manifest = load_manifest(asset_path(name))
    assert tuple(manifest.value("input.mean")) == MEAN
    assert tuple(manifest.value("input.std")) == STD


RAMP = np.tile(np.arange(256, dtype=np.uint8), (64, 1))


def test_levels_that_cover_enough_stay_as_they_are():
    assert levelled(RAMP) is RAMP
    half = RAMP // 2 + 60  # its middle 98 % cover 125 levels
    assert np.abs(levelled(half).astype(int) - half).max() <= 2


@pytest.mark.parametrize("light", [0.03, 0.08, 0.3])
def test_a_dark_picture_covers_half_of_the_levels(light):
    seen = levelled(np.rint(RAMP * light).astype(np.uint8))
    low, high = np.percentile(seen, (1, 99))
    assert (low <= 2, 118 <= high <= 136) == (True, True)


def test_a_bright_flat_picture_is_spread_downwards():
    seen = levelled(RAMP // 8 + 220)
    assert seen.max() == 255
    assert np.percentile(seen, 1) < 140


def test_noise_alone_is_not_made_a_picture():
    rng = np.random.default_rng(0)
    flat = np.clip(np.rint(100 + rng.normal(0, 0.4, (64, 64))), 0, 255).astype(np.uint8)
    assert np.ptp(levelled(flat)) <= 16 * np.ptp(flat)


def test_spreading_does_not_jump_as_it_gets_darker():
    before = None
    for light in np.linspace(0.7, 0.3, 80):
        mean = levelled(np.rint(RAMP * light).astype(np.uint8)).mean()
        assert before is None or abs(mean - before) < 4
        before = mean


def test_a_picture_is_filled_up_at_the_right_and_below():
    seen = padded(np.full((33, 64), 7, np.uint8), 32, 127)
    assert seen.shape == (64, 64)
    assert (seen[:33] == 7).all()
    assert (seen[33:] == 127).all()
    whole = np.zeros((32, 96), np.uint8)
    assert padded(whole, 32, 127) is whole
