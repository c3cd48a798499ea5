"""Sound, copied packet by packet from the source file into the output."""

import logging
from collections.abc import Iterator
from typing import Final

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard

from engine.errors import SinkError
from engine.video.container import open_input, reason
from engine.video.source import SourceInfo

log = logging.getLogger(__name__)

SEEK_BACK_S: Final = 1.0  # seeking goes by the video's index; sound may lie somewhat earlier


class AudioCopy:
    """All sound streams of a file, untouched but for a common shift in time.

    Times are the source's own: 0 at its first frame, as in `Frame.time_s`.

    Attributes:
        zero_s: The source's time that becomes 0 in the output: the cut, or where sound or
            picture begins, whichever comes first.
    """

    def __init__(self, info: SourceInfo, output: OutputContainer) -> None:
        """Open the source again and add its sound streams to `output`, in place.

        Raises:
            SinkError: `output` cannot hold one of the codecs.
            SourceError: The source cannot be opened.
        """
        self._info, self._output = info, output
        self._input: InputContainer = open_input(info.name, f"file:{info.path}")
        try:
            self._targets = {s.index: self._add(s) for s in self._input.streams.audio}
        except BaseException:
            self.close()
            raise
        for stream in self._input.streams:
            if stream.index not in self._targets:
                stream.discard = Discard.all
        self.zero_s = info.start_s or min([0.0, *self._starts_s()])
        self._last: dict[int, int] = {}
        self._packets = self._wanted()
        self._held: Packet[AudioStream] | None = None

    def _add(self, stream: AudioStream) -> AudioStream:
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        try:
            target = self._output.add_stream_from_template(stream)
        except (ValueError, av.error.FFmpegError) as error:
            log.debug("%s: %s", self._info.name, error)
            form = self._output.format.name
            other = "" if form == "matroska" else " or an output that ends in .mkv"
            raise SinkError(
                f"{self._info.name}: its sound ({codec}) does not fit into {form}; "
                f"use --no-audio{other}"
            ) from error
        target.metadata.update(stream.metadata)
        target.disposition = stream.disposition
        return target

    def _starts_s(self) -> Iterator[float]:
        for stream in self._input.streams.audio:
            if stream.start_time is not None and stream.time_base is not None:
                yield float(stream.start_time * stream.time_base) - self._info.origin_s

    def _wanted(self) -> "Iterator[Packet[AudioStream]]":
        start_s = self._info.start_s
        try:
            if start_s > SEEK_BACK_S:
                self._input.seek(round((self._info.origin_s + start_s - SEEK_BACK_S) * 1e6))
            for packet in self._input.demux(self._input.streams.audio):
                if packet.size and (start_s == 0 or self._time_s(packet) >= start_s):
                    yield packet
        except av.error.FFmpegError as error:
            # A cut-off file: the source itself says so, and what came before is kept.
            log.debug("%s: sound ends early: %s", self._info.name, reason(error))

    def _time_s(self, packet: "Packet[AudioStream]") -> float:
        ticks = packet.dts if packet.pts is None else packet.pts
        return float((ticks or 0) * packet.time_base) - self._info.origin_s

    def copy(self, until_s: float) -> None:
        """Write what sounds before `until_s`, seconds of the source."""
        while True:
            packet = self._held or next(self._packets, None)
            if packet is None:
                return
            if self._time_s(packet) >= until_s:
                self._held = packet
                return
            self._held = None
            self._write(packet)

    def _write(self, packet: "Packet[AudioStream]") -> None:
        index = packet.stream_index
        shift = round((self._info.origin_s + self.zero_s) / packet.time_base)
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            dts = self._last.get(index, -1) + 1 + shift
        # A container takes rising times only; where the source's fall back they are nudged.
        dts = max(dts - shift, self._last.get(index, dts - shift - 1) + 1)
        self._last[index] = dts
        packet.pts = max(packet.pts - shift, dts) if packet.pts is not None else dts
        packet.dts = dts
        packet.stream = self._targets[index]
        self._output.mux_one(packet)

    def close(self) -> None:
        """Let go of the source."""
        self._input.close()
