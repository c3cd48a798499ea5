"""Torch checkpoints: told from safetensors, read as tensors alone."""

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.errors import ModelError
from training.weights import (
    checkpoint_tensors,
    is_checkpoint,
    load_part,
    load_weights,
    save_weights,
)

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4)}


class Malice:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content", [STATE, {"state_dict": STATE, "epoch": 3}, {"model": STATE, "note": "best"}]
)
def test_tensors_of_a_checkpoint_are_found(tmp_path, zipped, content):
    path = tmp_path / "ir50.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert is_checkpoint(path)
    read = checkpoint_tensors(path)
    assert read.keys() == STATE.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in STATE.items())


def test_safetensors_are_no_checkpoint_whatever_the_length_of_their_header(tmp_path):
    path = tmp_path / "named.pth"
    save_weights(nn.Linear(2, 3), path)
    assert not is_checkpoint(path)
    header = path.read_bytes()[8:]
    path.write_bytes((0x280).to_bytes(8, "little") + header)  # 80 02, as an old pickle starts
    assert not is_checkpoint(path)
    assert not is_checkpoint(tmp_path / "none.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_are_never_unpickled(tmp_path, zipped):
    path, made = tmp_path / "evil.pth", tmp_path / "made"
    torch.save(
        {"state_dict": STATE, "more": Malice(made)}, path, _use_new_zipfile_serialization=zipped
    )
    with pytest.raises(ModelError, match=r"evil\.pth: damaged, or holds objects") as caught:
        checkpoint_tensors(path)
    assert len(str(caught.value).splitlines()) == 1
    assert not made.exists()


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", b"\x80\x02 cut off", b"\x80", b""])
def test_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "cut.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"cut\.pth: ") as caught:
        checkpoint_tensors(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("content", [3, [STATE], {"epoch": 3}, torch.zeros(2)])
def test_checkpoint_without_tensors_by_name_is_refused(tmp_path, content):
    path = tmp_path / "none.pth"
    torch.save(content, path)
    with pytest.raises(ModelError, match=r"none\.pth: holds no tensors by name"):
        checkpoint_tensors(path)


def test_checkpoint_is_no_file_of_ours(tmp_path):
    path = tmp_path / "a.pth"
    torch.save(nn.Linear(2, 3).state_dict(), path)
    with pytest.raises(ModelError, match=r"a\.pth: cannot be read"):
        load_weights(nn.Linear(2, 3), path)


def test_part_of_a_larger_network_is_read_by_its_prefix(tmp_path):
    whole, part = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), nn.Linear(3, 4)
    save_weights(whole, tmp_path / "whole.safetensors")
    load_part(part, tmp_path / "whole.safetensors", "1.")
    assert torch.equal(part.weight, whole[1].weight)
    assert torch.equal(part.bias, whole[1].bias)


@pytest.mark.parametrize(("part", "prefix"), [(nn.Linear(3, 4), "2."), (nn.Linear(3, 5), "1.")])
def test_part_that_is_not_there_or_has_another_shape_is_refused(tmp_path, part, prefix):
    save_weights(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), tmp_path / "whole.safetensors")
    with pytest.raises(ModelError, match=r"whole\.safetensors: not the weights of a Linear"):
        load_part(part, tmp_path / "whole.safetensors", prefix)
