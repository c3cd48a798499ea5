"""Chapters: stretches of a film with names, to which players jump.

MP4 and MOV that are written in fragments get them at the end, in Nero's list (``chpl``), which
counts chapters and the bytes of a title in one byte each; longer titles FFmpeg would cut within a
character.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.container import InputContainer, OutputContainer

log = logging.getLogger(__name__)

MOST: Final = 255  # of a list; so many bytes a title
TICK: Final = Fraction(1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A stretch of a film.

    Attributes:
        start_s: Where it begins, seconds.
        end_s: Where it ends.
        metadata: ``title``, and what else a container says of it.
    """

    start_s: float
    end_s: float
    metadata: Mapping[str, str]


def read_chapters(container: InputContainer) -> list[Chapter]:
    """Give a file's chapters, by the file's own time."""
    return [
        Chapter(float(c["start"] * base), float(c["end"] * base), dict(c["metadata"]))
        for c in container.chapters()
        if (base := c["time_base"]) is not None
    ]


def write_chapters(
    container: OutputContainer, chapters: Sequence[Chapter], *, listed: bool = False
) -> None:
    """Give a file that is being written its chapters; what it cannot hold is left out and logged.

    Args:
        container: Not closed yet.
        chapters: In order of time; those before are replaced.
        listed: The container has nothing but a list for them.
    """
    kept = chapters[:MOST] if listed else chapters
    if len(kept) < len(chapters):
        name = container.name.removeprefix("file:")
        log.warning("%s: holds %d chapters of %d", name, len(kept), len(chapters))
    container.set_chapters(
        [
            {
                "id": number,
                "start": round(chapter.start_s / TICK),
                "end": round(chapter.end_s / TICK),
                "time_base": TICK,
                "metadata": {key: _cut(text) for key, text in chapter.metadata.items()},
            }
            for number, chapter in enumerate(kept, 1)
        ]
    )


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:MOST].decode("utf-8", "ignore")
