"""What every source has in common: its settings, its facts, its life cycle."""

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Annotated, Protocol, Self

from pydantic import Field

from engine.config import AboveZero, Positive, checked
from engine.types import Frame
from engine.video.planes import Form

Seconds = Annotated[float, Field(ge=0, le=1e9)]  # 31 years; FFmpeg counts them in microseconds


@checked(names={"start_s": "start", "duration_s": "duration"})
class SourceConfig:
    """Which part of a source to read.

    Attributes:
        start_s: Seconds to leave out at the beginning.
        duration_s: Seconds to read from there; None reads to the end.
        size: Width and height to ask of a camera, pixels; None leaves its own.
        fps: Frames a second to ask of a camera; None leaves its own.
        live: Leave frames out rather than wait for the reader, also where the source has an end.
        sequence: Pictures are the frames of a film; else each stands for itself.
        max_megapixels: What a picture of a file or stream may have, 10⁶ pixels; None allows a
            single picture 150 and a frame of video 36.
        steady: Read again, a file gives the same pictures, where it is damaged too: decoders work
            at one picture at a time. At several, what they put in the place of what is missing
            depends on which of them is ahead.
    """

    start_s: Seconds = 0.0
    duration_s: Annotated[Seconds, Field(gt=0)] | None = None
    size: tuple[Positive, Positive] | None = None
    fps: AboveZero | None = None
    live: bool = False
    sequence: bool = False
    max_megapixels: AboveZero | None = None
    steady: bool = False

    @property
    def end_s(self) -> float:
        """Where reading stops, infinity without a limit."""
        return math.inf if self.duration_s is None else self.start_s + self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """What is known of a source once it is open.

    Attributes:
        name: What messages call it; never holds a password.
        path: The file or folder; None for cameras and streams.
        width: Pixels of an upright frame.
        height: Pixels of an upright frame.
        fps: Average frames a second; None if unknown.
        time_base: Finest step of the timestamps, seconds.
        frame_count: Estimate of the frames that will come; None if unknown.
        duration_s: Seconds that will be read, from `start_s` on; None if unknown.
        live: True for cameras and endless streams, which cannot wait for the reader, and where
            the user says so.
        has_audio: True if sound comes along.
        extras: What comes along besides: subtitles, chapters, cover pictures, in words.
        start_s: Offset cut off at the beginning.
        metadata: Tags of the container, title and the like.
        track: Tags of the video's own track: language and title.
        origin_s: Where time 0 (the first frame) lies on the container's own clock, seconds.
        end_s: Where reading stops by the user's wish; None without a limit.
        pictures: The files, where each frame is a picture of its own, which may have a size of
            its own; empty for films.
        form: What its frames are, where they keep the planes that they were decoded to.
    """

    name: str
    path: Path | None
    width: int
    height: int
    fps: Fraction | None
    time_base: Fraction
    frame_count: int | None
    duration_s: float | None
    live: bool
    has_audio: bool
    extras: tuple[str, ...] = ()
    start_s: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)
    track: Mapping[str, str] = field(default_factory=dict)
    origin_s: float = 0.0
    end_s: float | None = None
    pictures: tuple[Path, ...] = ()
    form: Form | None = None

    def is_at(self, path: Path) -> bool:
        """Say whether a path, however it is written, leads to this source's own file."""
        with suppress(OSError):  # it is not there, or cannot be
            return self.path is not None and path.samefile(self.path)
        return False


class Source(Protocol):
    """Frames in order, from wherever they come.

    Attributes:
        info: Facts about the source.
        warnings: One line for each thing that went wrong without ending the work.
    """

    info: SourceInfo
    warnings: list[str]

    def read(self) -> Frame | None:
        """The next frame; None at the end and after `close`."""

    def close(self) -> None:
        """Let go of the file or device; from any thread, any number of times."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __iter__(self) -> Iterator[Frame]: ...


class Frames(ABC):
    """What can be read, closed, iterated, and used as a context manager."""

    @abstractmethod
    def read(self) -> Frame | None:
        """The next frame; None at the end and after `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; from any thread, any number of times."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.read()) is not None:
            yield frame


class GuardedSource(Frames):
    """Life cycle of a source: one thread reads, any thread closes.

    FFmpeg and OpenCV crash when a handle is freed under a call that runs. So `close` only
    leaves a note while a frame is being read, and the reading thread frees the handle.
    """

    info: SourceInfo

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._closing = threading.Event()
        self._busy = threading.Lock()

    @abstractmethod
    def _next(self) -> Frame | None: ...

    @abstractmethod
    def _free(self) -> None: ...

    def read(self) -> Frame | None:
        """The next frame; None at the end and after `close`."""
        try:
            with self._busy:
                frame = None if self._closing.is_set() else self._next()
        finally:
            self._free_if_closing()
        return frame

    def close(self) -> None:
        """Let go of the file or device; from any thread, any number of times."""
        self._closing.set()
        self._free_if_closing()

    def _free_if_closing(self) -> None:
        if self._closing.is_set() and self._busy.acquire(blocking=False):
            try:
                self._free()
            finally:
                self._busy.release()
