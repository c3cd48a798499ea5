"""Concordance correlation against values worked out by hand."""

import subprocess
import sys

import pytest
import torch

from training.losses.ccc import ccc, ccc_loss

NAN = float("nan")
X = torch.tensor([0.0, 1, 2, 3])


def test_series_agrees_with_itself():
    assert ccc(X, X).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shift", [-2.0, 0.5, 3.0])
def test_shifted_series_loses_by_its_shift(shift):
    variance = X.var(correction=0).item()
    wanted = 2 * variance / (2 * variance + shift**2)
    assert ccc(X, X + shift).item() == pytest.approx(wanted, abs=1e-6)


def test_known_pair_of_series():
    assert ccc(X, torch.tensor([0.0, 1, 2, 4])).item() == pytest.approx(0.928571, abs=1e-6)


def test_opposed_series_disagrees():
    assert ccc(X, X.flip(0)).item() == pytest.approx(-1, abs=1e-6)


@pytest.mark.parametrize("other", [1.0, 5.0])
def test_constant_series_explains_nothing(other):
    assert ccc(X, torch.full((4,), other)).item() == 0
    assert ccc(torch.full((4,), 2.0), torch.full((4,), other)).item() == 0


def test_it_is_symmetric():
    x, y = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    assert ccc(x, y).item() == pytest.approx(ccc(y, x).item(), abs=1e-7)


def test_loss_is_one_minus_the_mean_of_both_axes():
    target = torch.stack([X, X], 1)
    predicted = torch.stack([X, torch.tensor([0.0, 1, 2, 4])], 1)
    assert ccc_loss(target, target).item() == pytest.approx(0, abs=1e-6)
    wanted = 1 - (1 + 0.928571) / 2
    assert ccc_loss(predicted, target).item() == pytest.approx(wanted, abs=1e-6)


def test_constant_batch_has_a_finite_gradient():
    predicted = torch.zeros(4, 2, requires_grad=True)
    ccc_loss(predicted, torch.zeros(4, 2)).backward()
    assert predicted.grad.isfinite().all()


def pairs(rows=40):
    """Predictions and targets within -1 and 1, the targets' mean 0."""
    generator = torch.Generator().manual_seed(2)
    target = torch.rand(rows, 2, generator=generator) - 0.5
    target -= target.mean(0)
    return target + 0.3 * torch.randn(rows, 2, generator=generator), target


def test_loss_of_opposite_sequences_is_2():
    _, target = pairs()
    assert ccc_loss(-target, target).item() == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_loss_of_a_constant_is_1(value):
    _, target = pairs()
    assert ccc_loss(torch.full_like(target, value), target).item() == pytest.approx(1, abs=1e-6)


def test_loss_does_not_depend_on_the_order_of_frames():
    predicted, target = pairs()
    order = torch.randperm(40, generator=torch.Generator().manual_seed(3))
    wanted = ccc_loss(predicted, target).item()
    assert ccc_loss(predicted[order], target[order]).item() == pytest.approx(wanted, abs=1e-6)


def test_shift_raises_the_loss():
    _, target = pairs()
    losses = [ccc_loss(target + shift, target).item() for shift in (0, 0.1, 0.2, 0.4)]
    assert losses == sorted(losses)
    assert losses[1] > losses[0] + 1e-3


@pytest.mark.parametrize("unknown", [(-5.0, -5.0), (NAN, NAN), (-5.0, 0.5), (0.5, NAN)])
def test_frames_without_annotation_change_neither_loss_nor_gradient(unknown):
    predicted, target = pairs()
    alone = predicted[:32].clone().requires_grad_()
    wanted = ccc_loss(alone, target[:32])
    wanted.backward()
    target[32:] = torch.tensor(unknown)
    predicted.requires_grad_()
    loss = ccc_loss(predicted, target)
    loss.backward()
    assert torch.equal(loss, wanted)
    assert torch.equal(predicted.grad[:32], alone.grad)
    assert (predicted.grad[32:] == 0).all()


def test_batch_without_annotation_has_a_loss_but_no_gradient():
    predicted = torch.zeros(4, 2, requires_grad=True)
    loss = ccc_loss(predicted, torch.full((4, 2), NAN))
    loss.backward()
    assert loss == 1
    assert (predicted.grad == 0).all()


SHARE = """
import sys
import torch
from torch import distributed
from training.losses.ccc import ccc_loss

folder, rank = sys.argv[1], int(sys.argv[2])
predicted, target = torch.load(f"{folder}/pairs.pt")
rows = [slice(0, 25), slice(25, 40)][rank]
distributed.init_process_group(
    "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
)
mine = predicted[rows].clone().requires_grad_()
loss = ccc_loss(mine, target[rows])
loss.backward()
torch.save((loss.detach(), mine.grad), f"{folder}/said{rank}.pt")
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_have_the_loss_and_gradient_of_the_whole_batch(tmp_path):
    predicted, target = pairs()
    target[30:33] = NAN
    torch.save((predicted, target), tmp_path / "pairs.pt")
    commands = [[sys.executable, "-c", SHARE, str(tmp_path), str(rank)] for rank in (0, 1)]
    running = [subprocess.Popen(command) for command in commands]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    said = [torch.load(tmp_path / f"said{rank}.pt") for rank in (0, 1)]
    predicted.requires_grad_()
    loss = ccc_loss(predicted, target)
    loss.backward()
    for value, _ in said:
        torch.testing.assert_close(value, loss.detach())
    # Data-parallel training halves the sum of two processes' gradients.
    found = torch.cat([gradient for _, gradient in said]) / 2
    torch.testing.assert_close(found, predicted.grad, atol=1e-6, rtol=1e-4)
