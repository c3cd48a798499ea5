"""The source's pictures in the output, packet by packet, as they are."""

import io
import logging
import math
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import Final, TypeAlias

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from engine.errors import SinkError, SourceError
from engine.video.container import READ_MEGAPIXELS, open_input, packets_of, reason, video_stream
from engine.video.conversion import Converter
from engine.video.planes import Orientation
from engine.video.source import SourceInfo

log = logging.getLogger(__name__)

JUMP_BACK_S: Final = 1.0  # a clock that falls back further was set anew (joined recordings)
SEEK_BACK_S: Final = (0.0, 10.0)  # distances before the wanted time that seeking tries
TICK_S: Final = 1e-6
TRIAL: Final = 30  # packets by which a container is tried
AHEAD_S: Final = 1.0  # before it is shown a picture is decoded, where a file does not say when
KEYS: Final = 16  # key pictures whose times are kept
SIZE_NOISE: Final = 2  # pixels
BURN: Final = "use --overlay burnt"
Picture: TypeAlias = "Packet[VideoStream]"


class VideoTrack:
    """The video stream of a file, copied from a key picture on.

    Times are the source's own: 0 at its first frame, as in `Frame.time_s`.

    Attributes:
        start_s: Where the copy begins: the last key picture at or before the wanted start.
        keys_s: When the key pictures written last are shown.
        target: The stream in the output.
        turned: Pictures lie otherwise than they are shown.
    """

    def __init__(self, info: SourceInfo, output: OutputContainer) -> None:
        """Open the source again and add its video to `output`, in place.

        Args:
            info: The source, a file.
            output: Where the pictures go; its header is not written yet.

        Raises:
            SourceError: The source cannot be opened.
            SinkError: The output cannot hold its pictures as they are.
        """
        self._info, self._output = info, output
        self._held: list[Picture] = []  # shown after the end, unless one before it needs them
        self._last: int | None = None
        self.keys_s: list[float] = []
        self.turned = _check_fit(info, output.format.name)
        self._input, self._stream = _opened(info)
        try:
            self._packets = self._wanted()
            first = self._begin()
            self._next: Picture | None = first
            self.start_s = self._shown_s(first)
            self.target = output.add_stream_from_template(self._stream)
            self.target.metadata.update(info.track)
        except BaseException:
            self.close()
            raise

    def _begin(self) -> Picture:
        first = next(self._packets, None)
        if first is None:
            raise SinkError(
                f"{self._info.name}: no key picture from which it can be copied; {BURN}"
            )
        return first

    def _shown_s(self, packet: Picture) -> float:
        return float((packet.pts or 0) * packet.time_base) - self._info.origin_s

    def _decoded_s(self, packet: Picture) -> float:
        if packet.dts is None:
            return self._shown_s(packet) - AHEAD_S
        return float(packet.dts * packet.time_base) - self._info.origin_s

    def _wanted(self) -> Iterator[Picture]:
        """Packets from the last key picture at or before the start on.

        Pictures that lead to that one need what is not there, and are left out.
        """
        start_s = self._info.start_s
        for packets, last_try in self._tries(start_s):
            batch = self._first(packets, start_s)
            if batch and (last_try or self._shown_s(batch[0]) <= start_s + TICK_S):
                first_s = self._shown_s(batch[0])
                for packet in chain(batch, packets):
                    if self._shown_s(packet) >= first_s:
                        yield packet
                return

    def _tries(self, start_s: float) -> Iterator[tuple[Iterator[Picture], bool]]:
        """Give packets from some place before the start on, at last from the beginning."""
        for back_s in SEEK_BACK_S if start_s > 0 else ():
            place_s = self._info.origin_s + max(start_s - back_s, 0.0)
            try:
                self._input.seek(round(place_s * 1e6))
            except av.error.FFmpegError as error:
                log.debug("%s: cannot seek: %s", self._info.name, error)
                break
            yield self._read(), False
        if start_s > 0:
            self._input.close()
            self._input, self._stream = _opened(self._info)
        yield self._read(), True

    def _first(self, packets: Iterator[Picture], start_s: float) -> list[Picture]:
        """Take the packets up to the start, and keep those from its key picture on."""
        batch: list[Picture] = []
        for packet in packets:
            if packet.is_keyframe and (not batch or self._shown_s(packet) <= start_s + TICK_S):
                batch = [packet]
            elif batch:
                batch.append(packet)
            if batch and self._decoded_s(packet) > start_s:
                break
        return batch

    def _read(self) -> Iterator[Picture]:
        # AVI counts pictures in the order in which they are decoded, whatever FFmpeg makes of it.
        clock = _Clock(self._info, guessed=self._input.format.name == "avi")
        reordered = self._stream.codec_context.has_b_frames
        try:
            for packet in packets_of(self._input, self._stream):
                if packet.size:
                    yield clock.moved(packet, reordered=reordered)
        except av.error.FFmpegError as error:
            # A cut-off file: the source itself says so, and what came before is kept.
            log.debug("%s: video ends early: %s", self._info.name, reason(error))

    def write(self, until_s: float, zero_s: float) -> None:
        """Write what is decoded up to `until_s`, seconds of the source.

        Args:
            until_s: The last frame that has its lines.
            zero_s: The source's time that becomes 0 in the output.

        Raises:
            OSError: The output refuses: the disk is full.
            SinkError: A picture has no time of its own.
        """
        self._put(until_s, math.inf if self._info.end_s is None else self._info.end_s, zero_s)

    def finish(self, end_s: float, zero_s: float) -> None:
        """Write what is shown before `end_s`, and what that needs."""
        self._put(math.inf, end_s, zero_s)

    def _put(self, until_s: float, end_s: float, zero_s: float) -> None:
        while (packet := self._next) is not None:
            if self._decoded_s(packet) > until_s or self._decoded_s(packet) >= end_s:
                return
            self._next = next(self._packets, None)
            self._held.append(packet)
            if self._shown_s(packet) < end_s:
                for ready in self._held:
                    self._mux(ready, zero_s)
                self._held.clear()

    def _mux(self, packet: Picture, zero_s: float) -> None:
        if packet.is_keyframe:
            self.keys_s = [*self.keys_s[1 - KEYS :], self._shown_s(packet)]
        # Rounded apart, as the times of lines and sound are.
        shift = round(self._info.origin_s / packet.time_base) + round(zero_s / packet.time_base)
        pts = (packet.pts or 0) - shift
        # Matroska knows when a picture is shown, not when it is decoded; these must rise.
        ahead = round(AHEAD_S / packet.time_base)
        dts = pts - ahead if packet.dts is None else min(packet.dts - shift, pts)
        dts = dts if self._last is None else max(dts, self._last + 1)
        packet.pts, packet.dts, self._last = max(pts, dts), dts, dts
        packet.stream = self.target
        self._output.mux_one(packet)

    def close(self) -> None:
        """Let go of the source."""
        self._packets, self._next = iter(()), None
        self._held.clear()
        self._input.close()


class _Clock:
    """Moves what follows where the file's clock was set back, as the decoder's frames are."""

    def __init__(self, info: SourceInfo, *, guessed: bool) -> None:
        self._name = info.name
        self._step_s = 1 / float(info.fps or 25)
        self._guessed = guessed
        self._last_s = -math.inf
        self._shift_s = 0.0

    def moved(self, packet: Picture, *, reordered: bool) -> Picture:
        """Give a packet, its times changed in place."""
        if packet.pts is None and not reordered:
            packet.pts = packet.dts
        if packet.pts is None or (reordered and self._guessed):
            raise SinkError(
                f"{self._name}: its pictures have no times of their own to be copied; {BURN}"
            )
        ticks = packet.pts if packet.dts is None else packet.dts
        now_s = float(ticks * packet.time_base) + self._shift_s
        if now_s <= self._last_s - JUMP_BACK_S:
            self._shift_s += self._last_s + self._step_s - now_s
            now_s = self._last_s + self._step_s
        self._last_s = now_s
        if shift := round(self._shift_s / packet.time_base):
            packet.pts += shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        return packet


def _opened(info: SourceInfo) -> tuple[InputContainer, VideoStream]:
    """Open the source anew, for its video alone; pictures of its size were decoded already."""
    container = open_input(info.name, f"file:{info.path}")
    try:
        stream = video_stream(info.name, container, READ_MEGAPIXELS)
    except BaseException:
        container.close()
        raise
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return container, stream


def _check_fit(info: SourceInfo, form: str) -> bool:
    """Try whether a container takes the pictures and gives the same back, turned as they are.

    Returns:
        Whether they are turned to be shown.

    Raises:
        SinkError: It does not.
    """
    content = io.BytesIO()
    container, stream = _opened(info)
    codec = stream.codec_context.name
    with closing(container):
        try:
            _try(container, stream, content, form)
            content.seek(0)
            with av.open(content, "r", format=form) as back:
                copy = video_stream(info.name, back, READ_MEGAPIXELS)
                same, turned = copy.codec_context.name == codec, _look(back, copy)
        except (av.error.FFmpegError, ValueError, IndexError, SourceError) as error:
            log.debug("%s does not take %s: %s", form, codec, error)
            same, turned = False, None
    if not same:
        raise SinkError(f"{info.name}: its video ({codec}) does not fit into {form}; {BURN}")
    container, stream = _opened(info)
    with closing(container):
        look = _look(container, stream)
        if not _alike(look, turned):
            raise SinkError(
                f"{info.name}: its pictures are turned or stretched as {form} cannot say; {BURN}"
            )
    return look is not None and look.orientation != Orientation()


def _try(container: InputContainer, stream: VideoStream, content: io.BytesIO, form: str) -> None:
    """Write the first packets of a stream from a key picture on; their times do not matter."""
    with av.open(content, "w", format=form) as trial:
        target = trial.add_stream_from_template(stream)
        trial.start_encoding()
        count = 0
        for packet in packets_of(container, stream):
            if packet.size and (count or packet.is_keyframe):
                packet.pts = packet.dts = count
                packet.stream = target
                trial.mux_one(packet)
                count += 1
            if count == TRIAL:
                break


def _look(container: InputContainer, stream: VideoStream) -> Converter | None:
    """Say how the first picture is shown; None where none can be decoded."""
    try:
        for frame in container.decode(stream):
            return Converter(frame, stream.sample_aspect_ratio)
    except av.error.FFmpegError as error:
        log.debug("no first picture: %s", reason(error))
    return None


def _alike(one: Converter | None, other: Converter | None) -> bool:
    """Whether pictures are shown alike; containers write the shape of pixels roughly."""
    if one is None or other is None:
        return one is other
    near = max(abs(one.width - other.width), abs(one.height - other.height)) <= SIZE_NOISE
    return near and one.orientation == other.orientation
