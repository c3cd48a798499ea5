"""Colours that words stand on."""

import pytest

from engine.drawing.shapes import PALETTE, WHITE, contrast, text_on


@pytest.mark.parametrize("colour", PALETTE)
def test_ink_reads_on_every_face_colour(colour):
    assert contrast(text_on(colour), colour) >= 4.5


def test_ink_is_white_on_dark_grounds():
    assert text_on((60, 20, 10)) == WHITE
