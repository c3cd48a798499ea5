"""The landmark network: its size, its taps, and that nothing ever moves it."""

import pytest
import torch

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
    network = MobileFaceNet(output_head=False)
    system = torch.nn.Sequential(network, Last(), torch.nn.Conv2d(512, 1, 7)).train()
    assert system.training
    assert not any(module.training for module in network.modules())
    before = {name: value.clone() for name, value in system.state_dict().items()}
    optimizer = torch.optim.SGD(system.parameters(), lr=0.1)
    system(crops).square().sum().backward()
    optimizer.step()
    changed = {name for name, value in system.state_dict().items() if (before[name] != value).any()}
    assert changed == {"2.weight", "2.bias"}
    assert all(parameter.grad is None for parameter in network.parameters())


class Last(torch.nn.Module):
    def forward(self, taps):
        return taps[2]
