"""Shapes, sizes and invariants of the networks, untrained."""

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from training.models.landmark_net import LandmarkNet
from training.models.poster_rt import (
    WINDOW,
    PosterRT,
    SwapAttention,
    TokenFusionBlock,
    WindowFusion,
    standardised,
    start_from_landmarks,
    unwindowed,
    windows,
)
from training.models.trunk import Trunk, parameter_count


@pytest.fixture
def crops():
    return torch.randn(3, 3, 112, 112, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return PosterRT()


def multiply_accumulates(model):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, 3, 112, 112))
    return counter.get_total_flops() / 2


def test_trunk_taps_have_the_strides_they_promise(crops):
    taps = Trunk()(crops)
    assert [tuple(tap.shape) for tap in taps] == [(3, 32, 28, 28), (3, 80, 14, 14), (3, 160, 7, 7)]


def test_landmark_net_gives_points_presence_and_taps(crops):
    said = LandmarkNet().eval()(crops)
    assert said.landmarks.shape == (3, 68, 2)
    assert said.presence.shape == (3,)
    assert [tap.shape[2] for tap in said.taps] == [28, 14, 7]


def test_poster_rt_gives_its_four_outputs(model, crops):
    said = model.eval()(crops)
    outputs = [said.logits, said.affect, said.extras["landmarks"], said.extras["presence"]]
    assert [tuple(output.shape) for output in outputs] == [(3, 8), (3, 2), (3, 68, 2), (3,)]
    assert said.embedding.shape == (3, model.expression.in_features)
    assert said.affect.abs().max() <= 1


def test_poster_rt_is_small_enough_for_a_cpu(model):
    assert parameter_count(model) == sum(p.numel() for p in model.parameters()) <= 3_000_000
    assert 0.1e9 < multiply_accumulates(model) <= 0.6e9


def test_landmark_stream_is_the_frozen_landmark_net(model, crops):
    said = model.eval()(crops)
    alone = model.landmark_net(crops)
    assert torch.equal(said.extras["landmarks"], alone.landmarks)
    assert torch.equal(said.extras["presence"], alone.presence)
    assert not any(p.requires_grad for p in model.landmark_net.parameters())


def test_fusion_of_the_landmark_nets_taps_is_what_the_network_says(model, crops):
    model.eval()
    with torch.no_grad():
        said = model(crops)
        taps = model.landmark_net(crops).taps
        logits, affect = model.fuse(crops, taps)
        assert torch.equal(logits, said.logits)
        assert torch.equal(affect, said.affect)
        for level in range(3):
            other = [-100 * tap if level == place else tap for place, tap in enumerate(taps)]
            assert not torch.allclose(model.fuse(crops, other)[0], logits, atol=1e-4)


def test_landmark_net_is_bit_identical_after_a_training_step(model, crops):
    model.train()
    assert model.training
    assert not any(module.training for module in model.landmark_net.modules())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=0.01)
    said = model(crops)
    (said.logits.square().sum() + said.affect.square().sum()).backward()
    optimizer.step()
    after = model.state_dict()
    frozen = {name for name in before if name.startswith("landmark_net.")}
    assert any("running_mean" in name for name in frozen)
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    idle = {name for name in trained if torch.equal(before[name], after[name])}
    # What the last block tells the landmark stream is read by nobody.
    last = f"blocks.{len(model.blocks) - 1}."
    assert all(name.startswith((f"{last}landmark", f"{last}norms.3")) for name in idle)


def test_faces_of_a_batch_are_read_alone(model, crops):
    model.eval()
    order = torch.tensor([2, 0, 1])
    with torch.no_grad():
        one, other = model(crops), model(crops[order])
        pairs = [*zip(one[:3], other[:3], strict=True)]
        pairs += [(one.extras[name], other.extras[name]) for name in ("landmarks", "presence")]
        for straight, mixed in pairs:
            torch.testing.assert_close(straight[order], mixed, atol=1e-5, rtol=1e-4)


def test_colour_and_exposure_do_not_reach_the_image_stream(model, crops):
    gray = crops.mean(1, keepdim=True)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    dark, bright = gray / std, (1.5 * gray + 0.3) / std
    weights = model.luminance
    said = [standardised(x, weights) for x in (dark, bright)]
    torch.testing.assert_close(*said, atol=0.05, rtol=0.02)
    said = standardised(crops, weights)
    assert said.shape == (3, 1, 56, 56)
    torch.testing.assert_close(said.mean((1, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [7, 14, 28])
def test_windows_and_back_is_the_identity(side):
    x = torch.randn(3, 8, side, side)
    rows = windows(x)
    assert rows.shape == (3 * (side // WINDOW) ** 2 * WINDOW**2, 8)
    assert torch.equal(unwindowed(rows, side), x)


def test_a_window_holds_neighbouring_pixels_of_one_picture():
    place = torch.arange(2 * 14 * 14).reshape(2, 1, 14, 14).expand(2, 2, 14, 14)
    second = windows(place)[WINDOW**2 : 2 * WINDOW**2, 0].reshape(WINDOW, WINDOW)
    assert torch.equal(second, place[0, 0, :7, 7:])


def test_heads_share_the_channels_of_a_window():
    attention = WindowFusion(8, 8, heads=2)
    rows = torch.randn(3 * WINDOW**2, 8)
    heads = attention._heads(rows)
    assert heads.shape == (3, 2, WINDOW**2, 4)
    assert torch.equal(heads[1, 0], rows[WINDOW**2 : 2 * WINDOW**2, :4])
    assert torch.equal(heads[1, 1], rows[WINDOW**2 : 2 * WINDOW**2, 4:])


def test_window_attention_is_torchs_attention_in_each_window():
    attention = WindowFusion(8, 6, heads=2).eval()
    torch.nn.init.normal_(attention.bias)
    image, landmarks = torch.randn(2, 8, 14, 14), torch.randn(2, 6, 14, 14)
    said = attention(image, landmarks)
    normed, asking = attention.image_norm(image), attention.query_norm(landmarks)
    for picture, (top, left) in ((0, (0, 7)), (1, (7, 0))):
        window = picture, slice(None), slice(top, top + 7), slice(left, left + 7)
        query = attention.query(asking[window].flatten(1).T)
        key, value = attention.key_value(normed[window].flatten(1).T).chunk(2, 1)
        split = [x.reshape(WINDOW**2, 2, 4).transpose(0, 1) for x in (query, key, value)]
        answer = functional.scaled_dot_product_attention(*split, attn_mask=attention.bias)
        update = attention.project(answer.transpose(0, 1).reshape(WINDOW**2, 8))
        wanted = image[window] + update.T.reshape(8, WINDOW, WINDOW)
        torch.testing.assert_close(said[window], wanted, atol=1e-5, rtol=1e-5)


def test_window_attention_adds_to_the_image_only():
    attention = WindowFusion(8, 6, heads=2).eval()
    image, landmarks = torch.randn(2, 8, 14, 14), torch.randn(2, 6, 14, 14)
    torch.nn.init.zeros_(attention.project.weight)
    torch.nn.init.zeros_(attention.project.bias)
    assert torch.equal(attention(image, landmarks), image)


def test_swapped_queries_of_zero_attend_everywhere_alike():
    swap = SwapAttention(20, heads=5)
    own, silent = torch.randn(2, 9, 20), torch.zeros(2, 9, 20)
    value = swap.key_value(own).chunk(2, 2)[1]
    wanted = swap.project(value.mean(1, keepdim=True)).expand(2, 9, 20)
    torch.testing.assert_close(swap(own, silent), wanted, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(swap(own, own), wanted, atol=1e-3)


def test_cross_block_updates_the_image_by_the_landmarks_queries():
    block = TokenFusionBlock(20, heads=5, drop_path=0.5).eval()
    image, marks = torch.randn(2, 9, 20), torch.randn(2, 9, 20)
    torch.nn.init.zeros_(block.norms[2].weight)
    torch.nn.init.zeros_(block.norms[2].bias)
    torch.nn.init.zeros_(block.image_mlp[-1].weight)
    torch.nn.init.zeros_(block.image_mlp[-1].bias)
    update = block(image, marks)[0] - image
    torch.testing.assert_close(update, update[:, :1].expand_as(update), atol=1e-6, rtol=1e-5)


def test_stochastic_depth_keeps_the_mean_and_rests_in_eval():
    block = TokenFusionBlock(4, heads=1, drop_path=0.5)
    x = torch.ones(4000, 2, 4)
    dropped = block.train()._drop(x)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(block.eval()._drop(x), x)


def test_image_stream_starts_as_a_copy_of_the_landmark_trunk(model):
    first = model.stem[0].weight.clone()
    start_from_landmarks(model)
    trunk, own = model.landmark_net.trunk.state_dict(), model.state_dict()
    shared = {name for name in trunk if name in own and own[name].shape == trunk[name].shape}
    assert {name.split(".")[0] for name in shared} == {"stem", "stage1", "stage2", "stage3"}
    assert len(shared) == len(trunk) - 1
    assert all(torch.equal(trunk[name], own[name]) for name in shared)
    assert torch.equal(model.stem[0].weight, first)
    with torch.no_grad():
        model.stage1[0].main[0].weight.zero_()
    assert model.landmark_net.trunk.stage1[0].main[0].weight.abs().sum() > 0
