"""A track of sound that is made sample by sample, not copied: a recording's."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final

import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.packet import Packet

from engine.types import Floats
from engine.video.sound import CHANNELS, RATE, SoundBlock

_FRAME: Final = 1024  # samples that AAC takes at once
_BITS: Final = 128_000  # a second
_NEAR: Final = RATE // 50  # samples; blocks nearer than this follow each other
_SILENCE: Final = RATE  # samples of silence made at once


class MadeSound:
    """Encodes blocks to AAC; used by one thread."""

    def __init__(self, container: OutputContainer) -> None:
        """Add the track to a container that is not begun yet, in place."""
        self._container = container
        self._stream = container.add_stream("aac", rate=RATE, layout="stereo")
        self._stream.bit_rate = _BITS
        self._fifo = AudioFifo()
        self._taken = 0  # samples so far, silence included
        self._encoded = 0

    def write(self, block: SoundBlock) -> None:
        """Encode a block.

        Args:
            block: Later than those before; a gap becomes silence, what overlaps is left out.
        """
        start = round(block.time_s * RATE)
        if abs(start - self._taken) <= _NEAR:  # rounding: a sample of silence would be heard
            start = self._taken
        while start > self._taken:
            many = min(_SILENCE, start - self._taken)
            self._put(np.zeros((CHANNELS, many), np.float32))
        self._put(block.samples[:, max(0, self._taken - start) :])

    def keep_up(self, time_s: float) -> None:
        """Fill up with silence to a time, where nothing was written.

        Pictures wait for sound in the muxer, all in memory: what a kill leaves would hold none.
        """
        if round(time_s * RATE) - self._taken > _SILENCE:
            self.write(SoundBlock(time_s, np.zeros((CHANNELS, 0), np.float32)))

    def _put(self, samples: Floats) -> None:
        if not samples.shape[1]:
            return
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self._taken, Fraction(1, RATE)
        self._taken += samples.shape[1]
        self._fifo.write(frame)
        self._drain()

    def _drain(self, *, rest: bool = False) -> None:
        while (frame := self._fifo.read(_FRAME, partial=rest)) is not None:
            frame.pts, frame.time_base = self._encoded, Fraction(1, RATE)
            self._encoded += frame.samples
            self._mux(self._stream.encode(frame))

    def _mux(self, packets: Iterable["Packet[Any]"]) -> None:
        """Write packets, but those before 0: a growing file would be late by them as a whole.

        They warm the decoder up: without them the first 21 ms sound thinner.
        """
        for packet in packets:
            if packet.pts is not None and packet.pts >= 0:
                self._container.mux(packet)

    def finish(self) -> None:
        """Encode what is left."""
        self._drain(rest=True)
        self._mux(self._stream.encode(None))
