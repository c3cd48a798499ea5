import gc
import itertools

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPalette, QStyleHints
from PyQt6.QtWidgets import QLabel, QWidget

from app.session.palette import contrast, ink_on
from app.window.theme import DARK, LIGHT, apply_theme, current_theme, palette_for
from engine.drawing.shapes import PALETTE

GROUNDS = ("window", "base", "raised")


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
def test_words_have_contrast_on_every_ground(look):
    for ground, words in itertools.product(GROUNDS, ("text", "muted", "bad")):
        assert contrast(getattr(look, words), getattr(look, ground)) >= 4.5, (words, ground)
    assert contrast(look.on_accent, look.accent) >= 4.5
    for face in look.faces:
        assert contrast(ink_on(face), face) >= 4.5


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
def test_curves_and_focus_have_contrast_on_every_ground(look):
    for ground, colour in itertools.product(GROUNDS, (*look.faces, look.accent)):
        least = 3.0 if colour != look.accent or ground == "base" else 2.4
        assert contrast(colour, getattr(look, ground)) >= least, (colour, ground)


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
def test_every_face_has_its_colour(look):
    assert len(set(look.faces)) == len(PALETTE)
    assert look.face(1) == look.faces[0]
    assert look.face(len(PALETTE) + 1) == look.faces[0]


def test_dark_faces_have_the_overlays_colours():
    assert DARK.face(1) == "#56b4e9"  # (233, 180, 86) as BGR


def test_applying_dresses_the_application(qapp, qtbot):
    label = QLabel("x")
    qtbot.addWidget(label)
    label.show()
    for name, look in (("dark", DARK), ("light", LIGHT)):
        apply_theme(qapp, name)
        assert current_theme() is look
        assert label.palette().color(QPalette.ColorRole.WindowText).name() == look.text


@pytest.mark.parametrize(
    ("chosen", "then"), [("system", DARK), ("light", LIGHT)], ids=["system", "light"]
)
def test_only_system_follows_the_desktop(qapp, monkeypatch, chosen, then):
    apply_theme(qapp, chosen)
    assert current_theme() is LIGHT  # offscreen, the desktop has no scheme
    monkeypatch.setattr(QStyleHints, "colorScheme", lambda _: Qt.ColorScheme.Dark)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert current_theme() is then


def test_disabled_words_can_still_be_read():
    colour = palette_for(LIGHT).color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
    assert contrast(colour.name(), LIGHT.base) >= 4.5


def test_no_widget_is_collected_while_qt_goes_through_all_of_them(qapp, qtbot):
    """Else Qt goes on with one that has died: closed dialogs crashed the program so."""
    states = []

    class Watching(QWidget):
        def changeEvent(self, event):
            states.append(gc.isenabled())

    widget = Watching()
    qtbot.addWidget(widget)
    widget.show()
    apply_theme(qapp, "dark")
    apply_theme(qapp, "light")
    assert states
    assert not any(states)
    assert gc.isenabled()
