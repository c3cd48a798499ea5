"""Soft voting: of fixed answers, and of run folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import ConfigError, ModelError
from training.data.samples import DataConfig
from training.evaluation.ensemble import Vote, check_alike, evaluate_vote
from training.evaluation.runs import evaluate_run
from training.systems.saved import Card, SavedSystem, open_run
from training.types import Answer, System, Target
from training.weights import save_weights

IMAGES = torch.zeros(5, 3, 8, 8)


class Member(System):
    """Answers by numbers drawn from its seed."""

    def __init__(self, seed, size=8):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.input_size = size
        self.logits = nn.Parameter(3 * torch.randn(5, 7, generator=generator))
        self.affect = torch.rand(5, 2, generator=generator) * 2 - 1

    def forward(self, images):
        return Answer(self.logits, self.affect, self.logits[:, :3], {})

    def loss(self, images, target):
        raise NotImplementedError


def test_identical_members_vote_as_one():
    alone, said = Member(1)(IMAGES), Vote([Member(1), Member(1), Member(1)])(IMAGES)
    torch.testing.assert_close(said.logits.softmax(1), alone.logits.softmax(1))
    torch.testing.assert_close(said.affect, alone.affect)


def test_vote_is_the_mean_of_distributions_not_of_logits():
    members = [Member(seed) for seed in (1, 2, 3)]
    said = Vote(members)(IMAGES)
    chances = torch.stack([member.logits.softmax(1) for member in members]).mean(0)
    torch.testing.assert_close(said.logits.softmax(1), chances)
    torch.testing.assert_close(said.logits.exp().sum(1), torch.ones(5))
    torch.testing.assert_close(said.affect, sum(member.affect for member in members) / 3)
    assert not torch.allclose(sum(m.logits for m in members).div(3).softmax(1), chances, atol=0.01)


def test_order_of_members_does_not_matter():
    one = Vote([Member(1), Member(2), Member(3)])(IMAGES)
    other = Vote([Member(3), Member(1), Member(2)])(IMAGES)
    torch.testing.assert_close(one.logits, other.logits)
    torch.testing.assert_close(one.affect, other.affect)


def test_members_that_are_sure_of_different_classes_stay_finite():
    members = [Member(1), Member(2)]
    for place, member in enumerate(members):
        member.logits = nn.Parameter(torch.eye(7)[[place] * 5] * 1000)
    said = Vote(members)(IMAGES)
    wanted = torch.tensor([0.5, 0.5, 0, 0, 0, 0, 0]).expand(5, 7)
    torch.testing.assert_close(said.logits.softmax(1), wanted)
    assert said.logits.isfinite().all()


def test_embeddings_of_all_members_are_kept():
    said = Vote([Member(1), Member(2)])(IMAGES)
    assert torch.equal(said.embedding[:, :3], Member(1).logits[:, :3])
    assert torch.equal(said.embedding[:, 3:], Member(2).logits[:, :3])


def test_members_state_is_the_votes_state():
    vote = Vote([Member(1), Member(2)])
    assert set(vote.state_dict()) == {"members.0.logits", "members.1.logits"}
    assert vote.input_size == 8


def test_members_of_different_input_sizes_are_refused():
    with pytest.raises(ValueError, match=r"one input size, got \[8, 16\]"):
        Vote([Member(1, 16), Member(2, 8)])
    with pytest.raises(ValueError, match="one input size"):
        Vote([])


def test_members_without_expressions_vote_on_valence_and_arousal():
    members = [Member(1), Member(2)]
    for member in members:
        member.logits = nn.Parameter(torch.empty(5, 0))
    said = Vote(members)(IMAGES)
    assert said.logits.shape == (5, 0)
    torch.testing.assert_close(said.affect, (members[0].affect + members[1].affect) / 2)


def saved(size=8, logits=7, classes=("anger", "fear"), **data):
    system = Member(1, size)
    system.logits = nn.Parameter(torch.zeros(5, logits))
    card = Card("ferplus", classes, size, 1, 1.0)
    return SavedSystem(system, "dan", DataConfig(**{"align": "none", **data}), 0, card, {})


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (saved(dataset="raf-db"), r"runs/b: data\.dataset is raf-db, but ferplus in runs/a; only"),
        (saved(fold="KA"), r"data\.fold is KA, but none in"),
        (saved(classes=("fear", "anger")), r"classes is fear, anger, but anger, fear in runs/a"),
        (saved(align="landmarks"), r"data\.align is landmarks, but none"),
        (saved(channel_order="bgr"), r"data\.channel_order is bgr, but rgb"),
        (saved(size=16), r"input size is 16, but 8"),
        (saved(logits=0), r"number of logits is 0, but 7"),
    ],
)
def test_members_that_differ_in_what_they_judge_are_refused_with_both_named(other, says):
    with pytest.raises(ModelError, match=says):
        check_alike({Path("runs/a"): saved(), Path("runs/b"): other})


def test_members_may_differ_in_what_they_were_trained_on():
    other = saved(also=("expw",), noise=0.1, limit=9, augmentation="abaw_dan")
    check_alike({Path("a"): saved(), Path("b"): other})


def test_run_named_twice_has_one_vote(tmp_path):
    (tmp_path / "a").mkdir()
    runs = [tmp_path / "a", tmp_path / "a" / ".." / "a"]
    with pytest.raises(ConfigError, match="a run has one vote; name each once"):
        evaluate_vote(runs, "test", root=tmp_path, cache=tmp_path)


def test_vote_of_runs_is_judged_by_the_mean_of_their_distributions(
    system_run, ferplus_root, tmp_path
):
    other = tmp_path / "runs" / "other"
    shutil.copytree(system_run, other)
    changed = open_run(other).system
    with torch.no_grad():
        for weight in changed.parameters():
            weight.add_(0.05 * torch.randn(weight.shape))
    save_weights(changed, other / "model.safetensors")
    places = {"root": ferplus_root, "cache": tmp_path / "cache"}
    said = evaluate_vote([system_run, other], "test", **places)
    alone = [evaluate_run(run, "test", **places) for run in (system_run, other)]
    one, two = (evaluation.probabilities() for evaluation in alone)
    assert np.abs(one - two).max() > 0.01
    both = -np.log(((one + two) / 2)[np.arange(8), alone[0].labels]).mean()
    assert said["nll_raw"] == pytest.approx(both, rel=1e-4)
    assert said.keys() == alone[0].figures().keys()
    names = (said["run"], said["system"], said["seed"])
    assert names == ("tiny + other", "vote of 2: neural_resizer", "0, 0")
    assert said["parameters"] == 2 * alone[0].saved.card.parameters
    assert said["data_sha256"] == alone[0].figures()["data_sha256"]


def test_a_vote_is_not_trained():
    nothing = torch.empty(0)
    with pytest.raises(ValueError, match="train its members"):
        Vote([Member(1)]).loss(IMAGES, Target(nothing, nothing, nothing))
