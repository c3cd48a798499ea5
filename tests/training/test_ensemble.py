"""Soft voting of fixed answers."""

import pytest
import torch
from torch import nn

from training.ensemble import Vote
from training.systems.types import Answer, System, Target

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


def test_a_vote_is_not_trained():
    nothing = torch.empty(0)
    with pytest.raises(ValueError, match="train its members"):
        Vote([Member(1)]).loss(IMAGES, Target(nothing, nothing, nothing))
