"""The training loop on a toy: what it writes, and that resuming changes nothing."""

import csv
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from engine.errors import ConfigError, ModelError
from training.trainer.checkpoint import load_state, save_state
from training.trainer.loop import LoopConfig, fit, with_shared_statistics
from training.trainer.optimizers import OptimizerConfig
from training.trainer.task import Batches, Task

NAN = math.nan
OPTIMIZER = OptimizerConfig(lr=0.05, warmup=2, clip=5.0)


def config(**changed):
    plain = {"steps": 6, "batch": 16, "ema": 0.5, "every": 3, "workers": 0, "accelerator": "cpu"}
    return LoopConfig(**{**plain, **changed})


class Lines(Batches):
    """Batches of y = 3 x; fails when asked for `broken`, and is not a number at `poison`."""

    per_epoch = 2

    def __init__(self, broken=None, poison=None):
        self.broken, self.poison, self.asked = broken, poison, []

    def __getitem__(self, index):
        if index == self.broken:
            raise KeyboardInterrupt
        self.asked.append(index)
        x = torch.randn(16, 2, generator=torch.Generator().manual_seed(index))
        return x, 3 * x.sum(1, keepdim=True) * (float("nan") if index == self.poison else 1)

    def names(self, index):
        return [f"face-{index}"]


class Regression(Task):
    """A small network with all that resuming could get wrong; `scores` play the evaluation."""

    def __init__(self, scores=()):
        torch.manual_seed(7)
        super().__init__(
            nn.Sequential(
                nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1)
            )
        )
        self.scores, self.told = list(scores), []

    def loss(self, model, batch):
        x, y = batch
        error = (model(x) - y).square().mean()
        return error, {"error": error}

    def before_step(self, progress):
        self.told.append(progress)

    @torch.no_grad()
    def evaluate(self, model):
        if self.scores:
            return {"score": self.scores.pop(0)}
        model.eval()
        x, y = Lines()[10_000]
        return {"valid": (model(x) - y).square().mean().item()}


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def rows_of(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"loop": {"accumulate": 2}},
        {"optimizer": {"sam_rho": 0.05, "name": "adam"}},
        {"optimizer": {"name": "sgd", "schedule": "exponential", "gamma": 0.5}},
        {"loop": {"precision": "bf16-mixed", "ema": 0.0}},
    ],
)
def test_resumed_training_ends_in_the_same_weights(tmp_path, changed):
    loop = config(**changed.get("loop", {}))
    moves = OptimizerConfig(**{"lr": 0.05, "warmup": 2, **changed.get("optimizer", {})})
    fit(Regression(), Lines(), loop, moves, tmp_path / "whole")
    broken = 4 * loop.accumulate
    with pytest.raises(KeyboardInterrupt):
        fit(Regression(), Lines(broken=broken), loop, moves, tmp_path / "parts")
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    rest = Lines()
    fit(Regression(), rest, loop, moves, tmp_path / "parts")
    assert rest.asked == list(range(3 * loop.accumulate, 6 * loop.accumulate))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    valid = [[row["valid"] for row in rows_of(tmp_path / name)] for name in ("whole", "parts")]
    assert valid[0] == valid[1]


def test_a_stop_between_evaluations_costs_the_minutes_since_the_last_checkpoint(tmp_path):
    often = config(minutes=1e-9, every=0, steps=6)
    whole = fit(Regression(), Lines(), config(steps=6, every=6), OPTIMIZER, tmp_path / "whole")
    slow = config(minutes=60, every=6)
    for loop, first in ((often, 5), (slow, 0)):
        folder = tmp_path / str(first)
        with pytest.raises(KeyboardInterrupt):
            fit(Regression(), Lines(broken=5), loop, OPTIMIZER, folder)
        rest = Lines()
        fit(Regression(), rest, loop, OPTIMIZER, folder)
        assert rest.asked == list(range(first, 6))
        assert same(whole.state_dict(), weights(folder))


def test_rows_after_the_checkpoint_are_written_once(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(Regression(), Lines(broken=4), config(), OPTIMIZER, tmp_path)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("6,1,1,1,1\n")  # a row whose checkpoint was never written
    fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path)
    rows = rows_of(tmp_path)
    assert [row["step"] for row in rows] == ["3", "6"]
    assert rows[1]["valid"] != "1"


def test_another_seed_gives_other_weights(tmp_path):
    fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path / "one")
    fit(Regression(), Lines(), config(seed=1), OPTIMIZER, tmp_path / "two")
    assert not same(weights(tmp_path / "one"), weights(tmp_path / "two"))


def test_run_folder_tells_what_was_done(tmp_path):
    model = fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path)
    assert set(rows_of(tmp_path)[0]) == {"step", "images_per_s", "loss", "error", "valid"}
    assert same(weights(tmp_path), model.state_dict())
    assert not list(tmp_path.glob("*.partial"))
    assert list((tmp_path / "tensorboard").iterdir())


def test_finished_run_is_not_trained_on(tmp_path):
    fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path)
    first, again = weights(tmp_path), Lines()
    fit(Regression(), again, config(), OPTIMIZER, tmp_path)
    assert again.asked == []
    assert same(first, weights(tmp_path))


def test_training_learns(tmp_path):
    fit(Regression(), Lines(), config(steps=150, ema=0.8, every=75), OPTIMIZER, tmp_path)
    errors = [float(row["valid"]) for row in rows_of(tmp_path)]
    assert errors[-1] < 4


def test_frozen_parameters_are_left_alone(tmp_path):
    task = Regression()
    task.model[0].requires_grad_(False)
    before = task.model[0].weight.clone()
    fit(task, Lines(), config(), OPTIMIZER, tmp_path)
    assert torch.equal(weights(tmp_path)["0.weight"], before)


def test_batches_made_by_a_worker_are_the_same(tmp_path):
    fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path / "alone")
    fit(Regression(), Lines(), config(workers=1), OPTIMIZER, tmp_path / "helped")
    assert same(weights(tmp_path / "alone"), weights(tmp_path / "helped"))


class Halves(Lines):
    """The batches of `Lines`, each in two halves one after the other."""

    def __getitem__(self, index):
        rows = slice(0, 8) if index % 2 == 0 else slice(8, 16)
        return tuple(tensor[rows] for tensor in super().__getitem__(index // 2))


class Linear(Regression):
    """Without dropout and batch statistics, which see one pass at a time."""

    def __init__(self):
        super().__init__()
        self.model = nn.Linear(2, 1)


def test_accumulated_passes_move_like_one_batch(tmp_path):
    fit(Linear(), Lines(), config(), OPTIMIZER, tmp_path / "one")
    fit(Linear(), Halves(), config(batch=8, accumulate=2), OPTIMIZER, tmp_path / "two")
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.allclose(one[name], two[name], atol=1e-6) for name in one)


def test_hooks_are_told_once_per_step_even_with_sam(tmp_path):
    task = Regression()
    moves = OptimizerConfig(lr=0.05, warmup=0, sam_rho=0.1)
    fit(task, Lines(), config(accumulate=2), moves, tmp_path)
    assert task.told == pytest.approx([k / 6 for k in range(6)])


def test_best_weights_are_kept_and_the_run_ends_early(tmp_path):
    task = Regression(scores=[0.5, 0.9, 0.7, 0.8, 1.0])
    loop = config(steps=10, every=2, monitor="score", patience=2, ema=0.0)
    fit(task, Lines(), loop, OPTIMIZER, tmp_path)
    assert [row["step"] for row in rows_of(tmp_path)] == ["2", "4", "6", "8"]
    short = config(steps=10, every=2, monitor="score", ema=0.0)
    with pytest.raises(KeyboardInterrupt):
        fit(Regression(scores=[0.5, 0.9]), Lines(broken=4), short, OPTIMIZER, tmp_path / "short")
    assert same(weights(tmp_path), load_file(tmp_path / "short" / "best.safetensors"))


def test_epochs_are_turned_into_steps(tmp_path):
    fit(Regression(), Lines(), config(steps=0, epochs=2.5, every=0), OPTIMIZER, tmp_path)
    assert [row["step"] for row in rows_of(tmp_path)] == ["2", "4", "5"]


def test_loss_that_is_not_a_number_stops_the_run(tmp_path):
    with pytest.raises(
        ModelError, match=r"step 5: the loss is not finite.*earlier.*batch 4; faces face-4"
    ):
        fit(Regression(), Lines(poison=4), config(), OPTIMIZER, tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
    assert not (tmp_path / "model.safetensors").exists()


class Nameless(Lines):
    """Whose samples have no names."""

    def names(self, index):
        return Batches.names(self, index)


def test_batches_without_names_are_told_by_their_numbers(tmp_path):
    with pytest.raises(ModelError, match=r"step 3: the loss is not finite.*; batch 4, 5$"):
        fit(Regression(), Nameless(poison=4), config(accumulate=2), OPTIMIZER, tmp_path)


class Flat(Lines):
    """The batches of `Lines`; all inputs of number `flat` are 0."""

    def __init__(self, flat=None):
        super().__init__()
        self.flat = flat

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x * (index != self.flat), y


class Root(Regression):
    """Whose loss is finite where its gradient is not: a root of 0."""

    def loss(self, model, batch):
        loss, figures = super().loss(model, batch)
        return loss + (batch[0] * model(batch[0])).square().sum().sqrt(), figures


@pytest.mark.parametrize("clip", [0.0, 5.0])
def test_gradient_that_is_not_a_number_stops_the_run_before_the_step(tmp_path, clip):
    moves, loop = OptimizerConfig(lr=0.05, warmup=2, clip=clip), config(every=1)
    with pytest.raises(ModelError, match=r"step 5: the gradient is not finite.*batch 4; faces"):
        fit(Root(), Flat(flat=4), loop, moves, tmp_path / "parts")
    assert finite(tmp_path / "parts" / "checkpoint.safetensors")
    fit(Root(), Flat(), loop, moves, tmp_path / "parts")
    fit(Root(), Flat(), loop, moves, tmp_path / "whole")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def finite(path):
    return all(bool(tensor.isfinite().all()) for tensor in load_file(path).values())


class Mended(Regression):
    """Whose weights are broken after step 5."""

    def after_step(self):
        if len(self.told) == 5:
            with torch.no_grad():
                self.model[0].weight[0, 0] = torch.inf


def test_weights_that_are_not_finite_are_never_kept(tmp_path):
    loop = config(every=1, monitor="valid")
    with pytest.raises(ModelError, match="step 5: the weights are not finite"):
        fit(Mended(), Lines(), loop, OPTIMIZER, tmp_path)
    assert finite(tmp_path / "checkpoint.safetensors")
    assert finite(tmp_path / "best.safetensors")
    assert not (tmp_path / "model.safetensors").exists()


class Sometimes(Regression):
    """Reports ``rare``, always 1, of every other pass from the fifth on."""

    passes = 0

    def loss(self, model, batch):
        loss, figures = super().loss(model, batch)
        self.passes += 1
        rare = self.passes > 4 and self.passes % 2
        return loss, figures | ({"rare": torch.tensor(1.0)} if rare else {})


def test_figure_of_some_passes_is_their_mean_and_a_column_of_its_own(tmp_path):
    loop = config(steps=6, every=2, accumulate=2)
    fit(Sometimes(), Lines(), loop, OPTIMIZER, tmp_path)
    rows = rows_of(tmp_path)
    assert [row["rare"] for row in rows] == ["", "1.0", "1.0"]
    assert all(row["loss"] == row["error"] != "" for row in rows)


def test_batch_statistics_shared_by_devices_keep_names_weights_and_frozen_layers():
    model = Regression().model
    model[1].requires_grad_(False).running_mean.fill_(0.5)
    x, before = Lines()[0][0], {name: value.clone() for name, value in model.state_dict().items()}
    wanted = model.eval()(x)
    shared = with_shared_statistics(model)
    assert isinstance(shared[1], nn.SyncBatchNorm)
    assert not any(p.requires_grad for p in shared[1].parameters())
    assert same(shared.state_dict(), before)
    assert torch.equal(shared(x), wanted)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that stopped half way."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.raises(KeyboardInterrupt):
        fit(Regression(), Lines(broken=4), config(), OPTIMIZER, folder)
    return folder


def _moment(state, name):
    """Give the moments of the first parameter, and their value of this name."""
    moments = next(iter(state["optimizer"]["state"].values()))
    return moments, moments[name]


def _reshape(state):
    moments, value = _moment(state, "exp_avg")
    moments["exp_avg"] = torch.zeros(value.numel() + 1)


def _rename(state):
    moments, _ = _moment(state, "exp_avg_sq")
    moments["exp_avg_sr"] = moments.pop("exp_avg_sq")


def _spoil(state):
    _, value = _moment(state, "exp_avg")
    value.view(-1)[0] = NAN


def _spoil_weight(state):
    next(iter(state["model"].values())).view(-1)[0] = math.inf


def _retype(state):
    name = next(iter(state["model"]))
    state["model"][name] = state["model"][name].long()


DAMAGES = {
    "no progress": (lambda state: state.pop("progress"), "of another run .* KeyError 'progress'"),
    "no model": (lambda state: state.pop("model"), "of another run .* KeyError 'model'"),
    "model of another kind": (lambda state: state.update(model=[1]), "of another run"),
    "optimizer of another kind": (lambda state: state.update(optimizer=7), "of another run"),
    "no groups": (lambda state: state["optimizer"].pop("param_groups"), "of another run"),
    "moments of another shape": (_reshape, r"optimizer\.exp_avg: not that of a parameter"),
    "moments by another name": (_rename, "optimizer: expected .*exp_avg_sq.*, got .*exp_avg_sr"),
    "moments that are no numbers": (_spoil, r"optimizer\.exp_avg: not that of a parameter"),
    "weights that are no numbers": (_spoil_weight, "not finite; the file is damaged"),
    "weights of another type": (_retype, r"is torch\.int64, expected torch\.float32"),
    "step below": (lambda state: state["progress"].update(step=-1), r"progress\.step: must be at"),
    "step beyond": (lambda state: state["progress"].update(step=7), r"progress\.step: must be at"),
    "step text": (lambda state: state["progress"].update(step="3"), r"progress\.step: must be a w"),
    "best text": (
        lambda state: state["progress"].update(best=None),
        r"progress\.best: must be a n",
    ),
    "unknown": (lambda state: state["progress"].update(more=1), r"progress\.more: unknown key"),
    "classes": (
        lambda state: state.update(holds={"classes": 3}),
        r"holds\.classes: must be a list",
    ),
    "network": (lambda state: state.update(holds=[1]), r"holds\.holds: unknown key"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_checkpoint_is_one_line(stopped, tmp_path, damage, says):
    shutil.copytree(stopped, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    state = load_state(path)
    damage(state)
    save_state(path, state)
    with pytest.raises(ModelError, match=says) as caught:
        fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path / "run")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_rates_come_from_the_recipe_and_not_from_the_checkpoint(stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    state = load_state(path)
    for group in state["optimizer"]["param_groups"]:
        group.update(peak="fast", betas=None)
    save_state(path, state)
    for folder in (stopped, tmp_path / "run"):
        fit(Regression(), Lines(), config(), OPTIMIZER, folder)
    assert same(weights(stopped), weights(tmp_path / "run"))


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"loss\n1\n",
        b"step\nx\n",
        b"step\n3,2\n",
        b'step\n"open',
        b"step\n" + b"1" * 140_000,
    ],
    ids=range(6),
)
def test_damaged_log_is_one_line(tmp_path, content):
    with pytest.raises(KeyboardInterrupt):
        fit(Regression(), Lines(broken=4), config(), OPTIMIZER, tmp_path)
    (tmp_path / "log.csv").write_bytes(content)
    with pytest.raises(ModelError, match=r"log\.csv: .*remove it") as caught:
        fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path)
    assert "\n" not in str(caught.value)


def test_checkpoint_of_another_network_is_refused(tmp_path):
    fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path)
    with pytest.raises(ModelError, match="of another run than this one"):
        fit(Linear(), Lines(), config(), OPTIMIZER, tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 0}, r"loop\.steps, loop\.epochs: give one"),
        ({"epochs": 1.0}, r"loop\.steps, loop\.epochs: give one"),
        ({"batch": 0}, r"loop\.batch: must be at least 1, got 0"),
        ({"devices": 0}, r"loop\.devices: must be at least 1"),
        ({"steps": -5, "epochs": 1.0}, r"loop\.steps: must be at least 0, got -5"),
        ({"every": -1}, r"loop\.every: must be at least 0, got -1"),
        ({"patience": -1}, r"loop\.patience: must be at least 0, got -1"),
        ({"workers": -1}, r"loop\.workers: must be at least 0, got -1"),
        ({"epochs": NAN}, r"loop\.epochs: must be finite, got nan"),
        ({"steps": 0, "epochs": math.inf}, r"loop\.epochs: must be finite"),
        ({"ema": 2.0}, r"loop\.ema: must be below 1, got 2\.0"),
        ({"ema": -1.0}, r"loop\.ema: must be at least 0, got -1\.0"),
        ({"ema": NAN}, r"loop\.ema: must be finite, got nan"),
        ({"seed": -1}, r"loop\.seed: must be at least 0, got -1"),
        ({"seed": 2**64}, r"loop\.seed: must be at most 4294967295"),
        ({"precision": "fp8"}, r"loop\.precision: 'fp8' is unknown; choose 32-true"),
        ({"patience": 3}, r"loop\.patience: needs loop\.monitor"),
    ],
)
def test_wrong_settings_are_refused(changed, message):
    with pytest.raises(ConfigError, match=message):
        config(**changed)


def test_unknown_figure_to_monitor_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"loop\.monitor: f1 is not among valid"):
        fit(Regression(), Lines(), config(monitor="f1"), OPTIMIZER, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_device_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"loop\.accelerator cuda"):
        fit(Regression(), Lines(), config(accelerator="cuda"), OPTIMIZER, tmp_path)


def test_every_evaluation_is_kept_where_asked(tmp_path):
    fit(Regression(), Lines(), config(keep=True), OPTIMIZER, tmp_path / "kept")
    fit(Regression(), Lines(), config(), OPTIMIZER, tmp_path / "not")
    kept = sorted(path.name for path in (tmp_path / "kept").glob("kept-*"))
    assert kept == ["kept-0000003.safetensors", "kept-0000006.safetensors"]
    assert same(load_file(tmp_path / "kept" / kept[1]), weights(tmp_path / "kept"))
    assert not same(load_file(tmp_path / "kept" / kept[0]), weights(tmp_path / "kept"))
    assert not list((tmp_path / "not").glob("kept-*"))
