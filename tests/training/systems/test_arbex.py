"""ARBEx, the whole system (ARBEx specification, section 10)."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from engine.errors import ConfigError
from training.losses.arbex import anchor_loss, center_loss, class_distribution_loss
from training.models.class_means import ClassMeans
from training.models.ir50 import IR50
from training.models.mobilefacenet import MobileFaceNet
from training.models.reliability import confidence
from training.systems.arbex import ArbexConfig, ArbexSystem
from training.trainer.checkpoint import load_state, save_state
from training.types import Target
from training.weights import load_weights, save_weights

C = 4
SMALL = {"width": 64, "depth": 1, "heads": 4, "embedding": 16, "classes": C, "anchors": 3}


@pytest.fixture
def crops():
    return torch.randn(4, 3, 112, 112)


@pytest.fixture
def target():
    labels = torch.tensor([0, 3, 1, 3])
    return Target(labels, functional.one_hot(labels, C).float(), torch.full((4, 2), torch.nan))


class Pooled(nn.Module):
    """A stand-in for a backbone: taps that are averages of the pixels, mixed and normalised."""

    def __init__(self, channels, side):
        super().__init__()
        self.channels, self.side = channels, side
        self.sides = (side, side // 2, side // 4)
        self.mixes = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, count, 1), nn.BatchNorm2d(count)) for count in channels
        )

    def forward(self, x):
        maps = [functional.adaptive_avg_pool2d(x, self.side >> level) for level in range(3)]
        return tuple(mix(x) for mix, x in zip(self.mixes, maps, strict=True))


def system(class_weights=None, **settings):
    torch.manual_seed(0)
    config = ArbexConfig(**{**SMALL, "freeze_image": False, **settings})
    landmarks = Pooled((32, 32, 48), 28).eval().requires_grad_(False)
    made = ArbexSystem(config, Pooled((32, 32, 64), 56), landmarks, class_weights)
    # At the networks' own start embeddings hardly differ, and no anchor could tell them apart.
    nn.init.normal_(made.reduction.weight, std=0.5)
    if made.balancing is not None:
        nn.init.normal_(made.balancing.anchors.points)
    return made


def quiet(**settings):
    """Make a system whose training and evaluation differ in nothing that is random."""
    return system(drop_path=0.0, dropout=0.0, **settings)


def paper(**settings):
    with torch.device("meta"):
        return ArbexSystem(ArbexConfig(**settings), IR50(), MobileFaceNet(output_head=False))


def count(module):
    return sum(p.numel() for p in module.parameters())


def gradients(made, crops, target):
    made.zero_grad()
    loss, _ = made.loss(crops, target)
    loss.backward()
    return {name: p.grad for name, p in made.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("classes", "wanted"), [(8, 43_920_990), (7, 43_919_516)])
def test_the_papers_system_has_the_specifications_size(classes, wanted):
    made = paper(classes=classes)
    assert count(made) == wanted
    assert count(made.encoder) == 43_748_558
    assert count(made.reduction) == 98_432


def test_balancing_adds_next_to_nothing_to_the_encoders_cost():
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
        paper().eval()(torch.zeros(1, 3, 112, 112))
    counts = counter.get_flop_counts()
    whole, encoder = (
        sum(counts[name].values()) / 2e9 for name in ("ArbexSystem", "ArbexSystem.encoder")
    )
    assert encoder == pytest.approx(8.592, abs=5e-4)
    assert whole == pytest.approx(8.592, abs=1e-3)
    assert 0 < whole - encoder < 2e-4


@pytest.mark.parametrize(("classes", "side"), [(8, 112), (7, 224)])
def test_the_papers_system_has_the_specifications_shapes(classes, side):
    made = paper(classes=classes).eval()
    judged = made.judge(torch.zeros(2, 3, side, side, device="meta"))
    assert judged.embedding.shape == (2, 128)
    assert made.primary(judged.embedding).shape == judged.primary.shape == (2, classes)
    balanced = made.balancing(judged.primary, judged.embedding[:, None])
    assert {tuple(x.shape) for x in balanced} == {(2, classes)}
    assert made.balancing.anchors.points.shape == (classes, 10, 128)


def test_the_public_codes_embedding_has_the_specifications_sizes():
    made = paper(embedding=768)
    assert count(made.primary) == 54_152
    assert count(made.balancing.anchors) == 61_440


def test_answer_holds_both_distributions_and_their_confidences(crops):
    made = system().eval()
    said, judged = made(crops), made.judge(crops)
    assert said.logits.shape == (4, C)
    assert said.affect.shape == (4, 0)
    assert said.embedding.shape == (4, 16)
    torch.testing.assert_close(said.logits.softmax(1), judged.corrected)
    torch.testing.assert_close(said.extras["corrected"].exp(), judged.corrected)
    torch.testing.assert_close(said.extras["primary"].exp(), judged.primary)
    torch.testing.assert_close(said.extras["confidence"], confidence(judged.corrected))
    torch.testing.assert_close(said.extras["primary_confidence"], confidence(judged.primary))
    assert not torch.allclose(judged.primary, judged.corrected, atol=1e-3)


def test_primary_distribution_reads_the_reduced_feature(crops):
    made = system().eval()
    embedding = made.reduction(made.encoder(crops).feature)
    judged = made.judge(crops)
    torch.testing.assert_close(judged.embedding, embedding)
    torch.testing.assert_close(judged.primary, made.primary(embedding).softmax(1))


def test_without_anchors_nothing_is_balanced(crops, target):
    made = quiet(anchors=0)
    judged = made.judge(crops)
    assert judged.corrected is judged.primary
    assert not any("anchor" in name or "balancing" in name for name in made.state_dict())
    loss, figures = made.loss(crops, target)
    assert set(figures) == {"class_distribution"}
    assert torch.equal(loss.detach(), figures["class_distribution"])
    made.before_step(0.5)
    made.after_step()


@pytest.mark.parametrize("scope", ["sample", "tokens", "batch"])
def test_only_the_batch_scope_reads_other_faces(scope, crops):
    made = system(attention_scope=scope).eval()
    with torch.no_grad():
        # Outputs that differ, or whom a face attends to would not show.
        made.balancing.attention.project.weight.mul_(10)
        together = everything(made(crops))
        alone = [everything(made(crop[None])) for crop in crops]
    changed = {
        name
        for name, said in together.items()
        for face in range(4)
        if not torch.allclose(said[face], alone[face][name][0], atol=1e-4)
    }
    assert changed == ({"logits", "corrected", "confidence"} if scope == "batch" else set())


def everything(answer):
    return {"logits": answer.logits, "embedding": answer.embedding, **answer.extras}


def test_token_scope_attends_to_all_tokens_of_the_face(crops):
    made = system(attention_scope="tokens").eval()
    encoded = made.encoder(crops)
    own, rest = made.reduction(encoded.feature), made.reduction(encoded.tokens[:, 1:])
    tokens = torch.cat([own[:, None], rest], 1)
    assert tokens.shape == (4, 148, 16)
    judged = made.judge(crops)
    wanted = made.balancing(judged.primary, tokens).corrected
    torch.testing.assert_close(judged.corrected, wanted)
    short = made.balancing(judged.primary, tokens[:, :1]).corrected
    assert not torch.allclose(short, wanted, atol=1e-5)


def test_loss_is_the_weighted_sum_of_its_terms(crops, target):
    weights = torch.tensor([1.0, 2.0, 3.0, 0.5])
    made = quiet(
        class_weights=weights,
        class_weight=2.0,
        anchor_weight=0.03,
        anchor_multiplier=5.0,
        center_weight=0.7,
        anchor_pairs="same_index",
        center_confidence=True,
        smoothing=0.2,
    )
    judged, points = made.judge(crops), made.balancing.anchors.points
    distribution = class_distribution_loss(
        judged.corrected, target.labels, smoothing=0.2, weights=weights
    )
    apart = anchor_loss(points, "same_index")
    near = center_loss(points, judged.embedding, target.labels, confidence(judged.primary))
    loss, figures = made.loss(crops, target)
    torch.testing.assert_close(loss, 2 * distribution + 0.15 * apart + 0.7 * near)
    torch.testing.assert_close(figures["class_distribution"], distribution.detach())
    torch.testing.assert_close(figures["anchor"], apart.detach())
    torch.testing.assert_close(figures["center"], near.detach())
    assert figures["anchor_norm_max"] == points.detach().norm(dim=2).max()
    assert not any(figure.requires_grad for figure in figures.values())


def test_default_weights_are_the_specifications():
    config = ArbexConfig()
    assert (config.class_weight, config.anchor_weight, config.center_weight) == (1, 0.01, 1)
    assert (config.anchor_multiplier, config.smoothing, config.anchors) == (1, 0.11, 10)
    assert (config.embedding, config.hidden, config.dropout, config.delta) == (128, 64, 0.5, 1)
    assert (config.attention_scope, config.mix, config.trust) == ("sample", "seed", "full")


def test_a_multiplier_of_zero_trains_without_anchor_loss(crops, target):
    said = gradients(quiet(anchor_multiplier=0.0), crops, target)
    wanted = gradients(quiet(anchor_weight=0.0), crops, target)
    with_loss = gradients(quiet(), crops, target)
    assert said.keys() == wanted.keys()
    assert all(torch.equal(said[name], wanted[name]) for name in said)
    points = "balancing.anchors.points"
    assert not torch.equal(said[points], with_loss[points])


def test_training_with_a_multiplier_of_zero_is_training_on_the_other_terms(crops, target):
    def others(made):
        judged, points = made.judge(crops), made.balancing.anchors.points
        distribution = class_distribution_loss(judged.corrected, target.labels, smoothing=0.11)
        return distribution + center_loss(points, judged.embedding, target.labels)

    silenced = quiet(anchor_weight=1.0, anchor_multiplier=0.0)
    said = trained(silenced, lambda made: made.loss(crops, target)[0])
    for name, value in trained(quiet(), others).items():
        torch.testing.assert_close(said[name], value)


def trained(made, loss):
    """Give what two steps made of the parameters and buffers."""
    optimizer = torch.optim.SGD((p for p in made.parameters() if p.requires_grad), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss(made).backward()
        optimizer.step()
    return made.state_dict()


def test_without_smoothing_and_anchors_terms_the_loss_is_the_nll_of_q(crops, target):
    made = quiet(smoothing=0.0, anchor_weight=0.0, center_weight=0.0)
    loss, _ = made.loss(crops, target)
    torch.testing.assert_close(loss, functional.nll_loss(made(crops).logits, target.labels))


def test_faces_without_a_label_do_not_count(crops, target):
    made = quiet().eval()
    unknown = target._replace(labels=torch.tensor([0, -1, 1, -1]))
    known = target._replace(labels=target.labels[[0, 2]], shares=target.shares[[0, 2]])
    said, _ = made.loss(crops, unknown)
    wanted, _ = made.loss(crops[[0, 2]], known)
    torch.testing.assert_close(said, wanted, atol=1e-5, rtol=1e-4)


def test_full_trust_is_never_ramped():
    made = system()
    made.before_step(0.25)
    assert made.balancing.trust.item() == 1


def test_trust_ramps_from_primary_to_corrected(crops, target):
    made, trusting = quiet(trust="linear").eval(), quiet().eval()
    assert torch.equal(made.judge(crops).corrected, made.judge(crops).primary)
    loss, figures = made.loss(crops, target)
    torch.testing.assert_close(loss, figures["class_distribution"])
    made.before_step(0.25)
    loss, figures = made.loss(crops, target)
    terms = 0.01 * figures["anchor"] + figures["center"]
    torch.testing.assert_close(loss, figures["class_distribution"] + 0.25 * terms)
    p, q = made.judge(crops).primary, trusting.judge(crops).corrected
    torch.testing.assert_close(made.judge(crops).corrected, 0.75 * p + 0.25 * q)


def test_a_checkpoint_keeps_the_trust(crops):
    made, resumed = system(trust="linear").eval(), system(trust="linear").eval()
    made.before_step(0.625)
    resumed.load_state_dict(made.state_dict())
    assert resumed.balancing.trust.item() == 0.625
    assert torch.equal(resumed(crops).logits, made(crops).logits)


def test_files_of_weights_and_of_checkpoints_keep_the_trust(crops, tmp_path):
    made = system(trust="linear").eval()
    made.before_step(0.625)
    save_weights(made, tmp_path / "model.safetensors")
    save_state(tmp_path / "checkpoint.safetensors", {"model": made.state_dict()})
    kept, resumed = system(trust="linear").eval(), system(trust="linear").eval()
    load_weights(kept, tmp_path / "model.safetensors")
    resumed.load_state_dict(load_state(tmp_path / "checkpoint.safetensors")["model"])
    for read in (kept, resumed):
        assert read.balancing.trust.item() == 0.625
        assert torch.equal(read(crops).logits, made(crops).logits)


def test_class_weights_stay_out_of_the_checkpoint():
    made = system(class_weights=torch.ones(C))
    system().load_state_dict(made.state_dict())


def test_the_public_codes_mix_is_an_option(crops):
    seed, code = system().eval().judge(crops), system(mix="code").eval().judge(crops)
    assert torch.equal(seed.primary, code.primary)
    assert not torch.allclose(seed.corrected, code.corrected, atol=1e-3)


def test_a_frozen_image_trunk_stays_as_it_is(crops, target):
    made = system(freeze_image=True).train()
    before = {name: x.clone() for name, x in made.encoder.image.state_dict().items()}
    optimizer = torch.optim.SGD((p for p in made.parameters() if p.requires_grad), lr=0.1)
    said = gradients(made, crops, target)
    optimizer.step()
    after = made.encoder.image.state_dict()
    assert any("running_mean" in name for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(name.startswith("encoder.image.") for name in said)


def test_a_trained_image_trunk_gets_gradients(crops, target):
    made = system().train()
    said = gradients(made, crops, target)
    wanted = {name for name, p in made.named_parameters() if "encoder.landmarks." not in name}
    assert said.keys() == wanted
    idle = {name for name, gradient in said.items() if not gradient.any()}
    silent = {f"balancing.attention.{name}.weight" for name in ("query", "key")}
    assert silent <= idle
    assert "encoder.image.mixes.0.0.weight" not in idle


def test_anchors_are_pulled_back_to_the_radius(crops, target):
    made = quiet(anchor_radius=2.0).train()
    points = made.balancing.anchors.points
    with torch.no_grad():
        points.normal_()
        points[0].mul_(100)
    norm = made.judge(crops).embedding.norm(dim=1).mean().detach()
    made.loss(crops, target)
    before = points.detach().clone()
    made.after_step()
    norms = points.detach().norm(dim=2)
    torch.testing.assert_close(norms[0], (2 * norm).expand(3))
    inside = before.norm(dim=2) < 2 * norm
    assert inside.any()
    assert torch.equal(points.detach()[inside], before[inside])
    torch.testing.assert_close(
        functional.cosine_similarity(points.detach(), before, dim=2), torch.ones(C, 3)
    )


def test_the_radius_follows_the_embeddings(crops, target):
    made = quiet(anchor_radius=2.0).train()
    norms = []
    for images in (crops, 3 * crops):
        norms.append(made.judge(images).embedding.norm(dim=1).mean().detach())
        made.loss(images, target)
    wanted = 0.9 * norms[0] + 0.1 * norms[1]
    torch.testing.assert_close(made.embedding_norm, wanted, atol=1e-4, rtol=1e-4)


def test_without_a_radius_anchors_are_left_alone(crops, target):
    made = system().train()
    before = made.balancing.anchors.points.detach().clone()
    made.loss(crops, target)
    made.after_step()
    assert torch.equal(made.balancing.anchors.points.detach(), before)


def test_anchors_may_start_at_their_classes_means(crops, target):
    made = quiet(anchor_init="class_mean", class_mean_at=0.5).train()
    points = made.balancing.anchors.points
    embedding = made.judge(crops).embedding.detach()
    before = points.detach().clone()
    made.before_step(0.0)
    made.loss(crops, target)
    assert torch.equal(points.detach(), before)
    made.before_step(0.5)
    wanted = torch.stack([embedding[0], embedding[2], embedding[[1, 3]].mean(0)])[:, None]
    moved = points.detach()[[0, 1, 3]]
    assert 0.005 < (moved - wanted).std() < 0.04
    assert torch.equal(points.detach()[2], before[2])
    made.loss(3 * crops, target)
    made.before_step(0.9)
    assert torch.equal(points.detach()[[0, 1, 3]], moved)


def test_class_means_place_anchors_once_and_alike():
    means = ClassMeans(2, 3)
    means.update(torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]), torch.tensor([1, 1]))
    first, second = torch.zeros(2, 5, 3), torch.zeros(2, 5, 3)
    means.place(first)
    torch.manual_seed(7)
    means.place(second)
    assert torch.equal(first, second)
    assert means.placed
    assert not first[0].any()
    assert (first[1] - torch.tensor([2.0, 3.0, 4.0])).abs().max() < 0.1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input_size", 96),
        ("anchors", -1),
        ("delta", 0.0),
        ("mix", "paper"),
        ("trust", "half"),
        ("attention_scope", "face"),
        ("anchor_pairs", "all"),
        ("anchor_init", "zeros"),
        ("smoothing", 1.1),
        ("dropout", 1.0),
        ("heads", 0),
        ("width", 65),
        ("embedding", 20),
        ("center_weight", -1.0),
    ],
)
def test_settings_out_of_range_are_named(key, value):
    with pytest.raises(
        ConfigError, match=rf"arbex\.{key}: (must be .*got {value}|'?{value}'? is unknown)"
    ):
        ArbexConfig(**{**SMALL, key: value})


@pytest.mark.slow
def test_the_papers_system_trains():
    made = ArbexSystem(ArbexConfig(freeze_image=False), IR50(), MobileFaceNet(output_head=False))
    labels = torch.tensor([1, 6])
    target = Target(labels, functional.one_hot(labels, 8).float(), torch.full((2, 2), torch.nan))
    before = {name: x.clone() for name, x in made.encoder.landmarks.state_dict().items()}
    said = gradients(made, torch.randn(2, 3, 224, 224), target)
    assert all(torch.isfinite(gradient).all() for gradient in said.values())
    assert any(gradient.any() for name, gradient in said.items() if "encoder.image" in name)
    after = made.encoder.landmarks.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.slow
def test_an_exported_graph_takes_any_batch(crops):
    made = system(attention_scope="tokens").eval()
    batch = torch.export.Dim("batch", min=1)
    graph = torch.export.export(made, (crops[:2],), dynamic_shapes=({0: batch},)).module()
    for images in (crops, crops[:1]):
        torch.testing.assert_close(graph(images).logits, made(images).logits)


def test_half_precision_leaves_the_balancing_in_float32(crops, target):
    made = quiet(center_confidence=True)
    with torch.autocast("cpu", torch.bfloat16):
        said, (loss, figures) = made(crops), made.loss(crops, target)
    assert said.embedding.dtype == torch.bfloat16
    for x in (said.logits, said.extras["confidence"], loss, figures["center"], figures["anchor"]):
        assert x.dtype == torch.float32
    torch.testing.assert_close(said.logits.exp().sum(1), torch.ones(4), atol=1e-6, rtol=0)
