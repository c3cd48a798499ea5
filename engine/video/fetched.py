"""Pictures that come over the network or are piped in: read whole, then as any picture file.

Whether something is a picture its first bytes say. What is one stays in a temporary file of its
own until it is closed: a picture's readers want files, and go back and forth in them.
"""

import dataclasses
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import unquote, urlsplit

import av.error

from engine.errors import SourceError
from engine.signals import UNFINISHED
from engine.video.animation import Animation
from engine.video.container import STANDARD_INPUT, bytes_at, open_input, reason
from engine.video.pictures import Pictures
from engine.video.source import Source, SourceConfig, SourceInfo
from engine.video.stills import ENDINGS, ending_of, holds_one_picture, kind_of

log = logging.getLogger(__name__)

BYTES_MAX: Final = 512 * 2**20  # of a picture: 150 megapixels, not compressed, have 450 million
_HEAD: Final = 32  # bytes that say what a file is
_CHUNK: Final = 65_536  # bytes
_NAME_MAX: Final = 100  # characters of a file's name


class Once:
    """Bytes that come once, kept so that they can be read again from the start."""

    def __init__(self, name: str, more: Callable[[int], bytes | None]) -> None:
        """Take what gives up to so many further bytes, and none at the end."""
        self._name, self._more = name, more
        self._kept = bytearray()
        self._at = 0
        self._keeps = True

    def read(self, count: int) -> bytes:
        """Give up to so many bytes, none at the end.

        Raises:
            SourceError: There are more than `BYTES_MAX` of a picture.
        """
        if self._at < len(self._kept):
            found = bytes(self._kept[self._at : self._at + count])
            self._at += len(found)
            if not self._keeps and self._at == len(self._kept):
                self._kept, self._at = bytearray(), 0
            return found
        found = self._more(count) or b""
        if self._keeps:
            self._kept += found
            self._at += len(found)
            if len(self._kept) > BYTES_MAX:
                most = BYTES_MAX // 2**20
                raise SourceError(f"{self._name}: a picture over {most} MiB; save it as a file")
        return found

    def head(self) -> bytes:
        """Give the first bytes, without going on.

        Raises:
            SourceError: It cannot be read.
        """
        with _named(self._name, "cannot be read"):
            while len(self._kept) < _HEAD and self._more_kept(_HEAD - len(self._kept)):
                pass
        return bytes(self._kept[:_HEAD])

    def _more_kept(self, count: int) -> bytes:
        self._at = len(self._kept)
        return self.read(count)

    def again(self, *, last: bool = False) -> "Once":
        """Go back to the start; the last time nothing more is kept."""
        self._at, self._keeps = 0, not last
        return self

    def whole(self) -> bytes:
        """Give all there is, from the start to the end.

        Raises:
            SourceError: It cannot be read, or is over `BYTES_MAX`.
        """
        self._at = len(self._kept)
        with _named(self._name, "cannot be read"):
            while self.read(_CHUNK):
                pass
        return bytes(self._kept)


def open_piped(name: str, once: Once, config: SourceConfig) -> Source | None:
    """Open a picture that is piped in.

    Args:
        name: What messages call it.
        once: What comes; where it is no picture it can be read again.
        config: Which part to read.

    Returns:
        The picture; None if what comes is none, or several one after the other.

    Raises:
        SourceError: It is a picture that cannot be read.
    """
    return _open(name, name, once, config)


def open_fetched(name: str, url: str, config: SourceConfig) -> Source | None:
    """Open a picture that lies at an address; arguments and result as those of `open_piped`."""
    path = unquote(urlsplit(url).path)
    with closing(bytes_at(name, url)) as chunks:
        once = Once(name, lambda _: next(chunks, b""))
        return _open(name, path.rpartition("/")[2] or "picture", once, config)


def _open(name: str, called: str, once: Once, config: SourceConfig) -> Source | None:
    ending = ending_of(once.head()) or (Path(called).suffix.lower() if _unmarked(called) else "")
    if not ending or not _is_one(name, ending, once, config):
        return None
    content = once.whole()
    with _named(name, "cannot be kept to be read"):
        folder = _Folder()
    try:
        path = folder.path / _file_name(called, ending)
        with _named(name, "cannot be kept to be read"):
            path.write_bytes(content)
        kind = kind_of(path, config.max_megapixels)
        if kind == "picture":
            return _Picture(name, path, folder, config)
        if kind == "animated webp":
            return _Animation(name, path, folder, config)
    except BaseException:
        folder.discard()
        raise
    folder.discard()
    return None


@contextmanager
def _named(name: str, what: str) -> Iterator[None]:
    """Make what the system refuses an error of the source."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{name}: {what}: {reason(error)}") from error


def _unmarked(called: str) -> bool:
    """Whether a name says that it is of the one kind whose first bytes say nothing."""
    return called.lower().endswith(".tga")


def _is_one(name: str, ending: str, once: Once, config: SourceConfig) -> bool:
    """Say whether it is not several pictures in a row, which is how cameras send films."""
    if ending in (".avif", ".heic", ".webp"):
        return True
    try:
        most = config.max_megapixels
        with open_input(name, STANDARD_INPUT, file=once.again(), max_megapixels=most) as container:
            return holds_one_picture(container)
    except (SourceError, av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        log.debug("%s: %s", name, error)  # it is said again, or is only cut short
        return True


def _file_name(called: str, ending: str) -> str:
    """Give a name that any system takes, whose ending is that of a picture."""
    name = re.sub(r'[^\w .()+,=@-]|[<>:"/\\|?*]', "_", called).strip(". ") or "picture"
    stem, dot, own = name.rpartition(".")
    if dot and f".{own.lower()}" in ENDINGS:
        return f"{stem[:_NAME_MAX]}.{own}"
    return f"{name[:_NAME_MAX]}{ending}"


class _Folder:
    """A temporary folder that signals remove too."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="fer-live-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        UNFINISHED[self] = os.getpid()

    def discard(self) -> None:
        UNFINISHED.pop(self, None)
        self._folder.cleanup()


@contextmanager
def _called(name: str, path: Path) -> Iterator[None]:
    """Say in errors where a file came from, not where it is kept."""
    try:
        yield
    except SourceError as error:
        said = str(error).removeprefix(f"{path.name}: ")
        raise SourceError(f"{name}: {said}") from error


class _Fetched:
    """What a file that was fetched adds to what reads it."""

    info: SourceInfo

    def __init__(self, name: str, path: Path, folder: _Folder, config: SourceConfig) -> None:
        self._folder = folder
        with _called(name, path):
            super().__init__(path, config)  # type: ignore[call-arg]  # of what reads it
        self._name = name
        self.info = dataclasses.replace(self.info, name=name, path=None)

    def _free(self) -> None:
        super()._free()  # type: ignore[misc]  # of what reads it
        self._folder.discard()


class _Picture(_Fetched, Pictures):
    """A picture that was fetched."""


class _Animation(_Fetched, Animation):
    """An animated WebP that was fetched."""
