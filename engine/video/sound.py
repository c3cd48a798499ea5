"""The sound of a file as numbers, from any place on: two channels of 48 kHz."""

import logging
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from engine.errors import SourceError
from engine.types import Floats
from engine.video.container import open_input, packets_of, reason

log = logging.getLogger(__name__)

RATE: Final = 48_000  # Hz
CHANNELS: Final = 2
BACK_S: Final = 1.0  # seeking goes by the video's index; sound may lie somewhat earlier
DAMAGED_MAX: Final = 50  # packets in a row; then there is no more sound


@dataclass(frozen=True, slots=True, eq=False)
class SoundBlock:
    """A stretch of sound.

    Attributes:
        time_s: Of its first sample.
        samples: (CHANNELS, N) float32, -1 to 1.
    """

    time_s: float
    samples: Floats

    @property
    def end_s(self) -> float:
        """When it ends."""
        return float(self.time_s + self.samples.shape[1] / RATE)

    def between(self, start_s: float, stop_s: float) -> "SoundBlock":
        """Give what of it lies between two times; no samples where nothing does."""
        first = min(max(0, round((start_s - self.time_s) * RATE)), self.samples.shape[1])
        last = max(first, min(self.samples.shape[1], round((stop_s - self.time_s) * RATE)))
        return SoundBlock(self.time_s + first / RATE, self.samples[:, first:last])

    def moved(self, seconds: float) -> "SoundBlock":
        """Give the same at another time."""
        return SoundBlock(self.time_s + seconds, self.samples)


class SoundReader:
    """Decodes a file's first sound stream; used by one thread."""

    def __init__(self, path: Path, origin_s: float = 0.0) -> None:
        """Open the file.

        Args:
            path: The file.
            origin_s: Where its time 0 lies on the container's clock, as in `SourceInfo`.

        Raises:
            SourceError: It cannot be opened, or has no sound.
        """
        self._origin_s = origin_s
        self._name = path.name
        self._container: InputContainer = open_input(path.name, f"file:{path}")
        streams = self._container.streams.audio
        if not streams:
            self._container.close()
            raise SourceError(f"{path.name}: has no sound")
        self._stream = streams[0]
        self._blocks = self._decoded()

    def seek(self, time_s: float) -> None:
        """Go on from a time, seconds of the file, or somewhat before."""
        self._blocks.close()
        try:
            self._container.seek(round(1e6 * max(0.0, self._origin_s + time_s - BACK_S)))
        except av.error.FFmpegError as error:
            log.debug("%s: sound: %s", self._name, reason(error))
        self._stream.codec_context.flush_buffers()
        self._blocks = self._decoded()

    def read(self) -> SoundBlock | None:
        """Give the next block; None at the end, and where nothing more can be decoded."""
        return next(self._blocks, None)

    def _decoded(self) -> Generator[SoundBlock]:
        resampler = AudioResampler("fltp", "stereo", RATE)
        damaged = 0
        packets = packets_of(self._container, self._stream)
        while damaged < DAMAGED_MAX:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                frames = self._stream.decode(packet)
                damaged = 0
            except av.error.FFmpegError as error:
                log.debug("%s: sound: %s", self._name, reason(error))
                damaged += 1
                continue
            for frame in frames:
                yield from self._resampled(resampler, frame)

    def _resampled(self, resampler: AudioResampler, frame: AudioFrame) -> Generator[SoundBlock]:
        start_s = (frame.time or 0.0) - self._origin_s
        frame.pts = None
        parts = [made.to_ndarray() for made in resampler.resample(frame)]
        if parts:
            samples = np.concatenate(parts, axis=1).astype(np.float32, copy=False)
            yield SoundBlock(start_s, samples)

    def close(self) -> None:
        """Let go of the file."""
        self._blocks.close()
        self._container.close()
