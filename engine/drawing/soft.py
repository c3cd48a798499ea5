"""The overlay as a subtitle (ASS), which players lay over a film and can switch off.

The same layout as in pixels. What stays as it was from one frame to the next is one line. Curves
are written once and slide: between two times of beginning anew only what is new is added.
"""

from dataclasses import dataclass, field
from typing import Final

from engine.assets import asset_path
from engine.drawing.overlay import Overlay, OverlayConfig
from engine.drawing.vectors import REGULAR, SHAPE, SLANTED, STRONG, Mark, Marks, Vectors
from engine.types import Analysis
from engine.video.subtitle import Font, Line

ANEW_S: Final = 2.0  # lines last no longer, so that one may begin to watch anywhere
STRIP_S: Final = 0.1  # from one update of the strip to the next
NARROW: Final = 94  # percent; OpenCV sets small letters closer, in whole pixels
_TICK_S: Final = 1e-3
# Layers of what is drawn each frame, and of the strip, which lies over it; none has a thousand.
_SHEETS: Final = ("film", "ground", "curves", "tips")
_LAYERS: Final = 1000
_FAMILIES: Final = {
    SHAPE: ("FER Rubik", 0),
    REGULAR: ("FER Rubik", 0),
    STRONG: ("FER Rubik SemiBold", 0),
    SLANTED: ("FER Rubik SemiBold", -1),
}
_FONTS: Final = ("fer-rubik-regular.ttf", "fer-rubik-semibold.ttf", "fer-rubik-italic.ttf")
_HEAD: Final = """\
[Script Info]
Title: fer-live
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
LayoutResX: {width}
LayoutResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes
YCbCr Matrix: None

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
{styles}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def ass_head(width: int, height: int) -> str:
    """Give all of an ASS file that comes before its lines.

    Args:
        width: Of the film as it is shown, pixels.
        height: Of the film as it is shown, pixels.
    """
    white, black = "&H00FFFFFF", "&H00000000"
    styles = "\n".join(
        f"Style: {name},{family},20,{white},{white},{black},{black},"
        f"0,{italic},0,0,{100 if name == SHAPE else NARROW},100,0,0,1,0,0,7,0,0,0,1"
        for name, (family, italic) in _FAMILIES.items()
    )
    return _HEAD.format(width=width, height=height, styles=styles)


def ass_fonts() -> list[Font]:
    """Give the fonts that the lines are set in."""
    return [Font(name, asset_path(name).read_bytes()) for name in _FONTS]


_Key = tuple[int, Mark, float]  # layer, what, and since when where the same may be there twice


@dataclass(slots=True)
class _Sheet:
    """Lines that are shown now, and since when."""

    base: int
    shown: dict[_Key, float] = field(default_factory=dict)

    def show(self, marks: list[Mark], now_s: float, *, more: bool) -> list[Line]:
        """Show these from now on, beside the old ones or in their place; give what ended."""
        number = now_s if more else 0.0
        new = {(self.base + place, mark, number): now_s for place, mark in enumerate(marks)}
        kept = self.shown if more else {key: s for key, s in self.shown.items() if key in new}
        ended = self.end(now_s, except_for=kept)
        self.shown = new | kept
        return ended

    def end(self, now_s: float, *, except_for: dict[_Key, float]) -> list[Line]:
        """Give the lines that end now."""
        return [
            Line(start_s, now_s, key[0], *key[1])
            for key, start_s in self.shown.items()
            if key not in except_for
        ]


class SoftOverlay:
    """Turns one film's analyses into the lines of a subtitle."""

    def __init__(self, width: int, height: int, config: OverlayConfig | None = None) -> None:
        """Prepare for frames of one size.

        Args:
            width: Of every frame, pixels.
            height: Of every frame, pixels.
            config: What is drawn; everything but landmarks if left out.
        """
        self._overlay = Overlay(width, height, config)
        self._sheets = {name: _Sheet(_LAYERS * place) for place, name in enumerate(_SHEETS)}
        self._due: dict[str, Marks] = {}
        self._lines: list[Line] = []
        self._began_s = self._updated_s = float("-inf")

    def draw(self, analysis: Analysis, *, anew: bool = False) -> list[Line]:
        """Draw one frame; frames are to come in order.

        Args:
            analysis: Of a frame of the size given at the start.
            anew: Players may begin at this frame: everything that is shown is written again.

        Returns:
            Lines that are complete, in order of their beginning, none before those given earlier.
        """
        now_s = analysis.frame.time_s
        anew |= now_s - self._began_s >= ANEW_S - _TICK_S
        ready = self.finish(now_s) if anew else []
        film = self._due["film"] = Marks()
        names = ["ground"] if anew else []
        if anew or now_s - self._updated_s >= STRIP_S - _TICK_S:
            names += ["curves", "tips"]
            self._updated_s = now_s
        self._due |= {name: Marks() for name in names}
        if anew:
            self._began_s = now_s
        self._overlay.lay(Vectors(film, lambda name, _: self._due.get(name)), analysis)
        for name, marks in self._due.items():
            more = name == "curves"
            self._lines += self._sheets[name].show(marks.all(), now_s, more=more)
        self._due.clear()
        return ready

    def finish(self, end_s: float) -> list[Line]:
        """End all that is shown, and give it as `draw` does."""
        for sheet in self._sheets.values():
            self._lines += sheet.end(end_s, except_for={})
            sheet.shown = {}
        ready = sorted(self._lines, key=lambda line: (line.start_s, line.layer))
        self._lines = []
        return ready
