"""Opening media through FFmpeg (PyAV) with errors that say what is wrong.

PyAV keeps FFmpeg's own log silent unless somebody turns it on, so nothing here prints.
"""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, Self

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from engine.errors import SourceError

log = logging.getLogger(__name__)

WHOLE_FILE: Final = 2**31 - 1  # bytes, microseconds, pixels: the most that FFmpeg takes
# A small file may claim any size: what is larger is refused before it is decoded, unless the user
# allows it. One picture takes up to ten bytes a pixel here; of a video's, decoders hold dozens.
PICTURE_MEGAPIXELS: Final = 150.0
FRAME_MEGAPIXELS: Final = 36.0
READ_MEGAPIXELS: Final = 268  # of FFmpeg, which keeps eight times the pixels below 2**31
_ALIGNED: Final = 64 * 65536  # pixels that decoders add to the right of the largest picture
NETWORK_TIMEOUT_S: Final = 10.0  # for connecting, and for every read after that
_HEAD_CHUNKS: Final = 4  # of a kilobyte, in which the first parts of a file begin
AGAIN_MAX: Final = 10_000  # how often one reading may be asked to be tried again

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
STILL_BRANDS: Final = frozenset(  # of HEIC and AVIF files whose main part is no film
    {b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"avif"}
)
PROTOCOLS: Final = SCHEMES | {"crypto", "data", "ffrtmpcrypt", "ffrtmphttp", "httpproxy"}


# Tags in which a container describes its own track. Matroska's writers count its bytes and frames.
_OWN_TAGS: Final = frozenset(
    {"bps", "duration", "encoder", "handler_name", "number_of_bytes", "number_of_frames"}
    | {"vendor_id"}
)


class Readable(Protocol):
    """What can be read from front to back; what can `seek` besides is read as a file is."""

    def read(self, count: int, /) -> bytes | None:
        """Give up to so many bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How large the pictures of a file or stream may be.

    Attributes:
        megapixels: Of one picture.
    """

    megapixels: float

    @classmethod
    def of(cls, container: InputContainer, asked: float | None) -> Self:
        """Give what the user allows, or else what single pictures and videos are allowed."""
        if asked is not None:
            return cls(asked)
        name = container.format.name
        single = name.endswith("_pipe") or name == "image2" or _is_still(container)
        return cls(PICTURE_MEGAPIXELS if single else FRAME_MEGAPIXELS)

    @property
    def pixels(self) -> int:
        """Of one picture."""
        return round(self.megapixels * 1e6)

    @property
    def option(self) -> str:
        """What FFmpeg's ``max_pixels`` is to be."""
        return str(min(self.pixels + _ALIGNED, WHOLE_FILE))

    def check(self, name: str, width: int, height: int) -> None:
        """Refuse a picture by its size, pixels.

        Raises:
            SourceError: It is too large.
        """
        if width * height > self.pixels:
            raise SourceError(f"{name}: {width}x{height} pixels, {self}")

    def set_on(self, container: InputContainer) -> None:
        """Make the decoders of a container refuse what is clearly larger."""
        for stream in container.streams.video:
            if stream.codec_context is not None:
                stream.codec_context.options = {"max_pixels": self.option}

    def refused(self, stream: VideoStream) -> bool:
        """Say whether a decoder that gave an error may have done so because of the size."""
        size = stream.codec_context.width * stream.codec_context.height
        return not 0 < size <= self.pixels  # FFmpeg forgets a size that it does not take

    def no_picture(self, stream: VideoStream, why: str | None) -> str:
        """Word why there is no first picture."""
        said = f": {why}" if why else ""
        if self.refused(stream):
            most = f"over {READ_MEGAPIXELS} megapixels, more than FFmpeg reads"
            large = most if self.megapixels > READ_MEGAPIXELS else str(self)
            return f"no picture can be decoded{said}; it is damaged or {large}"
        return f"no frame can be decoded{said}"

    def __str__(self) -> str:
        return f"over {self.megapixels:g} megapixels; --max-megapixels N allows larger ones"


def _is_still(container: InputContainer) -> bool:
    """Whether the header of a file says that it holds one picture, as that of an AVIF does."""
    return all(stream.frames == 1 for stream in container.streams.video)


def is_of_pictures(container: InputContainer) -> bool:
    """Whether the format is one of pictures: of one, or of several, one after the other."""
    form, brand = container.format.name, container.metadata.get("major_brand", "")
    of_pictures = form.endswith("_pipe") or form in ("image2", "gif", "apng")
    return of_pictures or brand.encode() in STILL_BRANDS


def reason(error: Exception) -> str:
    """What went wrong, in FFmpeg's or the system's words, without path or code."""
    if isinstance(error, av.error.ExitError):  # our own time limit
        return f"no data for {NETWORK_TIMEOUT_S:g} s"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def open_input(
    name: str,
    url: str,
    *,
    network: bool = False,
    thorough: bool = False,
    max_megapixels: float | None = None,
    file: "Readable | None" = None,
    raw: bool = False,
) -> InputContainer:
    """Open `url` for reading.

    Args:
        name: What messages call it.
        url: What FFmpeg opens; a local path must start with ``file:``; or `STANDARD_INPUT`, which
            stands for `file`.
        network: Give up on a peer that stays silent for `NETWORK_TIMEOUT_S`.
        thorough: Look through the whole file for streams, not only at its beginning.
        max_megapixels: What a picture may have; FFmpeg decodes some while it opens them.
        file: What is read in the place of an address.
        raw: Give the bytes as they come, whatever they are.

    Raises:
        SourceError: It cannot be opened, or is nothing FFmpeg reads.
    """
    network = network and file is None
    try:
        return av.open(
            file or url,
            mode="r",
            format="data" if raw else None,
            options={"max_pixels": Limit(max_megapixels or PICTURE_MEGAPIXELS).option},
            container_options=_rules(url, network=network, thorough=thorough),
            metadata_errors="replace",
            timeout=NETWORK_TIMEOUT_S if network else None,
        )
    except (av.error.ExitError, TimeoutError) as error:
        raise SourceError(f"{name}: no answer within {NETWORK_TIMEOUT_S:g} s") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{name}: {_refusal(url, error, network=network)}") from error


def frames_said(path: Path) -> int | None:
    """Give how many frames the index of a video file lists; None where it has no such number.

    Raises:
        SourceError: It cannot be opened.
    """
    with open_input(path.name, f"file:{path}") as container:
        counts = [stream.frames for stream in container.streams.video]
    return (counts or [0])[0] or None


def bytes_at(name: str, url: str) -> Generator[bytes, None, None]:
    """Give what lies at an address, bit by bit, through FFmpeg as all that is opened.

    Raises:
        SourceError: It cannot be opened, or was lost.
    """
    with open_input(name, url, network=True, raw=True) as container:
        try:
            for packet in container.demux():
                yield bytes(packet)
        except av.error.FFmpegError as error:
            raise SourceError(f"{name}: connection lost: {reason(error)}") from error


def index_is_last(name: str, url: str) -> bool:
    """Whether an address leads to an MP4 whose pictures come before its index.

    Raises:
        SourceError: It cannot be opened, or was lost.
    """
    with closing(bytes_at(name, url)) as chunks:
        head = b"".join(islice(chunks, _HEAD_CHUNKS))
    at = 0
    while at + 16 <= len(head):
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if kind in (b"moov", b"mdat"):
            return kind == b"mdat"
        at += max(int.from_bytes(head[at + 8 : at + 16], "big") if size == 1 else size, 8)
    return False


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


def packets_of(container: InputContainer, *streams: Stream) -> "Iterator[Packet[Any]]":
    """Give packets in the file's order; at the end one without content for each stream.

    Args:
        container: To read on from where it is.
        streams: Those wanted; all where none is named.

    Raises:
        FFmpegError: Reading ends before the end.
    """
    for _ in range(AGAIN_MAX):
        try:
            yield from container.demux(*streams)
        except IndexError:
            # PyAV 18: `demux` may end so where streams appeared after the file was opened.
            log.debug("%s: streams that begin later are left out", container.name)
        except av.error.BlockingIOError as error:  # a damaged transport stream: FFmpeg goes on
            log.debug("%s: %s", container.name, error)
            continue
        return
    raise av.error.InvalidDataError(0, "damaged in very many places")


def track_tags(stream: Stream) -> dict[str, str]:
    """Give a stream's tags as any container takes them: language, title and what users add.

    What a container says of its own track is left out: it would be wrong in another one, or of a
    part. MP4 and MOV call a track's title its name.
    """
    tags = {
        key: text
        for key, text in stream.metadata.items()
        if key.lower() not in _OWN_TAGS and not key.startswith("_STATISTICS_")
    }
    if name := tags.pop("name", ""):
        tags.setdefault("title", name)
    return tags


def video_stream(
    name: str, container: InputContainer, max_megapixels: float | None = None
) -> VideoStream:
    """The video stream to read: FFmpeg's choice, but never a cover picture.

    Args:
        name: What messages call the container.
        container: The open file or stream.
        max_megapixels: What a picture may have; None is what `Limit` says.

    Raises:
        SourceError: There is none, FFmpeg has no decoder for it, or its pictures are too large.
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
    limit = Limit.of(container, max_megapixels)
    limit.check(name, stream.codec_context.width, stream.codec_context.height)
    limit.set_on(container)
    return stream
