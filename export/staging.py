"""Exports that are whole or not there: made in a folder of their own, then moved in."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.errors import SinkError
from engine.networks.manifest import Manifest


@contextmanager
def staged(out: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a place for a file; it and all beside it move to `out`'s folder at the end.

    Args:
        out: The file.
        overwrite: Replace files there; else only what is the same byte for byte may be there.

    Raises:
        SinkError: The folder cannot be written to, or something would be replaced.
    """
    with folder_beside(out) as folder:
        yield folder / out.name
        made = sorted(folder.iterdir(), key=lambda path: path.suffix == ".json")
        for path in made:
            if not overwrite:
                _check_free(path, out.with_name(path.name))
        # Manifests last: without its own, a network is not opened.
        for path in made:
            path.replace(out.with_name(path.name))


@contextmanager
def folder_beside(out: Path) -> Iterator[Path]:
    """Give a folder on the disk that `out` goes to; it is gone at the end.

    Raises:
        SinkError: It cannot be written to.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.stem}.", dir=out.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise SinkError(f"{out}: cannot be written: {error.strerror or error}") from error


def copy_network(manifest: Manifest, place: Path) -> None:
    """Copy a network with its manifest, unless it is there already.

    Raises:
        SinkError: It cannot be written.
    """
    if place.exists() and place.samefile(manifest.path):
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".onnx", ".json"):  # the manifest last: without it nothing is opened
            shutil.copyfile(manifest.path.with_suffix(suffix), place.with_suffix(suffix))
    except OSError as error:
        raise SinkError(f"{place}: cannot be written: {error.strerror or error}") from error


def _check_free(made: Path, place: Path) -> None:
    if place.exists() and not (place.is_file() and place.read_bytes() == made.read_bytes()):
        raise SinkError(f"{place}: exists already; use --overwrite or another --out")
