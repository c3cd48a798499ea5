"""The training loop on a toy: what it writes, and that resuming changes nothing."""

import csv
import json

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.errors import ConfigError
from training.loop import LoopConfig, fit, load_weights, save_weights

CONFIG = LoopConfig(steps=6, batch=16, lr=0.05, warmup=2, ema=0.5, every=3, workers=0)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Lines:
    """Batches of y = 3 x; fails when asked for `broken`."""

    def __init__(self, broken=None):
        self.broken, self.asked = broken, []

    def __getitem__(self, step):
        if step == self.broken:
            raise KeyboardInterrupt
        self.asked.append(step)
        x = torch.randn(16, 2, generator=torch.Generator().manual_seed(step))
        return x, 3 * x.sum(1, keepdim=True)


class Regression:
    def __init__(self):
        torch.manual_seed(7)
        self.model = nn.Sequential(
            nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
        )

    def loss(self, batch):
        x, y = batch
        error = (self.model(x) - y).square().mean()
        return error, {"error": error.item()}

    @torch.no_grad()
    def evaluate(self, model):
        model.eval()
        x, y = Lines()[10_000]
        return {"valid": (model(x) - y).square().mean().item()}


def rows_of(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_resumed_training_ends_in_the_same_weights(tmp_path):
    fit(Regression(), Lines(), CONFIG, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(Regression(), Lines(broken=4), CONFIG, tmp_path / "parts")
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    rest = Lines()
    fit(Regression(), rest, CONFIG, tmp_path / "parts")
    assert rest.asked == [3, 4, 5]
    whole, parts = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    valid = [[row["valid"] for row in rows_of(tmp_path / name)] for name in ("whole", "parts")]
    assert valid[0] == valid[1]


def test_another_seed_gives_other_weights(tmp_path):
    other = LoopConfig(steps=6, batch=16, lr=0.05, warmup=2, ema=0.5, every=3, workers=0, seed=1)
    one = fit(Regression(), Lines(), CONFIG, tmp_path / "one").state_dict()
    two = fit(Regression(), Lines(), other, tmp_path / "two").state_dict()
    assert not torch.equal(one["0.weight"], two["0.weight"])


def test_run_folder_tells_what_was_done(tmp_path):
    model = fit(Regression(), Lines(), CONFIG, tmp_path)
    rows = rows_of(tmp_path)
    assert [row["step"] for row in rows] == ["3", "6"]
    assert set(rows[0]) == {"step", "images_per_s", "error", "valid"}
    assert json.loads((tmp_path / "loop.json").read_text())["lr"] == 0.05
    saved = load_file(tmp_path / "model.safetensors")
    assert all(torch.equal(saved[name], value) for name, value in model.state_dict().items())
    assert not (tmp_path / "checkpoint.partial").exists()
    torch.load(tmp_path / "checkpoint.pt", weights_only=True)


def test_finished_run_is_not_trained_on(tmp_path):
    first = fit(Regression(), Lines(), CONFIG, tmp_path).state_dict()
    again = Lines()
    second = fit(Regression(), again, CONFIG, tmp_path).state_dict()
    assert again.asked == []
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_training_learns(tmp_path):
    config = LoopConfig(steps=150, batch=16, lr=0.05, warmup=5, ema=0.8, every=75, workers=0)
    fit(Regression(), Lines(), config, tmp_path)
    errors = [float(row["valid"]) for row in rows_of(tmp_path)]
    assert errors[-1] < 4


def test_frozen_parameters_are_left_alone(tmp_path):
    task = Regression()
    task.model[0].requires_grad_(False)
    before = task.model[0].weight.clone()
    after = fit(task, Lines(), CONFIG, tmp_path).state_dict()["0.weight"]
    assert torch.equal(after, before)


def test_batches_made_by_a_worker_are_the_same(tmp_path):
    alone = fit(Regression(), Lines(), CONFIG, tmp_path / "alone").state_dict()
    config = LoopConfig(steps=6, batch=16, lr=0.05, warmup=2, ema=0.5, every=3, workers=1)
    helped = fit(Regression(), Lines(), config, tmp_path / "helped").state_dict()
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


def test_weights_are_loaded_strictly(tmp_path):
    save_weights(nn.Linear(2, 3), tmp_path / "a.safetensors")
    model = nn.Linear(2, 3)
    load_weights(model, tmp_path / "a.safetensors")
    with pytest.raises(RuntimeError):
        load_weights(nn.Sequential(nn.Linear(2, 3)), tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["steps", "batch", "every"])
def test_settings_below_one_are_refused(name):
    with pytest.raises(ConfigError, match=rf"loop\.{name}: must be at least 1, got 0"):
        LoopConfig(**{"steps": 1, "batch": 1, name: 0})
