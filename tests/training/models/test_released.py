"""Weights with the names they are distributed under: timm's own files, VGGFace2's, POSTER's."""

import re

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import ModelError
from training.models import backbones
from training.models.backbones import backbone, load_backbone
from training.models.resnet import caffe_name, load_trunk, resnet
from training.models.streams import image_trunk, landmark_stream
from training.systems.poster import PosterConfig, PosterSystem
from training.systems.saved import load_start

TINY = {
    "swin_s": {"embed_dim": 16, "depths": (1, 1), "num_heads": (1, 2), "window_size": 4},
    "vit_s": {"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2},
    "deit_s": {"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2},
    "convit_s": {
        "patch_size": 8,
        "embed_dim": 16,
        "depth": 2,
        "num_heads": 2,
        "local_up_to_layer": 1,
    },
    "xcit_s12": {"embed_dim": 32, "depth": 1, "num_heads": 2, "cls_attn_layers": 1},
}


@pytest.fixture
def timm():
    return backbones._timm()


@pytest.fixture
def pictures():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["model.safetensors", "model.pth", "data parallel.pth"])
def write(request, tmp_path):
    """Give `write(state)`, which writes a state in one of the forms that files have."""
    path = tmp_path / request.param

    def made(state):
        if path.suffix == ".safetensors":
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
        elif path.stem == "model":
            torch.save(state, path)
        else:
            torch.save(
                {"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, path
            )
        return path

    return made


def one_line(caplog):
    (said,) = [each.getMessage() for each in caplog.records if "took" in each.getMessage()]
    assert len(said.splitlines()) == 1
    return said


@torch.no_grad()
def test_resnet_of_timm_answers_alike(timm, pictures, write, caplog):
    caplog.set_level("INFO")
    torch.manual_seed(1)
    source = timm.create_model("resnet18", pretrained=False).eval()
    trunk, _ = resnet("resnet18")
    load_trunk(trunk, write(source.state_dict()))
    torch.testing.assert_close(trunk.eval()(pictures), source.forward_features(pictures))
    assert re.search(r"took 120 of 120 tensors; 2 left over: fc\.bias$", one_line(caplog))


@torch.no_grad()
@pytest.mark.parametrize("name", TINY)
def test_transformer_of_timm_answers_alike(name, timm, pictures, write, monkeypatch, caplog):
    caplog.set_level("INFO")
    known = backbones.BACKBONES[name]
    tiny = known._replace(features=32, options=TINY[name])
    monkeypatch.setitem(backbones.BACKBONES, name, tiny)
    torch.manual_seed(1)
    source = timm.create_model(known.architecture, pretrained=False, img_size=64, **TINY[name])
    network = backbone(name, image_size=64)
    load_backbone(network, write(source.state_dict()))
    source.reset_classifier(0)
    torch.testing.assert_close(network.eval()(pictures), source.eval()(pictures))
    assert "left over: head." in one_line(caplog)


@torch.no_grad()
def test_vision_transformer_of_other_pictures_has_its_places_fitted(timm, tmp_path, monkeypatch):
    tiny = backbones.BACKBONES["vit_s"]._replace(features=32, options=TINY["vit_s"])
    monkeypatch.setitem(backbones.BACKBONES, "vit_s", tiny)
    source = timm.create_model(
        "vit_tiny_patch16_224", pretrained=False, img_size=96, **TINY["vit_s"]
    )
    torch.nn.init.normal_(source.pos_embed)
    save_file(source.state_dict(), tmp_path / "vit.safetensors")
    network = backbone("vit_s", image_size=64)
    load_backbone(network, tmp_path / "vit.safetensors")
    assert network.body.pos_embed.shape == (1, 65, 32)
    torch.testing.assert_close(network.body.pos_embed[:, 0], source.pos_embed[:, 0])
    assert network.body.pos_embed.std() > 0.3


@torch.no_grad()
def test_swin_as_its_authors_released_it(timm, pictures, tmp_path, monkeypatch):
    """With the merging of patches at the end of a stage, and tables that follow from the sizes."""
    tiny = backbones.BACKBONES["swin_s"]._replace(features=32, options=TINY["swin_s"])
    monkeypatch.setitem(backbones.BACKBONES, "swin_s", tiny)
    options = {"img_size": 64, **TINY["swin_s"]}
    source = timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, **options)
    state = {
        name.replace("layers.1.downsample", "layers.0.downsample").replace("head.fc.", "head."): x
        for name, x in source.state_dict().items()
    }
    state["layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(16, 16, dtype=torch.long)
    torch.save({"model": state}, tmp_path / "swin.pth")
    network = backbone("swin_s", image_size=64)
    load_backbone(network, tmp_path / "swin.pth")
    source.reset_classifier(0)
    torch.testing.assert_close(network.eval()(pictures), source.eval()(pictures))


def caffe_names():
    """List what VGGFace2's ResNet-50 calls its layers, but for the classifier."""
    names = ["conv1_7x7_s2"]
    for stage, blocks in enumerate((3, 4, 6, 3), 2):
        for block in range(1, blocks + 1):
            parts = ["1x1_reduce", "3x3", "1x1_increase", *(["1x1_proj"] if block == 1 else [])]
            names += [f"conv{stage}_{block}_{part}" for part in parts]
    norms = [f"{name}_bn.{kind}" for name in names for kind in NORM]
    return {f"{name}.weight" for name in names} | set(norms)


NORM = ("weight", "bias", "running_mean", "running_var")


@torch.no_grad()
def test_resnet50_of_vggface2_is_taken_where_it_is_wired_so(tmp_path):
    torch.manual_seed(1)
    trunk, _ = resnet("resnet50", "caffe")
    start = "network.body."
    own = {n.removeprefix(start): torch.rand(x.shape) for n, x in trunk.state_dict().items()}
    own = {name: x for name, x in own.items() if not name.endswith("num_batches_tracked")}
    state = {caffe_name(name): tensor for name, tensor in own.items()}
    assert state.keys() == caffe_names()
    assert caffe_name("layer3.5.conv3.weight") == "conv4_6_1x1_increase.weight"
    assert caffe_name("layer1.0.downsample.1.running_mean") == "conv2_1_1x1_proj_bn.running_mean"
    assert caffe_name("layer4.2.bn2.bias") == "conv5_3_3x3_bn.bias"
    path = tmp_path / "resnet50_ft_dag.pth"
    torch.save({**state, "classifier.weight": torch.zeros(8631, 1)}, path)
    load_trunk(trunk, path)
    loaded = trunk.state_dict()
    assert all(torch.equal(loaded[start + name], tensor) for name, tensor in own.items())
    usual, _ = resnet("resnet50")
    with pytest.raises(ModelError, match=r"answer wrongly in the usual wiring; set dan\.trunk to"):
        load_trunk(usual, path)


@pytest.mark.parametrize("load", [load_trunk, load_backbone])
def test_file_of_another_network_is_refused_with_what_it_lacks(load, tmp_path, timm):
    made = {
        load_trunk: lambda: resnet("resnet18")[0],
        load_backbone: lambda: backbone("swin_micro"),
    }
    path = tmp_path / "other.safetensors"
    save_file({"conv1.weight": torch.zeros(64, 3, 3, 3), "x": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match=r"other\.safetensors: not the weights of a \w+") as caught:
        load(made[load](), path)
    assert len(str(caught.value).splitlines()) == 1


def test_ir50_with_a_body_for_each_stage(tmp_path):
    torch.manual_seed(1)
    source = image_trunk("ir50")
    names = source.released_names()
    starts = (0, 3, 7)
    state = {}
    for name, tensor in source.state_dict().items():
        there = names[name]
        if there.startswith("body."):
            _, unit, rest = there.split(".", 2)
            stage = max(k for k in range(3) if starts[k] <= int(unit))
            there = f"body{stage + 1}.{int(unit) - starts[stage]}.{rest}"
        state[there] = tensor
    assert "body2.0.shortcut_layer.0.weight" in state
    save_file(state, tmp_path / "ir50.safetensors")
    loaded = image_trunk("ir50", str(tmp_path / "ir50.safetensors")).state_dict()
    assert all(torch.equal(loaded[name], x) for name, x in source.state_dict().items())


def poster_names():
    """List the tensors of POSTER's released network of one block, but for its two streams."""
    both = ("weight", "bias")
    parts = [f"norm{number}" for number in (1, 2, 3, 4)]
    parts += [f"attn_{stream}.{layer}" for stream in ("img", "lm") for layer in ("kv", "proj")]
    parts += [f"mlp{number}.fc{layer}" for number in (1, 2) for layer in (1, 2)] + ["conv"]
    layers = [f"blocks.0.block_{level}.{part}" for level in "lms" for part in parts]
    layers += ["blocks.0.upsample_m", "blocks.0.upsample_s", "downsample_m", "downsample_s", "norm"]
    fuse = {f"pyramid_fuse.{layer}.{kind}" for layer in layers for kind in both}
    rest = ("ir_layer", "se_block.linear1", "se_block.linear2", "head.linear")
    return (
        fuse | {f"{layer}.{kind}" for layer in rest for kind in both} | {"pyramid_fuse.pos_embed"}
    )


def poster():
    config = PosterConfig(classes=7, depth=1)
    return PosterSystem(config, image_trunk("ir50"), landmark_stream("mobilefacenet"))


@pytest.mark.slow
def test_whole_checkpoint_of_poster_is_taken(tmp_path, caplog):
    caplog.set_level("INFO")
    torch.manual_seed(1)
    source = poster()
    names = source.released_names()
    streams = ("ir_back.", "face_landback.")
    assert {there for there in names.values() if not there.startswith(streams)} == poster_names()
    assert names["body.image.stage2.1.main.1.weight"] == "ir_back.body.4.res_layer.1.weight"
    first = "face_landback.conv_3.model.0.conv_dw.conv.weight"
    assert names["body.landmarks.conv_3.0.conv_dw.0.weight"] == first
    assert (
        names["body.fusion.blocks.0.up_small.weight"] == "pyramid_fuse.blocks.0.upsample_s.weight"
    )
    state = {f"module.{names[name]}": tensor for name, tensor in source.state_dict().items()}
    state["module.pyramid_fuse.cls_token"] = torch.zeros(1, 1, 512)
    path = tmp_path / "poster.pth"
    saved = {"iter": 9, "model_state_dict": state, "optimizer_state_dict": {"state": {}}}
    torch.save(saved, path)
    torch.manual_seed(2)
    target = poster()
    load_start(target, path)
    loaded = target.state_dict()
    assert all(torch.equal(loaded[name], x) for name, x in source.state_dict().items())
    assert "1 left over: pyramid_fuse.cls_token" in one_line(caplog)
    del state["module.se_block.linear1.bias"]
    torch.save(saved, path)
    with pytest.raises(ModelError, match=r"; 1 missing: se_block\.linear1\.bias; 1 left over: pyr"):
        load_start(target, path)


def test_system_without_a_released_checkpoint_takes_safetensors_alone(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "a.pth")
    system = PosterSystem(
        PosterConfig(dim=32, depth=1), image_trunk("ir-small"), landmark_stream("landmark-net")
    )
    with pytest.raises(
        ModelError, match=r"a\.pth: a torch checkpoint, but PosterSystem takes safe"
    ):
        load_start(system, tmp_path / "a.pth")
