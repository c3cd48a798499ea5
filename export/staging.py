"""Exports that are whole or not there: made in a folder of their own, then moved in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.errors import SinkError


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Give a place for a file; it and all beside it move to `out`'s folder at the end.

    Raises:
        SinkError: The folder cannot be written to.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.stem}.", dir=out.parent) as folder:
            yield Path(folder, out.name)
            # Manifests last: without its own, a network is not opened.
            for path in sorted(Path(folder).iterdir(), key=lambda path: path.suffix == ".json"):
                path.replace(out.with_name(path.name))
    except OSError as error:
        raise SinkError(f"{out}: cannot be written: {error.strerror or error}") from error
