"""Colours of faces and labels in plots and on screen; words always stand beside them."""

from collections.abc import Mapping
from typing import Final

from engine.drawing.shapes import PALETTE
from engine.labels import EXPRESSIONS

# Those of the overlay, so that a face has one colour everywhere.
FACES: Final = tuple(f"#{red:02x}{green:02x}{blue:02x}" for blue, green, red in PALETTE)

# Curves on a white ground: the yellow and the near-white would not be seen there.
_ON_LIGHT: Final[Mapping[str, str]] = {"#f0e442": "#a39600", "#ebebeb": "#4d4d4d"}

# Okabe & Ito (2008), "Color universal design", by the label that each suits.
LABELS: Final[Mapping[str, str]] = dict(
    zip(
        EXPRESSIONS,
        ("#9a9a9a", "#f0e442", "#e69f00", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"),
        strict=True,
    )
)


def face_colour(face: int, *, light: bool = False) -> str:
    """Give a face's colour, ``#rrggbb``, by its id, as the overlay does where it can.

    Args:
        face: The track's id.
        light: It is drawn as a line on a light ground.
    """
    colour = FACES[(face - 1) % len(FACES)]
    return _ON_LIGHT.get(colour, colour) if light else colour


def ink_on(colour: str) -> str:
    """Give black or white, whichever reads better on ``#rrggbb``.

    Source: relative luminance and contrast of WCAG 2.1; at 0.18 both inks are as good.
    """
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return "#101216" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 else "#ffffff"
