"""Image trunks and landmark streams by name."""

import re
from functools import partial

import pytest
import torch

from engine.errors import ConfigError, ModelError
from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import PosterRT, standardised
from training.models.streams import (
    IMAGE_TRUNKS,
    LANDMARK_STREAMS,
    image_trunk,
    landmark_stream,
    last_tap,
)
from training.weights import save_weights


@pytest.fixture
def crops():
    return torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", sorted(IMAGE_TRUNKS))
def test_image_trunk_has_the_taps_it_promises(name):
    with torch.device("meta"):
        trunk = image_trunk(name)
        taps = trunk(torch.zeros(2, 3, 112, 112))
    sides = zip(trunk.channels, trunk.sides, strict=True)
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


@pytest.fixture(params=["ir50", "mobilefacenet"])
def released(request, tmp_path):
    """Give how a network is built by name and weights, and its made-up released checkpoint."""
    make = image_trunk if request.param == "ir50" else landmark_stream
    network = make(request.param)
    names = network.released_names()
    state = {names[name]: tensor for name, tensor in network.state_dict().items()}
    state["body.21.res_layer.0.weight"] = state["output_layer.linear.weight"] = torch.zeros(2)
    path = tmp_path / f"{request.param}.pth"
    torch.save(state, path)
    return partial(make, request.param), path, network.state_dict()


def test_checkpoints_of_the_authors_are_taken(released):
    make, path, wanted = released
    state = make(str(path)).state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in wanted.items())


def test_checkpoint_that_lacks_a_tensor_is_refused_with_file_and_tensor(released):
    make, path, _ = released
    state = torch.load(path, weights_only=True)
    lacking = [name for name in state if name.endswith("running_var")][3]
    del state[lacking]
    torch.save(state, path)
    with pytest.raises(ModelError, match=rf"{path.name}: .*{re.escape(lacking)} ") as caught:
        make(str(path))
    assert len(str(caught.value).splitlines()) == 1


def test_networks_without_authors_take_no_checkpoint(tmp_path):
    path = tmp_path / "a.pth"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match=r"a\.pth: a torch checkpoint, but LandmarkNet takes safe"):
        landmark_stream("landmark-net", str(path))


def test_unknown_names_list_the_choices():
    with pytest.raises(ConfigError, match=r"system\.image: 'vgg' is unknown; choose ir50"):
        image_trunk("vgg")
    with pytest.raises(ConfigError, match=r"system\.landmarks: 'dlib' is unknown"):
        landmark_stream("dlib")


@pytest.fixture
def live(tmp_path):
    """Give a poster-rt with weights of its own, and the file that holds them."""
    torch.manual_seed(0)
    network, path = PosterRT().eval(), tmp_path / "poster-rt.safetensors"
    save_weights(network, path)
    return network, path


def test_trunk_of_poster_rt_takes_its_image_stream_from_poster_rts_file(live, crops):
    network, path = live
    trunk = image_trunk("rt", str(path)).eval()
    wanted = network.stage1(network.stem(standardised(crops, network.luminance)))
    taps = trunk(crops)
    assert torch.equal(taps[0], wanted)
    assert torch.equal(taps[1], network.stage2(wanted))
    assert torch.equal(taps[2], network.stage3(network.stage2(wanted)))


def test_trunk_of_poster_rt_refuses_a_file_without_it(tmp_path):
    save_weights(LandmarkNet(), tmp_path / "l.safetensors")
    with pytest.raises(ModelError, match=r"l\.safetensors: not the weights of a RTTrunk"):
        image_trunk("rt", str(tmp_path / "l.safetensors"))


def test_last_tap_is_the_trunks_third(crops):
    trunk = image_trunk("rt").eval()
    network, width = last_tap(trunk)
    assert width == trunk.channels[2]
    assert torch.equal(network(crops), trunk(crops)[2])
