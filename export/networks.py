"""Networks as files: a graph with its manifest beside it."""

import shutil
from pathlib import Path
from typing import Final

from engine.files import written
from engine.networks.manifest import Manifest

# What metrics are of, where FER+ judges; `fer-bench` and lists of networks know it by its start.
FERPLUS: Final = "FER+ label.csv, majority labels, 8 classes"


def copy_network(manifest: Manifest, place: Path) -> None:
    """Copy a network with its manifest, unless it is there already.

    Raises:
        SinkError: It cannot be written.
    """
    if place.exists() and place.samefile(manifest.path):
        return
    for suffix in (".onnx", ".json"):  # the manifest last: without it nothing is opened
        with written(place.with_suffix(suffix)) as partial:
            shutil.copyfile(manifest.path.with_suffix(suffix), partial)
