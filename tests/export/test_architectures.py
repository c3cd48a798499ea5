"""Every architecture as ONNX with a dynamic batch: small ones always, full-size ones on request."""

import json
import shutil
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from engine.errors import ModelError
from engine.faces.preprocessing import to_input
from engine.networks.manifest import load_manifest
from engine.reading.fusion import Fusion
from engine.reading.reader import Reader
from engine.types import Face, Found, Frame, Sighting, Track
from export.adversarial import adversarial_pictures
from export.checkpoint import check_graph
from export.comparison import prove
from export.graph import MOST, OPSET, PARITY, Normalise, write_manifest
from export.parity import ADVERSARIAL
from export.system import (
    SystemGraph,
    check_alone,
    is_colourless,
    system_in_torch,
    write_system,
)
from training.data.samples import DataConfig
from training.models import backbones
from training.models.adaface_head import AdaFaceHead
from training.models.backbones import RT
from training.models.window_attention import WindowCrossAttention
from training.systems.build import SYSTEMS, Truths, build
from training.systems.neural_resizer import POOLED
from training.systems.saved import Card, SavedSystem
from training.tasks.system import read_settings
from training.trainer.recipe import read_recipe

POINTS, BOX = np.zeros((68, 2), np.float32), np.array([0, 0, 9, 9], np.float32)
RECIPES = Path(__file__).parents[2] / "training" / "recipes"
PLACES = {"data": Path("data"), "cache": Path("cache"), "folder": Path("run")}
BARE = ("system.image_weights=''", "system.landmark_weights=''")
# Not poster-rt's own trunk: it divides by the picture's deviation, and an untrained network then
# makes 1.5e-4 of flat pictures out of rounding alone.
STREAMS = ("system.image=ir-small", "system.landmarks=landmark-net")
POSTER = (*STREAMS, "poster.dim=32", "poster.depth=1", "poster.input_size=112")
POSTER_PP = (*STREAMS, "poster_pp.width=32", "poster_pp.depth=1", "poster_pp.input_size=112")
POSTER_PP += ("poster_pp.head_size=16", "poster_pp.heads=2")
ARBEX = (*STREAMS, "arbex.width=32", "arbex.depth=1", "arbex.input_size=112")
ARBEX += ("arbex.head_size=16", "arbex.heads=2")
DAN = ("dan.trunk=resnet18", "dan.width=32", "dan.input_size=64", "dan.heads=2")
RESIZER = (
    *("neural_resizer.pretrained=false", "neural_resizer.backbone_weights=''"),
    *("neural_resizer.upscaler_weights=''", "neural_resizer.input_size=64"),
    *("neural_resizer.upscaled_size=64", "neural_resizer.backbone_size=32"),
    *("neural_resizer.width=4", "neural_resizer.sr_channels=8", "neural_resizer.sr_blocks=1"),
)
# timm's own classes, one or two blocks deep.
TINY = {
    "swin_s": (
        "swin_tiny_patch4_window7_224",
        "",
        32,
        {"embed_dim": 16, "depths": (2, 1), "num_heads": (1, 2), "window_size": 4},
    ),
    "vit_s": (
        "vit_tiny_patch16_224",
        "",
        32,
        {"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2},
    ),
    "deit_s": (
        "deit_tiny_patch16_224",
        "",
        32,
        {"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2},
    ),
    "convit_s": (
        "convit_tiny",
        "",
        32,
        {"patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "local_up_to_layer": 1},
    ),
    "xcit_s12": (
        "xcit_nano_12_p16_224",
        "",
        32,
        {"embed_dim": 32, "depth": 1, "num_heads": 2, "cls_attn_layers": 1},
    ),
}
# Recipe and what makes it small. AdaFace's margin, temperature and statistics are of the loss: its
# variants m = 0.75 and w/DA have the graph of the plain one.
SMALL = {
    "poster": ("rafdb-poster-s", *POSTER, "poster.input_size=224"),
    "poster-rt": ("poster-rt", "system.landmark_weights=''"),
    "poster-ada": ("rafdb-poster-ada-s", *POSTER),
    "poster-ada-mlp": ("rafdb-poster-ada-s-mlp", *POSTER),
    "poster-pp": ("rafdb-poster-pp", *POSTER_PP),
    "arbex": ("ferplus-arbex", *ARBEX),
    "arbex-k0": ("ferplus-arbex", *ARBEX, "arbex.anchors=0"),
    "dan": ("rafdb-dan", *DAN),
    "dan-va": ("affwild2-va-dan", *DAN),
    "cern": ("ferplus-compact", "cern.input_size=64"),
    "resizer-a": ("ferplus-resizer-a", *RESIZER, "neural_resizer.backbone=vit_s"),
    "resizer-b": (
        "ferplus-resizer-b",
        *RESIZER,
        "neural_resizer.backbone=deit_s",
        "neural_resizer.input_size=48",
    ),
    "resizer-c": (
        *("ferplus-resizer-c", *RESIZER, "neural_resizer.backbone=xcit_s12"),
        "neural_resizer.enlarged_from=32",
    ),
    "resizer-d": (
        "ferplus-resizer-d",
        *RESIZER,
        "neural_resizer.backbone=convit_s",
        "neural_resizer.upscaler=sr_lite",
        "neural_resizer.input_size=32",
    ),
    "resizer-e": (
        *("ferplus-resizer-e", *RESIZER, "neural_resizer.backbone=swin_s"),
        "neural_resizer.enlarged_from=16",
    ),
    "resizer-rt": (
        *("ferplus-small-resizer-rt", "neural_resizer.backbone_weights=''"),
        "neural_resizer.upscaler_weights=''",
    ),
}


# Pictures on disk that the graph makes of crops of FER+'s size.
ENLARGED = {
    *(f"ferplus-resizer-{name}" for name in ("c", "d", "e", "vit", "deit", "convit", "xcit")),
    "rafdb-resizer-swin-l",
}
FULL = {
    **{
        recipe: (recipe, *(("neural_resizer.enlarged_from=48",) if recipe in ENLARGED else ()))
        for recipe in (
            *("rafdb-poster-s", "rafdb-poster-m", "rafdb-poster-l", "affectnet8-poster"),
            *("rafdb-poster-ada-s", "rafdb-poster-ada-m", "rafdb-poster-ada-s-mlp"),
            *("rafdb-poster-ada-s-da", "rafdb-poster-ada-s-irf", "rafdb-poster-ada-s-m075"),
            *("rafdb-poster-ada-s-pre-ln", "rafdb-poster-pp", "ferplus-arbex"),
            *("rafdb-dan", "affwild2-dan", "affwild2-va-dan", "ferplus-compact"),
            *(f"ferplus-resizer-{setting}" for setting in "abcde"),
            *(f"ferplus-resizer-{name}" for name in ("vit", "deit", "convit", "xcit")),
            "rafdb-resizer-swin-l",
        )
    },
    "rafdb-poster-ada-s, h = 0.2": ("rafdb-poster-ada-s", "poster.h=0.2"),
    "rafdb-poster-ada-s, batch statistics": ("rafdb-poster-ada-s", "poster.stats=batch"),
    "ferplus-arbex, K=0": ("ferplus-arbex", "arbex.anchors=0"),
    "ferplus-resizer-a, Swin-T": ("ferplus-resizer-a", "neural_resizer.backbone=swin_t"),
}


@pytest.fixture
def tiny(monkeypatch):
    """Put `TINY` in the place of the backbones of these names."""
    for name, small in TINY.items():
        monkeypatch.setitem(backbones.BACKBONES, name, type(backbones.BACKBONES[name])(*small))


def unrest(model):
    """Let batch norms and linear layers do something, in place."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
        if isinstance(module, nn.Linear):  # transformers start so small that pictures look alike
            nn.init.normal_(module.weight, 0, module.in_features**-0.5, generator)
    return model


@torch.no_grad()
def keep_off_the_ends(system):
    """Give what has statistics of pictures those, as training would, in place."""
    pictures = torch.from_numpy(to_input(adversarial_pictures(12, system.input_size)))
    for module in system.modules():
        affect = getattr(module, "affect", None)
        if isinstance(affect, nn.Sequential):
            affect[-1].momentum = 1.0
            affect[-1].train()
            system(pictures)
            affect[-1].eval()
        if isinstance(module, AdaFaceHead):  # else every quality is that of norms long gone
            norms = system(pictures).extras["norm"]
            module.mean.copy_(norms.mean())
            module.deviation.copy_(10 * norms.std())
    return system


def settings_of(recipe, *overrides):
    return read_settings(read_recipe(RECIPES / f"{recipe}.toml", [*BARE, *overrides], **PLACES))


def saved_of(recipe, *overrides):
    """Build an untrained system of a recipe, as if its run had ended."""
    settings = settings_of(recipe, *overrides)
    own, count = settings.own, settings.own.classes
    if hasattr(own, "pretrained"):
        own = replace(own, pretrained=False, backbone_weights="", upscaler_weights="")
    names = tuple(f"class {number}" for number in range(count))
    truths = Truths((1,) * count, np.full((count, count), 1 / count, np.float32), names)
    torch.manual_seed(0)
    system = keep_off_the_ends(unrest(build(own, settings.system, truths)).eval())
    card = Card("none", names, system.input_size, 1, 1.0)
    tables = {
        "task": "system",
        "system": {"name": settings.system.name},
        "data": json.loads(json.dumps(asdict(DataConfig()))),  # as a run writes it
    }
    return SavedSystem(system, settings.system.name, DataConfig(), 0, card, tables)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Give `exported(name, folder)`: one of SMALL, its facts, its graph copied to a folder."""
    made = {}

    def export(name, folder):
        if name not in made:
            out = tmp_path_factory.mktemp("graphs") / "net.onnx"
            saved = saved_of(*SMALL[name])
            made[name] = saved, write_system(saved, out), out
        saved, facts, out = made[name]
        return saved, facts, Path(shutil.copy(out, folder))

    return export


def assert_exported(saved, facts, out):
    """Its batch is dynamic, and it answers adversarial pictures, up to 64, as torch does."""
    check_graph(out)
    graph = onnx.load(out)
    assert [(each.domain, each.version) for each in graph.opset_import] == [("", OPSET)]
    for tensor in (*graph.graph.input, *graph.graph.output):
        assert tensor.type.tensor_type.shape.dim[0].dim_param
    write_manifest(out, {**facts, "temperature": 1.0, "metrics": {}})
    torch_side = system_in_torch(saved, Path("run"))
    report = prove(torch_side, out, None, out.parent)  # fails where a batch of them shows 1e-4
    assert report.batches == (1, 2, 7, MOST)
    assert {error.on for error in report.errors} == {ADVERSARIAL}
    assert {error.output for error in report.errors} >= set(facts["outputs"])
    said = torch_side.answer(adversarial_pictures(7, facts["input"]["size"]))
    for name in facts["outputs"]:  # a network that says the same of all would prove nothing
        assert said[name].std(axis=0).max() > 10 * PARITY


# Of each family one by default.
RARE = ("poster-ada-mlp", "arbex-k0", "resizer-b", "resizer-c", "resizer-d", "resizer-e")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=pytest.mark.long) if x in RARE else x for x in SMALL]
)
def test_small_architecture_answers_in_onnx_as_in_torch(name, tiny, exported, tmp_path):
    assert_exported(*exported(name, tmp_path))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", FULL)
def test_full_size_architecture_answers_in_onnx_as_in_torch(name, tmp_path):
    saved, out = saved_of(*FULL[name]), tmp_path / "net.onnx"
    assert_exported(saved, write_system(saved, out), out)


def test_every_system_and_backbone_is_exported(tiny):
    small, full = ([settings_of(*what) for what in cases.values()] for cases in (SMALL, FULL))
    assert {each.system.name for each in small} == set(SYSTEMS)
    ours = {name for name in POOLED if name.endswith("_micro")} | {RT}
    resizers = [each.own for each in full if each.system.name == "neural_resizer"]
    assert {own.backbone for own in resizers} == set(POOLED) - ours
    for cases in (small, full):
        resizers = [each.own for each in cases if each.system.name == "neural_resizer"]
        assert {own.setting for own in resizers} == set("abcde")


@pytest.mark.parametrize("name", ["poster-pp", "arbex"])
def test_relative_position_bias_is_a_constant_of_the_graph(name, tmp_path):
    saved = saved_of(*SMALL[name])
    before = saved.system(torch.ones(1, 3, 112, 112)).logits
    graph = SystemGraph(saved.system)
    biases = [m.fixed for m in saved.system.modules() if isinstance(m, WindowCrossAttention)]
    assert len(biases) == 3
    assert all(bias is not None for bias in biases)
    torch.testing.assert_close(graph(torch.ones(1, 3, 112, 112))[0], before)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("arbex", ("primary", "corrected", "primary_confidence", "confidence")),
        ("poster-ada", ("quality",)),
        ("poster", ()),
    ],
)
def test_what_a_system_says_of_its_own_answer_is_an_output(name, more):
    saved = saved_of(*SMALL[name])
    graph = SystemGraph(saved.system)
    assert graph.outputs == ("logits", *more)
    side = saved.system.input_size
    crops = torch.from_numpy(to_input(adversarial_pictures(3, side)))
    said, own = dict(zip(graph.outputs, graph(crops), strict=True)), saved.system(crops).extras
    for output in more:
        wanted = own[output].exp() if output in ("primary", "corrected") else own[output]
        torch.testing.assert_close(said[output], wanted)
    if name == "arbex":
        torch.testing.assert_close(said["corrected"].sum(1), torch.ones(3))


@pytest.mark.slow
def test_reliability_of_arbex_is_its_own(exported, tmp_path):
    saved, facts, out = exported("arbex", tmp_path)
    write_manifest(out, {**facts, "temperature": 3.0, "metrics": {}})
    gray = cv2.cvtColor(adversarial_pictures(4, 112)[3], cv2.COLOR_BGR2GRAY)
    crop = np.repeat(gray[..., None], 3, axis=2)  # of FER+, whose pictures have no colour
    sighting = Sighting(Face(crop, np.eye(2, 3, dtype=np.float32)), POINTS, 0.9, ())
    found = Found(Frame(0, 0.0, crop), (Track(1, BOX, POINTS, 0.9),), (sighting,), {})
    with closing(Reader(Fusion(load_manifest(out), "cpu", 1), 0.0)) as reader:
        ((prediction,),) = (analysis.predictions for analysis in reader.read([found]))
    with torch.no_grad():
        own = saved.system(torch.from_numpy(to_input([crop]))).extras
    assert prediction.reliability == pytest.approx(float(own["confidence"]), abs=1e-4)
    primary = float(own["primary_confidence"])
    assert prediction.measures == {"primary_confidence": pytest.approx(primary, abs=1e-4)}


@pytest.mark.parametrize("name", ["arbex", "poster-ada", "dan", "dan-va"])
def test_answer_for_a_face_does_not_depend_on_the_others(name):
    check_alone(SystemGraph(saved_of(*SMALL[name]).system), name)


def test_system_whose_faces_attend_to_each_other_is_refused(tmp_path):
    saved = saved_of(*SMALL["arbex"], "arbex.attention_scope=batch")
    says = r"net: its logits of a face depends on the other faces of the batch, .*; train with"
    with pytest.raises(ModelError, match=says):
        write_system(saved, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_network_whose_faces_attend_to_each_other_is_not_opened(tmp_path, monkeypatch):
    """Such as one that was exported before that was refused."""
    out = tmp_path / "net.onnx"
    saved = saved_of(*SMALL["arbex"], "arbex.attention_scope=batch")
    monkeypatch.setattr("export.system.check_alone", lambda *_: None)
    facts = {**write_system(saved, out), "temperature": 1.0, "metrics": {}}
    assert facts.pop("apart")
    write_manifest(out, facts)
    says = r"net: its logits of a face depends on the other faces of the batch, so that it would"
    with pytest.raises(ModelError, match=says):
        Fusion(load_manifest(out), "cpu", 1)
    write_manifest(out, {**facts, "apart": True})  # nobody is asked where the export vouches for it
    Fusion(load_manifest(out), "cpu", 1).close()


def test_network_that_saw_gray_pictures_is_shown_no_colour():
    colour = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    gray = np.stack([cv2.cvtColor(cv2.cvtColor(x, 6), 8) for x in colour])  # to gray and back
    plain, blind = Normalise(), Normalise(colourless=True)

    def shown(graph, crops):
        return graph(torch.from_numpy(np.ascontiguousarray(crops[..., ::-1].transpose(0, 3, 1, 2))))

    trained = torch.from_numpy(to_input(list(gray)))
    torch.testing.assert_close(shown(plain, gray), trained, atol=1e-5, rtol=0)
    torch.testing.assert_close(shown(blind, gray), trained, atol=1e-5, rtol=0)
    torch.testing.assert_close(shown(blind, colour), trained, atol=0.5 / 255 / 0.22, rtol=0)
    assert is_colourless(DataConfig(dataset="ferplus"))
    assert not is_colourless(DataConfig(dataset="raf-db"))
    assert not is_colourless(DataConfig(dataset="ferplus", also=("raf-db",)))
    assert not is_colourless(DataConfig(dataset="ferplus", channel_order="gray"))  # comes gray
