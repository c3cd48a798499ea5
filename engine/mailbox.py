"""Two ways to hand values from one thread to the next: every one, or only the newest."""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

# A waiting thread looks up this often: a signal handler may close between its test and its
# wait, and on Windows a lock without a timeout does not let Ctrl-C through.
_LOOK_UP_S = 0.2


class Closed(Exception):
    """The mailbox takes nothing more, or nothing more will come out of it."""


class Mailbox(ABC, Generic[T]):
    """What both kinds share: taking, closing, and iteration until closed and empty."""

    def __init__(self, places: int) -> None:
        self._items: deque[T] = deque(maxlen=places)
        self._closed = False
        self._changed = threading.Condition()

    @abstractmethod
    def put(self, item: T) -> bool:
        """Store `item`; return False when that threw an older one away.

        Raises:
            Closed: Nobody reads any more.
        """

    def take(self) -> T:
        """Wait for the oldest item and remove it.

        Raises:
            Closed: Nothing is left and nothing will come.
        """
        with self._changed:
            while not self._items:
                if self._closed:
                    raise Closed
                self._changed.wait(_LOOK_UP_S)
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Refuse new items and wake everyone; what lies inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Take until closed and empty."""
        while True:
            try:
                item = self.take()
            except Closed:
                return
            yield item


class Channel(Mailbox[T]):
    """A bounded queue that loses nothing: `put` waits while it is full."""

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self._places = places

    def put(self, item: T) -> bool:
        """Store `item`, waiting for room; always True.

        Raises:
            Closed: Nobody reads any more.
        """
        with self._changed:
            while len(self._items) == self._places and not self._closed:
                self._changed.wait(_LOOK_UP_S)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()
            return True


class Latest(Mailbox[T]):
    """One place for the newest item: `put` never waits, so delay and memory stay bounded.

    Attributes:
        dropped: Items replaced before anybody took them.
    """

    def __init__(self) -> None:
        super().__init__(places=1)
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Store `item`; return True when the reader had taken the one before.

        Raises:
            Closed: Nobody reads any more.
        """
        with self._changed:
            if self._closed:
                raise Closed
            taken = not self._items
            self.dropped += not taken
            self._items.append(item)  # a deque of one: the older item falls out
            self._changed.notify_all()
            return taken
