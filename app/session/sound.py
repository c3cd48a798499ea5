"""What is heard in a recording: the sound of the file, or what a microphone gives, by its time."""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from engine.errors import FerError
from engine.types import Floats
from engine.video.sound import RATE, SoundBlock, SoundReader

log = logging.getLogger(__name__)

DRIFT_S: Final = 0.2  # a microphone whose clock is further off than this is put right
WAITING_S: Final = 20.0  # of a microphone's sound in memory, while the disk does not answer


@dataclass(frozen=True, slots=True)
class SoundCut:
    """From here on a recording shows the source from another time on.

    Attributes:
        time_s: Of the recording.
        source_s: Of the source.
    """

    time_s: float
    source_s: float


class Sound(Protocol):
    """Gives sound by the time of a recording."""

    def cut(self, cut: SoundCut) -> None:
        """Take note that the source was begun or moved."""

    def blocks(self, until_s: float) -> Iterator[SoundBlock]:
        """Give what sounds before a time and was not given yet, in order."""

    def close(self) -> None:
        """Let go of it."""


class FileSound:
    """The sound of a file, as it is played: moved where the file was. Used by one thread."""

    def __init__(self, path: Path, origin_s: float) -> None:
        """Take the file; it is opened with the first cut.

        Args:
            path: The file.
            origin_s: As in `SourceInfo`.
        """
        self._path, self._origin_s = path, origin_s
        self._reader: SoundReader | None = None
        self._cuts: deque[SoundCut] = deque()
        self._now: SoundCut | None = None
        self._done_s = 0.0
        self._held: SoundBlock | None = None

    def cut(self, cut: SoundCut) -> None:
        """Take note that the file was begun or moved."""
        self._cuts.append(cut)

    def blocks(self, until_s: float) -> Iterator[SoundBlock]:
        """Give what sounds before a time and was not given yet, in order."""
        while self._now is not None or self._cuts:
            if self._now is None or (self._cuts and self._done_s >= self._cuts[0].time_s):
                self._begin(self._cuts.popleft())
            stop_s = min(until_s, self._cuts[0].time_s) if self._cuts else until_s
            if self._done_s >= stop_s:
                return
            yield from self._stretch(stop_s)
            self._done_s = stop_s

    def _begin(self, cut: SoundCut) -> None:
        self._now, self._done_s, self._held = cut, cut.time_s, None
        try:
            if self._reader is None:
                self._reader = SoundReader(self._path, self._origin_s)
            self._reader.seek(cut.source_s)
        except FerError as error:
            log.warning("%s: the recording has no sound", error)
            self._reader = None

    def _stretch(self, stop_s: float) -> Iterator[SoundBlock]:
        """Give the sound of the stretch that was begun, up to a time of the recording."""
        now = self._now
        while now is not None and self._reader is not None:
            block, self._held = self._held or self._reader.read(), None
            if block is None:
                return
            placed = block.moved(now.time_s - now.source_s)
            part = placed.between(self._done_s, stop_s)
            if part.samples.shape[1]:
                yield part
            if placed.end_s > stop_s:
                self._held = block
                return

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class LiveSound:
    """What a microphone gives: `add` from any thread, all else from the recorder's."""

    def __init__(self) -> None:
        """Start with silence."""
        self._lock = threading.Lock()
        self._blocks: deque[SoundBlock] = deque()
        self._end_s: float | None = None

    def add(self, samples: Floats, now_s: float) -> None:
        """Take what was just heard.

        Args:
            samples: (CHANNELS, N) float32, the newest last.
            now_s: The recording's time at this moment.
        """
        length_s = samples.shape[1] / RATE
        with self._lock:
            end_s = self._end_s
            if end_s is None or abs(end_s + length_s - now_s) > DRIFT_S:
                end_s = (
                    max(0.0, now_s - length_s) if end_s is None else max(end_s, now_s - length_s)
                )
            self._blocks.append(SoundBlock(end_s, samples))
            self._end_s = end_s + length_s
            while self._blocks and self._end_s - self._blocks[0].end_s > WAITING_S:
                self._blocks.popleft()

    def cut(self, cut: SoundCut) -> None:
        """Go on: a microphone cannot be moved in."""

    def blocks(self, until_s: float) -> Iterator[SoundBlock]:
        """Give what sounds before a time and was not given yet, in order."""
        while True:
            with self._lock:
                if not self._blocks:
                    return
                whole = self._blocks[0]
                block = whole.between(whole.time_s, until_s)
                many = block.samples.shape[1]
                if not many:
                    return
                self._blocks.popleft()
                if many < whole.samples.shape[1]:
                    self._blocks.appendleft(SoundBlock(block.end_s, whole.samples[:, many:]))
            yield block

    def close(self) -> None:
        """Nothing is held."""
