"""Decode, find, read and draw at the same time, each on its own thread, in order."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import numpy as np

from engine.mailbox import Channel, Closed, Latest, Mailbox
from engine.types import Analysis, Found, Frame

log = logging.getLogger(__name__)

# What is drawn on is the business of who draws and of who reads the results.
Drawn: TypeAlias = Any
Draw = Callable[[Analysis], Drawn]

_JOIN_S = 10.0
_WAITING = 4  # frames of a file between two stages: enough to even out a detector pass
_TOGETHER = 4  # frames of a file read in one network call: a sixth less work than one by one


class FindStage(Protocol):
    """What finds and follows the faces of a frame; keeps state between frames."""

    def find(self, frame: Frame) -> Found:
        """Find the faces of the frame that follows the one before."""
        ...

    def close(self) -> None:
        """Free models and sessions."""
        ...


class ReadStage(Protocol):
    """What reads the faces that were found; keeps state between frames."""

    def read(self, several: Sequence[Found]) -> list[Analysis]:
        """Read the faces of the frames that follow those before."""
        ...

    def close(self) -> None:
        """Free models and sessions."""
        ...


class Pipeline:
    """Runs a source through a finder, a reader and a drawing; iterate for the results.

    The finder is at the next frame while the reader reads this one.

    Frames of a file all arrive, in order; a live source drops the frames that nobody had time
    for. What a stage raises ends the others and is raised in the iteration, after the results
    that were ready. `times_ms` of each analysis gains "decode" and, where drawn, "draw".

    Use as a context manager: entering starts the threads, leaving stops and joins them.
    """

    def __init__(
        self,
        source: Iterable[Frame],
        make_finder: Callable[[], FindStage],
        make_reader: Callable[[], ReadStage],
        draw: Draw | None = None,
        *,
        live: bool = False,
        alone: bool = False,
        join_s: float = _JOIN_S,
    ) -> None:
        """Connect the stages; nothing runs yet.

        Args:
            source: Iterated once, on the capture thread; the caller closes it afterwards.
            make_finder: Called on the finding thread, which also closes what it made.
            make_reader: The same on the reading thread.
            draw: Turns an analysis into the picture to show, on a thread of its own; without
                it, that is the frame's own picture.
            live: Drop frames rather than delay them.
            alone: Frames are pictures of their own: each is read by itself, so that its numbers
                are the same whatever comes with it.
            join_s: How long leaving waits for the threads; a late one is left behind.
        """
        self._source = source
        self._make_finder = make_finder
        self._make_reader = make_reader
        self._draw = draw
        self._join_s = join_s
        waiting = 1 if alone else _WAITING  # pictures may be large
        self._frames: Mailbox[tuple[Frame, float]] = Latest() if live else Channel(waiting)
        # Always as many, so that a file gives the same numbers each time; live, one, at once.
        self._together = 1 if live or alone else _TOGETHER
        self._found = Channel[Found](self._together)
        self._analyses = Channel[Analysis](waiting)
        self._drawn = Channel[tuple[Analysis, Drawn]](waiting)
        self._error: Exception | None = None
        self._error_lock = threading.Lock()
        self._threads = [
            self._thread("capture", self._capture, self._frames.close),
            self._thread("find", self._find, self._frames.close, self._found.close),
            self._thread("read", self._read, self._found.close, self._analyses.close),
        ]
        if draw is not None:
            drawing = partial(self._draw_all, draw)
            self._threads.append(
                self._thread("draw", drawing, self._analyses.close, self._drawn.close)
            )

    @property
    def dropped(self) -> int:
        """Frames of a live source that were never analysed."""
        return self._frames.dropped if isinstance(self._frames, Latest) else 0

    def __enter__(self) -> Self:
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError:  # the system has no more of them
            self.stop()
            self._join()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._join()

    def __iter__(self) -> Iterator[tuple[Analysis, Drawn]]:
        """Yield each analysis with its picture, then raise what went wrong, if anything did."""
        if self._draw is not None:
            yield from self._drawn
        else:
            for analysis in self._analyses:
                yield analysis, analysis.frame.picture
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End early; from any thread or signal handler, any number of times."""
        for mailbox in (self._frames, self._found, self._analyses, self._drawn):
            mailbox.close()

    def _join(self) -> None:
        """Wait for the threads, together no longer than the limit."""
        deadline = time.monotonic() + self._join_s
        for thread in self._threads:
            if thread.ident is None:  # not started
                continue
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.warning("thread %s is late and left behind", thread.name)

    def _thread(
        self, name: str, work: Callable[[], None], *close: Callable[[], None]
    ) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Closed:
                log.debug("%s: stopped by a neighbour", name)
            except Exception as error:
                log.debug("%s: failed", name, exc_info=True)  # raised again in the reader
                self._keep(error)
            finally:
                for close_neighbour in close:
                    close_neighbour()

        # A camera's read() and a decoder at work cannot be interrupted, only abandoned.
        return threading.Thread(target=run, name=f"fer-{name}", daemon=True)

    def _keep(self, error: Exception) -> None:
        with self._error_lock:
            self._error = self._error or error

    def _capture(self) -> None:
        started = time.monotonic()
        for frame in self._source:
            frame.lock()
            self._frames.put((frame, _ms_since(started)))
            started = time.monotonic()

    def _find(self) -> None:
        finder = self._make_finder()
        try:
            for frame, decode_ms in self._frames:
                found = finder.find(frame)
                times_ms = {"decode": decode_ms, **found.times_ms}
                self._found.put(replace(found, times_ms=times_ms))
        finally:
            finder.close()

    def _read(self) -> None:
        reader = self._make_reader()
        try:
            found = iter(self._found)
            while several := list(islice(found, self._together)):
                for analysis in reader.read(several):
                    self._analyses.put(analysis)
        finally:
            reader.close()

    def _draw_all(self, draw: Draw) -> None:
        for analysis in self._analyses:
            started = time.monotonic()
            drawn = draw(analysis)
            if isinstance(drawn, np.ndarray):
                drawn.flags.writeable = False
            times_ms = {**analysis.times_ms, "draw": _ms_since(started)}
            self._drawn.put((replace(analysis, times_ms=times_ms), drawn))


def _ms_since(started: float) -> float:
    return 1000.0 * (time.monotonic() - started)
