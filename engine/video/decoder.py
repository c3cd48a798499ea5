"""Decoded frames of one opening of a file or stream.

Nothing here refers to whoever reads: a reader that is dropped takes container and decoder along
at once, and does not wait for Python's collector with pictures of many megabytes.
"""

import errno
import logging
import math
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.video.container import (
    Limit,
    Readable,
    open_input,
    packets_of,
    reason,
    video_stream,
)
from engine.video.conversion import Deinterlacer
from engine.video.extras import extras_of

log = logging.getLogger(__name__)

CUT_OFF_S: Final = 0.5  # a file that ends this much before its header says was cut off
# Containers whose header holds the true length; others are guessed from the bit rate.
HONEST: Final = frozenset({"mov", "mp4", "matroska", "webm", "avi", "flv"})
TAIL_BYTES: Final = 5_000  # tables and padding at the end of a transport stream


class Decoder:
    """Opens a file or stream and decodes its video.

    Attributes:
        container: What was opened.
        stream: Its video.
        extras: What it holds besides video and sound, in words.
        packets: Of the video, so far.
        limit: How large its pictures may be.
        damaged: Packets that gave no picture.
        fault: Why the first of those did not, in words.
        too_large: Of these, the ones that may have given none by their size alone.
        pictures: Those that were decoded from its own stream.
        failure: Why reading ended before the end, in words; None if it did not.
        refused: It ended because something further on or back could not be asked for.
        hung_up: That was the other side, which had not said how much would come: of a file, this
            is how it ends.
    """

    def __init__(
        self,
        name: str,
        url: str,
        path: Path | None,
        max_megapixels: float | None = None,
        file: Readable | None = None,
        *,
        steady: bool = False,
    ) -> None:
        """Open it; nothing is decoded yet.

        Args:
            name: What messages call it.
            url: What FFmpeg opens.
            path: The file behind it; None for a network stream.
            max_megapixels: What a picture may have; None is what `Limit` says.
            file: What is read in the place of an address.
            steady: As `SourceConfig` has it.

        Raises:
            SourceError: It cannot be opened, holds no video, or its pictures are too large.
        """
        self._name, self._url, self._path = name, url, path
        self.container = open_input(
            name, url, network=path is None, max_megapixels=max_megapixels, file=file
        )
        # A container and its streams hold each other, until it is closed.
        self.close = weakref.finalize(self, self.container.close)
        self.close.atexit = False  # a thread that is left behind may still be reading
        try:
            self.stream = video_stream(name, self.container, max_megapixels)
            if steady:
                self.stream.thread_type = "SLICE"
        except BaseException:
            self.close()
            raise
        self.extras = extras_of(self.container, self.stream)
        for other in self.container.streams:
            if other is not self.stream and other.type not in ("audio", "video"):
                other.discard = Discard.all
        self.limit = Limit.of(self.container, max_megapixels)
        self._count_anew()
        self.failure: str | None = None
        self.fault: str | None = None
        self.hung_up = self.refused = False
        self._end_s = -math.inf  # on the container's clock: where the last packet of any kind ends
        self._read_bytes = 0  # of the file, up to the end of the last packet of the video

    def _count_anew(self) -> None:
        """Count from here on; what the decoder holds of before is thrown away."""
        self.packets = self.damaged = self.too_large = self.pictures = 0
        self._unshown = 0  # packets whose picture is not to be shown
        self._key_ticks: int | None = None  # when the first key picture is shown

    def frames(self) -> Iterator[VideoFrame]:
        """Decode from where the container stands, deinterlaced from the first one that needs it."""
        weaver: Deinterlacer | None = None
        for frame in self._decoded():
            if weaver is None and frame.interlaced_frame:
                weaver = Deinterlacer(frame)
            if weaver is None:
                yield frame
            else:
                yield from weaver.push(frame)
        if weaver is not None:
            yield from weaver.push(None)

    def seek(self, time_s: float) -> bool:
        """Go to a time on the container's clock; False where it cannot."""
        self._count_anew()
        try:
            self.container.seek(round(time_s * 1e6))
        except av.error.FFmpegError as error:
            log.debug("%s: cannot seek: %s", self._name, error)
            return False
        return True

    @property
    def cut_off(self) -> bool:
        """Whether what was read ends before the container said."""
        if self.failure is not None and self.damaged == 0:
            return not self.hung_up
        container = self.container
        if not HONEST & set(container.format.name.split(",")) or not container.duration:
            return False
        return self._end_s < self.stated_end_s - CUT_OFF_S

    @property
    def vanished(self) -> int:
        """Packets of a film read to its end that gave no picture, though no error came of them.

        FFmpeg's HEVC decoder leaves out pictures that build on what is damaged. In other codecs a
        packet may be half a picture, or one that is not shown.
        """
        if self.stream.codec_context.name != "hevc":
            return 0
        return max(self.packets - self._unshown - self.damaged - self.pictures, 0)

    @property
    def stated_end_s(self) -> float:
        """Where the container says that it ends, on its own clock."""
        # Matroska's duration counts from 0, not from where the file begins.
        from_zero = "matroska" in self.container.format.name
        start = 0 if from_zero else self.container.start_time or 0
        return (start + (self.container.duration or 0)) / 1e6

    def _decoded(self) -> Iterator[VideoFrame]:
        yield from self._decoded_here()
        # A transport stream whose video ends before the file does may go on in another one.
        if self._path is None or self.container.format.name != "mpegts":
            return
        if self._path.stat().st_size - self._read_bytes > TAIL_BYTES:
            yield from self._decoded_later()

    def _decoded_later(self) -> Iterator[VideoFrame]:
        """Go on with video streams that begin where this one ended: joined recordings."""
        before: set[int] = {self.stream.index}  # and those that began beside it
        with open_input(self._name, self._url, thorough=True) as container:
            self.limit.set_on(container)
            for packet in self._until_failure(container, *container.streams.video):
                if packet.size and (packet.pos or 0) < self._read_bytes:
                    before.add(packet.stream.index)
                if packet.stream.index in before:
                    continue
                self.packets += bool(packet.size)
                try:
                    frames = packet.decode()
                except av.error.FFmpegError as error:
                    log.debug("%s: packet %d: %s", self._name, self.packets, error)
                    self.damaged += 1
                    continue
                for frame in frames:
                    frame.time_base = frame.time_base or packet.time_base
                    yield frame

    def _decoded_here(self) -> Iterator[VideoFrame]:
        for packet in self._demuxed():
            try:
                frames = self.stream.decode(packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                log.debug("%s: packet %d: %s", self._name, self.packets, error)
                self.damaged += 1
                self.fault = self.fault or reason(error)
                self.too_large += self.limit.refused(self.stream)
                continue
            for frame in frames:
                self.pictures += 1
                frame.time_base = frame.time_base or self.stream.time_base  # unset when flushed
                yield frame

    def _demuxed(self) -> "Iterator[Packet[VideoStream] | None]":
        """Packets of the video, then None, which makes the decoder give what it holds."""
        for packet in self._until_failure(self.container):
            if packet.size == 0:
                continue
            self._end_s = max(self._end_s, _packet_end_s(packet))
            if packet.stream.index == self.stream.index:
                self.packets += 1
                self._unshown += self._is_unshown(packet)
                self._read_bytes = max(self._read_bytes, (packet.pos or 0) + packet.size)
                yield packet
        yield None

    def _is_unshown(self, packet: "Packet[VideoStream]") -> bool:
        """Whether a picture is cut away by its file, or leads to the first key picture.

        Such a one may build on what was before, which is not there.
        """
        if self._key_ticks is None and packet.is_keyframe:
            self._key_ticks = packet.pts
        leads = self._key_ticks is None or packet.pts is None or packet.pts < self._key_ticks
        return leads or packet.is_discard

    def _until_failure(
        self, container: InputContainer, *streams: Stream
    ) -> "Iterator[Packet[Any]]":
        try:
            yield from packets_of(container, *streams)
        except (av.error.FFmpegError, OSError) as error:
            self.failure = reason(error)
            http = self._url.startswith("http")
            # FFmpeg's word for the end of what has no length, unless it came in chunks.
            self.refused = error.errno == errno.EIO
            self.hung_up = http and error.errno == errno.EIO and self.container.size < 0


def _packet_end_s(packet: "Packet[Stream]") -> float:
    ticks = packet.dts if packet.pts is None else packet.pts
    if ticks is None:
        return -math.inf
    return float((ticks + (packet.duration or 0)) * packet.time_base)
