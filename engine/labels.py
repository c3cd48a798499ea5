"""The canonical expression classes, in the order every array of this code base uses (FER+)."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class Expression(IntEnum):
    """What a face shows; the value is the index into every probability vector."""

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
