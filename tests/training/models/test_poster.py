"""POSTER's body: sizes of the paper, the query swap, the pyramid, and who reads whom."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from training.models.ir50 import IR50
from training.models.mobilefacenet import MobileFaceNet
from training.models.poster import (
    CrossBlock,
    Gate,
    Poster,
    PyramidBlock,
    PyramidFusion,
    grid,
    raw_view,
    space_to_depth,
)
from training.models.poster_rt import SwapAttention
from training.models.trunk import parameter_count


class Stream(nn.Module):
    """Stands in for a backbone: its third tap is the picture in few pixels, times weights."""

    def __init__(self, channels, side):
        super().__init__()
        self.channels = (2, 2, channels)
        self.side, self.sides = side, (4 * side, 2 * side, side)
        self.weight = nn.Parameter(torch.randn(channels, 3))

    def forward(self, x):
        small = functional.adaptive_avg_pool2d(x, self.side) * 10
        return x, x, torch.einsum("bihw,oi->bohw", small, self.weight)


def small_poster(**options):
    return Poster(Stream(12, 14), Stream(10, 7), dim=32, depth=2, **options)


@pytest.fixture
def crops():
    return torch.randn(3, 3, 112, 112, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tokens():
    return torch.randn(2, 100, 32, generator=torch.Generator().manual_seed(1))


def on_meta(build):
    with torch.device("meta"):
        return build()


@pytest.mark.parametrize(("dim", "count"), [(512, 3_690_356), (256, 932_724), (128, 242_036)])
def test_cross_blocks_have_the_papers_sizes(dim, count):
    assert parameter_count(on_meta(lambda: CrossBlock(dim))) == count
    assert parameter_count(on_meta(lambda: CrossBlock(dim, token_mix=False))) == count - 10_100


def test_projected_queries_cost_two_linears_a_block():
    block = on_meta(lambda: CrossBlock(512, q_proj=True))
    assert parameter_count(block) == 3_690_356 + 525_312


def test_pyramid_block_has_the_papers_size():
    block = on_meta(lambda: PyramidBlock(512))
    assert parameter_count(block) == 4_905_316
    assert parameter_count(block.up_small) == parameter_count(block.up_medium) == 20_100


@pytest.mark.parametrize(("depth", "count"), [(4, 19_708_088), (6, 29_518_720), (8, 39_329_352)])
def test_fusion_has_the_papers_size(depth, count):
    fusion = on_meta(lambda: PyramidFusion(512, depth))
    assert parameter_count(fusion) == count
    assert parameter_count(fusion.down_medium) == 20_100
    assert parameter_count(fusion.down_small) == 40_100
    assert fusion.position.shape == (1, 50, 512)
    assert parameter_count(fusion.norm) == 1_024


def test_gate_and_projection_have_the_papers_sizes():
    body = on_meta(lambda: Poster(IR50(), MobileFaceNet(), depth=1))
    assert parameter_count(body.gate) == 525_312
    assert parameter_count(body.image_project) == 524_800
    assert parameter_count(body.landmark_project) == 0


def test_body_costs_the_papers_multiply_accumulates():
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Poster(IR50(), MobileFaceNet(), depth=4).eval()(torch.zeros(1, 3, 112, 112))
    costs = {name: sum(ops.values()) / 2e9 for name, ops in counter.get_flop_counts().items()}
    parts = [costs[f"Poster.{part}"] for part in ("image", "landmarks", "image_project", "fusion")]
    assert parts == pytest.approx([5.468, 0.221, 0.026, 1.076], abs=5e-4)
    small, block = costs["Poster"], costs["Poster.fusion.blocks.0"]
    assert [small, small + 2 * block, small + 4 * block] == pytest.approx(
        [6.791, 7.324, 7.857], abs=5e-4
    )


def test_streams_levels_and_heads_have_the_papers_shapes():
    shapes = {}
    with torch.device("meta"):
        body = Poster(IR50(), MobileFaceNet(), depth=1).eval()
        watched = {
            "image": body.image_project,
            "marks": body.landmark_project,
            "large": body.fusion.blocks[0].large,
            "medium": body.fusion.blocks[0].medium,
            "small": body.fusion.blocks[0].small,
            "image update": body.fusion.blocks[0].large.image_attention,
            "marks update": body.fusion.blocks[0].large.landmark_attention,
        }
        for name, module in watched.items():
            module.register_forward_hook(
                lambda _, __, output, name=name: shapes.update({name: tuple(output.shape)})
            )
        body(torch.zeros(2, 3, 224, 224))
    assert shapes == {
        "image": (2, 49, 512),
        "marks": (2, 49, 512),
        "large": (2, 100, 512),
        "medium": (2, 100, 256),
        "small": (2, 100, 128),
        "image update": (2, 50, 512),
        "marks update": (2, 50, 512),
    }
    block = body.fusion.blocks[0]
    levels = (block.large, block.medium, block.small)
    sides = [
        level.image_attention._heads(torch.zeros(2, 50, d)).shape[3]
        for level, d in zip(levels, (512, 256, 128), strict=True)
    ]
    assert sides == [64, 32, 16]


def test_raw_view_rereads_memory_and_space_to_depth_keeps_places():
    x = torch.arange(2 * 4 * 14 * 14.0).reshape(2, 4, 14, 14)
    raw = raw_view(x)
    assert raw.shape == (2, 49, 16)
    assert torch.equal(raw.flatten(), x.flatten())
    assert torch.equal(raw, raw_view(x.contiguous(memory_format=torch.channels_last)))
    cells = space_to_depth(x)
    assert cells.shape == (2, 49, 16)
    assert torch.equal(cells[1, 7 * 2 + 3], x[1, :, 4:6, 6:8].flatten())


def test_swap_attention_is_the_papers_equation():
    attention = SwapAttention(32, heads=8)
    own, other = torch.randn(2, 50, 32), torch.randn(2, 50, 32)
    key, value = attention.key_value(own).split(32, 2)
    answers = []
    for head in range(8):
        part = slice(4 * head, 4 * head + 4)
        scores = other[..., part] @ key[..., part].transpose(1, 2) / 4**0.5
        answers.append(scores.softmax(2) @ value[..., part])
    torch.testing.assert_close(attention(own, other), attention.project(torch.cat(answers, 2)))


@pytest.mark.parametrize(("silent", "updated"), [("landmark", "image"), ("image", "landmark")])
def test_silent_queries_attend_everywhere_alike(tokens, silent, updated):
    block = CrossBlock(32)
    said = {}
    for name in ("image", "landmark"):
        getattr(block, f"{name}_attention").register_forward_hook(
            lambda _, __, output, name=name: said.update({name: output})
        )
    half = slice(0, 50) if silent == "image" else slice(50, 100)
    # Tokens without any contrast are zero after a layer norm.
    tokens[:, half] = 0.7
    block(tokens)
    rows = said[updated]
    torch.testing.assert_close(rows, rows[:, :1].expand_as(rows), atol=1e-6, rtol=1e-5)
    assert not torch.allclose(rows[0], rows[1], atol=1e-3)
    block(torch.randn(2, 100, 32))
    rows = said[updated]
    assert not torch.allclose(rows, rows[:, :1].expand_as(rows), atol=1e-3)


def test_image_keys_and_values_reach_the_image_only(tokens):
    block = CrossBlock(32, token_mix=False).eval()
    before = block(tokens)
    nn.init.normal_(block.image_attention.key_value.weight)
    after = block(tokens)
    assert torch.equal(before[:, 50:], after[:, 50:])
    assert not torch.allclose(before[:, :50], after[:, :50])


def test_cross_block_is_the_specifications_equations(tokens):
    block = CrossBlock(32, q_proj=True).eval()
    for norm in (block.norm1, block.norm2, block.norm3, block.norm4):
        nn.init.normal_(norm.weight)  # fresh ones are all alike
    a, g = block.norm1(tokens), block.norm3(tokens)
    image, marks = tokens[:, :50], tokens[:, 50:]
    image = image + block.image_attention(a[:, :50], block.landmark_query(a[:, 50:]))
    image = image + block.mlp1(block.norm2(image))
    marks = marks + block.landmark_attention(g[:, 50:], block.image_query(g[:, :50]))
    marks = marks + block.mlp2(block.norm4(marks))
    matrix, bias = block.token_mix.weight[:, :, 0], block.token_mix.bias
    wanted = matrix @ torch.cat([image, marks], 1) + bias.unsqueeze(1)
    torch.testing.assert_close(block(tokens), wanted, atol=1e-5, rtol=1e-5)
    norms = (block.norm1, block.norm2, block.norm3, block.norm4)
    assert {norm.eps for norm in norms} == {1e-6}


def test_small_level_joins_the_medium_one_before_it_joins_the_large_one(tokens):
    block = PyramidBlock(32).eval()
    levels = tokens, tokens[..., :16], tokens[..., :8]
    large, medium, small = block(*levels)
    assert torch.equal(small, block.small(levels[2]))
    torch.testing.assert_close(medium, block.medium(levels[1]) + block.up_small(small))
    torch.testing.assert_close(large, block.large(levels[0]) + block.up_medium(medium))


def test_fusion_starts_from_means_and_positions_of_the_image_only():
    fusion = PyramidFusion(32, 1).eval()
    assert not fusion.position.any()
    nn.init.normal_(fusion.position)
    image, marks = torch.randn(2, 49, 32), torch.randn(2, 49, 32)
    seen = []
    fusion.blocks[0].register_forward_hook(lambda _, levels, __: seen.extend(levels))
    token, f = fusion(image, marks)
    wanted_image = torch.cat([image.mean(1, keepdim=True), image], 1) + fusion.position
    wanted_marks = torch.cat([marks.mean(1, keepdim=True), marks], 1)
    torch.testing.assert_close(seen[0], torch.cat([wanted_image, wanted_marks], 1))
    assert [tuple(level.shape) for level in seen] == [(2, 100, 32), (2, 100, 16), (2, 100, 8)]
    assert torch.equal(f, fusion.norm(token))


def test_final_norm_leaves_every_feature_the_same_length():
    _, f = PyramidFusion(32, 1).eval()(torch.randn(4, 49, 32), torch.randn(4, 49, 32))
    torch.testing.assert_close(f.norm(dim=1), torch.full((4,), 32**0.5), atol=1e-3, rtol=0)


def test_gate_is_the_specifications_equation():
    gate, f = Gate(32), torch.randn(3, 32)
    first, second = gate.gate[0], gate.gate[2]
    torch.testing.assert_close(gate(f), f * torch.sigmoid(second(torch.relu(first(f)))))


def test_drop_path_rises_over_depth():
    fusion = on_meta(lambda: PyramidFusion(32, 3, drop_path=0.1))
    assert [block.small.drop.rate for block in fusion.blocks] == pytest.approx([0, 0.05, 0.1])


def test_training_without_drop_path_and_judging_are_deterministic(crops):
    body = small_poster(drop_path=0).train()
    wanted = body(crops).z
    assert torch.equal(body(crops).z, wanted)
    assert torch.equal(small_like(body, drop_path=0.9).eval()(crops).z, wanted)
    assert not torch.allclose(small_like(body, drop_path=0.9).train()(crops).z, wanted)


def small_like(body, **options):
    twin = small_poster(**options)
    twin.load_state_dict(body.state_dict())
    return twin


def test_faces_of_a_batch_are_read_alone(crops):
    body = small_poster().eval()
    order = torch.tensor([2, 0, 1])
    for straight, mixed, alone in zip(
        body(crops), body(crops[order]), body(crops[:1]), strict=True
    ):
        torch.testing.assert_close(straight[order], mixed, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(straight[:1], alone, atol=1e-5, rtol=1e-5)


def test_tokenisers_change_what_is_read_but_no_parameter(crops):
    raw = small_poster().eval()
    cells = small_like(raw, tokenise="space_to_depth").eval()
    assert not torch.allclose(raw(crops).z, cells(crops).z)


def test_double_crops_are_read_at_every_second_pixel(crops):
    body = small_poster().eval()
    double = functional.interpolate(crops, size=224)
    double[:, :, 1::2] += 5
    torch.testing.assert_close(body(double).z, body(crops).z, atol=1e-6, rtol=1e-5)


def test_landmarks_have_no_gradient_and_the_image_trunk_has(crops):
    body = small_poster()
    body(crops).z.square().sum().backward()
    assert body.landmarks.weight.grad is None
    assert body.image.weight.grad.abs().sum() > 0
    assert body.landmark_project.weight.grad.abs().sum() > 0


def test_image_token_does_not_know_the_landmarks(crops):
    body = small_poster().eval()
    before = body(crops)
    nn.init.normal_(body.landmarks.weight, std=9)
    after = body(crops)
    assert torch.equal(before.image_token, after.image_token)
    assert not torch.allclose(before.z, after.z)
    assert not torch.allclose(before.class_token, after.class_token)


@pytest.mark.slow
def test_graph_takes_any_number_of_faces(crops):
    body = small_poster().eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    graph = torch.export.export(body, (crops,), dynamic_shapes=({0: batch},), strict=False)
    said = graph.module()(crops[:2])
    torch.testing.assert_close(said[0], body(crops[:2]).z, atol=1e-5, rtol=1e-5)


def test_places_of_a_map_of_side_7_are_the_tokens(crops):
    body = Poster(Stream(12, 7), Stream(10, 7), dim=32, depth=1).eval()
    assert body.image_project.in_features == 12
    tokens = body.image_project(grid(body.image(crops)[2]))
    assert tokens.shape == (3, 49, 32)
    torch.testing.assert_close(body(crops).image_token, tokens.mean(1))
