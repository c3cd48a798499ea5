"""Weights of one network as a safetensors file; those of others also as a torch checkpoint."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.errors import ModelError, SinkError

_ZIP = b"PK\x03\x04"


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's parameters and buffers; the old file stays till the end.

    Raises:
        SinkError: The file cannot be written, as when the disk is full.
    """
    partial = path.with_suffix(".partial")
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    try:
        save_file(tensors, partial)
        partial.chmod(0o644)  # safetensors makes it its writer's own
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written: {error}") from error


def load_weights(model: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote, strictly, in place.

    Raises:
        ModelError: Not a safetensors file, or another network's.
    """
    _take(model, _tensors(path), path)


def load_part(model: nn.Module, path: Path, prefix: str = "") -> None:
    """Read a network's own weights out of the file of a larger one, in place.

    Args:
        model: Takes all its parameters and buffers from the file.
        path: What `save_weights` wrote.
        prefix: How their names start there, such as ``encoder.image.``.

    Raises:
        ModelError: Not a safetensors file, or such a network is not in it.
    """
    tensors = _tensors(path)
    named = {name: prefix + name for name in model.state_dict()}
    part = {name: tensors[there] for name, there in named.items() if there in tensors}
    _take(model, part, path)


def is_checkpoint(path: Path) -> bool:
    """Tell by its first bytes whether a file is what `torch.save` writes, in either format."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    # A safetensors file has the length of its JSON header in eight bytes, then the header.
    return head.startswith(_ZIP) or (head.startswith(b"\x80") and not head.endswith(b"{"))


def checkpoint_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a torch checkpoint on the CPU; no object in it is ever unpickled.

    They may lie one level down, in ``state_dict`` or ``model``, as training scripts leave them.

    Raises:
        ModelError: It cannot be read, holds other objects, or no tensor by a name.
    """
    try:
        with path.open("rb") as file:
            mapped = file.read(len(_ZIP)) == _ZIP  # the older format cannot be
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: damaged, or holds objects beside tensors and plain values, which are never "
            "unpickled; save its tensors alone"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path}: cannot be read: {reason}") from error
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    named = content.items() if isinstance(content, Mapping) else ()
    tensors = {str(name): value for name, value in named if isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"{path}: holds no tensors by name; give a network's state_dict")
    return tensors


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from error


def _take(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        name = type(model).__name__
        raise ModelError(f"{path}: not the weights of a {name}: {error}") from error
