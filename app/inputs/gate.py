"""What of the texts that another program sends becomes a marker; the rest is counted."""

from collections.abc import Callable
from typing import Final

from app.session.checks import one_line

BYTES_MAX: Final = 1000  # of a marker's text
PER_SECOND: Final = 100  # markers; more are a flood

Take = Callable[[str, float], object]  # a marker's text, and when it was set: `time.monotonic()`


class Gate:
    """Hands markers on, one by one. Used by one thread; its counts may be read by any.

    Attributes:
        came: Texts that were handed on.
        refused: Those that were not.
        why: Why the last one was not; empty before the first.
    """

    def __init__(self, take: Take) -> None:
        """Start with none.

        Args:
            take: Gets the markers; must not wait.
        """
        self._take = take
        self.came = self.refused = 0
        self.why = ""
        self._left, self._seen_s = float(PER_SECOND), 0.0

    def give(self, content: bytes, at_s: float, now_s: float) -> None:
        """Hand a text on, or count it.

        Args:
            content: What came; UTF-8 is wanted.
            at_s: When it was set, by `time.monotonic()`.
            now_s: That clock at this moment.
        """
        self._left = min(PER_SECOND, self._left + PER_SECOND * (now_s - self._seen_s))
        self._seen_s = now_s
        if len(content) > BYTES_MAX:
            self._refuse(f"longer than {BYTES_MAX:,} bytes")
            return
        try:
            text = one_line(content.decode("utf-8")).strip()
        except UnicodeDecodeError:
            self._refuse("not UTF-8")
            return
        if not text:
            self._refuse("empty")
        elif self._left < 1:
            self._refuse(f"more than {PER_SECOND} in a second")
        else:
            self._left -= 1
            self.came += 1
            self._take(text, at_s)

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self.why = why
