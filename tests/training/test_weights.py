"""Torch checkpoints: told from safetensors, read as tensors alone."""

import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.errors import ModelError, SinkError
from training import weights
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


def test_full_disk_leaves_the_weights_of_before(tmp_path, monkeypatch):
    model, path = nn.Linear(2, 3), tmp_path / "best.safetensors"
    save_weights(model, path)
    before = path.read_bytes()

    def full(tensors, partial, *_, **__):
        Path(partial).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(SinkError, match=r"best\.safetensors: cannot be written: .*No space left"):
        save_weights(nn.Linear(2, 3), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Known(nn.Linear):
    """A classifier that knows what its two logits stand for."""

    def __init__(self, *class_names):
        super().__init__(3, 2)
        self.class_names = class_names


def test_another_network_is_refused_in_one_line_with_both_named(tmp_path):
    path = tmp_path / "a.safetensors"
    save_weights(nn.Linear(2, 3), path)
    with pytest.raises(ModelError) as caught:
        load_weights(nn.Sequential(nn.Linear(2, 3)), path)
    assert str(caught.value) == (
        f"{path}: not the weights of a Sequential: holds a Linear; "
        "2 missing: 0.weight; 2 unexpected: bias"
    )
    with pytest.raises(
        ModelError, match=r"a Linear; 1 of another shape: weight, \(3, 2\) for \(3, 5\)$"
    ):
        load_weights(nn.Linear(5, 3), path)


def test_a_network_that_happens_to_have_the_same_tensors_is_refused(tmp_path):
    save_weights(nn.BatchNorm1d(3), tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=r"not the weights of a BatchNorm2d: holds a BatchNorm1d$"):
        load_weights(nn.BatchNorm2d(3), tmp_path / "a.safetensors")


def test_file_that_does_not_say_what_it_holds_is_judged_by_its_tensors(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(nn.Linear(3, 2).state_dict(), path)
    load_weights(Known("fear", "anger"), path)
    with pytest.raises(ModelError, match=r"of a ReLU: holds 2 tensors; 2 unexpected: bias$"):
        load_weights(nn.ReLU(), path)


def test_another_order_of_classes_is_refused_with_both_named(tmp_path):
    path = tmp_path / "a.safetensors"
    save_weights(Known("anger", "fear"), path)
    load_weights(Known("anger", "fear"), path)
    load_weights(Known(), path)
    with pytest.raises(
        ModelError, match=r"a\.safetensors: its classes are anger, fear; expected fear, anger;"
    ):
        load_weights(Known("fear", "anger"), path)


def test_the_same_weights_are_the_same_file(tmp_path):
    model = Known("anger", "fear")
    for name in ("a", "b"):
        save_weights(model, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_damaged_header_is_one_line(tmp_path):
    save_file(STATE, tmp_path / "a.safetensors", metadata={"holds": "{"})
    with pytest.raises(ModelError, match=r"a\.safetensors: cannot be read"):
        load_weights(nn.Linear(2, 3), tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "holds",
    ["7", "[]", '{"classes": 7}', '{"classes": [1]}', '{"network": [1]}', "[" * 5000, '{"a": 1}'],
    ids=range(7),
)
def test_header_of_another_kind_is_one_line(tmp_path, holds):
    save_file(nn.Linear(2, 3).state_dict(), tmp_path / "a.safetensors", metadata={"holds": holds})
    with pytest.raises(ModelError, match=r"a\.safetensors: .*holds") as caught:
        load_weights(nn.Linear(2, 3), tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda bias: bias * float("nan"), "bias: not finite; the file is damaged"),
        (lambda bias: bias / 0, "bias: not finite"),
        (lambda bias: bias.long(), r"bias: is torch\.int64, expected torch\.float32"),
        (lambda bias: bias.bool(), r"bias: is torch\.bool"),
        (lambda bias: bias.to(torch.complex64), r"bias: is torch\.complex64"),
        (lambda bias: bias[:2], r"1 of another shape: bias, \(2,\) for \(3,\)"),
    ],
)
def test_tensors_of_another_kind_are_named(tmp_path, change, says):
    state = nn.Linear(2, 3).state_dict()
    state["bias"] = change(state["bias"] + 1)
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{says}"):
        load_weights(nn.Linear(2, 3), tmp_path / "a.safetensors")


def test_damage_anywhere_is_a_model_error_or_harmless(tmp_path):
    path, model = tmp_path / "a.safetensors", nn.Linear(2, 3)
    save_weights(model, path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    cuts = [whole[:end] for end in (0, 1, 7, 8, 9, len(whole) // 2, len(whole) - 1)]
    sizes = [n.to_bytes(8, "little") + whole[8:] for n in (0, 1, 2**31, 2**63, 2**64 - 1)]
    flips = []
    for _ in range(300):
        broken = bytearray(whole)
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        flips.append(bytes(broken))
    refused = []
    for content in (*cuts, *sizes, *flips):
        path.write_bytes(content)
        try:
            load_weights(model, path)
        except ModelError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all(line.startswith(str(path)) and "\n" not in line for line in refused)


@pytest.mark.parametrize("content", [b"\x80\x02J\x01", b"\x80\x02", b"\x80\x42J\x01"])
def test_a_checkpoint_cut_off_inside_of_a_value_is_named(tmp_path, content):
    """Torch raises what unpacks the value; a later version of pickle is no warning to the user."""
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"a\.pth: "):
        checkpoint_tensors(path)
