"""Checkpoints: everything a run needs comes back, and nothing is unpickled."""

import errno
import pickle

import pytest
import torch
from torch import nn

from engine.errors import ModelError, SinkError
from training.trainer import checkpoint
from training.trainer.checkpoint import load_state, save_state
from training.weights import load_weights, save_weights


def trained():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_optimizer_state_comes_back(tmp_path):
    _, optimizer = trained()
    save_state(tmp_path / "a.safetensors", {"optimizer": optimizer.state_dict()})
    _, again = trained()
    again.load_state_dict(load_state(tmp_path / "a.safetensors")["optimizer"])
    one, two = optimizer.state_dict(), again.state_dict()
    assert one["param_groups"] == two["param_groups"]
    for key, state in one["state"].items():
        assert all(torch.equal(state[name], two["state"][key][name]) for name in state)


def test_nested_values_keep_their_types(tmp_path):
    state = {
        "a": [1, 2.5, None, True, "x"],
        7: {"b": torch.arange(3)},
        "inf": float("-inf"),
        "t": (0.9, 1),
    }
    save_state(tmp_path / "a.safetensors", state)
    read = load_state(tmp_path / "a.safetensors")
    assert read["a"] == state["a"]
    assert read["t"] == (0.9, 1)
    assert read["inf"] == float("-inf")
    assert torch.equal(read[7]["b"], torch.arange(3))


def test_pickle_is_refused(tmp_path):
    path = tmp_path / "evil.safetensors"
    path.write_bytes(pickle.dumps({"state": 1}))
    with pytest.raises(ModelError, match=r"evil\.safetensors: not a checkpoint of this program"):
        load_state(path)


def test_weights_file_is_not_taken_for_a_checkpoint(tmp_path):
    save_weights(nn.Linear(1, 1), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="not a checkpoint"):
        load_state(tmp_path / "w.safetensors")


def test_full_disk_leaves_the_previous_checkpoint_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_state(path, {"step": 1})

    def full(tensors, partial, metadata):
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(SinkError, match=r"a\.safetensors: cannot be written: .*No space left"):
        save_state(path, {"step": 2})
    assert load_state(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_weights_are_loaded_strictly(tmp_path):
    save_weights(nn.Linear(2, 3), tmp_path / "a.safetensors")
    model = nn.Linear(2, 3)
    load_weights(model, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=r"a\.safetensors: not the weights of a Sequential"):
        load_weights(nn.Sequential(nn.Linear(2, 3)), tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(model, tmp_path / "none.safetensors")
