"""Colours of faces and labels in plots and on screen; words always stand beside them."""

from collections.abc import Mapping
from typing import Final

from engine._draw import PALETTE
from engine.labels import EXPRESSIONS

# Those of the overlay, so that a face has one colour everywhere.
FACES: Final = tuple(f"#{red:02x}{green:02x}{blue:02x}" for blue, green, red in PALETTE)

# Okabe & Ito (2008), "Color universal design", by the label that each suits.
LABELS: Final[Mapping[str, str]] = dict(
    zip(
        EXPRESSIONS,
        ("#9a9a9a", "#f0e442", "#e69f00", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"),
        strict=True,
    )
)


def face_colour(face: int) -> str:
    """Give a face's colour, ``#rrggbb``, by its id, as the overlay does where it can."""
    return FACES[(face - 1) % len(FACES)]


def ink_on(colour: str) -> str:
    """Give black or white, whichever reads better on ``#rrggbb`` (luma of Rec. 601)."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#101216" if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else "#ffffff"
