"""Frames of a video file, a picture file or a network stream."""

import logging
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av.error
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.errors import SourceError
from engine.types import Frame
from engine.video.container import open_input, reason, video_stream
from engine.video.conversion import Converter, Deinterlacer
from engine.video.source import GuardedSource, SourceConfig, SourceInfo

log = logging.getLogger(__name__)

DEFAULT_FPS: Final = Fraction(25)
JUMP_BACK_S: Final = 1.0  # a clock that falls back further was set anew, not merely jittery
SEEK_BACK_S: Final = (1.0, 10.0)  # distances before the wanted time that seeking tries
CUT_OFF_S: Final = 0.5  # a file that ends this much before its header says was cut off
# Containers whose header holds the true length; others are guessed from the bit rate.
HONEST: Final = frozenset({"mov", "mp4", "matroska", "webm", "avi", "flv"})
TICK_S: Final = 1e-6
TAIL_BYTES: Final = 5_000  # tables and padding at the end of a transport stream


class Clock:
    """Seconds since the first frame, strictly increasing, from whatever the file says.

    A frame without a time follows one step after the one before. A time that does not advance
    is moved by half a step, so that it catches up again; where the file's clock was set back
    (joined recordings), all that follows is moved.
    """

    def __init__(self, step_s: float, last_s: float = -math.inf) -> None:
        self._step_s = step_s
        self._last_s = last_s
        self._shift_s = 0.0

    def stamp(self, time_s: float | None) -> float:
        """The time of the next frame whose file says `time_s`, or nothing."""
        if math.isinf(self._last_s):
            now = 0.0 if time_s is None else time_s
        elif time_s is None:
            now = self._last_s + self._step_s
        else:
            now = time_s + self._shift_s
            if now <= self._last_s - JUMP_BACK_S:
                self._shift_s += self._last_s + self._step_s - now
                now = self._last_s + self._step_s
            elif now <= self._last_s:
                now = self._last_s + self._step_s / 2
        self._last_s = now
        return now


class Video(GuardedSource):
    """A file or stream that FFmpeg reads; one picture is a video of one frame."""

    def __init__(self, name: str, url: str, path: Path | None, config: SourceConfig) -> None:
        """Open it and decode its first frame.

        Args:
            name: What messages call it.
            url: What FFmpeg opens.
            path: The file behind it; None for a network stream.
            config: Which part to read.

        Raises:
            SourceError: It cannot be opened, holds no video, or no frame can be decoded.
        """
        super().__init__()
        self._name, self._url, self._path, self._config = name, url, path, config
        self._count = 0  # frames handed out
        self._judged = False
        self._open()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._container = open_input(self._name, self._url, network=self._path is None)
        self._stream = video_stream(self._name, self._container)
        for other in self._container.streams:
            if other is not self._stream and other.type not in ("audio", "video"):
                other.discard = Discard.all
        self._damaged = 0  # packets that gave no picture
        self._packets = 0
        self._end_s = -math.inf  # on the container's clock: where the last packet of any kind ends
        self._failure: Exception | None = None
        self._read_bytes = 0  # of the file, up to the end of the last packet of the video

    def _start(self) -> None:
        raw = self._raw()
        first = next(raw, None)
        if first is None:
            why = f": {reason(self._failure)}" if self._failure else ""
            raise SourceError(f"{self._name}: no frame can be decoded{why}")
        self._convert = Converter(first, self._stream.sample_aspect_ratio)
        self._origin_s = _time_s(first) or 0.0
        self.info = self._facts()
        log.info("%s: %dx%d, fps %s", self._name, self.info.width, self.info.height, self.info.fps)
        start_s = self._config.start_s
        if start_s > 0 and not self.info.live:
            if self.info.duration_s == 0:
                raise SourceError(f"{self._name}: ends before the wanted start at {start_s:g} s")
            self._timed = self._from(start_s)
        else:
            self._timed = self._clocked(_chain(first, raw))

    def _facts(self) -> SourceInfo:
        fps = self._stream.average_rate or self._stream.guessed_rate or None
        length_s, config = self._length_s(), self._config
        duration_s = None
        if length_s is not None:
            duration_s = max(min(length_s, config.end_s) - config.start_s, 0.0)
        count = None
        if length_s and duration_s == length_s and self._stream.frames:
            count = self._stream.frames
        elif duration_s is not None and fps:
            count = round(duration_s * float(fps))
        return SourceInfo(
            name=self._name,
            path=self._path,
            width=self._convert.width,
            height=self._convert.height,
            fps=fps,
            time_base=self._stream.time_base or 1 / (fps or DEFAULT_FPS),
            frame_count=count,
            duration_s=duration_s,
            live=self._path is None and length_s is None,
            has_audio=len(self._container.streams.audio) > 0,
            start_s=config.start_s,
            metadata=dict(self._container.metadata),
            origin_s=self._origin_s,
            end_s=None if math.isinf(config.end_s) else config.end_s,
        )

    def _length_s(self) -> float | None:
        """Seconds from the first frame to the end of the last, None if unknown."""
        stream, container = self._stream, self._container
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        if container.duration:
            return max(self._stated_end_s() - self._origin_s, 0.0)
        if container.format.name.endswith("_pipe"):  # FFmpeg's name for single pictures
            return float(1 / (stream.average_rate or DEFAULT_FPS))
        return None

    def _next(self) -> Frame | None:
        for time_s, frame in self._timed:
            if time_s < self._config.start_s - TICK_S:
                continue
            if time_s >= self._config.end_s - TICK_S:
                self._timed = iter(())
                return None
            result = Frame(self._count, time_s, self._convert(frame))
            self._count += 1
            return result
        self._timed = iter(())
        if not self._judged:
            self._judged = True
            self._judge_end()
        return None

    def _free(self) -> None:
        self._timed = iter(())
        self._container.close()

    def _clocked(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[float, VideoFrame]]:
        clock = Clock(1 / float(self.info.fps or DEFAULT_FPS))
        for frame in frames:
            time_s = _time_s(frame)
            yield clock.stamp(None if time_s is None else time_s - self._origin_s), frame

    def _from(self, start_s: float) -> Iterator[tuple[float, VideoFrame]]:
        """Frames from some place at or before `start_s` on.

        Seeking may land too late (sparse or wrong index), which the first frame's time shows;
        then it is tried from further back, and last by reading everything.
        """
        for back_s in SEEK_BACK_S:
            target_s = self._origin_s + max(start_s - back_s, 0.0)
            try:
                self._container.seek(round(target_s * 1e6))
            except av.error.FFmpegError as error:
                log.debug("%s: cannot seek: %s", self._name, error)
                break
            frames = self._raw()
            first = next(frames, None)
            time_s = _time_s(first) if first else None
            if first and time_s is not None and time_s - self._origin_s <= start_s + TICK_S:
                return self._clocked(_chain(first, frames))
        self._container.close()
        self._open()
        return self._clocked(self._raw())

    def _raw(self) -> Iterator[VideoFrame]:
        """Decoded frames, deinterlaced from the first one on that needs it."""
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

    def _decoded(self) -> Iterator[VideoFrame]:
        yield from self._decoded_here()
        # A transport stream whose video ends before the file does may go on in another one.
        if self._path is None or self._container.format.name != "mpegts":
            return
        if self._path.stat().st_size - self._read_bytes > TAIL_BYTES:
            yield from self._decoded_later()

    def _decoded_later(self) -> Iterator[VideoFrame]:
        """Go on with video streams that begin where this one ended: joined recordings."""
        before: set[int] = {self._stream.index}  # and those that began beside it
        with open_input(self._name, self._url, thorough=True) as container:
            for packet in container.demux(container.streams.video):
                if packet.size and (packet.pos or 0) < self._read_bytes:
                    before.add(packet.stream.index)
                if packet.stream.index in before:
                    continue
                self._packets += bool(packet.size)
                try:
                    frames = packet.decode()
                except av.error.FFmpegError as error:
                    log.debug("%s: packet %d: %s", self._name, self._packets, error)
                    self._damaged += 1
                    continue
                for frame in frames:
                    frame.time_base = frame.time_base or packet.time_base
                    yield frame

    def _decoded_here(self) -> Iterator[VideoFrame]:
        for packet in self._demuxed():
            try:
                frames = self._stream.decode(packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                log.debug("%s: packet %d: %s", self._name, self._packets, error)
                self._damaged += 1
                self._failure = error
                continue
            for frame in frames:
                frame.time_base = frame.time_base or self._stream.time_base  # unset when flushed
                yield frame

    def _demuxed(self) -> "Iterator[Packet[VideoStream] | None]":
        """Packets of the video, then None, which makes the decoder give what it holds."""
        try:
            for packet in self._container.demux():
                if packet.size == 0:
                    continue
                self._end_s = max(self._end_s, _packet_end_s(packet))
                if packet.stream.index == self._stream.index:
                    self._packets += 1
                    self._read_bytes = max(self._read_bytes, (packet.pos or 0) + packet.size)
                    yield packet  # type: ignore[misc]  # its stream is the video's
        except IndexError:
            # PyAV 18: `demux` may end so where streams appeared after the file was opened.
            log.debug("%s: streams that begin later are left out", self._name)
        except (av.error.FFmpegError, OSError) as error:
            self._failure = error
        yield None

    def _judge_end(self) -> None:
        """Say once what was missing, if anything was."""
        if self.info.live and self._failure is not None and self._damaged == 0:
            raise SourceError(f"{self._name}: connection lost: {reason(self._failure)}")
        if self._cut_off():
            self.warnings.append(
                f"{self._name}: ends early, frame {self._count} cannot be decoded; "
                "kept what came before"
            )
        elif self._damaged:
            self.warnings.append(
                f"{self._name}: damaged, {self._damaged} of {self._packets} packets "
                "cannot be decoded; kept the rest"
            )

    def _cut_off(self) -> bool:
        if self._failure is not None and self._damaged == 0:
            return True
        container = self._container
        if not HONEST & set(container.format.name.split(",")) or not container.duration:
            return False
        return self._end_s < self._stated_end_s() - CUT_OFF_S

    def _stated_end_s(self) -> float:
        """Where the container says that it ends, on its own clock."""
        container = self._container
        # Matroska's duration counts from 0, not from where the file begins.
        from_zero = "matroska" in container.format.name
        start = 0 if from_zero else container.start_time or 0
        return (start + (container.duration or 0)) / 1e6


def _chain(first: VideoFrame, rest: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    yield first
    yield from rest


def _time_s(frame: VideoFrame) -> float | None:
    """The frame's time on the container's clock; AVI has decoding times only."""
    ticks = frame.dts if frame.pts is None else frame.pts
    if ticks is None or frame.time_base is None:
        return None
    return float(ticks * frame.time_base)


def _packet_end_s(packet: "Packet[Stream]") -> float:
    ticks = packet.dts if packet.pts is None else packet.pts
    if ticks is None:
        return -math.inf
    return float((ticks + (packet.duration or 0)) * packet.time_base)
