"""Files and folders that appear under their name only when they are complete.

What is not complete lies beside its place (`engine/partials.py`). A name that is a link stays one:
what it points at is written.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from engine.errors import ConfigError, SinkError
from engine.partials import LOCK, Partial, is_being_written
from engine.wording import shortened

# What file systems say that keep no promise about the disk; the file is as safe as any on them.
_UNSYNCED: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


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
    return _placed(path, lambda place: _create(place, mode), _put)


def written_folder(path: Path, *, new: bool = False) -> AbstractContextManager[Path]:
    """Do as `written` with an empty folder; of several written at once, the first one stays.

    Args:
        path: Where the folder shall lie.
        new: Not to be the first one is an error.

    Raises:
        SinkError: It cannot be written.
    """
    return _placed(path, Path.mkdir, Path.replace if new else _put_folder)


def folder_beside(path: Path) -> AbstractContextManager[Path]:
    """Give an empty folder on the disk that `path` goes to; it is gone at the end.

    Raises:
        SinkError: It cannot be written to.
    """
    return _placed(path, partial(Path.mkdir, mode=0o700), lambda *_: None)


def staged(path: Path, *, overwrite: bool = True) -> AbstractContextManager[Path]:
    """Give a place for a file; it and all beside it move to the folder of `path` at the end.

    Args:
        path: The file.
        overwrite: Replace files there; else only what is the same byte for byte may be there.

    Raises:
        SinkError: The folder cannot be written to, or something would be replaced.
    """
    return _placed(path, lambda _: None, partial(_put_all, overwrite=overwrite))


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Partial(_followed(path), path.name)
        try:
            make(beside.path)
            yield beside.path
            move(beside.path, path)
        finally:
            beside.discard()
    except OSError as error:
        raise SinkError(f"{path}: cannot be written: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise SinkError(f"{path}: cannot be written: {_no_text(error)}") from error


def _no_text(error: UnicodeEncodeError) -> str:
    """Say what cannot be written: the name of a file that is no text, as Linux allows them."""
    return f"{error.object[max(0, error.start - 20) : error.end + 20]!r} is no text"


def _followed(path: Path) -> Path:
    """Give the file that a path leads to, through links; it may be missing.

    Raises:
        OSError: The links lead nowhere, or the system does not let this user follow them.
    """
    if not path.is_symlink():
        return path
    with suppress(FileNotFoundError):
        path.stat()
    return Path(os.path.realpath(path))


def _create(place: Path, mode: int = 0o666) -> None:
    """Make an empty file; O_EXCL refuses whatever is there already, links too."""
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))


def _put(place: Path, path: Path) -> None:
    _sync(place)
    _take_place(place, _followed(path))


def _take_place(place: Path, path: Path) -> None:
    """Replace a file by another one, which nobody may read who could not read the old one."""
    with suppress(OSError):  # there is none, or the system knows no modes
        place.chmod(stat.S_IMODE(path.stat().st_mode))
    place.replace(path)


def _sync(place: Path) -> None:
    """Wait until the disk has a file: after a power cut the old one or the new one is whole."""
    file = os.open(place, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise
    finally:
        os.close(file)


def _put_folder(place: Path, path: Path) -> None:
    try:
        place.replace(path)
    except OSError:
        if not path.is_dir():  # else another process was faster
            raise


def _put_all(place: Path, path: Path, *, overwrite: bool) -> None:
    """Move a file and all beside it, manifests last: without its own, a network is not opened."""
    there = (file for file in place.parent.iterdir() if file.name != LOCK)
    made = sorted(there, key=lambda file: file.suffix == ".json")
    if not overwrite:
        for file in made:
            _check_free(file, path.with_name(file.name))
    for file in made:
        _put(file, path.with_name(file.name))


def _check_free(made: Path, place: Path) -> None:
    if place.exists() and not (place.is_file() and place.read_bytes() == made.read_bytes()):
        raise SinkError(f"{place}: exists already; use --overwrite or another --out")


class PartialFile:
    """A file for whoever writes it bit by bit: moved onto its target by `commit`.

    Attributes:
        target: Where the file shall lie in the end; what it points at, if it is a link.
        path: Where it is written until then; hidden, with the target's ending.
    """

    def __init__(self, target: Path, *, endings: Collection[str], overwrite: bool) -> None:
        """Check the target and create the file.

        Raises:
            ConfigError: The ending is none of `endings`.
            SinkError: The target exists and may not be replaced, or nothing can be written there.
        """
        self.target, self._overwrite = target, overwrite
        _check(target, endings, overwrite)
        try:
            self.path = self._begin()
        except OSError as error:
            raise self.failed(error) from error

    def _begin(self) -> Path:
        self._place = _followed(self.target)
        alike = self._place.suffix.lower() == self.target.suffix.lower()
        self._beside = Partial(self._place, self._place.name if alike else self.target.name)
        try:
            _create(self._beside.path)
        except BaseException:
            self._beside.discard()
            raise
        return self._beside.path

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
        except UnicodeEncodeError as error:
            self.discard()
            why = _no_text(error)
            raise SinkError(f"{self.target}: cannot be written: {why}") from error
        self.commit()

    def commit(self) -> None:
        """Put the finished file in its place.

        Raises:
            SinkError: The system refuses, or another file came there that must not be replaced;
                the message says where this one is.
        """
        try:
            _sync(self.path)
            if self._overwrite:
                _take_place(self.path, self._place)
            else:
                self._put_new()
        except OSError as error:
            raise self.failed(error) from error
        finally:
            self.discard()

    def _put_new(self) -> None:
        """Move it where nothing is; what came there meanwhile stays, and so does this one."""
        for number in range(1, 1000):
            free = self._place if number == 1 else _numbered(self._place, number)
            try:
                _move_new(self.path, free)
            except FileExistsError:
                continue
            if number > 1:
                raise SinkError(
                    f"{self.target}: another file came there meanwhile; this one is {free}"
                )
            return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def discard(self) -> None:
        """Remove the temporary file, if it is there."""
        self._beside.discard()


class GrowingFile(PartialFile):
    """A file that has its name from the start, so that a kill leaves what was written."""

    def _begin(self) -> Path:
        if self._overwrite:
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
    """Make the file that an output is written to, over minutes or hours.

    Args:
        target: Where it shall lie.
        endings: Those allowed.
        overwrite: Replace a file that exists.
        growing: Give it its name from the start.

    Raises:
        ConfigError: The ending is none of `endings`.
        SinkError: The target exists and may not be replaced, another run is writing it, or nothing
            can be written there.
    """
    if growing:
        return GrowingFile(target, endings=endings, overwrite=overwrite)
    with suppress(OSError):
        if is_being_written(_followed(target)):
            raise SinkError(f"{target}: another run is writing it; wait or choose another name")
    return PartialFile(target, endings=endings, overwrite=overwrite)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem[:200]}-{number}{path.suffix}")


def _move_new(place: Path, path: Path) -> None:
    """Move a file to a name that nothing has.

    Raises:
        FileExistsError: Something has it.
    """
    try:
        os.link(place, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError from None
        place.replace(path)


def _check(target: Path, endings: Collection[str], overwrite: bool) -> None:
    if target.suffix.lower() not in endings:
        known = ", ".join(endings)
        raise ConfigError(f"{target}: unknown ending; known here: {known}")
    try:
        is_folder, is_there, is_file = target.is_dir(), target.exists(), target.is_file()
        folder = Path(os.path.realpath(target)).parent if target.is_symlink() else target.parent
    except OSError as error:  # a name that the system does not take
        raise SinkError(f"{shortened(target)}: cannot be written: {error.strerror}") from error
    if is_folder:
        raise SinkError(f"{target}: is a folder; name a file")
    if is_there and not is_file:
        raise SinkError(f"{target}: is a device or a pipe; name a file")
    if not folder.is_dir():
        raise SinkError(f"{target}: folder {folder} does not exist; create it first")
    if is_there and not overwrite:
        raise SinkError(f"{target}: exists already; use --overwrite or another name")
