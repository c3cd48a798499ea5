"""Hears markers on a thread of its own, until it is closed."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

from app.inputs.gate import Gate, Take
from engine.errors import FerError

log = logging.getLogger(__name__)

JOIN_S: Final = 5.0


class Ear(Protocol):
    """Hears what another program sends."""

    @property
    def name(self) -> str:
        """What a window calls it."""

    @property
    def target(self) -> str:
        """Where it listens."""

    @property
    def open_to_others(self) -> bool:
        """True if other machines may be heard."""

    def heard(self) -> AbstractContextManager[Iterator[tuple[bytes, float] | None]]:
        """Open it, and give what comes, each with when by `time.monotonic()`.

        None, a few times a second, where nothing came.
        """


class Listener:
    """Listens with one ear.

    Attributes:
        ear: It.
        gate: What it heard passes this.
        error: Why it does not listen; empty if it does.
        opened: It listens.
    """

    def __init__(self, ear: Ear, take: Take, after: "Listener | None" = None) -> None:
        """Begin to listen, soon; returns at once.

        Args:
            ear: What listens.
            take: Gets the markers, on the listener's thread; must not wait.
            after: Has to be closed before: it may hold the same port.
        """
        self.ear, self.gate = ear, Gate(take)
        self.error, self.opened = "", False
        self._after = after
        self._closing = threading.Event()
        name = f"fer-markers-{ear.name.lower()}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        after, self._after = self._after, None
        if after is not None:
            after.join()
        try:
            with self.ear.heard() as coming:
                self.opened = True
                log.info("markers are heard by %s: %s", self.ear.name, self.ear.target)
                for heard in coming:
                    if self._closing.is_set():
                        return
                    if heard is not None:
                        self.gate.give(*heard, time.monotonic())
        except FerError as error:
            log.warning("%s", error)
            self.error = str(error)
        except Exception as error:
            log.exception("markers by %s", self.ear.name)
            self.error = f"markers by {self.ear.name}: {error}"

    def close(self) -> None:
        """Listen no more, soon; returns at once."""
        self._closing.set()

    def join(self, limit_s: float = JOIN_S) -> bool:
        """Wait until nothing is held any more; False if that takes longer than the limit."""
        self._thread.join(limit_s)
        if self._thread.is_alive():
            log.warning("thread %s is late and left behind", self._thread.name)
        return not self._thread.is_alive()
