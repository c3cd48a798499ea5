"""Pictures and bars for notebooks: one string of HTML, no scripts, everything escaped."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

PICTURE_PX: Final = 128  # longest side of the picture shown; a notebook keeps every one of them
BAR_PX: Final = 110

# Inherited ink on see-through grounds: notebooks are light or dark, and do not say which.
_CARD: Final = (
    "display:inline-flex;gap:12px;align-items:flex-start;margin:4px 20px 4px 0;"
    "font:12px/1.35 sans-serif;text-align:left"
)
_ROW: Final = "display:flex;align-items:center;gap:6px"
_BAR: Final = "height:8px;border-radius:4px"
_EMPTY: Final = "rgba(128,128,128,0.25)"
_OTHERS: Final = "#8c8c8c"


def card(
    image: NDArray[np.uint8],
    *,
    title: str,
    shares: Mapping[str, float],
    chosen: str,
    colour: tuple[int, int, int],
    note: str,
) -> str:
    """Set a picture beside a title, bars and a note.

    Args:
        image: (H, W, 3) uint8, BGR.
        title: Above the bars.
        shares: 0 to 1, a bar for each.
        chosen: The name whose bar has the colour; the others are grey.
        colour: BGR.
        note: Below the bars.
    """
    blue, green, red = colour
    bars = "".join(
        _bar(name, share, f"#{red:02x}{green:02x}{blue:02x}" if name == chosen else _OTHERS)
        for name, share in shares.items()
    )
    return (
        f'<div style="{_CARD}"><img alt="{escape(title)}" src="{_address(image)}">'
        f"<div><b>{escape(title)}</b>{bars}<div>{escape(note)}</div></div></div>"
    )


def row(cards: Iterable[str], *, title: str = "", empty: str) -> str:
    """Set cards side by side below a title; `empty` is the text where there is none."""
    head = f"<div>{escape(title)}</div>" if title else ""
    return f"<div>{head}{''.join(cards) or escape(empty)}</div>"


def _bar(name: str, share: float, colour: str) -> str:
    width = round(min(max(share, 0.0), 1.0) * BAR_PX)
    return (
        f'<div style="{_ROW}"><span style="width:6em">{escape(name)}</span>'
        f'<div style="{_BAR};width:{BAR_PX}px;background:{_EMPTY}">'
        f'<div style="{_BAR};width:{width}px;background:{colour}"></div></div>'
        f"<span>{share:.2f}</span></div>"
    )


def _address(image: NDArray[np.uint8]) -> str:
    """Give a picture as a PNG inside its own address."""
    scale = PICTURE_PX / max(image.shape[:2])
    if scale < 1:
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        image = np.asarray(small, np.uint8)
    _, content = cv2.imencode(".png", image)
    return f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode('ascii')}"
