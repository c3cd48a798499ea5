"""timm's networks by the papers' names: sizes, widths, records of their weights."""

import pytest
import torch
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from engine.assets import asset_path
from engine.errors import ConfigError, ModelError
from training.models import backbones
from training.models.backbones import BACKBONES, IN_A_RUN, backbone, load_backbone
from training.models.streams import image_trunk

# Neural Resizer specification, section 3.4: parameters, F, GMAC.
TRANSFORMERS = {
    "swin_t": (27_519_354, 768, 4.490),
    "swin_s": (48_837_258, 768, 8.740),
    "swin_b": (86_743_224, 1024, 15.430),
    "swin_l": (194_995_476, 1536, 34.474),
    "vit_s": (21_665_664, 384, 4.598),
    "deit_s": (21_665_664, 384, 4.598),
    "convit_s": (27_344_322, 432, 5.746),
    "xcit_s12": (25_868_304, 384, 4.795),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformer_has_the_published_size_width_and_cost(name):
    parameters, features, giga = TRANSFORMERS[name]
    with torch.device("meta"):
        net = backbone(name).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            said = net(torch.zeros(1, 3, 224, 224))
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net.features == features
    assert said.shape == (1, features)
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "parameters", "features", "giga"),
    [("resnet18", 11_176_512, 512, 1.814), ("resnet50", 23_508_032, 2048, 4.087)],
)
def test_resnet_keeps_its_feature_map(name, parameters, features, giga):
    with torch.device("meta"):
        net = backbone(name).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            said = net(torch.zeros(1, 3, 224, 224))
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga, abs=5e-4)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert said.shape == (1, features, 7, 7)
    assert net.features == features


@pytest.mark.parametrize("name", ["swin_micro", "vit_micro"])
def test_micro_backbone_reads_small_pictures(name):
    net = backbone(name, image_size=56).eval()
    assert net(torch.randn(2, 3, 56, 56)).shape == (2, net.features)
    assert sum(p.numel() for p in net.parameters()) < 2_000_000


def test_untrained_backbone_records_no_weights():
    assert backbone("vit_micro", image_size=56).weights == ""


def test_weights_are_asked_for_and_recorded_by_their_full_name(monkeypatch):
    asked = []

    class Timm:
        @staticmethod
        def create_model(name, **options):
            asked.append((name, options))
            return torch.nn.Identity()

    monkeypatch.setattr(backbones, "_timm", Timm)
    net = backbone("swin_b", pretrained=True)
    assert net.weights == "swin_base_patch4_window7_224.ms_in22k_ft_in1k"
    assert asked == [(net.weights, {"pretrained": True, "num_classes": 0, "img_size": 224})]


def test_every_tag_is_one_that_timm_knows():
    known = set(backbones._timm().list_pretrained())
    for name, entry in BACKBONES.items():
        assert not entry.tag or f"{entry.architecture}.{entry.tag}" in known, name


def test_weights_out_of_reach_are_named(monkeypatch):
    class Timm:
        @staticmethod
        def create_model(name, **options):
            raise FileNotFoundError("offline")

    monkeypatch.setattr(backbones, "_timm", Timm)
    with pytest.raises(ModelError, match=r"convit_small\.fb_in1k: cannot be loaded; connect once"):
        backbone("convit_s", pretrained=True)


def test_unknown_name_lists_the_choices():
    with pytest.raises(ConfigError, match=r"backbone: 'swin' is unknown; choose swin_t, "):
        backbone("swin")


def test_micro_backbone_has_no_weights_to_offer():
    with pytest.raises(ConfigError, match="pretrained: must be false for swin_micro"):
        backbone("swin_micro", pretrained=True)


def test_our_trunk_is_a_backbone_that_starts_from_poster_rt():
    net = backbone("rt", image_size=112)
    load_backbone(net, asset_path("poster-rt.safetensors"))
    assert (net.features, net.weights) == (160, "")
    faces = torch.randn(2, 3, 112, 112)
    trunk = image_trunk("rt", str(asset_path("poster-rt.safetensors"))).eval()
    torch.testing.assert_close(net.eval()(faces), trunk(faces)[2].mean(dim=(2, 3)))


def test_our_trunk_starts_from_a_run_too(tmp_path):
    net, other = backbone("rt", image_size=112), backbone("rt", image_size=112)
    path = tmp_path / "model.safetensors"
    save_file({IN_A_RUN + name: tensor for name, tensor in other.state_dict().items()}, path)
    load_backbone(net, path)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_our_trunk_takes_its_own_size_and_has_no_weights_elsewhere():
    with pytest.raises(ConfigError, match="backbone_size: must be 112 for rt, got 224"):
        backbone("rt")
    with pytest.raises(ConfigError, match="pretrained: must be false for rt"):
        backbone("rt", pretrained=True, image_size=112)
