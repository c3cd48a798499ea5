"""What networks answer, checked before it is believed: a model file may come from anybody."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.types import Floats

LARGEST: Final = 1e6  # of an answer; what is larger means nothing, and its square has no float32


def answer(
    name: str,
    outputs: Sequence[NDArray[np.generic]],
    index: int,
    shape: tuple[int, ...],
    largest: float = LARGEST,
) -> Floats:
    """Give one output of a network.

    Args:
        name: Of the network, for messages.
        outputs: All it gave.
        index: Which one.
        shape: That it must have.
        largest: What may be in it.

    Returns:
        float32, finite, within `largest`.

    Raises:
        ModelError: It is missing, of another shape, no numbers, or such as mean nothing.
    """
    where = f"{name}: output {index}"
    if index >= len(outputs):
        raise ModelError(f"{where}: missing; expected one of {shape}")
    values = outputs[index]
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype.kind != "f":
        said = getattr(values, "shape", type(values).__name__), getattr(values, "dtype", "")
        raise ModelError(f"{where}: expected numbers {shape}, got {said[0]} {said[1]}".rstrip())
    if values.size and not np.abs(values).max() <= largest:  # nan compares false
        raise ModelError(f"{where}: not finite or over {largest:g}; the model is damaged")
    return np.asarray(values, np.float32)
