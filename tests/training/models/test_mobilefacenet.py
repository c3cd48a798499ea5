"""The landmark network: its size, its taps, and that nothing ever moves it."""

import pytest
import torch

from engine.errors import ModelError
from training.models.mobilefacenet import MobileFaceNet
from training.models.trunk import parameter_count


@pytest.fixture
def crops():
    return torch.randn(2, 3, 112, 112, generator=torch.Generator().manual_seed(1))


def test_sizes_are_the_papers():
    with torch.device("meta"):
        whole, features = MobileFaceNet(), MobileFaceNet(output_head=False)
    assert parameter_count(whole) == 1_007_248
    assert parameter_count(features) == 911_232


def test_every_stage_has_the_size_of_the_specification():
    with torch.device("meta"):
        network = MobileFaceNet()
    assert {name: parameter_count(stage) for name, stage in network.named_children()} == {
        "conv1": 1_920,
        "conv2_dw": 768,
        "conv_23": 18_432,
        "conv_3": 73_728,
        "conv_34": 53_248,
        "conv_4": 417_792,
        "conv_45": 139_008,
        "conv_5": 139_264,
        "conv_6_sep": 67_072,
        "output": 96_016,
    }


def test_taps_and_landmarks_have_their_shapes(crops):
    network = MobileFaceNet()
    shapes = [tuple(tap.shape) for tap in network(crops)]
    assert shapes == [(2, 64, 28, 28), (2, 128, 14, 14), (2, 512, 7, 7)]
    assert tuple(shape[1] for shape in shapes) == network.channels
    assert network.landmarks(crops).shape == (2, 136)


def test_landmarks_without_an_output_head_are_a_mistake(crops):
    with pytest.raises(ValueError, match="output_head=False"):
        MobileFaceNet(output_head=False).landmarks(crops)


def test_landmark_net_is_bit_identical_after_a_training_step(crops):
    network = MobileFaceNet()
    system = torch.nn.Sequential(network, Last(), torch.nn.Conv2d(512, 1, 7)).train()
    assert system.training
    assert not any(module.training for module in network.modules())
    before = {name: value.clone() for name, value in system.state_dict().items()}
    optimizer = torch.optim.SGD(system.parameters(), lr=0.1)
    system(crops).square().sum().backward()
    optimizer.step()
    network.landmarks(crops)
    assert not any(module.training for module in network.modules())
    changed = {name for name, value in system.state_dict().items() if (before[name] != value).any()}
    assert changed == {"2.weight", "2.bias"}
    assert all(parameter.grad is None for parameter in network.parameters())


def test_released_names_are_those_of_the_public_network():
    with torch.device("meta"):
        names = MobileFaceNet(output_head=False).released_names()
    assert len(set(names.values())) == len(names)
    assert names["conv1.0.weight"] == "conv1.conv.weight"
    assert names["conv2_dw.1.running_var"] == "conv2_dw.bn.running_var"
    assert names["conv_23.conv_dw.2.weight"] == "conv_23.conv_dw.prelu.weight"
    assert names["conv_3.3.project.1.bias"] == "conv_3.model.3.project.bn.bias"
    assert names["conv_6_sep.2.weight"] == "conv_6_sep.prelu.weight"


def test_released_weights_arrive_whole_and_counters_may_be_missing(crops):
    source, target = MobileFaceNet(output_head=False), MobileFaceNet(output_head=False)
    names = source.released_names()
    state = {f"module.{names[name]}": tensor for name, tensor in source.state_dict().items()}
    target.load_released({k: v for k, v in state.items() if "num_batches" not in k})
    assert all(torch.equal(a, b) for a, b in zip(source(crops), target(crops), strict=True))
    assert not any(parameter.requires_grad for parameter in target.parameters())


def test_released_weights_that_do_not_match_are_refused_and_change_nothing():
    network = MobileFaceNet(output_head=False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    names = network.released_names()
    state = {names[name]: tensor + 1 for name, tensor in before.items()}
    state["conv_4.model.5.conv.conv.weight"] = torch.zeros(1)
    says = r"conv_4\.model\.5\.conv\.conv\.weight is \(1,\), expected \(256, 128, 1, 1\)"
    with pytest.raises(ModelError, match=says):
        network.load_released(state)
    del state["conv_23.conv.bn.weight"]
    with pytest.raises(ModelError, match=r"conv_23\.conv\.bn\.weight is missing"):
        network.load_released(state)
    after = network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_network_with_its_output_head_takes_no_released_weights():
    with torch.device("meta"):
        whole = MobileFaceNet()
    with pytest.raises(ValueError, match="names of the output head are not known"):
        whole.load_released({})


class Last(torch.nn.Module):
    def forward(self, taps):
        return taps[2]
