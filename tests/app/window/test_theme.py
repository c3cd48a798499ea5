import gc
import itertools

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QPalette, QStyleHints
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QTabBar,
    QToolButton,
    QWidget,
)

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
    for ground, colour in itertools.product(GROUNDS, (*look.faces, look.focus)):
        assert contrast(colour, getattr(look, ground)) >= 3.0, (colour, ground)


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


def _contrast(one, other):
    def light(colour):
        parts = [
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
            for part in (colour.redF(), colour.greenF(), colour.blueF())
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("kind", ["QLineEdit", "QSpinBox", "QComboBox", "QPushButton", "QCheckBox"])
def test_edges_of_fields_and_boxes_are_seen(qtbot, qapp, name, kind):
    from PyQt6 import QtWidgets

    apply_theme(qapp, name)
    widget = getattr(QtWidgets, kind)()
    qtbot.addWidget(widget)
    widget.resize(120, 30)
    widget.show()
    image = widget.grab().toImage()
    row = image.height() // 2
    edge = max(
        _contrast(image.pixelColor(x, row), qapp.palette().window().color()) for x in range(4)
    )
    assert edge >= 3


def test_text_grows_with_its_setting_and_shrinks_back(qapp):
    before = qapp.font().pointSizeF()
    apply_theme(qapp, "dark", 150)
    assert qapp.font().pointSizeF() == pytest.approx(1.5 * before)
    apply_theme(qapp, "dark")
    assert qapp.font().pointSizeF() == pytest.approx(before)


@pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("kind", [QToolButton, QPushButton, QCheckBox, QComboBox, QSlider, QTabBar])
def test_what_the_keyboard_leads_to_has_an_outline_of_two_pixels(qtbot, qapp, look, kind):
    apply_theme(qapp, look.name)
    holder = QWidget()
    qtbot.addWidget(holder)
    first, widget = QPushButton("first"), kind()
    if isinstance(widget, QTabBar):
        widget.addTab("one")
        widget.addTab("two")
    elif isinstance(widget, QToolButton):
        widget.setAutoRaise(True)
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    row = QHBoxLayout(holder)
    row.addWidget(first)
    row.addWidget(widget)
    holder.show()
    holder.activateWindow()
    first.setFocus()
    qtbot.waitUntil(first.hasFocus)

    def outlined():
        image = widget.grab().toImage()
        spots = itertools.product(range(image.width()), range(image.height()))
        return sum(image.pixelColor(x, y).name() == look.focus for x, y in spots)

    before = outlined()
    qtbot.keyClick(first, Qt.Key.Key_Tab)
    qtbot.waitUntil(widget.hasFocus)
    assert before < 10
    assert outlined() - before >= 2 * 2 * 12  # two sides, two pixels wide
