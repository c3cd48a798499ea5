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
        "nothing is listened to unless you turn markers from other programs on",
        "do not say what a person feels",
        "Not for judging people at work or school",
        "Article 5(1)(f) of the AI Act",
        "Article 50(3)",
        "Research and personal use",
        "let a lawyer look",
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


def test_the_notice_is_shown_in_three_languages_on_the_whole_screen_and_printed(qtbot, tmp_path):
    from PyQt6.QtPrintSupport import QPrinter
    from PyQt6.QtWidgets import QWidget

    from app.window.help.notice import NOTICES, NoticeDialog

    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(900, 700)
    dialog = NoticeDialog(parent)
    dialog.show()
    for row, notice in enumerate(NOTICES):
        dialog.languages.setCurrentIndex(row)
        shown = dialog.text.toPlainText()
        assert notice.title in shown
        assert "2024/1689" in shown
    qtbot.mouseClick(dialog.full_button, Qt.MouseButton.LeftButton)
    assert dialog.isFullScreen()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isFullScreen()
    assert dialog.isVisible()
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "notice.pdf"))
    dialog.print_to(printer)
    assert (tmp_path / "notice.pdf").read_bytes().startswith(b"%PDF")
    dialog.reject()
