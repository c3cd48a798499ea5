"""Damaged weights, checkpoints and run folders."""

import io
import json
from dataclasses import asdict

import pytest
import torch
from torch import nn

from export.checkpoint import open_checkpoint
from training.evaluation.runs import open_system
from training.report.curves import draw_curves, read_log
from training.systems.saved import CARD, Card
from training.trainer.checkpoint import load_state, save_state
from training.weights import (
    checkpoint_tensors,
    is_checkpoint,
    load_part,
    load_weights,
    save_weights,
)

CASES = 15


def small():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def bytes_of(path, write):
    write(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    torch.manual_seed(0)
    return bytes_of(path, lambda place: save_weights(small(), place))


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    content = {
        "model": small().state_dict(),
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "groups": [{"lr": 0.1}]},
        "step": 7,
        "best": (0.5, [1, None, "x"]),
    }
    return bytes_of(path, lambda place: save_state(place, content))


@pytest.fixture(scope="module")
def run(tmp_path_factory, untrained_run):
    """Give the files of an untrained system's run folder."""
    folder = tmp_path_factory.mktemp("run")
    classes = tuple(untrained_run(folder).class_names)
    card = Card("ferplus", classes or CLASSES, 48, 10, 0.1)
    return {
        "model.safetensors": (folder / "model.safetensors").read_bytes(),
        "recipe.json": json.loads((folder / "recipe.json").read_text()),
        CARD: json.loads(json.dumps(asdict(card))),
        "metrics.json": {"accuracy": 0.5},
    }


CLASSES = tuple("abcdefgh")


def changed_header(case, content):
    """Damage a safetensors file, or the JSON in its header alone."""
    if case.rng.random() < 0.5:
        return case.change.damaged(case.rng, content)
    size = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + size])
    if case.rng.random() < 0.6 and "__metadata__" in head:
        inner = case.pick(list(head["__metadata__"]))
        said = case.change.damaged_json(case.rng, json.loads(head["__metadata__"][inner]))
        head["__metadata__"][inner] = said.decode(errors="replace")
        new = json.dumps(head).encode()
    else:
        new = case.change.damaged_json(case.rng, head)
    return len(new).to_bytes(8, "little") + new + content[8 + size :]


def test_weights(case, weights):
    path = case.put("model.safetensors", changed_header(case, weights))
    case.judge(case.pick((lambda: load_weights(small(), path), lambda: load_part(small(), path))))


def test_states(case, state):
    path = case.put("state.safetensors", changed_header(case, state))
    case.judge(lambda: load_state(path))


def test_torch_checkpoints(case):
    file = io.BytesIO()
    torch.save(
        {"state_dict": small().state_dict()},
        file,
        _use_new_zipfile_serialization=bool(case.rng.integers(2)),
    )
    path = case.put("model.pth", case.change.damaged(case.rng, file.getvalue()))

    def read():
        return checkpoint_tensors(path) if is_checkpoint(path) else load_part(small(), path)

    case.judge(read)


def test_runs(case, run):
    for name, content in run.items():
        case.put(name, content if isinstance(content, bytes) else json.dumps(content).encode())
    name = case.pick(
        ("recipe.json", "recipe.json", CARD, CARD, "model.safetensors", "metrics.json")
    )
    if name == "model.safetensors":
        case.put(name, changed_header(case, run[name]))
    else:
        case.put(name, case.change.damaged_json(case.rng, run[name]))
    case.judge(case.pick((lambda: open_system(case.folder), lambda: open_checkpoint(case.folder))))


def test_logs(case):
    text = "step,loss,accuracy,macro_f1\n1,2.5,0.25,0.1\n2,2.0,0.5,\n3,1.5,0.5,0.2\n"
    path = case.put("log.csv", case.change.damaged_text(case.rng, text))
    rows = case.judge(lambda: read_log(path))
    if rows and rows["step"] and case.seed % 10 == 0:  # drawing takes long
        draw_curves(rows)
