"""Crops to network input."""

import numpy as np
import pytest

from engine.assets import asset_path
from engine.faces.preprocessing import MEAN, STD, to_input
from engine.networks.manifest import load_manifest


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


@pytest.mark.parametrize("name", ["landmark-net.onnx", "poster-rt.onnx"])
def test_shipped_networks_were_trained_on_this_normalisation(name):
    manifest = load_manifest(asset_path(name))
    assert tuple(manifest.value("input.mean")) == MEAN
    assert tuple(manifest.value("input.std")) == STD
