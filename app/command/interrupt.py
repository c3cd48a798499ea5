"""Ctrl-C and SIGTERM as a wish to finish, not as an exception in the middle of a write."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """While entered, the first signal asks to finish and the second raises KeyboardInterrupt.

    Attributes:
        requested: True once a signal came.
    """

    def __init__(self) -> None:
        self.requested = False
        self._stop: Callable[[], None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def stops(self, stop: Callable[[], None]) -> None:
        """Call `stop` when a signal comes, at once if it came already."""
        self._stop = stop
        if self.requested:
            stop()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # others cannot set handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        for waiting in self._before:
            signal.signal(waiting, signal.default_int_handler)
        if self._stop is not None:
            self._stop()
