"""Texts of users and files are shown as they are: no mark of a key, no HTML, of any length."""

import pytest
from PyQt6.QtGui import QKeySequence, QTextDocument
from PyQt6.QtWidgets import QLabel

from app.window.help.dialogs import ShortcutsDialog
from app.window.texts import literal, shortened, tip, without_marks, without_options

ODD = "Q&A <b>ü</b>"
LONG = "Long & text " * 30


@pytest.mark.parametrize("text", ["", "plain", "Q&A", "R&&D", "&", "a&", "&amp;", ODD])
def test_a_literal_text_marks_no_key_and_comes_back(text):
    assert QKeySequence.mnemonic(literal(text)).isEmpty()
    assert without_marks(literal(text)) == text


def test_a_text_with_a_mark_is_read_without_it():
    assert without_marks("&Open R&&D…") == "Open R&D…"


@pytest.mark.parametrize("text", ["plain & simple", "<b>x</b>", "a < b", "&lt;b&gt;", "<!-- x"])
def test_a_tip_shows_what_was_typed(text):
    page = QTextDocument()
    page.setHtml(tip(text)) if tip(text).startswith("<") else page.setPlainText(tip(text))
    assert page.toPlainText() == text


def test_a_long_text_is_cut():
    assert len(shortened(LONG)) <= 40
    assert shortened("short") == "short"


@pytest.mark.parametrize(
    ("said", "shown_as"),
    [
        (
            "a.png: over 36 megapixels; --max-megapixels N allows larger ones",
            "a.png: over 36 megapixels",
        ),
        ("a.mp4: exists already; use --overwrite or another name", "a.mp4: exists already"),
        (
            "detector yunet: needs --detector-model FILE: x",
            "detector yunet: needs --detector-model FILE: x",
        ),
        ("a--b.mp4: no such file; is it elsewhere?", "a--b.mp4: no such file; is it elsewhere?"),
    ],
)
def test_advice_that_no_window_can_follow_is_left_out(said, shown_as):
    assert without_options(said) == shown_as


def test_texts_of_markers_are_shown_as_they_are(qtbot, live):
    panel = live.recording
    panel.key_texts["F5"].setText(ODD)
    panel.key_texts["F6"].setText(LONG)
    action, long_one = live.actions_.markers[:2]
    qtbot.waitUntil(lambda: without_marks(action.text()) == f"Mark: {ODD}")
    chip = live.watch.bar.markers["F5"]
    live.resize(1900, 900)
    qtbot.waitUntil(lambda: without_marks(chip.text()) == f"F5 {ODD}")
    for shown in (chip, action, live.actions_.lasting[0]):
        assert QKeySequence.mnemonic(shown.text()).isEmpty()
    assert tip(f"Mark: {ODD} (F5)") == chip.toolTip()
    assert len(long_one.text()) < 60
    dialog = ShortcutsDialog(live.actions_, live)
    qtbot.addWidget(dialog)
    label = next(each for each in dialog.findChildren(QLabel) if ODD in each.text())
    assert label.text() == f"Mark: {ODD}"
    assert label.textFormat() == label.textFormat().PlainText
    assert dialog.width() <= 900
