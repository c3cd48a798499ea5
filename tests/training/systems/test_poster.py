"""The POSTER systems: sizes of the table's rows, losses, norms, and training steps."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from engine.errors import ConfigError
from training.models.ir50 import IR50
from training.models.mobilefacenet import MobileFaceNet
from training.models.trunk import parameter_count
from training.systems.poster import PosterConfig, PosterSystem, poster_loss
from training.tasks.system import SystemTask
from training.trainer.loop import LoopConfig, fit
from training.trainer.optimizers import OptimizerConfig
from training.trainer.task import Batches
from training.types import Target


@pytest.fixture
def crops():
    return torch.randn(4, 3, 112, 112, generator=torch.Generator().manual_seed(1))


def truth(*labels, classes=8):
    rows = torch.tensor(labels)
    shares = functional.one_hot(rows.clamp(min=0), classes).float()
    return Target(rows, shares, torch.full((len(labels), 2), math.nan))


class Landmarks(nn.Module):
    """A frozen landmark stream of one layer."""

    channels = (2, 2, 6)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 16, 16).requires_grad_(False)

    def forward(self, x):
        return x, x, 5 * self.conv(x)


def small(**options):
    trunk = IR50((8, 8, 12), (1, 1, 1), half_input=True)
    config = PosterConfig(**{"dim": 32, "depth": 1, **options})
    return PosterSystem(config, trunk, Landmarks())


def twin(system, **options):
    other = small(**options)
    other.load_state_dict(system.state_dict())
    return other


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"depth": 4}, 39_381_007),
        ({"depth": 6}, 49_191_639),
        ({"depth": 8}, 59_002_271),
        ({"depth": 4, "head": "adaface"}, 39_381_000),
        ({"depth": 6, "head": "adaface"}, 49_191_632),
        ({"depth": 4, "head": "adaface", "mlp": True}, 39_643_656),
        ({"depth": 4, "classes": 8}, 39_381_007 + 513),
        ({"depth": 4, "classes": 8, "head": "adaface"}, 39_381_000 + 512),
    ],
)
def test_rows_of_the_papers_table_have_their_sizes(options, count):
    with torch.device("meta"):
        config = PosterConfig(**{"classes": 7, **options})
        system = PosterSystem(config, IR50(), MobileFaceNet())
    assert parameter_count(system) == count
    trained = sum(p.numel() for p in system.parameters() if p.requires_grad)
    assert trained == count - 1_007_248


@pytest.mark.parametrize(("classes", "count"), [(7, 3_591), (8, 4_104)])
def test_linear_head_and_feature_layer_have_the_papers_sizes(classes, count):
    with torch.device("meta"):
        system = small(dim=512, classes=classes, mlp=True)
    assert parameter_count(system.head) == count
    assert parameter_count(system.mlp) == 262_656


def test_adaface_costs_what_a_linear_head_does_and_the_feature_layer_little(crops):
    system = small(dim=512, classes=7, head="adaface", mlp=True).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        system(crops[:1])
    costs = {name: sum(ops.values()) / 2 for name, ops in counter.get_flop_counts().items()}
    assert costs["PosterSystem.head"] == 512 * 7
    assert costs["PosterSystem.mlp"] == 512 * 512
    assert costs["PosterSystem.mlp"] / 1e9 == pytest.approx(0.0003, abs=5e-5)
    parts = [costs[f"PosterSystem.{part}"] for part in ("body", "mlp", "head")]
    assert costs["PosterSystem"] == sum(parts)


@pytest.mark.parametrize(
    ("options", "heads"),
    [({}, {"norm"}), ({"head": "adaface"}, {"norm", "quality"}), ({"mlp": True}, {"norm"})],
)
def test_answers_have_their_shapes(crops, options, heads):
    said = small(**options).eval()(crops)
    assert said.logits.shape == (4, 8)
    assert said.affect.shape == (4, 0)
    assert said.embedding.shape == (4, 32)
    assert set(said.extras) == heads
    assert all(extra.shape == (4,) for extra in said.extras.values())


@pytest.mark.parametrize("options", [{}, {"head": "adaface", "stats": "batch"}])
def test_answer_to_a_face_does_not_depend_on_the_others(crops, options):
    system = small(depth=2, drop_path=0.9, **options).eval()
    said, order = everything(system(crops)), torch.tensor([2, 0, 3, 1])
    assert torch.equal(everything(system(crops)), said)
    mixed = everything(system(crops[order]))
    torch.testing.assert_close(mixed, said[order], atol=1e-4, rtol=1e-5)
    alone = torch.cat([everything(system(crop.unsqueeze(0))) for crop in crops])
    torch.testing.assert_close(alone, said, atol=1e-4, rtol=1e-5)


def everything(answer):
    """Lay all that is said of a face side by side."""
    return torch.cat(
        [answer.logits, answer.embedding, *(x[:, None] for x in answer.extras.values())], 1
    )


@pytest.mark.parametrize("options", [{}, {"head": "adaface", "mlp": True}])
def test_logits_are_the_heads_answer_to_the_embedding(crops, options):
    system = small(**options).eval()
    said = system(crops)
    assert torch.equal(system.head(said.embedding), said.logits)
    torch.testing.assert_close(said.extras["norm"], said.embedding.norm(dim=1))


def test_linear_loss_is_thrice_the_cross_entropy_with_less_smoothing():
    logits, labels = torch.randn(16, 7) * 3, torch.arange(16) % 7
    wanted = 3 * functional.cross_entropy(logits, labels, label_smoothing=2 * 0.2 / 3)
    torch.testing.assert_close(poster_loss(logits, labels), wanted)
    chosen = logits.log_softmax(1)
    plain = -chosen[torch.arange(16), labels].mean()
    smoothed = 0.8 * plain - 0.2 * chosen.mean()
    torch.testing.assert_close(poster_loss(logits, labels), 2 * smoothed + plain)


def test_loss_of_the_linear_head_reads_labels(crops):
    system = small(drop_path=0).eval()
    loss, figures = system.loss(crops, truth(1, 2, 3, 0))
    wanted = poster_loss(system(crops).logits, torch.tensor([1, 2, 3, 0]))
    torch.testing.assert_close(loss, wanted)
    assert set(figures) == {"norm_mean", "norm_deviation"}


def test_loss_of_adaface_is_plain_cross_entropy_of_margin_logits(crops):
    system = small(head="adaface", stats="batch", drop_path=0)
    labels = torch.tensor([1, 2, 3, 0])
    norm_layers_rest(system)
    loss, figures = system.loss(crops, truth(*labels))
    said = system(crops)
    norms = said.extras["norm"]
    nhat = (0.33 * (norms - norms.mean()) / (norms.std() + 1e-3)).clamp(-1, 1)
    logits = said.logits.clone()
    rows = torch.arange(4)
    angle = (said.logits[rows, labels] / 64).acos()
    logits[rows, labels] = 64 * (torch.cos(angle - 0.4 * nhat) - 0.4 - 0.4 * nhat)
    torch.testing.assert_close(loss, functional.cross_entropy(logits, labels), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(figures["norm_mean"], norms.mean())
    torch.testing.assert_close(figures["norm_deviation"], norms.std(correction=0))


def norm_layers_rest(system):
    """Hold batch norms at their stored statistics while the rest trains."""
    system.train()
    for module in system.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def test_clipped_fraction_counts_norms_at_the_ends(crops):
    system = small(head="adaface", stats="batch", h=1e6)
    assert system.train().loss(crops, truth(0, 1, 2, 3))[1]["quality_clipped"] == 1
    system = small(head="adaface", stats="batch", h=0)
    assert system.train().loss(crops, truth(0, 1, 2, 3))[1]["quality_clipped"] == 0


@pytest.mark.parametrize("options", [{}, {"head": "adaface"}])
def test_rows_without_a_label_do_not_count(crops, options):
    system = small(**options).eval()
    loss = system.loss(crops, truth(1, -1, 2, -1))[0]
    wanted = system.loss(crops[[0, 2]], truth(1, 2))[0]
    torch.testing.assert_close(loss, wanted)
    none, _ = system.loss(crops, truth(-1, -1, -1, -1))
    assert none.item() == 0
    none.backward()


@pytest.mark.parametrize("norm", ["z", "image", "pre_ln"])
def test_norm_comes_from_where_the_recipe_says(crops, norm):
    system = small(head="adaface", norm=norm).eval()
    body = system.body(crops)
    source = {"z": body.z, "image": body.image_token, "pre_ln": body.class_token}[norm]
    torch.testing.assert_close(system(crops).extras["norm"], source.norm(dim=1))
    other = twin(system, head="adaface", norm="z").eval()
    assert torch.equal(system(crops).logits, other(crops).logits)


def test_norm_of_the_image_branch_does_not_know_the_landmarks(crops):
    system = small(head="adaface", norm="image").eval()
    before = system(crops)
    system.body.landmarks.register_forward_pre_hook(lambda _, inputs: (inputs[0].flip(3),))
    after = system(crops)
    assert torch.equal(before.extras["norm"], after.extras["norm"])
    assert not torch.allclose(before.logits, after.logits)


def test_quality_at_inference_is_measured_by_the_moving_averages(crops):
    system = small(head="adaface", stats="batch").eval()
    said = system(crops)
    wanted = (0.33 * (said.extras["norm"] - 20) / (100 + 1e-3)).clamp(-1, 1)
    torch.testing.assert_close(said.extras["quality"], wanted)


def averages(system):
    return system.head.mean.item(), system.head.deviation.item()


class Watched(SystemTask):
    """Keeps the averages that each pass leaves and the norms it saw; judges nothing."""

    def __init__(self, system):
        super().__init__(system, valid=None, config=None)
        self.passes = []

    def loss(self, model, batch):
        loss, figures = super().loss(model, batch)
        self.passes.append((*averages(self.system), figures["norm_mean"].item()))
        return loss, figures

    def evaluate(self, model):
        return {}


class Same(Batches):
    """One batch of four faces, again and again."""

    per_epoch = 1

    def __init__(self, crops):
        self.batch = crops, truth(0, 1, 2, 3)

    def __getitem__(self, index):
        return self.batch


def test_step_of_sam_moves_the_averages_once(crops, tmp_path):
    task = Watched(small(head="adaface"))
    loop = LoopConfig(steps=3, batch=4, workers=0, every=3, accelerator="cpu")
    moves = OptimizerConfig(name="adam", lr=1e-3, weight_decay=0, warmup=0, sam_rho=0.05)
    fit(task, Same(crops), loop, moves, tmp_path)
    mean = 20
    for (*first, norm), (*second, other) in zip(task.passes[::2], task.passes[1::2], strict=True):
        mean = 0.99 * mean + 0.01 * norm
        assert first[0] == pytest.approx(mean, rel=1e-6)
        assert second == first
        assert other != norm
    assert len(task.passes) == 6
    assert averages(task.system) == tuple(first)


def test_eval_leaves_the_averages(crops):
    system = small(head="adaface").eval()
    system.before_step(0.5)
    system.loss(crops, truth(0, 1, 2, 3))
    assert averages(system) == (20, 100)


@pytest.mark.parametrize("norm", ["z", "image"])
def test_training_step_moves_the_network_but_not_the_landmarks(crops, norm):
    trunk = IR50((8, 8, 12), (1, 1, 1), half_input=True)
    marks = MobileFaceNet(output_head=False)
    config = PosterConfig(dim=32, depth=1, head="adaface", norm=norm)
    system = PosterSystem(config, trunk, marks).train()
    before = {name: value.clone() for name, value in system.state_dict().items()}
    optimizer = torch.optim.SGD((p for p in system.parameters() if p.requires_grad), lr=0.1)
    system.before_step(0)
    system.loss(crops, truth(0, 1, 2, 3))[0].backward()
    assert all(p.grad is None for p in marks.parameters())
    assert all(p.grad is not None for p in trunk.parameters())
    optimizer.step()
    after = system.state_dict()
    same = {name for name, value in after.items() if torch.equal(before[name], value)}
    assert {name for name in same if not name.startswith("body.landmarks.")} == set()
    assert {name for name in after if name.startswith("body.landmarks.")} == same


@pytest.mark.parametrize("head", ["linear", "adaface"])
def test_system_learns_four_faces_by_heart(crops, head):
    system = small(head=head, drop_path=0, s=10).train()
    target = truth(0, 1, 2, 3)
    optimizer = torch.optim.Adam((p for p in system.parameters() if p.requires_grad), lr=2e-3)
    for step in range(25):
        system.before_step(step / 25)
        optimizer.zero_grad()
        system.loss(crops, target)[0].backward()
        optimizer.step()
    assert system(crops).logits.argmax(1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "arcface"}, "poster.head: 'arcface' is unknown; choose linear, adaface"),
        ({"input_size": 100}, "poster.input_size: 100 is unknown; choose 112, 224"),
        ({"dim": 100}, "poster.dim: must be a multiple of 32, got 100"),
        ({"ema_alpha": 0.0}, "poster.ema_alpha: must be above 0, got 0.0"),
        ({"tokenise": "cells"}, "poster.tokenise"),
        ({"norm": "f"}, "poster.norm"),
        ({"stats": "mean"}, "poster.stats"),
        ({"classes": 1}, "poster.classes"),
        ({"depth": 0}, "poster.depth"),
        ({"drop_path": 1.0}, "poster.drop_path"),
        ({"m": -0.1}, "poster.m:"),
        ({"h": -0.1}, "poster.h:"),
        ({"s": 0.0}, "poster.s:"),
    ],
)
def test_wrong_settings_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        PosterConfig(**options)


@pytest.mark.slow
@pytest.mark.parametrize("head", ["linear", "adaface"])
def test_poster_small_of_the_paper_trains_a_step(head):
    config = PosterConfig(classes=7, input_size=224, head=head)
    system = PosterSystem(config, IR50(), MobileFaceNet()).train()
    images = torch.randn(2, 3, 224, 224)
    said = system.eval()(images)
    assert said.logits.shape == (2, 7)
    assert said.embedding.shape == (2, 512)
    system.train().before_step(0)
    loss, _ = system.loss(images, truth(0, 3, classes=7))
    loss.backward()
    assert loss.isfinite()
    assert system.body.image.stem[0].weight.grad.abs().sum() > 0
