"""Words that messages share: what it is for, counted things, what somebody gave, cut if long.

It imports the standard library alone, as `engine.command` does.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Self

# Of the first page, README and the model cards too; a test compares them.
PURPOSE: Final = (
    "Research and personal use, with people who know and agree: not work, school, hiring or "
    "policing."
)
VALUE_MAX: Final = 80  # characters
NAME_MAX: Final = 300  # characters of a path; those of a file's name are 255 at most
WARNINGS_MAX: Final = 20  # of one thing that was read


class Words(str):
    """A sentence in English that knows its parts, so that a window can say it in another language.

    Attributes:
        pattern: The sentence, with names in braces where the parts belong.
        parts: By name; one may be a `Words` itself.
    """

    pattern: str
    parts: Mapping[str, object]

    def __new__(cls, pattern: str, **parts: object) -> Self:
        """Put the parts in: `Words("saved: {name}", name="clip.mp4")`."""
        made = super().__new__(cls, pattern.format(**parts))
        made.pattern, made.parts = pattern, parts
        return made

    def having(self, **parts: object) -> Self:
        """Give the same sentence with other parts in the place of some."""
        return type(self)(self.pattern, **{**self.parts, **parts})


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Give a number with its noun: ``1 picture``, ``1000 pictures``, ``10,000 pictures``.

    Args:
        number: How many.
        noun: Of one.
        nouns: Of several; an s is added by default.
    """
    digits = f"{number:,}" if number >= 10_000 else str(number)
    return f"{digits} {noun if number == 1 else nouns or noun + 's'}"


def shown(value: object) -> str:
    """Give a value as messages do: on one line, cut where it is long."""
    try:
        text = " ".join(repr(value).split())  # an array has several lines
    except ValueError:  # Python writes out no number of more than 4,300 digits
        text = f"{type(value).__name__} of too many digits"
    return text if len(text) <= VALUE_MAX else f"{text[:VALUE_MAX]}…"


def shortened(name: object, most: int = NAME_MAX) -> str:
    """Give the first so many characters of what somebody named, with a mark if there are more."""
    whole = str(name)
    return whole if len(whole) <= most else f"{whole[:most]}…"


def capped(warnings: Sequence[str], most: int = WARNINGS_MAX) -> tuple[str, ...]:
    """Give the first warnings of many, and how many more there were."""
    more = len(warnings) - most
    rest = (f"and {counted(more, 'more warning', 'more warnings')} like these",) if more > 0 else ()
    return (*warnings[:most], *rest)
