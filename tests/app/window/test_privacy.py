import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QLabel

from app.window.privacy import PrivacyDialog


@pytest.fixture
def make(qtbot):
    def make(**options):
        dialog = PrivacyDialog(**options)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return make


@pytest.mark.parametrize(
    "fact",
    [
        "No picture and no number is stored unless you press Record",
        "nothing is sent unless you turn an output on",
        "do not say what a person feels",
        "Not for judging people at work or school",
        "Article 5(1)(f) of the AI Act",
    ],
)
def test_the_page_says(make, fact):
    dialog = make()
    words = " ".join(text.text() for text in dialog.findChildren(QLabel))
    assert fact in words


def test_reading_it_is_accepting(make, qtbot):
    dialog = make(first_run=True)
    assert dialog.button.text() == "I have read this"
    with qtbot.waitSignal(dialog.accepted):
        qtbot.mouseClick(dialog.button, Qt.MouseButton.LeftButton)
    assert dialog.result() == QDialog.DialogCode.Accepted


def test_escape_is_not_reading(make, qtbot):
    dialog = make(first_run=True)
    with qtbot.assertNotEmitted(dialog.accepted):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_from_the_help_menu_it_just_closes(make):
    assert make().button.text() == "Close"


def test_all_can_be_read_with_the_keyboard_in_a_small_window(make, qtbot):
    dialog = make()
    dialog.resize(420, 300)
    dialog.area.setFocus()
    bar = dialog.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    for _ in range(20):
        qtbot.keyClick(dialog.area, Qt.Key.Key_PageDown)
    assert bar.value() == bar.maximum()
