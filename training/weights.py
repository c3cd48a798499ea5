"""Weights of one network as a safetensors file."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from engine.errors import ModelError, SinkError


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
    try:
        model.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from error
    except RuntimeError as error:
        name = type(model).__name__
        raise ModelError(f"{path}: not the weights of a {name}: {error}") from error
