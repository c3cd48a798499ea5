"""Where frames come from: files, pictures, folders, cameras and network streams.

A frame's index counts from 0 at the first frame handed out. Its time is seconds from the
source's own beginning, also where reading starts later.
"""

import re
import stat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

import av.error

from engine.errors import ConfigError, SourceError
from engine.standard import INPUT_NAME, STANDARD, standard_input
from engine.video.animation import Animation
from engine.video.camera import Camera
from engine.video.container import SCHEMES, STANDARD_INPUT
from engine.video.decoding import FILES_COME_BY, Video
from engine.video.fetched import Once, open_fetched, open_piped
from engine.video.pictures import Pictures
from engine.video.source import Frames, Source, SourceConfig, SourceInfo
from engine.video.stills import kind_of
from engine.wording import shortened

__all__ = [
    "Frames",
    "Source",
    "SourceConfig",
    "SourceInfo",
    "local_name",
    "open_source",
    "shown_address",
    "shown_source",
]

_URL: Final = re.compile(r"([a-z][a-z0-9+.-]+)(://.*)", re.IGNORECASE | re.DOTALL)
_CAMERA: Final = re.compile(r"(?:/dev/video)?([0-9]{1,9})")
SHOWN_MAX: Final = 200  # characters of an address
_NOTHING_CAME: Final = (OSError, av.error.ExitError, av.error.HTTPError, av.error.HTTPClientError)
_WHOLE: Final = SourceConfig()


def open_source(name: str, config: SourceConfig = _WHOLE) -> Source:
    """Open what a user names, and decode its first frame.

    Args:
        name: A camera (``0``, ``/dev/video0``), an address (``rtsp://...``, ``http://...``),
            a folder of pictures, ``-`` for a video on standard input, or a file; ``./0`` is a
            file called 0.
        config: Which part to read.

    Raises:
        ConfigError: No name.
        SourceError: It is missing or busy, or nothing in it can be decoded.
    """
    if not name:
        raise ConfigError("INPUT is empty; is a variable unset?")
    if name == STANDARD:
        return _open_standard_input(config)
    if camera := _CAMERA.fullmatch(name):
        return Camera(int(camera.group(1)), config)
    name = local_name(name)
    if address := _URL.fullmatch(name):
        scheme, shown = address.group(1).lower(), shown_address(name)
        try:
            urlsplit(name)
        except ValueError as error:
            raise SourceError(f"{shown}: not an address: {error}") from error
        if scheme not in SCHEMES:
            known = ", ".join(sorted(SCHEMES))
            raise SourceError(f"{shown}: cannot be opened: Protocol not found; known here: {known}")
        return _open_address(shown, scheme + address.group(2), config)
    path = Path(name)
    try:
        is_folder, is_there, is_file = path.is_dir(), path.exists(), path.is_file()
    except OSError as error:  # a name that the system does not take
        raise SourceError(f"{shortened(name)}: cannot be opened: {error.strerror}") from error
    if is_folder:
        return Pictures(path, config)
    if not is_there:
        raise SourceError(f"{shortened(name)}: no such file; check the path")
    if not is_file:
        raise SourceError(f"{name}: {_no_file(path)}")
    kind = kind_of(path, config.max_megapixels)
    if kind == "picture":
        return Pictures(path, config)
    if kind == "animated webp":
        return Animation(path, config)
    return Video(path.name, f"file:{path}", path, config)


def _open_standard_input(config: SourceConfig) -> Source:
    file = standard_input()
    begin = file.tell() if file.seekable() else None
    once = Once(INPUT_NAME, file.read)
    picture = open_piped(INPUT_NAME, once, config)
    if picture is not None:
        return picture
    if begin is not None:  # a file: FFmpeg may go back and forth in it
        file.seek(begin)
    rest = file if begin is not None else once.again(last=True)
    return Video(INPUT_NAME, STANDARD_INPUT, None, config, rest)


def _open_address(shown: str, url: str, config: SourceConfig) -> Source:
    """Open a film, or the picture that its first bytes say it is."""
    if url.partition(":")[0] not in FILES_COME_BY:
        return Video(shown, url, None, config)
    try:
        film = Video(shown, url, None, config)
    except SourceError as error:  # of a picture FFmpeg may read a tile, or nothing
        if isinstance(error.__cause__, _NOTHING_CAME):
            raise  # nothing came
        try:
            picture = open_fetched(shown, url, config)
        except SourceError:
            raise error from None
        if picture is None:
            raise
        return picture
    try:
        if not film.is_picture():
            return film
    except BaseException:
        film.close()
        raise
    film.close()  # some servers take one visitor at a time
    return open_fetched(shown, url, config) or Video(shown, url, None, config)


def _no_file(path: Path) -> str:
    """Say what a path leads to that is neither a file nor a folder, and what to do."""
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode):
        return f"is a named pipe, not a file; read it as standard input: - < {path}"
    what = "a socket" if stat.S_ISSOCK(mode) else "a device"
    return f"is {what}; a file, a folder or a camera is needed"


def local_name(name: str) -> str:
    """Give the path that a ``file://`` address stands for; any other name as it is."""
    return url2pathname(urlsplit(name).path) if name[:7].lower() == "file://" else name


def shown_source(name: str) -> str:
    """Write a source's name for results: an address as `shown_address`, any other as it is."""
    return shown_address(name) if _URL.match(local_name(name)) else name


def shown_address(url: str) -> str:
    """Write an address for messages, without what may be a password, a token or a stream key.

    A mark says that there was one. What is no address shows its scheme only.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{url.partition('//')[0]}//…"
    query = "…" if parts.query else ""
    host = parts.netloc.rpartition("@")[2]
    shown = urlunsplit((parts.scheme, host, parts.path, query, ""))
    return shown if len(shown) <= SHOWN_MAX else f"{shown[:SHOWN_MAX]}…"
