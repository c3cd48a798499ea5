"""Files and folders that appear under their name only when they are complete.

What is not complete lies beside its place under a name that nobody can guess, made so that it is
new: whoever may write to the same folder cannot have put a link or another file there before.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from engine.errors import ConfigError, SinkError

NAME_MAX: Final = 255  # bytes that file systems allow in a name
_ENDING_MAX: Final = 32  # bytes; what is longer is no ending that a program goes by


def written(path: Path, *, mode: int = 0o666) -> AbstractContextManager[Path]:
    """Give an empty file beside `path` to write to; at the end it takes the place of `path`.

    The folder that `path` lies in is made. An old file stays till the end, and for good where
    writing fails. Several processes may write the same at once: each has a file of its own, and
    the last one stays.

    Args:
        path: Where the file shall lie.
        mode: Who may do what with it, before the user's mask.

    Raises:
        SinkError: It cannot be written.
    """
    return _placed(path, lambda place: _create(place, mode), _replace)


def written_folder(path: Path) -> AbstractContextManager[Path]:
    """Do as `written` with an empty folder; of several written at once, the first one stays.

    Raises:
        SinkError: It cannot be written.
    """
    return _placed(path, Path.mkdir, _replace)


def folder_beside(path: Path) -> AbstractContextManager[Path]:
    """Give an empty folder on the disk that `path` goes to; it is gone at the end.

    Raises:
        SinkError: It cannot be written to.
    """
    return _placed(path, partial(Path.mkdir, mode=0o700), lambda *_: None)


@contextmanager
def staged(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a place for a file; it and all beside it move to the folder of `path` at the end.

    Args:
        path: The file.
        overwrite: Replace files there; else only what is the same byte for byte may be there.

    Raises:
        SinkError: The folder cannot be written to, or something would be replaced.
    """
    with folder_beside(path) as folder:
        yield folder / path.name
        made = sorted(folder.iterdir(), key=lambda file: file.suffix == ".json")
        for file in made:
            if not overwrite:
                _check_free(file, path.with_name(file.name))
        # Manifests last: without its own, a network is not opened.
        for file in made:
            file.replace(path.with_name(file.name))


def write_text(path: Path, text: str) -> None:
    """Write a text file, as UTF-8.

    Raises:
        SinkError: As `written`.
    """
    with written(path) as place:
        place.write_text(text, encoding="utf-8")


@contextmanager
def _placed(
    path: Path, make: Callable[[Path], object], move: Callable[[Path, Path], object]
) -> Iterator[Path]:
    place = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        make(place)
        try:
            yield place
            move(place, path)
        finally:
            _remove(place)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error


def _beside(path: Path) -> Path:
    """Name what is not complete: hidden, in the same folder, with the same ending."""
    ending = path.suffix if len(os.fsencode(path.suffix)) <= _ENDING_MAX else ""
    tail = f".{secrets.token_hex(8)}.partial{ending}"
    room = NAME_MAX - 1 - len(os.fsencode(tail))
    return path.with_name(f".{os.fsencode(path.stem)[:room].decode(errors='ignore')}{tail}")


def _create(place: Path, mode: int = 0o666) -> None:
    """Make an empty file; O_EXCL refuses whatever is there already, links too."""
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))


def _replace(place: Path, path: Path) -> None:
    try:
        place.replace(path)
    except OSError:
        if not (place.is_dir() and path.is_dir()):  # else another process was faster
            raise


def _remove(place: Path) -> None:
    with suppress(OSError):  # what happened before says more
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _check_free(made: Path, place: Path) -> None:
    if place.exists() and not (place.is_file() and place.read_bytes() == made.read_bytes()):
        raise SinkError(f"{place}: exists already; use --overwrite or another --out")


class PartialFile:
    """A file for whoever writes it bit by bit: renamed onto its target by `commit`.

    Attributes:
        target: Where the file shall lie in the end.
        path: Where it is written until then; hidden, with the target's ending.
    """

    def __init__(self, target: Path, *, endings: Collection[str], overwrite: bool) -> None:
        """Check the target and create the file.

        Raises:
            ConfigError: The ending is none of `endings`.
            SinkError: The target exists and may not be replaced, or nothing can be written there.
        """
        _check(target, endings, overwrite)
        self.target = target
        try:
            self.path = self._make(overwrite)
        except OSError as error:
            raise self.failed(error) from error

    def _make(self, overwrite: bool) -> Path:
        path = _beside(self.target)
        _create(path)
        return path

    def failed(self, error: Exception) -> SinkError:
        """The error that says why writing the target failed."""
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return SinkError(f"{self.target}: cannot be written: {why}")

    def write(self, content: str | bytes) -> None:
        """Write all there is to write, text as UTF-8, and put the file in its place.

        Raises:
            SinkError: The system refuses; nothing is left of it.
        """
        try:
            if isinstance(content, str):
                self.path.write_text(content, "utf-8")
            else:
                self.path.write_bytes(content)
        except OSError as error:
            self.discard()
            raise self.failed(error) from error
        self.commit()

    def commit(self) -> None:
        """Put the finished file in its place.

        Raises:
            SinkError: The system refuses.
        """
        try:
            self.path.replace(self.target)
        except OSError as error:
            self.discard()
            raise self.failed(error) from error

    def discard(self) -> None:
        """Remove the temporary file, if it is there."""
        self.path.unlink(missing_ok=True)


class GrowingFile(PartialFile):
    """A file that has its name from the start, so that a kill leaves what was written."""

    def _make(self, overwrite: bool) -> Path:
        if overwrite:
            self.target.unlink(missing_ok=True)
        _create(self.target)
        return self.target

    def commit(self) -> None:
        """Do nothing: the file is in its place."""

    def discard(self) -> None:
        """Keep what was written; remove the file only if that is nothing."""
        try:
            if self.path.stat().st_size == 0:
                self.path.unlink()
        except FileNotFoundError:
            pass


def open_target(
    target: Path, *, endings: Collection[str], overwrite: bool, growing: bool
) -> PartialFile:
    """Make the file that an output is written to.

    Args:
        target: Where it shall lie.
        endings: Those allowed.
        overwrite: Replace a file that exists.
        growing: Give it its name from the start.

    Raises:
        ConfigError: The ending is none of `endings`.
        SinkError: The target exists and may not be replaced, or nothing can be written there.
    """
    kind = GrowingFile if growing else PartialFile
    return kind(target, endings=endings, overwrite=overwrite)


def _check(target: Path, endings: Collection[str], overwrite: bool) -> None:
    if target.suffix.lower() not in endings:
        known = ", ".join(endings)
        raise ConfigError(f"{target}: unknown ending; known here: {known}")
    try:
        is_folder, is_there = target.is_dir(), target.exists()
    except OSError as error:  # a name that the system does not take
        raise SinkError(f"{str(target)[:80]}…: cannot be written: {error.strerror}") from error
    if is_folder:
        raise SinkError(f"{target}: is a folder; name a file")
    if not target.parent.is_dir():
        raise SinkError(f"{target}: folder {target.parent} does not exist; create it first")
    if is_there and not overwrite:
        raise SinkError(f"{target}: exists already; use --overwrite or another name")
