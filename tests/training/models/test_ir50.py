"""The image trunk: its size, its taps, and the released weights it takes."""

import pytest
import torch
from torch.nn import functional

from engine.errors import ModelError
from training.models.ir50 import IR50, IRUnit, halved
from training.models.trunk import parameter_count


@pytest.fixture
def small():
    return IR50((4, 6, 8), (1, 2, 3))


def released(state):
    """A full checkpoint as released around this trunk's tensors: flat units, fourth stage, head."""
    full = {"output_layer.3.weight": torch.zeros(2), "body.21.res_layer.0.weight": torch.zeros(2)}
    flat = [("stage1", 3, 0), ("stage2", 4, 3), ("stage3", 14, 7)]
    for stage, units, first in flat:
        for unit in range(units):
            for branch in ("main", "shortcut"):
                old = f"{stage}.{unit}.{branch}."
                new = f"body.{first + unit}.{'res' if branch == 'main' else 'shortcut'}_layer."
                full |= {
                    name.replace(old, new): tensor
                    for name, tensor in state.items()
                    if name.startswith(old)
                }
    stem = {name: tensor for name, tensor in state.items() if name.startswith("stem.")}
    return full | {name.replace("stem.", "input_layer."): tensor for name, tensor in stem.items()}


def test_size_is_the_papers():
    with torch.device("meta"):
        trunk = IR50()
    assert parameter_count(trunk) == 17_611_968
    assert len(trunk.state_dict()) == 292
    parts = [trunk.stem, trunk.stage1, trunk.stage2, trunk.stage3]
    assert [parameter_count(part) for part in parts] == [1_920, 222_144, 1_116_800, 16_271_104]


def test_taps_of_the_papers_trunk_have_their_shapes():
    with torch.device("meta"):
        taps = IR50()(torch.zeros(1, 3, 112, 112))
    shapes = [tuple(tap.shape) for tap in taps]
    assert shapes == [(1, 64, 56, 56), (1, 128, 28, 28), (1, 256, 14, 14)]


@pytest.mark.parametrize("half_input", [False, True])
def test_small_trunks_have_taps_of_the_same_sides(half_input):
    trunk = IR50((4, 6, 8), (1, 2, 3), half_input=half_input)
    taps = trunk(torch.randn(2, 3, 112, 112))
    assert [tuple(tap.shape[1:]) for tap in taps] == [(4, 56, 56), (6, 28, 28), (8, 14, 14)]
    assert tuple(tap.shape[1] for tap in taps) == trunk.channels


def test_half_input_sees_averages_of_four_pixels():
    trunk = IR50((4, 6, 8), (1, 1, 1), half_input=True).eval()
    crop = torch.randn(1, 3, 112, 112)
    sign = torch.arange(112) % 2 * 2 - 1
    finer = crop + sign * sign.unsqueeze(1)
    torch.testing.assert_close(trunk(crop)[2], trunk(finer)[2], atol=1e-4, rtol=1e-4)
    other = crop + sign.repeat_interleave(2)[:112]
    assert not torch.allclose(trunk(crop)[2], trunk(other)[2], atol=1e-2)


def test_unit_without_its_main_branch_subsamples():
    unit = IRUnit(4, 4, 2).eval()
    torch.nn.init.zeros_(unit.main[4].weight)
    x = torch.randn(2, 4, 8, 8)
    assert torch.equal(unit(x), x[:, :, ::2, ::2])


def test_nearest_resize_from_224_is_every_second_pixel():
    images = torch.randn(2, 3, 224, 224)
    wanted = functional.interpolate(images, size=112, mode="nearest")
    assert torch.equal(wanted, images[..., ::2, ::2])
    assert torch.equal(halved(images), wanted)
    assert halved(images[:, :, :112, :112]).shape == (2, 3, 112, 112)
    with pytest.raises(ValueError, match="112 or 224, got 100"):
        halved(images[:, :, :100, :100])


def test_released_weights_arrive_whole():
    source, target = IR50((4, 4, 6)), IR50((4, 4, 6))
    for tensor in source.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) * 100)
    target.load_released({f"module.{k}": v for k, v in released(source.state_dict()).items()})
    wanted = source.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in target.state_dict().items())


def test_released_names_of_the_papers_trunk_are_the_flat_ones():
    with torch.device("meta"):
        trunk = IR50()
    names = trunk.released_names()
    assert len(set(names.values())) == 292
    assert names["stem.2.weight"] == "input_layer.2.weight"
    assert names["stage1.0.main.1.weight"] == "body.0.res_layer.1.weight"
    assert names["stage2.0.shortcut.0.weight"] == "body.3.shortcut_layer.0.weight"
    assert names["stage3.13.main.4.running_var"] == "body.20.res_layer.4.running_var"
    assert not any("body.21" in name for name in names.values())


def test_released_weights_that_do_not_all_match_are_refused():
    with torch.device("meta"):
        trunk = IR50()
        names = trunk.released_names()
        state = {names[name]: tensor for name, tensor in trunk.state_dict().items()}
    del state["body.4.res_layer.2.weight"]
    state["body.20.res_layer.1.weight"] = torch.zeros(1, device="meta")
    with pytest.raises(ModelError, match=r"290 of 292 .* body\.4\.res_layer\.2\.weight"):
        trunk.load_released(state)


def test_refused_weights_leave_the_trunk_as_it_was(small):
    before = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    names = small.released_names()
    state = {names[name]: tensor + 1 for name, tensor in before.items()}
    state.popitem()
    with pytest.raises(ModelError):
        small.load_released(state)
    assert all(torch.equal(before[name], x) for name, x in small.state_dict().items())
