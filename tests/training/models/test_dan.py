"""DAN's sizes, shapes and invariants, untrained."""

import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.losses.dan import partition_loss
from training.models.backbones import backbone
from training.models.dan import AttentionHead, ChannelAttention, Dan, SpatialAttention, fuse
from training.models.flops import size_of
from training.models.trunk import parameter_count

WIDTH = 64


@pytest.fixture
def maps():
    return torch.randn(6, WIDTH, 7, 7, generator=torch.Generator().manual_seed(1))


def small(heads=4, **outputs):
    """A DAN whose trunk hands on the map it is given; outputs of heads differ visibly."""
    torch.manual_seed(0)
    outputs = outputs or {"classes": 8, "affect": True}
    model = Dan(nn.Identity(), WIDTH, heads=heads, width=WIDTH, **outputs).eval()
    for head in model.heads:
        nn.init.normal_(head.channel.gate[3].weight)
    return model


def trunk(name):
    return backbone(name), {"resnet18": 512, "resnet50": 2048}[name]


@pytest.mark.parametrize(
    ("name", "settings", "wanted"),
    [
        ("resnet18", {"classes": 7}, 19_723_733),
        ("resnet18", {"classes": 8}, 19_724_248),
        ("resnet18", {"classes": 8, "heads": 1}, 13_316_536),
        ("resnet50", {"classes": 8}, 33_105_368),
        ("resnet50", {"affect": True}, 33_102_278),
        ("resnet50", {"classes": 8, "width": 2048}, 57_688_536),
    ],
)
def test_counts_are_the_specifications(name, settings, wanted):
    with torch.device("meta"):
        assert parameter_count(Dan(*trunk(name), **settings)) == wanted


def test_counts_of_the_parts_are_the_specifications():
    with torch.device("meta"):
        model = Dan(*trunk("resnet50"), classes=7)
        head = AttentionHead(512)
    assert parameter_count(model.trunk) == 23_508_032
    assert parameter_count(model.reduce) == 1_049_600
    assert parameter_count(model.expression) == 3_605
    assert parameter_count(head) == 2_135_904
    assert parameter_count(head.spatial) == 2_102_528
    assert parameter_count(head.channel) == 33_376


@pytest.mark.parametrize(
    ("outputs", "wanted"),
    [({"classes": 7}, 3_605), ({"classes": 8}, 4_120), ({"affect": True}, 1_030)],
)
def test_counts_of_the_output_layers_are_the_specifications(outputs, wanted):
    model = Dan(nn.Identity(), 512, heads=1, **outputs)
    assert parameter_count(model.expression or model.affect) == wanted


def test_costs_of_the_parts_are_the_specifications():
    with torch.device("meta"):
        reduce = Dan(nn.Identity(), 2048, classes=8, heads=1).reduce
        head = AttentionHead(512)
        reduced = size_of(reduce, torch.empty(1, 2048, 7, 7))
        attended = size_of(head, torch.empty(1, 512, 7, 7))
    assert reduced.gmac == pytest.approx(0.051, abs=5e-4)
    assert attended.gmac == pytest.approx(0.103, abs=5e-4)


def test_heads_read_a_map_of_their_own_width_directly(maps):
    assert torch.equal(small()(maps).features, maps)


@pytest.mark.parametrize("heads", [1, 2, 4, 8])
def test_full_network_has_the_shapes_of_the_data_flow(heads):
    with torch.device("meta"):
        model = Dan(*trunk("resnet50"), classes=8, affect=True, heads=heads)
        assert model.trunk(torch.empty(2, 3, 224, 224)).shape == (2, 2048, 7, 7)
        said = model(torch.empty(2, 3, 224, 224))
    assert said.features.shape == (2, 512, 7, 7)
    assert said.attention.shape == (2, heads, 512)
    assert said.embedding.shape == (2, 512)
    assert said.logits.shape == (2, 8)
    assert said.affect.shape == (2, 2)


def test_network_without_an_output_leaves_it_empty(maps):
    assert small(affect=True)(maps).logits.shape == (6, 0)
    assert small(classes=7)(maps).affect.shape == (6, 0)


@pytest.mark.parametrize("heads", [2, 4, 8])
def test_heads_share_each_channel_out(maps, heads):
    model = small(heads)
    said = model(maps)
    torch.testing.assert_close(said.attention.exp().sum(1), torch.ones(6, WIDTH))
    assert (said.attention.sum(1) <= -heads * math.log(heads) + 1e-5).all()
    raw = torch.stack([head(maps) for head in model.heads], 1)
    wanted = (raw.exp() / raw.exp().sum(1, keepdim=True)).log()
    torch.testing.assert_close(said.attention, wanted, atol=1e-4, rtol=1e-4)
    assert said.attention.std(1).min() > 1e-4


def test_heads_that_agree_reach_the_bound():
    attention = fuse(torch.randn(3, 1, 5).expand(3, 4, 5))
    torch.testing.assert_close(attention.sum(1), torch.full((3, 5), -4 * math.log(4)))


def test_single_head_is_not_normalised(maps):
    model = small(heads=1)
    said = model(maps)
    assert torch.equal(said.embedding, model.heads[0](maps))
    assert partition_loss(said.attention) == 0


def test_order_of_heads_does_not_matter(maps):
    model = small()
    before = model(maps)
    model.heads = nn.ModuleList(model.heads[place] for place in (2, 0, 3, 1))
    after = model(maps)
    assert not torch.equal(before.attention, after.attention)
    torch.testing.assert_close(after.logits, before.logits, atol=1e-4, rtol=1e-4)
    before_loss, after_loss = partition_loss(before.attention), partition_loss(after.attention)
    torch.testing.assert_close(after_loss, before_loss)


def test_spatial_attention_is_one_map_that_sums_the_branches(maps):
    attention = SpatialAttention(WIDTH, 32).eval()
    weights = attention(maps)
    assert weights.shape == (6, 1, 7, 7)
    assert weights.min() >= 0
    u = attention.squeeze(maps)
    assert u.min() < 0
    wanted = functional.relu(sum(branch(u) for branch in attention.branches)).sum(1)
    torch.testing.assert_close(weights[:, 0], wanted)


def test_spatial_branches_see_a_square_a_row_and_a_column():
    attention = SpatialAttention(WIDTH, 32)
    kernels = [tuple(branch[0].kernel_size) for branch in attention.branches]
    assert kernels == [(3, 3), (1, 3), (3, 1)]


def test_silent_branches_leave_nothing(maps):
    head = AttentionHead(WIDTH)
    for branch in head.spatial.branches:
        nn.init.zeros_(branch[1].weight)
        nn.init.zeros_(branch[1].bias)
    assert (maps * head.spatial(maps) == 0).all()
    assert (head(maps) == 0).all()


def test_gates_lie_between_0_and_1():
    gates = ChannelAttention(WIDTH, 4)
    nn.init.normal_(gates.gate[3].weight)
    said = gates(torch.randn(9, WIDTH))
    assert said.std() > 0.1
    assert said.min() > 0
    assert said.max() < 1


def test_head_weighs_places_then_channels(maps):
    head = AttentionHead(WIDTH).eval()
    pooled = (maps * head.spatial(maps)).mean((2, 3))
    torch.testing.assert_close(head(maps), pooled * head.channel(pooled))


def test_heads_start_as_the_specification_says():
    head = AttentionHead(512)
    convolution = head.spatial.branches[0][0]
    fan_out = 512 * 9
    assert convolution.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.02)
    assert head.channel.gate[0].weight.std().item() == pytest.approx(0.001, rel=0.05)
    layers = [part for part in head.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(layers) == 6
    assert all((layer.bias == 0).all() for layer in layers)


@pytest.mark.parametrize(("training", "scale"), [(False, 1), (True, 1), (True, 1e4)])
def test_answers_are_a_distribution_and_an_open_interval(maps, training, scale):
    said = small().train(training)(scale * maps)
    torch.testing.assert_close(said.logits.softmax(1).sum(1), torch.ones(6))
    assert said.affect.abs().max() < 1
    assert said.affect.std() > 0


def test_affect_is_normalised_before_the_tanh(maps):
    model = small()
    said = model(maps)
    linear, norm = model.affect
    torch.testing.assert_close(said.affect, norm(linear(said.embedding)).tanh())


def test_half_precision_does_not_overflow(maps):
    model = small()
    loud = maps * 3000
    with torch.autocast("cpu", dtype=torch.float16), torch.no_grad():
        head = model.heads[0]
        assert head.spatial(loud).max() > torch.finfo(torch.float16).max
        said = head(loud)
    assert said.dtype == torch.float32
    assert said.abs().max() > torch.finfo(torch.float16).max
    assert said.isfinite().all()


@pytest.mark.slow
def test_heads_export_with_any_batch_size(tmp_path, monkeypatch):
    import tqdm

    from engine.networks.ort import onnxruntime

    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)  # its thread would outlive the test

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.dan = small()

        def forward(self, x):
            return self.dan(x).logits

    model = Logits().eval()
    batch = {0: torch.export.Dim("batch")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own internals
        program = torch.onnx.export(
            model,
            (torch.randn(2, WIDTH, 7, 7),),
            input_names=["maps"],
            dynamic_shapes=(batch,),
            opset_version=18,
            dynamo=True,
            verbose=False,
        )
    program.save(str(tmp_path / "heads.onnx"))
    session = onnxruntime.InferenceSession(tmp_path / "heads.onnx")
    maps = torch.randn(5, WIDTH, 7, 7)
    (said,) = session.run(None, {"maps": maps.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(said), model(maps), atol=5e-5, rtol=0)
