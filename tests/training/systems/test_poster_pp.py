"""POSTER++: sizes, shapes and invariants of the encoder, and the system around it."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from engine.errors import ConfigError
from training.models.ir50 import IR50
from training.models.mobilefacenet import MobileFaceNet
from training.models.poster_pp import CrossLevel, MultiScaleViT, PosterPP, ViTBlock
from training.models.window_attention import WindowCrossAttention
from training.systems.poster_pp import PosterPPConfig, PosterPPSystem
from training.types import Target

SMALL = {"width": 64, "depth": 1, "heads": 4}


@pytest.fixture(scope="module")
def full():
    with torch.device("meta"):
        return PosterPP(IR50(), MobileFaceNet(output_head=False)).eval()


@pytest.fixture
def crops():
    return torch.randn(3, 3, 112, 112)


@pytest.fixture
def encoder():
    return PosterPP(Pooled((32, 32, 64), 56), Pooled((32, 32, 48), 28), **SMALL).eval()


class Pooled(nn.Module):
    """A stand-in for a backbone: taps that are averages of the pixels, mixed."""

    def __init__(self, channels, side):
        super().__init__()
        self.channels, self.side = channels, side
        self.sides = (side, side // 2, side // 4)
        self.mixes = nn.ModuleList(nn.Conv2d(3, count, 1) for count in channels)

    def forward(self, x):
        maps = [functional.adaptive_avg_pool2d(x, self.side >> level) for level in range(3)]
        return tuple(mix(x) for mix, x in zip(self.mixes, maps, strict=True))


def system(**settings):
    config = PosterPPConfig(**{**SMALL, "classes": 4, **settings})
    landmarks = Pooled((32, 32, 48), 28).requires_grad_(False)
    return PosterPPSystem(config, Pooled((32, 32, 64), 56), landmarks)


def targets(*labels):
    labels = torch.tensor(labels)
    shares = functional.one_hot(labels.clamp(min=0), 4).float()
    return Target(labels, shares, torch.full((len(labels), 2), torch.nan))


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_the_papers_encoder_has_the_specifications_sizes(full):
    levels, vit = full.levels, full.vit
    assert count(full.landmarks) == 911_232
    assert count(full.image) == 17_611_968
    assert count(levels[2].landmarks) == 1_179_904
    assert count(levels[0].landmarks, levels[1].landmarks) == 0
    assert [count(level.halve) for level in levels] == [36_928, 147_584, 590_080]
    assert sum(count(level.norm) for level in levels) == 896
    assert [count(level.attention) for level in levels] == [18_530, 52_452, 198_728]
    assert [_block(level) for level in levels] == [33_344, 132_224, 526_592]
    assert [count(embed) for embed in full.embeds] == [5_752_320, 885_504, 197_376]
    assert vit.class_token.numel() + vit.position.numel() == 114_432
    assert [count(block) for block in vit.blocks] == [7_087_872, 7_087_872]
    assert (count(vit.norm), count(vit.gate), count(vit)) == (1_536, 1_181_184, 15_472_896)
    assert count(full) == 43_748_558


def _block(level):
    scales = level.attention_scale.numel() + level.mlp_scale.numel()
    return scales + count(level.mlp_norm, level.mlp)


def test_poster_pp_with_its_classifier_has_the_published_size():
    with torch.device("meta"):
        made = PosterPPSystem(PosterPPConfig(classes=7), IR50(), MobileFaceNet(output_head=False))
    assert count(made) == 43_753_941
    assert count(made.classifier) == 5_383


def test_the_papers_encoder_costs_what_the_specification_says(full):
    with FlopCounterMode(display=False, depth=4) as counter, torch.no_grad(), torch.device("meta"):
        full(torch.zeros(1, 3, 112, 112))
    counts = counter.get_flop_counts()
    each = {name: sum(flops.values()) / 2e9 for name, flops in counts.items()}
    said = {
        part: sum(each[f"PosterPP.levels.{level}.{part}"] for level in range(3))
        for part in ("halve", "attention", "mlp")
    }
    said["embeds"] = sum(each[f"PosterPP.embeds.{level}"] for level in range(3))
    for part in ("landmarks", "image", "levels.2.landmarks", "vit"):
        said[part] = each[f"PosterPP.{part}"]
    wanted = {"landmarks": 0.221, "image": 5.468, "levels.2.landmarks": 0.058, "halve": 0.087}
    wanted |= {"attention": 0.119, "mlp": 0.077, "embeds": 0.400, "vit": 2.164}
    assert said == pytest.approx(wanted, abs=5e-4)
    assert each["Global"] == pytest.approx(8.592, abs=5e-4)
    products = counts["Global"][torch.ops.aten.bmm] / 2e9
    assert each["Global"] - products == pytest.approx(8.435, abs=5e-4)


@pytest.mark.parametrize("side", [112, 224])
def test_the_papers_encoder_has_the_specifications_shapes(full, side):
    said = _shapes(full, side)
    assert said["landmarks"] == [(2, 64, 28, 28), (2, 128, 14, 14), (2, 512, 7, 7)]
    assert said["levels.2.landmarks"] == (2, 256, 7, 7)
    assert said["image"] == [(2, 64, 56, 56), (2, 128, 28, 28), (2, 256, 14, 14)]
    for level, (dim, window) in enumerate([(64, 28), (128, 14), (256, 7)]):
        assert said[f"levels.{level}.halve"] == (2, dim, window, window)
        assert said[f"levels.{level}.norm"] == (2, window, window, dim)
        assert said[f"levels.{level}.attention.key_value"] == (2, window**2, 2 * dim)
        assert said[f"levels.{level}.attention"] == (2, window, window, dim)
        assert said[f"levels.{level}"] == (2, dim, window, window)
        assert said[f"embeds.{level}"] == (2, 768, 7, 7)
    assert said["embeds.0.0"] == (2, 768, 14, 14)
    assert said["vit.blocks"] == said["vit.norm"] == (2, 148, 768)
    assert said["vit"] == [(2, 768), (2, 148, 768)]


def _shapes(module, side):
    """Shape of what each module said of two crops, by its name; a list where it said more."""
    said = {}

    def keep(name):
        def hook(_module, _inputs, out):
            many = [tuple(x.shape) for x in (out if isinstance(out, tuple) else [out])]
            said[name] = many if isinstance(out, tuple) else many[0]

        return hook

    hooks = [each.register_forward_hook(keep(name)) for name, each in module.named_modules()]
    with torch.device("meta"), torch.no_grad():
        module(torch.zeros(2, 3, side, side))
    for hook in hooks:
        hook.remove()
    return said


def test_all_landmark_places_of_a_level_attend_to_all_its_image_places(full, monkeypatch):
    said, weigh = [], WindowCrossAttention.weights

    def spy(self, query, key):
        weights = weigh(self, query, key)
        said.append([tuple(x.shape) for x in (query, key, weights)])
        return weights

    monkeypatch.setattr(WindowCrossAttention, "weights", spy)
    with torch.device("meta"), torch.no_grad():
        full(torch.zeros(3, 3, 112, 112))
    assert said == [
        [(3, 2, 784, 32), (3, 2, 784, 32), (3, 2, 784, 784)],
        [(3, 4, 196, 32), (3, 4, 196, 32), (3, 4, 196, 196)],
        [(3, 8, 49, 32), (3, 8, 49, 32), (3, 8, 49, 49)],
    ]


def test_levels_drop_paths_and_epsilons_are_the_specifications(full):
    assert [level.drop_path.rate for level in full.levels] == [0, 0.125, 0.25]
    assert {level.norm.eps for level in full.levels} == {1e-5}
    assert {block.norm1.eps for block in full.vit.blocks} == {full.vit.norm.eps} == {1e-6}


def test_a_level_without_its_branches_is_the_normalised_map():
    level = CrossLevel(32, 7, 48, drop_path=0.0, side=14)
    torch.testing.assert_close(level.attention_scale, torch.full((32,), 1e-5))
    torch.testing.assert_close(level.mlp_scale, torch.full((32,), 1e-5))
    nn.init.zeros_(level.attention_scale)
    nn.init.zeros_(level.mlp_scale)
    image = torch.randn(2, 32, 14, 14)
    halved = level.halve(image)
    wanted = functional.layer_norm(halved.permute(0, 2, 3, 1), (32,), eps=1e-5)
    said = level(image, torch.randn(2, 48, 7, 7))
    assert halved.shape == (2, 32, 7, 7)
    torch.testing.assert_close(said, wanted.permute(0, 3, 1, 2), atol=1e-6, rtol=1e-5)


def test_a_level_adds_the_answer_then_the_mlp():
    level = CrossLevel(32, 7, 32, drop_path=0.25, side=14).eval()
    nn.init.uniform_(level.attention_scale, 0.5, 1.5)
    nn.init.uniform_(level.mlp_scale, 0.5, 1.5)
    image, landmarks = torch.randn(2, 32, 14, 14), torch.randn(2, 32, 7, 7)
    shortcut = level.norm(level.halve(image).permute(0, 2, 3, 1))
    answer = level.attention(shortcut, landmarks.permute(0, 2, 3, 1))
    y = shortcut + level.attention_scale * answer
    z = y + level.mlp_scale * level.mlp(level.mlp_norm(y))
    torch.testing.assert_close(level(image, landmarks), z.permute(0, 3, 1, 2))
    assert not torch.allclose(level(image, -landmarks), z.permute(0, 3, 1, 2), atol=1e-3)


def test_vit_block_is_torchs_pre_norm_encoder_layer():
    block = ViTBlock(32, 4).eval()
    nn.init.normal_(block.qkv.bias)
    wanted = nn.TransformerEncoderLayer(
        32, 4, 128, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
    )
    ours = dict(block.named_parameters())
    names = {
        "self_attn.in_proj_weight": "qkv.weight",
        "self_attn.in_proj_bias": "qkv.bias",
        "self_attn.out_proj.weight": "project.weight",
        "self_attn.out_proj.bias": "project.bias",
        "linear1.weight": "mlp.0.weight",
        "linear1.bias": "mlp.0.bias",
        "linear2.weight": "mlp.2.weight",
        "linear2.bias": "mlp.2.bias",
    }
    rest = {name: name for name in ours if name.startswith("norm")}
    wanted.load_state_dict({theirs: ours[own] for theirs, own in {**names, **rest}.items()})
    x = torch.randn(2, 9, 32)
    torch.testing.assert_close(block(x), wanted(x), atol=1e-5, rtol=1e-5)


def test_the_feature_is_the_gated_class_token(encoder, crops):
    said = encoder(crops)
    assert said.tokens.shape == (3, 148, 64)
    first, _, second, _ = encoder.vit.gate.gate
    u = said.tokens[:, 0]
    wanted = u * torch.sigmoid(second(torch.relu(first(u))))
    torch.testing.assert_close(said.feature, wanted)


def test_vit_starts_small():
    vit = MultiScaleViT(96, depth=1, heads=4)
    linears = [module for module in vit.modules() if isinstance(module, nn.Linear)]
    assert len(linears) == 6
    for linear in linears:
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.1)
        assert not linear.bias.any()
    assert vit.position.std().item() == pytest.approx(0.02, rel=0.1)
    assert vit.class_token.std().item() == pytest.approx(0.02, rel=0.4)


def test_crops_of_224_are_read_at_every_other_pixel(encoder):
    large = torch.randn(2, 3, 224, 224)
    assert torch.equal(encoder(large).feature, encoder(large[:, :, ::2, ::2]).feature)
    with pytest.raises(ValueError, match="got 96"):
        encoder(torch.zeros(1, 3, 96, 96))


def test_faces_of_a_batch_are_read_alone(encoder, crops):
    together, alone = encoder(crops), encoder(crops[1:2])
    torch.testing.assert_close(together.feature[1:2], alone.feature, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.tokens[1:2], alone.tokens, atol=1e-5, rtol=1e-4)


def test_every_level_and_the_landmarks_reach_the_feature(encoder, crops):
    for level in encoder.levels:
        nn.init.ones_(level.attention_scale)
    image, landmarks = encoder.image(crops), encoder.landmarks(crops)
    maps = encoder.fuse(image, landmarks)
    for place in range(3):
        other = [-x if level == place else x for level, x in enumerate(landmarks)]
        changed = encoder.fuse(image, other)
        same = [torch.equal(a, b) for a, b in zip(maps, changed, strict=True)]
        assert same == [level != place for level in range(3)]


def test_system_answers_without_affect(crops):
    said = system().eval()(crops)
    assert said.logits.shape == (3, 4)
    assert said.affect.shape == (3, 0)
    assert said.embedding.shape == (3, 64)


def test_loss_is_the_cross_entropy_of_labelled_faces(crops):
    made = system(drop_path=0.0)
    loss, _ = made.loss(crops, targets(1, -1, 3))
    logits = made(crops).logits[[0, 2]]
    torch.testing.assert_close(loss, functional.cross_entropy(logits, torch.tensor([1, 3])))
    empty, _ = made.loss(crops, targets(-1, -1, -1))
    assert empty.item() == 0


def test_a_step_trains_all_but_the_landmarks(crops):
    made = system()
    loss, _ = made.loss(crops, targets(0, 1, 2))
    loss.backward()
    missing = {name for name, p in made.named_parameters() if p.grad is None}
    assert missing == {name for name, _ in made.named_parameters() if "encoder.landmarks." in name}


@pytest.mark.parametrize(
    ("key", "value"),
    [("input_size", 96), ("width", 65), ("heads", 0), ("depth", 0), ("drop_path", 1.0)],
)
def test_settings_out_of_range_are_named(key, value):
    with pytest.raises(
        ConfigError, match=rf"poster_pp\.{key}: (must be .*got {value}|{value} is unknown)"
    ):
        PosterPPConfig(**{**SMALL, key: value})


def test_trunk_with_maps_of_the_landmarks_sides_is_not_halved(crops):
    encoder = PosterPP(Pooled((32, 32, 64), 28), Pooled((32, 32, 48), 28), **SMALL).eval()
    assert [level.halve.stride for level in encoder.levels] == [(1, 1)] * 3
    maps = encoder.fuse(encoder.image(crops), encoder.landmarks(crops))
    assert [x.shape[2] for x in maps] == [28, 14, 7]
    assert encoder(crops).feature.shape == (3, 64)
