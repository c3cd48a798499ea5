"""Colours of faces and labels."""

import pytest

from app.session.palette import FACES, LABELS, face_colour, ink_on
from engine.labels import EXPRESSIONS


def _luminance(colour):
    """Relative luminance, WCAG 2.1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("face", range(1, 9))
def test_every_face_is_seen_on_both_grounds(face):
    assert _contrast(face_colour(face, light=True), "#ffffff") > 1.9
    assert _contrast(face_colour(face), "#16181c") > 3
    assert face_colour(face + 8) == face_colour(face)


@pytest.mark.parametrize("colour", [*FACES, *LABELS.values()])
def test_words_can_be_read_on_every_colour(colour):
    assert _contrast(ink_on(colour), colour) >= 4.5


def test_every_label_has_a_colour_of_its_own():
    assert list(LABELS) == list(EXPRESSIONS)
    assert len(set(LABELS.values())) == 8


def test_no_label_has_the_colour_of_a_face():
    def apart(one, other):
        parts = [(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) for at in (1, 3, 5)]
        return sum(part**2 for part in parts) ** 0.5

    assert min(apart(label, face) for label in LABELS.values() for face in FACES) > 20
