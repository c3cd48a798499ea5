"""DAN's settings, losses and training, with a trunk of two layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.errors import ConfigError
from training.losses.ccc import ccc_loss
from training.models.resnet import resnet
from training.systems.dan import DanConfig, DanSystem
from training.types import Target

NAN = float("nan")
WIDTH = 32


def trunk():
    return nn.Sequential(
        nn.Conv2d(3, 48, 5, 4, 2, bias=False), nn.BatchNorm2d(48), nn.ReLU(inplace=True)
    )


def system(counts=None, **settings):
    torch.manual_seed(0)
    config = DanConfig(**{"width": WIDTH, "input_size": 32, **settings})
    return DanSystem(config, trunk(), 48, counts=counts)


def batch(rows=40, *, labelled=40, annotated=40):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(rows, 3, 32, 32, generator=generator)
    labels = torch.arange(rows) % 8
    labels[labelled:] = -1
    affect = 2 * torch.rand(rows, 2, generator=generator) - 1
    affect[annotated:] = NAN
    shares = functional.one_hot(labels.clamp(min=0), 8).float() * (labels >= 0)[:, None]
    return images, Target(labels, shares, affect)


def gradients(model, loss):
    names, parameters = zip(*model.named_parameters(), strict=True)
    grads = torch.autograd.grad(loss, parameters, allow_unused=True)
    return dict(zip(names, grads, strict=True))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("task", "au"),
        ("convention", "torch"),
        ("gamma", -1.0),
        ("affinity", -0.1),
        ("partition", -0.1),
        ("classes", 1),
        ("input_size", 16),
        ("heads", 0),
        ("width", 8),
        ("partition_eps", 0.0),
    ],
)
def test_bad_setting_is_named(key, value):
    with pytest.raises(
        ConfigError, match=rf"^dan\.{key}: (must be .*, got {value}$|'{value}' is unknown)"
    ):
        DanConfig(**{key: value})


def test_caffe_is_for_trunks_with_bottlenecks():
    assert DanConfig(convention="caffe").trunk == "resnet50"
    with pytest.raises(ConfigError, match=r"^dan\.convention: must be imagenet_norm for resnet18"):
        DanConfig(trunk="resnet18", convention="caffe")


def test_defaults_are_the_seeds():
    config = DanConfig()
    assert (config.task, config.trunk, config.heads, config.width) == ("expr", "resnet50", 4, 512)
    assert (config.gamma, config.affinity, config.partition) == (2, 1, 1)
    assert not config.class_weights


@pytest.mark.parametrize(
    ("task", "logits", "affect"), [("expr", 8, 0), ("va", 0, 2), ("multi", 8, 2)]
)
def test_each_task_has_its_outputs(task, logits, affect):
    model = system(task=task).eval()
    assert model.input_size == 32
    said = model(batch(4)[0])
    assert said.logits.shape == (4, logits)
    assert said.affect.shape == (4, affect)
    assert said.embedding.shape == (4, WIDTH)


def test_output_layer_reads_the_embedding():
    model = system().eval()
    said = model(batch(4)[0])
    torch.testing.assert_close(model.network.expression(said.embedding), said.logits)


@pytest.mark.parametrize(
    ("task", "parts"),
    [
        ("expr", {"focal", "affinity", "partition"}),
        ("va", {"ccc", "partition", "dropped"}),
        ("multi", {"focal", "affinity", "ccc", "partition", "dropped"}),
    ],
)
def test_loss_is_the_sum_of_the_tasks_parts(task, parts):
    loss, figures = system(task=task).loss(*batch())
    assert set(figures) == parts
    assert loss.item() == pytest.approx(sum(figures.values()).item())
    assert all(value > 0 for name, value in figures.items() if name != "dropped")


def test_weights_of_the_losses_are_used_and_0_switches_off():
    _, plain = system().loss(*batch())
    loss, _ = system(affinity=0.5, partition=3.0).loss(*batch())
    wanted = plain["focal"] + 0.5 * plain["affinity"] + 3 * plain["partition"]
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    without = system(affinity=0.0, partition=0.0)
    assert set(without.loss(*batch())[1]) == {"focal"}
    assert without.affinity is None


def test_gamma_0_is_cross_entropy():
    model, (images, target) = system(gamma=0.0), batch()
    _, figures = model.loss(images, target)
    wanted = functional.cross_entropy(model(images).logits, target.labels)
    assert figures["focal"].item() == pytest.approx(wanted.item(), rel=1e-5)
    assert system().loss(images, target)[1]["focal"] < figures["focal"]


def test_rare_classes_weigh_more():
    counts = [10, 10, 10, 10, 10, 10, 10, 1]
    model, (images, target) = system(counts, class_weights=True, gamma=0.0), batch()
    weights = 1 / torch.tensor(counts).float()
    weights /= weights.mean()
    torch.testing.assert_close(model.weights, weights)
    losses = functional.cross_entropy(model(images).logits, target.labels, weights, reduction="sum")
    _, figures = model.loss(images, target)
    assert figures["focal"].item() == pytest.approx(losses.item() / 40, rel=1e-5)


@pytest.mark.parametrize("counts", [None, [1, 2], [1] * 7 + [0]])
def test_class_weights_need_pictures_of_every_class(counts):
    with pytest.raises(ConfigError, match=r"^dan\.class_weights: needs .* 8 classes"):
        system(counts, class_weights=True)


def test_rows_without_a_label_do_not_count():
    model, (images, target) = system(partition=0.0), batch(labelled=10)
    loss, _ = model.loss(images, target)
    said = model.network(images)
    alone = model._parts(
        said._replace(logits=said.logits[:10], features=said.features[:10]),
        Target(target.labels[:10], target.shares[:10], target.affect[:10]),
        enough=True,
    )
    assert loss.item() == pytest.approx(sum(alone.values()).item(), rel=1e-5)


def test_batch_without_any_label_leaves_the_expressions_alone():
    model = system(partition=0.0)
    loss, _ = model.loss(*batch(labelled=0))
    assert loss == 0
    assert all(g is None or (g == 0).all() for g in gradients(model, loss).values())


def test_affect_loss_reads_annotated_frames_only():
    model, (images, target) = system(task="va", partition=0.0), batch(annotated=33)
    loss, figures = model.loss(images, target)
    wanted = ccc_loss(model(images).affect[:33], target.affect[:33])
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-6)
    assert figures["dropped"] == 0


def test_batch_with_few_annotated_frames_is_dropped():
    model = system(task="va")
    before = {name: x.clone() for name, x in model.state_dict().items()}
    loss, figures = model.loss(*batch(annotated=31))
    assert loss == 0
    assert figures == {"dropped": 1}
    found = gradients(model, loss)
    assert all(g is not None and (g == 0).all() for g in found.values())
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())
    _, kept = model.loss(*batch(annotated=32))
    assert kept["dropped"] == 0


def test_expressions_are_learnt_when_too_few_frames_have_affect():
    model = system(task="multi")
    loss, figures = model.loss(*batch(annotated=31))
    assert figures["dropped"] == 1
    assert figures["ccc"] == 0
    found = gradients(model, loss)
    assert (found["network.affect.0.weight"] == 0).all()
    assert found["network.expression.0.weight"].abs().sum() > 0
    assert found["affinity.centres"].abs().sum() > 0


def test_every_parameter_learns():
    model = system(task="multi")
    loss, _ = model.loss(*batch())
    names = [name for name, g in gradients(model, loss).items() if g is None or not g.any()]
    # A bias before a batch norm has no effect; torch's rounding decides whether it is exactly 0.
    assert all(name.endswith("bias") for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_full_size_network_takes_a_training_step(name):
    config = DanConfig(trunk=name)
    model = DanSystem(config, *resnet(name))
    images, target = batch(4, labelled=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-4)
    images = functional.interpolate(images, size=config.input_size)
    before = model.network.heads[0].spatial.squeeze[0].weight.detach().clone()
    loss, _ = model.loss(images, target)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5, error_if_nonfinite=True)
    optimizer.step()
    assert not torch.equal(model.network.heads[0].spatial.squeeze[0].weight, before)
    assert model.loss(images, target)[0].isfinite()


def test_it_learns_64_pictures_by_heart_with_all_losses_on():
    model, (images, target) = system(task="expr"), batch(64, labelled=64)
    images = images[:, :, ::2, ::2]
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(60):
        loss, figures = model.loss(images, target)
        assert set(figures) == {"focal", "affinity", "partition"}
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
    accuracy = (model.eval()(images).logits.argmax(1) == target.labels).float().mean()
    assert accuracy > 0.9
