"""No label, button, menu or tab is narrower than its text, in both languages."""

import re

import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenuBar,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QWidget,
)

from app.sources.choice import Choice
from app.window.review.window import ReviewWindow
from app.window.theme import apply_theme

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])
TEXT_SIZES = pytest.mark.parametrize("text_size", [100, 150])


def cut_in(top):
    """Name what a widget shows with less room than it needs."""
    found = []
    for widget in (top, *top.findChildren(QWidget)):
        if widget.isVisible() and (text := _cut(widget)):
            parent = type(widget.parent()).__name__
            found.append(f"{parent}/{type(widget).__name__}: {text}")
    return found


def lasting_in(qtbot, top):
    """Name what stays cut off once all had time to find its room."""
    for _ in range(20):
        if not (found := cut_in(top)):
            return []
        qtbot.wait(50)
    return found


def _cut(widget):
    metrics, wide = widget.fontMetrics(), widget.width()
    if isinstance(widget, QLabel):
        if widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Ignored:
            return widget.text() if metrics.horizontalAdvance(widget.text()) > wide else ""
        if widget.wordWrap():
            shown = getattr(widget, "shown", widget.text())
            words = max(re.split(r"[\s/-]", shown), key=metrics.horizontalAdvance)
            high = widget.heightForWidth(wide) <= widget.height()
            return "" if high and metrics.horizontalAdvance(words) <= wide else widget.text()
        return _narrow(widget, widget.text())
    if isinstance(widget, QAbstractButton):
        return _narrow(widget, widget.text())
    if isinstance(widget, QComboBox) and not widget.isEditable():
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        room = widget.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            widget,
        )
        text = widget.currentText()
        return text if metrics.horizontalAdvance(text) > room.width() else ""
    if isinstance(widget, QAbstractSpinBox):
        field = widget.findChild(QLineEdit)
        text = field.displayText()
        return text if metrics.horizontalAdvance(text) > field.width() else ""
    if isinstance(widget, QLineEdit) and not widget.text():
        text = widget.placeholderText()
        return text if metrics.horizontalAdvance(text) > wide else ""
    if isinstance(widget, QTabBar):
        for at in range(widget.count()):
            if metrics.horizontalAdvance(widget.tabText(at)) > widget.tabRect(at).width():
                return widget.tabText(at)
    if isinstance(widget, QMenuBar):
        for action in widget.actions():
            if not widget.rect().contains(widget.actionGeometry(action)):
                return action.text()
    if isinstance(widget, QHeaderView):
        for at in range(widget.count()):
            text = str(widget.model().headerData(at, widget.orientation()) or "")
            if widget.isSectionHidden(at) or not text:
                continue
            if metrics.horizontalAdvance(text) > widget.sectionSize(at):
                return text
    if isinstance(widget, QScrollArea) and widget.horizontalScrollBar().maximum():
        return f"scrolls sideways: {widget.widget()} {widget.widget().sizeHint()} {widget.size()}"
    if isinstance(widget, QDockWidget):
        title = metrics.horizontalAdvance(widget.windowTitle())
        return widget.windowTitle() if title > wide else ""
    return ""


def _narrow(widget, text):
    wanted: QSize = widget.sizeHint()
    has_room = wanted.width() <= widget.width() and wanted.height() <= widget.height()
    return "" if has_room or not text else f"{text} ({widget.size()} for {wanted})"


@pytest.fixture
def dressed(qapp):
    yield lambda text_size: apply_theme(qapp, "dark", text_size)
    apply_theme(qapp, "dark", 100)


@LANGUAGES
@TEXT_SIZES
@pytest.mark.parametrize(
    "size", [(1024, 640), (1600, 1000), (3840, 2160)], ids=["small", "large", "4K"]
)
def test_nothing_of_the_window_is_cut_off(
    qtbot, speak, dressed, make_window, opened, fake_camera, language, text_size, size
):
    speak(language)
    dressed(text_size)
    window = make_window(blur=True, recent=("0", "talk.mp4"))
    window.resize(*size)
    found = lasting_in(qtbot, window)
    opened.append(fake_camera())
    window.open(Choice(kind="camera", name="0"))
    qtbot.waitUntil(lambda: window.live.analysis is not None and window.view.frame is not None)
    window.actions_.layout_analysis.trigger()
    for name in ("recording", "circumplex", "performance", "statistics", "probabilities"):
        window.docks.docks[name].raise_()
        found += lasting_in(qtbot, window)
    window.controller.start()
    qtbot.waitUntil(lambda: window.controller.view().elapsed_s > 0.1)
    found += lasting_in(qtbot, window)
    window.controller.stop()
    qtbot.waitUntil(lambda: not window.controller.view().recording)
    assert not found, "\n".join(sorted(set(found)))


LONG = "/".join(["a_study_of_expressions_with_a_long_name"] * 4)  # of folders, from Qt not to break


@LANGUAGES
@pytest.mark.parametrize("text_size", [100, 200])
@pytest.mark.parametrize("size", [(900, 700), (1280, 800)], ids=["small", "large"])
def test_a_long_path_cuts_no_button_and_takes_no_room_from_the_picture(
    qtbot, speak, dressed, make_window, tmp_path, language, text_size, size
):
    speak(language)
    dressed(text_size)
    (tmp_path / "file").write_text("no folder")
    window = make_window(recording_folder=tmp_path / "file" / LONG)
    window.resize(*size)
    window.docks.docks["recording"].raise_()
    qtbot.waitUntil(window.recording.isVisible)
    qtbot.wait(300)
    before = window.docks.docks["recording"].width(), window.view.width()
    window.open(Choice(kind="file", name=str(tmp_path / LONG / "film.mp4")))
    qtbot.waitUntil(lambda: LONG in window.trouble.text)
    window.controller._say(f"{tmp_path / 'file' / LONG}: cannot be written", failed=True)
    panel = window.recording
    qtbot.waitUntil(lambda: LONG in panel.message_label.text() and panel.message_label.isVisible())
    qtbot.waitUntil(lambda: LONG in panel.free_label.text())
    found = lasting_in(qtbot, window)
    assert not found, "\n".join(sorted(set(found)))
    assert (window.docks.docks["recording"].width(), window.view.width()) == before
    for label in (panel.message_label, panel.free_label, window.trouble.label):
        assert LONG in label.toolTip() or label.shown == label.text()


@LANGUAGES
@TEXT_SIZES
def test_nothing_of_the_dialogs_is_cut_off(
    qtbot, speak, dressed, make_window, dialogs, language, text_size
):
    speak(language)
    dressed(text_size)
    window = make_window()
    window.resize(1024, 640)
    found = []
    for dialog in dialogs(window).values():
        tabs = getattr(dialog, "tabs", None)
        for at in range(1 if tabs is None else tabs.count()):
            if tabs is not None:
                tabs.setCurrentIndex(at)
            found += lasting_in(qtbot, dialog)
    assert not found, "\n".join(sorted(set(found)))


@LANGUAGES
@TEXT_SIZES
@pytest.mark.parametrize("size", [(1024, 640), (1600, 1000)], ids=["small", "large"])
def test_nothing_of_the_review_is_cut_off(qtbot, speak, dressed, folder, language, text_size, size):
    speak(language)
    dressed(text_size)
    review = ReviewWindow()
    qtbot.addWidget(review)
    review.resize(*size)
    review.show()
    review.open(folder)
    qtbot.waitUntil(lambda: not review.busy)
    found = lasting_in(qtbot, review)
    review.close()
    assert not found, "\n".join(found)
