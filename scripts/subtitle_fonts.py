"""Make the fonts that go along with soft subtitles: parts of Rubik (SIL Open Font License 1.1).

    npm pack @expo-google-fonts/rubik && tar xzf expo-google-fonts-rubik-*.tgz
    python scripts/subtitle_fonts.py package

They are called otherwise than Rubik, since players take a font by its name and these have other
figures and line heights: all figures are as wide as each other, which is how OpenCV draws them,
and a line is as high as most fonts say, so that text stays in its place where a player takes
another font in their stead.
"""

import sys
from pathlib import Path
from typing import Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FACES: Final = {
    "400Regular/Rubik_400Regular.ttf": ("FER Rubik", "Regular", "regular"),
    "600SemiBold/Rubik_600SemiBold.ttf": ("FER Rubik SemiBold", "Regular", "semibold"),
    "600SemiBold_Italic/Rubik_600SemiBold_Italic.ttf": ("FER Rubik SemiBold", "Italic", "italic"),
}
LETTERS: Final = (
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),  # Latin
    *range(0x400, 0x460),  # Cyrillic
    *(0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2026, 0x20AC, 0x2212),
)
FIGURE: Final = 618  # what a figure takes of 1000, as in the Rubik that OpenCV has
ASCENT, DESCENT = 935, 250


def main(folder: Path, target: Path) -> None:
    """Write the three files and their licence."""
    for source, (family, style, name) in FACES.items():
        font = TTFont(folder / source, recalcTimestamp=False)
        _level_figures(font)
        options = Options(layout_features=[], hinting=False, name_IDs=[0, 1, 2, 4, 6, 13, 14])
        subset = Subsetter(options)
        subset.populate(unicodes=LETTERS)
        subset.subset(font)
        said = {1: family, 2: style, 4: f"{family} {style}", 6: f"FERRubik-{name}"}
        for record, text in said.items():
            font["name"].setName(text, record, 3, 1, 0x409)
        font["hhea"].ascent = font["OS/2"].usWinAscent = font["OS/2"].sTypoAscender = ASCENT
        font["OS/2"].usWinDescent = DESCENT
        font["hhea"].descent = font["OS/2"].sTypoDescender = -DESCENT
        font.save(target / f"fer-rubik-{name}.ttf")
    licence = (folder / "LICENSE_FONT").read_text("utf-8")
    (target / "fer-rubik-OFL.txt").write_text(licence, "utf-8")


def _level_figures(font: TTFont) -> None:
    """Make every figure as wide as the others, each in the middle of its room."""
    names, widths, shapes = font.getBestCmap(), font["hmtx"], font["glyf"]
    for figure in "0123456789":
        glyph = names[ord(figure)]
        width, left = widths[glyph]
        shift = round((FIGURE - width) / 2)
        shapes[glyph].coordinates.translate((shift, 0))
        shapes[glyph].recalcBounds(shapes)
        widths[glyph] = (FIGURE, left + shift)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parents[1] / "assets")
