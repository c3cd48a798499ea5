"""Networks as files: a graph with its manifest beside it."""

import shutil
from pathlib import Path

from engine.files import written
from engine.networks.manifest import Manifest


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
