"""Colours of faces and labels in plots and on screen; words always stand beside them."""

from collections.abc import Mapping
from typing import Final
from zlib import crc32

from engine.drawing import shapes
from engine.drawing.shapes import PALETTE, Colour, text_on
from engine.labels import EXPRESSIONS


def to_hex(colour: Colour) -> str:
    """Write a colour of the engine, blue, green, red, as ``#rrggbb``."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def _to_bgr(colour: str) -> Colour:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return blue, green, red


RECORDING: Final = "#b84a00"  # vermillion, dark enough for white text: 5.3 to 1

# Those of the overlay, so that a face has one colour everywhere.
FACES: Final = tuple(to_hex(colour) for colour in PALETTE)

# The same hues on a light ground, darkened to 3:1 on white; the near-white is a near-black there.
ON_LIGHT: Final = (
    "#2b88c4",
    "#b87400",
    "#00805c",
    "#b0588a",
    "#857a00",
    "#c44f00",
    "#0a5fa0",
    "#2b2e33",
)

# Tol (2021), "Colour Schemes", the light scheme, made for cells with dark words in them; by the
# label that each suits. None is a face's colour: those are of Okabe & Ito.
LABELS: Final[Mapping[str, str]] = dict(
    zip(
        EXPRESSIONS,
        ("#dddddd", "#eedd88", "#99ddff", "#77aadd", "#ee8866", "#aaaa00", "#ffaabb", "#44bb99"),
        strict=True,
    )
)

# The rest of theirs and some of Tol's (2021), by name, for the classes beyond the eight.
_OTHERS: Final = ("#882255", "#44aa99", "#999933", "#332288", "#aa4499", "#661100", "#6699cc")


def label_colour(label: str) -> str:
    """Give a label's colour, ``#rrggbb``; that of one beyond the eight depends on its name."""
    if not label:
        return LABELS[EXPRESSIONS[0]]
    return LABELS.get(label) or _OTHERS[crc32(label.encode()) % len(_OTHERS)]


def face_colour(face: int, *, light: bool = False) -> str:
    """Give a face's colour, ``#rrggbb``, by its id, as the overlay does where it can.

    Args:
        face: The track's id.
        light: It is drawn as a line on a light ground.
    """
    colours = ON_LIGHT if light else FACES
    return colours[(face - 1) % len(colours)]


def ink_on(colour: str) -> str:
    """Give the ink, black or white, that reads best on ``#rrggbb``, as in the overlay."""
    return to_hex(text_on(_to_bgr(colour)))


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, each ``#rrggbb``: 1 to 21."""
    return shapes.contrast(_to_bgr(one), _to_bgr(other))
