"""The source's sound in the output: packets as they are, or AAC where the container wants other."""

import io
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, Literal, TypeAlias

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Discard

from engine.errors import SinkError
from engine.video.container import open_input, packets_of, reason, track_tags
from engine.video.source import SourceInfo
from engine.wording import counted

log = logging.getLogger(__name__)

Audio = Literal["copy", "aac", "none"]

SEEK_BACK_S: Final = 1.0  # seeking goes by the video's index; sound may lie somewhat earlier
JUMP_BACK_S: Final = 1.0  # a clock that falls back further was set anew (joined recordings)
JUMP_AHEAD_S: Final = 10.0  # a time that is further ahead may be wrong; such gaps stay empty
TRIAL: Final = 8  # packets of a stream by which a container is tried
AAC_RATES: Final = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)  # Hz
AAC_LAYOUTS: Final[Mapping[int, str]] = {1: "mono", 2: "stereo", 6: "5.1"}  # others: stereo
AAC_BITS: Final = 96_000  # a second and channel
# What a container refuses of one packet, the rest of the file being sound.
REFUSED: Final = (av.error.InvalidDataError, av.error.ArgumentError)
Sound: TypeAlias = "Packet[AudioStream]"


class AudioTrack:
    """All sound streams of a file, shifted in time together.

    Times are the source's own: 0 at its first frame, as in `Frame.time_s`. A packet that is
    damaged, or whose time cannot be right, is left out and counted; where the source's clock was
    set back, all that follows is moved.

    Attributes:
        zero_s: The source's time that becomes 0 in the output: the cut, or where sound or
            picture begins, whichever comes first.
    """

    def __init__(self, info: SourceInfo, output: OutputContainer, audio: Audio) -> None:
        """Open the source again and add its sound streams to `output`, in place.

        Args:
            info: The source.
            output: Where the sound goes.
            audio: ``copy`` takes packets as they are where the container can, ``aac`` never.

        Raises:
            SourceError: The source cannot be opened.
            SinkError: A sound stream can neither be copied nor decoded.
        """
        self._info, self._output = info, output
        self._input: InputContainer = open_input(info.name, f"file:{info.path}")
        self._encoded: list[str] = []
        self._damaged = 0
        try:
            self._ways: dict[int, _Copy | _Encode] = {
                stream.index: self._way(stream, audio) for stream in self._input.streams.audio
            }
        except BaseException:
            self.close()
            raise
        for stream in self._input.streams:
            if stream.index not in self._ways:
                stream.discard = Discard.all
        self.zero_s = info.start_s or min([0.0, *self._starts_s()])
        self._clocks = {index: _StreamClock(info.origin_s) for index in self._ways}
        self._packets: Iterator[Sound] = self._wanted()
        self._held: Sound | None = None
        self._reached_s = 0.0  # what was written goes up to here, picture or sound

    @property
    def warnings(self) -> list[str]:
        """One line for each thing that was changed or left out."""
        name, said = self._info.name, []
        for codec in dict.fromkeys(self._encoded):
            form = self._output.format.name
            said.append(f"{name}: its sound ({codec}) does not fit into {form}; encoded to AAC")
        if damaged := self._damaged + sum(clock.strays for clock in self._clocks.values()):
            packets = counted(damaged, "packet of its sound is", "packets of its sound are")
            said.append(f"{name}: {packets} damaged and left out")
        return said

    def _way(self, stream: AudioStream, audio: Audio) -> "_Copy | _Encode":
        if audio == "copy" and _fits(self._info, stream.index, self._output.format.name):
            return _Copy(stream, self._output)
        if stream.codec_context is None:
            raise SinkError(
                f"{self._info.name}: its sound can neither be copied nor decoded; use --audio none"
            )
        if audio == "copy":  # nobody asked for another form
            self._encoded.append(stream.codec_context.name)
        return _Encode(stream, self._output)

    def _starts_s(self) -> Iterator[float]:
        for stream in self._input.streams.audio:
            if stream.start_time is not None and stream.time_base is not None:
                yield float(stream.start_time * stream.time_base) - self._info.origin_s

    def _wanted(self) -> "Iterator[Sound]":
        """Packets from the start on, their times on the source's clock from 0."""
        start_s = self._info.start_s
        try:
            if start_s > SEEK_BACK_S:
                self._input.seek(round((self._info.origin_s + start_s - SEEK_BACK_S) * 1e6))
            for packet in packets_of(self._input, *self._input.streams.audio):
                if not packet.size:
                    continue
                for moved in self._clocks[packet.stream_index].moved(packet):
                    if start_s == 0 or _time_s(moved) >= start_s:
                        yield moved
            for clock in self._clocks.values():
                yield from clock.rest()
        except av.error.FFmpegError as error:
            # A cut-off file: the source itself says so, and what came before is kept.
            log.debug("%s: sound ends early: %s", self._info.name, reason(error))

    def write(self, until_s: float) -> None:
        """Write what sounds before `until_s`, seconds of the source.

        Raises:
            OSError: The output refuses more than one packet: the disk is full.
        """
        for packet in self._before(until_s):
            self._put(packet)
        self._reached_s = until_s

    def finish(self, until_s: float) -> None:
        """Write what sounds before `until_s`, and what encoders still hold.

        What comes long after the last picture and all other sound has a wrong time.
        """
        for packet in self._before(until_s):
            time_s = _time_s(packet)
            if time_s > self._reached_s + JUMP_AHEAD_S:
                self._damaged += 1
                continue
            self._put(packet)
            self._reached_s = max(self._reached_s, time_s)
        for way in self._ways.values():
            way.finish()

    def _before(self, until_s: float) -> "Iterator[Sound]":
        """Give the packets before a time; the first one behind it is held."""
        while packet := self._held or next(self._packets, None):
            self._held = packet if _time_s(packet) >= until_s else None
            if self._held is not None:
                return
            yield packet

    def _put(self, packet: "Sound") -> None:
        try:
            self._ways[packet.stream_index].write(packet, self.zero_s)
        except (*REFUSED, _DamagedError) as error:
            log.debug("%s: sound at %.3f s: %s", self._info.name, _time_s(packet), error)
            self._damaged += 1

    def close(self) -> None:
        """Let go of the source."""
        self._packets = iter(())  # the generator holds this object, which holds the generator
        self._input.close()


class _StreamClock:
    """Moves the times of one stream to start at 0 and to rise.

    Attributes:
        strays: Packets left out, because the next one went on where the one before them ended.
    """

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s
        self._shift_s = 0.0
        self._end_s = -math.inf
        self._doubted: Sound | None = None
        self.strays = 0

    def moved(self, packet: "Sound") -> "Iterator[Sound]":
        """Give the packets that are certain now, their times changed in place."""
        doubted, self._doubted = self._doubted, None
        if doubted is not None and abs(self._now_s(packet) - self._end_s) < JUMP_BACK_S:
            self.strays += 1
        elif doubted is not None:
            yield self._move(doubted)
        if math.isfinite(self._end_s) and self._now_s(packet) > self._end_s + JUMP_AHEAD_S:
            self._doubted = packet
        else:
            yield self._move(packet)

    def rest(self) -> "Iterator[Sound]":
        """Give what is certain at the end."""
        if self._doubted is not None:
            yield self._move(self._doubted)

    def _now_s(self, packet: "Sound") -> float:
        return _time_s(packet) - self._origin_s + self._shift_s

    def _move(self, packet: "Sound") -> "Sound":
        now_s = self._now_s(packet)
        if now_s <= self._end_s - JUMP_BACK_S:
            self._shift_s += self._end_s - now_s
            now_s = self._end_s
        ticks = round((self._shift_s - self._origin_s) / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks
        self._end_s = now_s + float((packet.duration or 0) * packet.time_base)
        return packet


class _DamagedError(Exception):
    """A packet cannot be decoded."""


class _Copy:
    """A stream whose packets go as they are."""

    def __init__(self, stream: AudioStream, output: OutputContainer) -> None:
        self._output = output
        self._target = output.add_stream_from_template(stream)
        _describe(self._target, stream)
        self._last: int | None = None

    def write(self, packet: "Sound", zero_s: float) -> None:
        shift = round(zero_s / packet.time_base)
        last, dts = self._last, packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            dts = (-1 if last is None else last) + 1 + shift
        # A container takes rising times only; where the source's fall back they are nudged.
        dts = dts - shift if last is None else max(dts - shift, last + 1)
        packet.pts = max(packet.pts - shift, dts) if packet.pts is not None else dts
        packet.dts = dts
        packet.stream = self._target
        self._output.mux_one(packet)
        self._last = dts

    def finish(self) -> None:
        """Nothing is held back."""


class _Encode:
    """A stream that is decoded and becomes AAC; gaps become silence."""

    def __init__(self, stream: AudioStream, output: OutputContainer) -> None:
        self._output, self._stream = output, stream
        context = stream.codec_context
        rate = context.sample_rate
        self._rate = rate if rate in AAC_RATES else AAC_RATES[0]
        self._layout = AAC_LAYOUTS.get(context.layout.nb_channels, "stereo")
        self._target = output.add_stream("aac", rate=self._rate, layout=self._layout)
        self._target.bit_rate = AAC_BITS * self._target.codec_context.layout.nb_channels
        _describe(self._target, stream)
        self._graph: Graph | None = None
        self._end_s: float | None = None
        self._form: tuple[int, str, str] | None = None

    def write(self, packet: "Sound", zero_s: float) -> None:
        shift = round(zero_s / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        self._decode(packet)

    def finish(self) -> None:
        with suppress(_DamagedError):
            self._decode(None)
        self._end()
        self._output.mux(self._target.encode(None))

    def _decode(self, packet: "Sound | None") -> None:
        try:
            frames = self._stream.decode(packet)
        except av.error.FFmpegError as error:
            raise _DamagedError(reason(error)) from error
        for frame in frames:
            frame.time_base = frame.time_base or self._stream.time_base
            self._push(frame)

    def _push(self, frame: AudioFrame) -> None:
        form = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._end_s is not None and (frame.time or 0.0) > self._end_s + JUMP_AHEAD_S:
            self._end()  # hours of silence would be made at once
        if self._graph is None or form != self._form:
            self._graph, self._form = self._resampler(frame), form
        self._graph.push(frame)
        self._pull(self._graph)
        self._end_s = (frame.time or 0.0) + frame.samples / frame.sample_rate

    def _end(self) -> None:
        """Take what the graph still holds; sound that follows begins anew."""
        if self._graph is not None:
            self._graph.push(None)
            self._pull(self._graph)
        self._graph = None

    def _resampler(self, frame: AudioFrame) -> Graph:
        graph = Graph()
        nodes = (
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=frame.time_base,
            ),
            graph.add("aresample", f"{self._rate}:async=1:min_hard_comp=0.1"),
            graph.add("aformat", f"sample_fmts=fltp:channel_layouts={self._layout}"),
            graph.add("asetnsamples", "n=1024:p=1"),
            graph.add("abuffersink"),
        )
        graph.link_nodes(*nodes)
        graph.configure()
        return graph

    def _pull(self, graph: Graph) -> None:
        while True:
            try:
                frame = graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            self._output.mux(self._target.encode(frame))  # type: ignore[arg-type]  # sound only


def _fits(info: SourceInfo, index: int, form: str) -> bool:
    """Try whether a container takes a sound stream as it is: some packets, and its trailer."""
    with open_input(info.name, f"file:{info.path}") as source:
        stream = source.streams[index]
        if not isinstance(stream, AudioStream):
            return False
        codec = stream.codec_context.name if stream.codec_context else ""
        if form == "mp4" and codec.startswith("pcm"):
            return False  # FFmpeg writes `ipcm`, which most players and older FFmpegs read wrongly
        try:
            with av.open(io.BytesIO(), "w", format=form) as trial:
                copy = _Copy(stream, trial)
                trial.start_encoding()
                packets = (packet for packet in packets_of(source, stream) if packet.size)
                for packet, _ in zip(packets, range(TRIAL), strict=False):
                    try:
                        copy.write(packet, 0.0)
                    except av.error.InvalidDataError as error:  # the packet, not the codec
                        log.debug("%s: %s", form, error)
        except (av.error.FFmpegError, ValueError) as error:
            log.debug("%s does not take %s: %s", form, codec, error)
            return False
    return True


def _describe(target: AudioStream, stream: AudioStream) -> None:
    target.metadata.update(track_tags(stream))
    target.disposition = stream.disposition


def _time_s(packet: "Sound") -> float:
    ticks = packet.dts if packet.pts is None else packet.pts
    return float((ticks or 0) * packet.time_base)
