"""Opening media through FFmpeg (PyAV) with errors that say what is wrong.

PyAV keeps FFmpeg's own log silent unless somebody turns it on, so nothing here prints.
"""

from functools import cache
from pathlib import Path
from typing import Final

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from engine.errors import SourceError
from engine.standard import standard_input

WHOLE_FILE: Final = 2**31 - 1  # bytes, and microseconds: the most that FFmpeg takes
NETWORK_TIMEOUT_S: Final = 10.0  # for connecting, and for every read after that

# What may be opened is decided here (docs/decisions/0019). A file is one file: these formats lead
# to others, or to addresses, whatever the file is called.
REFERRING: Final = frozenset({"concat", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp"})
_REFERRING_MARKS: Final = (b"#EXTM3U", b"ffconcat", b"\nc=IN ", b"<MPD")
# Programs and devices rather than files, and lists of files: never read, from nowhere.
NEVER: Final = frozenset(
    {"alsa", "avfoundation", "avisynth", "concat", "decklink", "dshow", "fbdev", "gdigrab", "imf"}
    | {"kmsgrab", "lavfi", "oss", "pulse", "vapoursynth", "video4linux2,v4l2", "x11grab"}
)
# Addresses that a user may name, and what a playlist or description behind one may lead to: never
# a file of this computer. What comes last is what the others are built of.
SCHEMES: Final = frozenset(
    {"ftp", "http", "https", "mmsh", "mmst", "rist", "rtmp", "rtmpe", "rtmps", "rtmpt", "rtmpte"}
    | {"rtmpts", "rtp", "rtsp", "rtsps", "sftp", "srt", "srtp", "tcp", "tls", "udp", "udplite"}
)
STANDARD_INPUT: Final = "pipe:"  # our word for it: it is read through Python
PROTOCOLS: Final = SCHEMES | {"crypto", "data", "ffrtmpcrypt", "ffrtmphttp", "httpproxy"}


def reason(error: Exception) -> str:
    """What went wrong, in FFmpeg's or the system's words, without path or code."""
    if isinstance(error, av.error.ExitError):  # our own time limit
        return f"no data for {NETWORK_TIMEOUT_S:g} s"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def open_input(
    name: str, url: str, *, network: bool = False, thorough: bool = False
) -> InputContainer:
    """Open `url` for reading.

    Args:
        name: What messages call it.
        url: What FFmpeg opens; a local path must start with ``file:``; or `STANDARD_INPUT`.
        network: Give up on a peer that stays silent for `NETWORK_TIMEOUT_S`.
        thorough: Look through the whole file for streams, not only at its beginning.

    Raises:
        SourceError: It cannot be opened, or is nothing FFmpeg reads.
        ConfigError: Standard input is a terminal.
    """
    piped = url == STANDARD_INPUT
    network = network and not piped
    file = standard_input() if piped else None
    try:
        return av.open(
            file or url,
            mode="r",
            container_options=_rules(url, network=network, thorough=thorough),
            metadata_errors="replace",
            timeout=NETWORK_TIMEOUT_S if network else None,
        )
    except (av.error.ExitError, TimeoutError) as error:
        raise SourceError(f"{name}: no answer within {NETWORK_TIMEOUT_S:g} s") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{name}: {_refusal(url, error, network=network)}") from error


def _refusal(url: str, error: Exception, *, network: bool) -> str:
    """Say why something was not opened."""
    unread = isinstance(error, av.error.InvalidDataError)
    local = not network and url != STANDARD_INPUT
    if local and (unread or isinstance(error, av.error.ArgumentError)) and _refers(url):
        return "is a list of other files or addresses; open these themselves"
    if unread:
        return "not a video or picture that FFmpeg reads"
    return f"cannot be opened: {reason(error)}"


def _rules(url: str, *, network: bool, thorough: bool) -> dict[str, str]:
    """Give what FFmpeg may do with an address."""
    if network:
        rules = {
            "format_whitelist": _formats(NEVER),
            "protocol_whitelist": ",".join(sorted(PROTOCOLS)),
        }
    else:
        rules = {
            "format_whitelist": _formats(NEVER | REFERRING),
            "protocol_whitelist": "file",
            "pattern_type": "none",  # of pictures: a name is a name, also with % in it
        }
    if url.startswith("rtsp"):
        rules["rtsp_transport"] = "tcp"
    if thorough:
        rules |= {"probesize": str(WHOLE_FILE), "analyzeduration": str(WHOLE_FILE)}
    return rules


@cache
def _formats(without: frozenset[str]) -> str:
    """List the formats that this FFmpeg has, without some."""
    return ",".join(sorted(av.formats_available - without))


def _refers(url: str) -> bool:
    """Whether a local file is what `REFERRING` formats read, by its first kilobytes."""
    with Path(url.removeprefix("file:")).open("rb") as file:
        head = file.read(4096)
    return any(mark in head for mark in _REFERRING_MARKS)


def video_stream(name: str, container: InputContainer) -> VideoStream:
    """The video stream to read: FFmpeg's choice, but never a cover picture.

    Raises:
        SourceError: There is none, or FFmpeg has no decoder for it.
    """
    moving = [s for s in container.streams.video if Disposition.attached_pic not in s.disposition]
    if not moving:
        has = "sound but no video" if container.streams.audio else "no video"
        raise SourceError(f"{name}: has {has}; a file with pictures is needed")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in moving else moving[0]
    if stream.codec_context is None:
        raise SourceError(f"{name}: no decoder for its video; convert it to H.264 first")
    stream.thread_type = "AUTO"
    return stream
