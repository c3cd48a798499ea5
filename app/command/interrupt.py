"""Signals as a wish to finish, not as an exception in the middle of a write."""

from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from engine.signals import handle, put_back


class Interrupt:
    """While entered, the first signal asks to finish, and the second gives up.

    Before there is anything to finish, the first one raises KeyboardInterrupt.

    Attributes:
        requested: True once a signal came.
    """

    def __init__(self, give_up: Callable[[], object] | None = None) -> None:
        """Take what a second signal does; raise KeyboardInterrupt by default."""
        self.requested = False
        self._give_up = give_up
        self._stop: Callable[[], None] | None = None
        self._before: dict[int, Any] = {}

    def stops(self, stop: Callable[[], None]) -> None:
        """Call `stop` when a signal comes, at once if it came already."""
        self._stop = stop
        if self.requested:
            stop()

    def __enter__(self) -> Self:
        self._before = handle(self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        put_back(self._before)
        if self.requested and self._stop is None and isinstance(error, Exception):
            raise KeyboardInterrupt from error  # a library that was interrupted may say anything

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested and self._give_up is not None:
            self._give_up()
        first, self.requested = not self.requested, True
        if first and self._stop is not None:
            self._stop()
            return
        before = self._before[number]
        if callable(before):  # which raises it too
            before(number, frame)
        raise KeyboardInterrupt
