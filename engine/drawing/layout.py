"""Finding places for labels and panels: inside the picture, off the faces, without flicker."""

from collections.abc import Hashable, Sequence
from typing import Final

from engine.drawing.shapes import Rect

# Draws for which a place is kept while it stays free, though a better one has come free: a
# face that trembles at the edge of the picture must not make its label jump each frame.
HOLD: Final = 15


class Placer:
    """Picks the first free place and keeps to it for a while."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[int | None, int]] = {}
        self._seen: set[Hashable] = set()

    def begin(self) -> None:
        """Start a frame: things that the last one did not place are forgotten."""
        self._held = {key: held for key, held in self._held.items() if key in self._seen}
        self._seen.clear()

    def place(
        self, key: Hashable, candidates: Sequence[Rect | None], taken: Sequence[Rect]
    ) -> int | None:
        """Choose a place for one thing.

        Args:
            key: What is placed; the same from frame to frame.
            candidates: Places, best first; None where the place does not exist.
            taken: Regions to keep clear of.

        Returns:
            Index of the place, or None if there is none.
        """
        free: list[int | None] = [
            index
            for index, rect in enumerate(candidates)
            if rect is not None and not any(rect.overlaps(other) for other in taken)
        ]
        best = free[0] if free else None
        choice, age = self._held.get(key, (best, 0))
        if choice == best or age >= HOLD or (choice is not None and choice not in free):
            choice, age = best, 0
        self._held[key] = (choice, age + 1)
        self._seen.add(key)
        return choice
