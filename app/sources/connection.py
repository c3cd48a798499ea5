"""Frames of a source that may be busy, unplugged, and back again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from engine.errors import SourceError
from engine.types import Frame
from engine.video.opening import Source, SourceInfo

PAUSE_S: Final = 1.0  # between two tries to open


class ConnectionState(Enum):
    """How a source is doing."""

    OPENING = "opening"
    RUNNING = "running"
    LOST = "lost"  # is tried again
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """What to tell the user of a source.

    Attributes:
        state: How it is doing.
        message: Why it was lost; empty otherwise.
        info: Facts of the open source; None until it was open once.
    """

    state: ConnectionState
    message: str = ""
    info: SourceInfo | None = None


class Connection:
    """One source for as long as the user wants it; iterated on one thread, closed from any.

    Indices and times go on over a gap: the time away counts.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        notify: Callable[[ConnectionStatus], None],
        *,
        lasting: bool,
        pause_s: float = PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            open_source: Opens the source, on the iterating thread.
            notify: Told of every change of status, on the iterating thread.
            lasting: Try again after it was lost, until closed; else a loss is an error.
            pause_s: Between two tries, seconds.
            clock: Gives seconds.
        """
        self._open, self._notify, self._lasting = open_source, notify, lasting
        self._pause_s, self._clock = pause_s, clock
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._source: Source | None = None
        self._count = 0
        self._first: float | None = None
        self._last_s = -1.0

    def __iter__(self) -> Iterator[Frame]:
        """Give frames until closed.

        Raises:
            SourceError: A source that does not last was lost.
        """
        self._notify(ConnectionStatus(ConnectionState.OPENING))
        while not self._closing.is_set():
            try:
                yield from self._once()
            except SourceError as error:
                if not self._lasting:
                    raise
                if not self._closing.is_set():
                    self._notify(ConnectionStatus(ConnectionState.LOST, str(error)))
            else:
                if not self._lasting:
                    break
            self._closing.wait(self._pause_s)
        self._notify(ConnectionStatus(ConnectionState.ENDED))

    @property
    def source(self) -> Source | None:
        """What is open now."""
        with self._lock:
            return self._source

    def _once(self) -> Iterator[Frame]:
        with self._open() as source:
            with self._lock:
                self._source = source
            try:
                if self._closing.is_set():
                    return
                self._notify(ConnectionStatus(ConnectionState.RUNNING, info=source.info))
                shift_s: float | None = None
                for frame in source:
                    if shift_s is None:
                        shift_s = self._shift(frame.time_s)
                    yield self._continued(frame, shift_s)
                if self._lasting and not self._closing.is_set():
                    raise SourceError(f"{source.info.name}: ended")
            finally:
                with self._lock:
                    self._source = None

    def _shift(self, time_s: float) -> float:
        """Say what to add to a newly opened source's times, so that they go on."""
        now = self._clock()
        if self._first is None:
            self._first = now - time_s
            return 0.0
        return now - self._first - time_s

    def _continued(self, frame: Frame, shift_s: float) -> Frame:
        self._count += 1
        return Frame(self._count - 1, frame.time_s + shift_s, frame.picture)

    def close(self) -> None:
        """End soon; from any thread, any number of times."""
        self._closing.set()
        with self._lock:
            source = self._source
        if source is not None:
            with suppress(SourceError):
                source.close()
