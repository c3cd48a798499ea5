"""The last lines of the log, kept in memory for a report of a problem."""

import logging
from collections import deque
from typing import Final

KEPT: Final = 200  # lines


class RecentLog(logging.Handler):
    """Keeps the newest lines; nothing is written to a disk."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        super().__init__(logging.INFO)
        self._kept: deque[str] = deque(maxlen=KEPT)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._kept.append(self.format(record))

    def lines(self) -> list[str]:
        """Give what is kept, the newest last."""
        return list(self._kept)


def recent_log() -> RecentLog:
    """Give the one that listens to everything; it begins with the first call."""
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, RecentLog):
            return handler
    made = RecentLog()
    root.addHandler(made)
    return made
