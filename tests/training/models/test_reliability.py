"""Confidence, votes and correction (ARBEx specification, sections 5 and 10)."""

import pytest
import torch
from torch.nn import functional

from training.models.primary_head import PrimaryHead
from training.models.reliability import (
    Anchors,
    AttentionVote,
    ReliabilityBalancing,
    confidence,
    correct,
    weighted,
)

C, K, D = 5, 3, 16
SCOPES = ["sample", "tokens", "batch"]
UNIFORM = torch.full((1, C), 1 / C)
ONE_HOT = functional.one_hot(torch.tensor([2]), C).float()


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def anchors():
    return Anchors(C, K, D)


@pytest.fixture
def tokens():
    return torch.randn(4, 6, D)


def balancing(scope="sample", mix="seed", groups=1):
    vote = AttentionVote(D, C, heads=4, groups=groups, scope=scope)
    made = ReliabilityBalancing(Anchors(C, K, D), vote, mix=mix)
    torch.nn.init.normal_(made.anchors.points)
    return made


def distributions(rows):
    return torch.randn(rows, C).mul(2).softmax(1)


def test_certainty_is_one_and_its_gradient_finite():
    sure = ONE_HOT.clone().requires_grad_()
    said = confidence(sure)
    said.sum().backward()
    assert said.item() == 1
    assert torch.isfinite(sure.grad).all()


def test_a_uniform_distribution_has_no_confidence():
    for classes in (2, 7, 8):
        said = confidence(torch.full((1, classes), 1 / classes))
        assert 0 <= said.item() < 1e-6


def test_confidence_is_the_normalised_entropys_complement():
    l = distributions(9)  # noqa: E741 - the paper's name
    entropy = torch.distributions.Categorical(l).entropy() / torch.log(torch.tensor(float(C)))
    torch.testing.assert_close(confidence(l), 1 - entropy)


def test_confidence_does_not_know_the_classes_order():
    l = distributions(9)  # noqa: E741 - the paper's name
    torch.testing.assert_close(confidence(l), confidence(l[:, torch.randperm(C)]))


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("mix", ["seed", "code"])
def test_everything_said_is_a_distribution(scope, groups, mix, tokens):
    for said in balancing(scope, mix, groups)(distributions(4), tokens):
        assert said.shape == (4, C)
        assert said.min() >= 0
        torch.testing.assert_close(said.sum(1), torch.ones(4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("mix", ["seed", "code"])
def test_a_certain_primary_distribution_stays(mix):
    torch.testing.assert_close(correct(ONE_HOT, UNIFORM, mix), ONE_HOT, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mix", ["seed", "code"])
def test_an_undecided_primary_distribution_takes_the_correction(mix):
    torch.testing.assert_close(correct(UNIFORM, ONE_HOT, mix), ONE_HOT, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mix", ["seed", "code"])
def test_nothing_decided_stays_undecided(mix):
    torch.testing.assert_close(correct(UNIFORM, UNIFORM, mix), UNIFORM, atol=1e-6, rtol=0)


def test_each_mix_weighs_as_its_equation_says():
    p, t = distributions(6), distributions(6)
    kp, kt = confidence(p)[:, None], confidence(t)[:, None]
    torch.testing.assert_close(correct(p, t, "seed"), (kp * p + kt * t) / (kp + kt))
    torch.testing.assert_close(correct(p, t, "code"), kp * p + (1 - kp) * t)
    assert not torch.allclose(correct(p, t, "seed"), correct(p, t, "code"), atol=1e-3)


def test_votes_are_weighted_by_their_confidences(tokens):
    said = balancing()(distributions(4), tokens)
    torch.testing.assert_close(said.correction, weighted(said.anchors, said.attention))


def test_weights_of_two_unsure_distributions_are_equal():
    certain, other = ONE_HOT, functional.one_hot(torch.tensor([0]), C).float()
    torch.testing.assert_close(weighted(certain, other), (certain + other) / 2)


def test_an_embedding_on_an_anchor_gets_its_class(anchors):
    with torch.no_grad():
        anchors.points.normal_().mul_(100)
    said = anchors(anchors.points.detach().flatten(0, 1))
    wanted = torch.eye(C).repeat_interleave(K, 0)
    torch.testing.assert_close(said, wanted, atol=1e-6, rtol=0)


def test_anchors_all_as_far_vote_uniformly(anchors):
    with torch.no_grad():
        anchors.points.copy_(anchors.points[0, 0].clone())
    torch.testing.assert_close(anchors(torch.randn(2, D)), UNIFORM.expand(2, C))
    with torch.no_grad():
        anchors.points.copy_(torch.eye(D)[: C * K].reshape(C, K, D))
    torch.testing.assert_close(anchors(torch.zeros(1, D)), UNIFORM)


def test_anchor_vote_sums_the_softmax_of_distances(anchors):
    torch.nn.init.normal_(anchors.points)
    e = torch.randn(4, D)
    distances = torch.cdist(e, anchors.points.reshape(C * K, D))
    wanted = (-distances).softmax(1).reshape(4, C, K).sum(2)
    torch.testing.assert_close(anchors(e), wanted, atol=1e-5, rtol=1e-4)


def test_a_small_delta_asks_only_the_nearest_anchor(anchors):
    torch.nn.init.normal_(anchors.points)
    e = torch.randn(6, D)
    nearest = torch.cdist(e, anchors.points.reshape(C * K, D)).argmin(1) // K
    wanted = functional.one_hot(nearest, C).float()
    soft = (anchors(e) - wanted).abs().amax()
    anchors.delta = 1e-6
    torch.testing.assert_close(anchors(e), wanted, atol=1e-6, rtol=0)
    assert soft > 0.1


def test_untrained_anchors_hardly_move_the_primary_distribution(anchors):
    made = ReliabilityBalancing(anchors, AttentionVote(D, C, heads=4))
    assert anchors.points.std().item() == pytest.approx(0.02, rel=0.1)
    assert confidence(made.anchors(torch.randn(8, D))).amax() < 1e-3


@pytest.mark.parametrize("classes", [7, 8])
def test_vote_and_anchors_have_the_specifications_size(classes):
    wanted = {7: (50_439, 8_960, 13_127), 8: (50_568, 10_240, 13_192)}[classes]
    modules = AttentionVote(128, classes), Anchors(classes, 10, 128), PrimaryHead(128, classes)
    assert tuple(sum(p.numel() for p in m.parameters()) for m in modules) == wanted


@pytest.mark.parametrize("dim", [D, 128])  # heads as wide as a processor's vectors, and narrower
def test_a_vote_of_one_sample_is_linear_and_trains_no_queries(dim):
    vote, tokens = AttentionVote(dim, C, heads=4), torch.randn(32, 6, dim)
    said = vote(tokens)
    wanted = vote.project(vote.value(tokens[:, 0])).softmax(1)
    torch.testing.assert_close(said, wanted)
    said[:, 0].sum().backward()
    assert not vote.query.weight.grad.any()
    assert not vote.key.weight.grad.any()
    assert vote.value.weight.grad.any()


@pytest.mark.parametrize("scope", ["tokens", "batch"])
def test_a_vote_is_torchs_multi_head_attention(scope, tokens):
    vote = AttentionVote(D, C, heads=4, scope=scope)
    own = tokens[None, :, 0] if scope == "batch" else tokens[:, :1]
    others = own if scope == "batch" else tokens
    weights = torch.cat([vote.query.weight, vote.key.weight, vote.value.weight])
    biases = torch.cat([vote.query.bias, vote.key.bias, vote.value.bias])
    torchs = torch.nn.MultiheadAttention(D, 4, batch_first=True)
    eye = {"out_proj.weight": torch.eye(D), "out_proj.bias": torch.zeros(D)}
    torchs.load_state_dict({"in_proj_weight": weights, "in_proj_bias": biases, **eye})
    answer = torchs(own, others, others)[0].reshape(4, D)
    torch.testing.assert_close(vote(tokens), vote.project(answer).softmax(1))


def test_groups_of_outputs_are_summed_after_the_softmax(tokens):
    vote = AttentionVote(D, C, heads=4, groups=3)
    shares = vote.project(vote.value(tokens[:, 0])).softmax(1)
    wanted = torch.stack([shares[:, 3 * c : 3 * c + 3].sum(1) for c in range(C)], 1)
    torch.testing.assert_close(vote(tokens), wanted)


@pytest.mark.parametrize("scope", SCOPES)
def test_only_the_batch_scope_looks_at_other_faces(scope, tokens):
    made, p = balancing(scope).eval(), distributions(4)
    with torch.no_grad():
        together = made(p, tokens).corrected[:1]
        alone = made(p[:1], tokens[:1]).corrected
    assert torch.allclose(together, alone, atol=1e-6) == (scope != "batch")


def test_without_trust_the_primary_distribution_is_final(tokens):
    made, p = balancing(), distributions(4)
    changed = made(p, tokens).corrected
    assert not torch.allclose(changed, p, atol=1e-3)
    made.trust.fill_(0)
    assert torch.equal(made(p, tokens).corrected, p)
    made.trust.fill_(0.25)
    torch.testing.assert_close(made(p, tokens).corrected, 0.75 * p + 0.25 * changed)


def test_a_checkpoint_keeps_the_trust():
    made, other = balancing(), balancing()
    made.trust.fill_(0.375)
    other.load_state_dict(made.state_dict())
    assert other.trust.item() == 0.375


def test_primary_head_drops_before_it_normalises():
    kinds = [type(layer).__name__ for layer in PrimaryHead(D, C).layers]
    assert kinds == [*["Linear", "ReLU", "Dropout", "BatchNorm1d"] * 2, "Linear"]
    assert PrimaryHead(D, C)(torch.randn(4, D)).shape == (4, C)
