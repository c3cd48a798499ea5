"""Weights of one network as a safetensors file; those of others also as a torch checkpoint."""

import hashlib
import json
import logging
import pickle
import struct
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.config import Line, checked, read
from engine.documents import open_ordinary
from engine.errors import ConfigError, ModelError, SinkError
from engine.files import written

log = logging.getLogger(__name__)

COUNTER: Final = "num_batches_tracked"  # of batches that a norm saw; nothing reads it
HOLDS: Final = "holds"  # key of `kind_of` in a file's header
_ZIP = b"PK\x03\x04"
# What torch raises of a damaged checkpoint besides its own error.
_DAMAGED: Final = (
    *(OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError, MemoryError, struct.error),
)


def kind_of(model: nn.Module) -> dict[str, Any]:
    """Say what a network's weights are, ready for JSON.

    ``network`` names its Python class, ``classes`` what its logits stand for, in their order;
    empty in networks that have no `class_names`.
    """
    classes = list(getattr(model, "class_names", ()))
    return {"network": type(model).__name__, "classes": classes}


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's parameters and buffers, and its kind; the old file stays till the end.

    Raises:
        SinkError: The file cannot be written, as when the disk is full.
    """
    tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    try:
        with written(path) as partial:
            save_file(tensors, partial, metadata={HOLDS: json.dumps(kind_of(model))})
            partial.chmod(0o644)  # safetensors makes it its writer's own
    except SafetensorError as error:
        raise SinkError(f"{path}: cannot be written: {error}") from error


def load_weights(model: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote, strictly, in place.

    A file that does not say what it holds is judged by its tensors alone.

    Raises:
        ModelError: Not a safetensors file, or of another network or other classes.
    """
    tensors, holds = _read(path)
    take(model, tensors, holds, str(path))


def load_part(model: nn.Module, path: Path, prefix: str = "") -> None:
    """Read a network's own weights out of the file of a larger one, in place.

    Args:
        model: Takes all its parameters and buffers from the file.
        path: What `save_weights` wrote.
        prefix: How their names start there, such as ``encoder.image.``.

    Raises:
        ModelError: Not a safetensors file, or such a network is not in it.
    """
    tensors, holds = _read(path)
    named = {name: prefix + name for name in model.state_dict()}
    part = {name: tensors[there] for name, there in named.items() if there in tensors}
    _fill(model, part, str(path), _what(holds, tensors))


def take(
    model: nn.Module, tensors: Mapping[str, Tensor], holds: Mapping[str, Any], place: str
) -> None:
    """Give a network all its parameters and buffers, in place.

    Args:
        model: Of the kind that `holds` names.
        tensors: By their names in `model`.
        holds: `kind_of` the network they were taken from; empty where nobody knows.
        place: Where they lie, for the message.

    Raises:
        ModelError: They are another network's, or their classes or the order of these are others.
    """
    own, what = kind_of(model), _what(holds, tensors)
    if holds.get("network") and holds["network"] != own["network"]:
        raise _misfit(model, tensors, place, what)
    check_classes(place, holds.get("classes", ()), own["classes"])
    _fill(model, tensors, place, what)


def load_named(model: nn.Module, path: Path, names: Mapping[str, str]) -> None:
    """Read weights whose tensors have names of others, in place; say in the log what was left over.

    A ``module.`` before all names is ignored. Counters of batches may be missing, as older versions
    of torch wrote none.

    Args:
        model: Takes all its parameters and buffers from the file.
        path: Safetensors, or what `torch.save` writes; nothing in it is unpickled but tensors.
        names: Of each tensor of `model`, its name in the file.

    Raises:
        ModelError: The file cannot be read, or lacks a tensor, or has one of another shape.
    """
    take_named(model, tensors_of(path), names, str(path))


def take_named(
    model: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str], place: str
) -> None:
    """Do as `load_named` with tensors that were read already; `place` is for messages."""
    given = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    own = model.state_dict()
    part = {name: given[there] for name, there in names.items() if there in given}
    counters = {name: own[name] for name in own if name.endswith(COUNTER) and name not in part}
    missing = [there for name, there in names.items() if name not in part | counters]
    other = [
        f"{names[name]}, {tuple(value.shape)} for {tuple(own[name].shape)}"
        for name, value in part.items()
        if value.shape != own[name].shape
    ]
    left = sorted(given.keys() - set(names.values()))
    found = {"missing": missing, "of another shape": other, "left over": left}
    said = "".join(f"; {len(each)} {how}: {each[0]}" for how, each in found.items() if each)
    count = f"{len(part) - len(other)} of {len(own)} tensors"
    if missing or other:
        raise ModelError(f"{place}: not the weights of a {type(model).__name__}: has {count}{said}")
    _fill(model, {**counters, **part}, place, f"{len(tensors)} tensors")
    log.info("%s: took %s%s", place, count, said)


def tensors_of(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file or a torch checkpoint, as its first bytes say.

    Raises:
        ModelError: It is neither, or cannot be read.
    """
    return checkpoint_tensors(path) if is_checkpoint(path) else read_tensors(path)[0]


def is_own(model: nn.Module, tensors: Mapping[str, Tensor]) -> bool:
    """Tell whether tensors have the names that `save_weights` gives those of a network."""
    return model.state_dict().keys() <= tensors.keys()


def check_classes(place: str, held: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse weights whose logits stand for other classes, where both sides name them.

    Raises:
        ModelError: Another class or another order.
    """
    if held and wanted and list(held) != list(wanted):
        raise ModelError(
            f"{place}: its classes are {', '.join(held)}; expected {', '.join(wanted)}; "
            "choose weights of the same ones in this order"
        )


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a weights file.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        with open_ordinary(path) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error


def is_checkpoint(path: Path) -> bool:
    """Tell by its first bytes whether a file is what `torch.save` writes, in either format."""
    try:
        with open_ordinary(path) as file:
            head = file.read(9)
    except OSError:
        return False
    # A safetensors file has the length of its JSON header in eight bytes, then the header.
    return head.startswith(_ZIP) or (head.startswith(b"\x80") and not head.endswith(b"{"))


def checkpoint_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a torch checkpoint on the CPU; no object in it is ever unpickled.

    They may lie one level down, in ``state_dict``, ``model`` or ``model_state_dict``, as training
    scripts leave them.

    Raises:
        ModelError: It cannot be read, holds other objects, or no tensor by a name.
    """
    try:
        with open_ordinary(path) as file:
            mapped = file.read(len(_ZIP)) == _ZIP  # the older format cannot be
        with warnings.catch_warnings(action="ignore"):  # of versions of pickle
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: damaged, or holds objects beside tensors and plain values, which are never "
            "unpickled; save its tensors alone"
        ) from error
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{path}: cannot be read: {reason}") from error
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    named = content.items() if isinstance(content, Mapping) else ()
    tensors = {str(name): value for name, value in named if isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"{path}: holds no tensors by name; give a network's state_dict")
    return tensors


def read_tensors(
    path: Path, wrong: str = "cannot be read"
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Give the tensors of a safetensors file and the texts in its header.

    Args:
        path: The file.
        wrong: What a message says of one that is no such file.

    Raises:
        ModelError: It is no such file, or is damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            return tensors, file.metadata() or {}
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path}: {wrong}: {one_line(error)}") from error


def kind_in(said: object, place: str) -> dict[str, Any]:
    """Give what `kind_of` wrote, read from a file.

    Raises:
        ModelError: It is something else.
    """
    try:
        return asdict(read(_Kind, said if isinstance(said, dict) else {HOLDS: said}, HOLDS))
    except ConfigError as error:
        raise ModelError(f"{place}: {error}") from error


def one_line(error: Exception) -> str:
    """Give what a library's error says, without the lines that follow the first."""
    return str(error).partition("\n")[0].strip() or type(error).__name__


@checked(HOLDS)
class _Kind:
    """See `kind_of`."""

    network: Line | None = None
    classes: tuple[Line, ...] = ()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Give the tensors of a safetensors file and, if it says so, the kind of their network."""
    tensors, texts = read_tensors(path)
    try:
        said = json.loads(texts.get(HOLDS, "{}"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read: {HOLDS}: {error}") from error
    return tensors, kind_in(said, str(path))


def _what(holds: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    return f"a {holds['network']}" if holds.get("network") else f"{len(tensors)} tensors"


def _fill(model: nn.Module, tensors: Mapping[str, Tensor], place: str, what: str) -> None:
    wanted = model.state_dict()
    for name, values in tensors.items():
        if name in wanted and values.is_floating_point() != wanted[name].is_floating_point():
            raise ModelError(f"{place}: {name}: is {values.dtype}, expected {wanted[name].dtype}")
        if values.is_floating_point() and not values.float().isfinite().all():
            raise ModelError(f"{place}: {name}: not finite; the file is damaged")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise _misfit(model, tensors, place, what) from error


def _misfit(model: nn.Module, tensors: Mapping[str, Tensor], place: str, what: str) -> ModelError:
    """Name both networks and, of each way in which their tensors differ, the first one."""
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    held = {name: tuple(value.shape) for name, value in tensors.items()}
    both = [name for name in wanted if name in held and held[name] != wanted[name]]
    found = {
        "missing": [name for name in wanted if name not in held],
        "unexpected": [name for name in held if name not in wanted],
        "of another shape": [f"{name}, {held[name]} for {wanted[name]}" for name in both],
    }
    said = [f"; {len(names)} {how}: {names[0]}" for how, names in found.items() if names]
    name = type(model).__name__
    return ModelError(f"{place}: not the weights of a {name}: holds {what}{''.join(said)}")
