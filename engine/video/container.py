"""Opening media through FFmpeg (PyAV) with errors that say what is wrong.

PyAV keeps FFmpeg's own log silent unless somebody turns it on, so nothing here prints.
"""

from typing import Final

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from engine.errors import SourceError

WHOLE_FILE: Final = 2**31 - 1  # bytes, and microseconds: the most that FFmpeg takes
NETWORK_TIMEOUT_S: Final = 10.0  # for connecting, and for every read after that


def reason(error: Exception) -> str:
    """What went wrong, in FFmpeg's or the system's words, without path or code."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).strip().rstrip(".")


def open_input(
    name: str, url: str, *, network: bool = False, thorough: bool = False
) -> InputContainer:
    """Open `url` for reading.

    Args:
        name: What messages call it.
        url: What FFmpeg opens; a local path must start with ``file:``.
        network: Give up on a peer that stays silent for `NETWORK_TIMEOUT_S`.
        thorough: Look through the whole file for streams, not only at its beginning.

    Raises:
        SourceError: It cannot be opened, or is nothing FFmpeg reads.
    """
    options = {"rtsp_transport": "tcp"} if url.startswith("rtsp") else {}
    if not network:
        options["pattern_type"] = "none"  # of pictures: a name is a name, also with % in it
    if thorough:
        options |= {"probesize": str(WHOLE_FILE), "analyzeduration": str(WHOLE_FILE)}
    try:
        return av.open(
            url,
            mode="r",
            options=options,
            metadata_errors="replace",
            timeout=NETWORK_TIMEOUT_S if network else None,
        )
    except av.error.InvalidDataError as error:
        raise SourceError(f"{name}: not a video or picture that FFmpeg reads") from error
    except (av.error.ExitError, TimeoutError) as error:
        raise SourceError(f"{name}: no answer within {NETWORK_TIMEOUT_S:g} s") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{name}: cannot be opened: {reason(error)}") from error


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
