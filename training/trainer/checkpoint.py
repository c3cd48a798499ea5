"""State of a training run as one safetensors file: tensors, and plain JSON in its header.

Nothing is unpickled on loading, so a checkpoint from a stranger can do no harm.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from engine.errors import ModelError, SinkError
from engine.files import written
from training.weights import read_tensors

TENSOR = "tensor"  # the key that stands for a tensor in the header


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested mappings and lists of tensors and numbers; the old file stays till the end.

    Raises:
        SinkError: The file cannot be written, as when the disk is full.
    """
    tensors: dict[str, Tensor] = {}
    header = json.dumps(_strip(state, tensors))
    try:
        with written(path) as partial:
            save_file(tensors, partial, metadata={"state": header})
    except SafetensorError as error:
        raise SinkError(f"{path}: cannot be written: {error}") from error


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote.

    Raises:
        ModelError: Not such a file.
    """
    wrong = "not a checkpoint of this program"
    tensors, texts = read_tensors(path, wrong)
    try:
        state = _fill(json.loads(texts["state"]), tensors)
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        why = f"{type(error).__name__} {error}"
        raise ModelError(f"{path}: {wrong}: {why}") from error
    if not isinstance(state, dict):
        raise ModelError(f"{path}: {wrong}: holds no state by name")
    return state


def _strip(value: Any, tensors: dict[str, Tensor]) -> Any:  # noqa: ANN401 - any nesting
    """Move tensors into `tensors`, in place, and give the JSON that names them."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous()
        return {TENSOR: name}
    if isinstance(value, Mapping):
        # Pairs, as an optimizer's state has numbers for keys and JSON would make them strings.
        return {"pairs": [[key, _strip(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_strip(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_strip(item, tensors) for item in value]
    return value


def _fill(value: Any, tensors: Mapping[str, Tensor]) -> Any:  # noqa: ANN401 - any nesting
    if isinstance(value, list):
        return [_fill(item, tensors) for item in value]
    if isinstance(value, dict) and TENSOR in value:
        return tensors[value[TENSOR]]
    if isinstance(value, dict) and "tuple" in value:
        return tuple(_fill(item, tensors) for item in value["tuple"])
    if isinstance(value, dict):
        return {key: _fill(item, tensors) for key, item in value["pairs"]}
    return value
