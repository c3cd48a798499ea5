"""Networks as files: a graph with its manifest beside it."""

import shutil
from pathlib import Path
from typing import Any, Final

from engine.files import written
from engine.networks.manifest import Manifest

# What metrics are of, where FER+ judges; `fer-bench` and lists of networks know it by its start.
FERPLUS: Final = "FER+ label.csv, majority labels, 8 classes"

SPLITS: Final = ("valid", "test")  # that figures are of


def served_figures(path: Path, data: Path, cache: Path) -> dict[str, Any]:
    """Judge an expression network on FER+ as users run it; give what a manifest says of that.

    Args:
        path: ONNX file, its manifest and landmark network beside it.
        data: Folder with the data packs.
        cache: Folder for decoded data.

    Raises:
        ModelError: It cannot be opened.
        SourceError: FER+ is missing or broken.
    """
    from training.evaluation.served import figures_served  # brings torch along

    figures = {split: figures_served(path, "ferplus", split, data, cache) for split in SPLITS}
    return {"data": FERPLUS, **figures}


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
