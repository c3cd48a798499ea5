"""Image trunks and landmark streams by name."""

import pytest
import torch

from engine.errors import ConfigError
from training.models.landmark_net import LandmarkNet
from training.models.streams import IMAGE_TRUNKS, LANDMARK_STREAMS, image_trunk, landmark_stream
from training.weights import save_weights


@pytest.fixture
def crops():
    return torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", sorted(IMAGE_TRUNKS))
def test_image_trunk_has_the_taps_it_promises(name):
    with torch.device("meta"):
        trunk = image_trunk(name)
        taps = trunk(torch.zeros(2, 3, 112, 112))
    sides = zip(trunk.channels, (56, 28, 14), strict=True)
    assert [tuple(tap.shape) for tap in taps] == [(2, c, side, side) for c, side in sides]


@pytest.mark.parametrize("name", sorted(LANDMARK_STREAMS))
def test_landmark_stream_is_frozen_and_has_the_taps_it_promises(name, crops):
    stream = landmark_stream(name)
    stream.train()
    assert not any(module.training for module in stream.modules())
    assert not any(p.requires_grad for p in stream.parameters())
    taps = stream(crops)
    sides = zip(stream.channels, (28, 14, 7), strict=True)
    assert [tuple(tap.shape) for tap in taps] == [(2, c, side, side) for c, side in sides]


def test_live_landmark_network_serves_as_a_stream(tmp_path, crops):
    network = LandmarkNet().eval()
    save_weights(network, tmp_path / "l.safetensors")
    stream = landmark_stream("landmark-net", str(tmp_path / "l.safetensors"))
    said, wanted = stream(crops), network(crops).taps
    assert all(torch.equal(a, b) for a, b in zip(said, wanted, strict=True))


def test_unknown_names_list_the_choices():
    with pytest.raises(ConfigError, match=r"system\.image: 'vgg' is unknown; choose one of ir50"):
        image_trunk("vgg")
    with pytest.raises(ConfigError, match=r"system\.landmarks: 'dlib' is unknown"):
        landmark_stream("dlib")
