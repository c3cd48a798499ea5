"""Arrays that are computed once and kept in files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.files import written
from engine.types import Floats
from training.data.unpacking import array_in


def kept(path: Path, make: Callable[[], Floats]) -> Floats:
    """Give the array in a ``.npy`` file, made and written the first time.

    Raises:
        SinkError: It cannot be written.
    """
    if not path.is_file():
        made = make()
        with written(path) as partial:
            np.save(partial, made)
    return np.asarray(array_in(path, f"{path} (remove it to make it again)"), np.float32)
