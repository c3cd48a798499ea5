"""Expression classes: the eight that every table has a place for, and those of any network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Expression(IntEnum):
    """What a face shows, in the order of FER+: columns of these always come in this order."""

    NEUTRAL = 0
    HAPPINESS = 1
    SURPRISE = 2
    SADNESS = 3
    ANGER = 4
    DISGUST = 5
    FEAR = 6
    CONTEMPT = 7

    @property
    def label(self) -> str:
        """Lower-case name used in files, manifests and on screen."""
        return self.name.lower()


EXPRESSIONS: Final[tuple[str, ...]] = tuple(expression.label for expression in Expression)


def ordered(labels: Iterable[str]) -> tuple[str, ...]:
    """Give a network's classes in the order they are shown: the eight first, then its own."""
    own = tuple(labels)
    return (*(x for x in EXPRESSIONS if x in own), *(x for x in own if x not in EXPRESSIONS))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be said of a face.

    Attributes:
        labels: Classes, in the order of `ordered`; none where no network knows expressions.
        measures: Names of the networks' own numbers, such as ``quality``.
        systems: Names of the systems that are compared, each of which says something of its own;
            none where all is said once.
    """

    labels: tuple[str, ...] = EXPRESSIONS
    measures: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()

    @property
    def extra(self) -> tuple[str, ...]:
        """Classes beyond the eight."""
        return tuple(label for label in self.labels if label not in EXPRESSIONS)

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that a table has a column for: the eight, whatever is known, and the others."""
        return (*EXPRESSIONS, *self.extra)

    def holds(self, other: "Vocabulary") -> bool:
        """Say whether a table of these columns has a place for all of the other's."""
        return set(other.extra) <= set(self.extra) and set(other.measures) <= set(self.measures)

    def joined(self, other: "Vocabulary") -> "Vocabulary":
        """Give the classes and numbers of both."""
        labels = ordered(dict.fromkeys((*self.labels, *other.labels)))
        return Vocabulary(labels, tuple(dict.fromkeys((*self.measures, *other.measures))))


# Published class means on the pleasure (valence) and arousal axes, each from -1 to 1, in
# Russell and Mehrabian (1977), Evidence for a three-factor theory of emotions.
# What they call scornful stands for contempt.
VALENCE_AROUSAL: Final[Mapping[Expression, tuple[float, float]]] = {
    Expression.NEUTRAL: (0.0, 0.0),
    Expression.HAPPINESS: (0.81, 0.51),
    Expression.SURPRISE: (0.40, 0.67),
    Expression.SADNESS: (-0.63, -0.27),
    Expression.ANGER: (-0.51, 0.59),
    Expression.DISGUST: (-0.60, 0.35),
    Expression.FEAR: (-0.62, 0.82),
    Expression.CONTEMPT: (-0.35, 0.35),
}
