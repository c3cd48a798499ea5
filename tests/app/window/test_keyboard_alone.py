"""A session with the keyboard alone: open, blur, record, mark, stop, review, correct, export."""

import csv
import json

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QFileDialog

from app.session.folder import read_markers
from app.window.review.window import ReviewWindow
from app.window.theme import apply_theme

KEY = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier


def press(key, modifiers=Qt.KeyboardModifier.NoModifier):
    """Press a key where the keyboard's focus is."""
    target = QApplication.focusWidget() or QApplication.activeWindow()
    QTest.keyClick(target, key, modifiers)


def tab_to(wanted, most=80):
    """Go on with Tab until `wanted` has the focus; fail where it is never reached."""
    for _ in range(most):
        if QApplication.focusWidget() is wanted:
            return
        press(KEY.Key_Tab)
    raise AssertionError(f"Tab never reaches {wanted.accessibleName() or wanted}")


@pytest.mark.parametrize(
    ("theme", "size"),
    [("dark", (1024, 640)), ("light", (1600, 1000)), ("dark", (3840, 2160))],
)
def test_a_session_by_keyboard(qtbot, qapp, make_window, clip, tmp_path, monkeypatch, theme, size):
    apply_theme(qapp, theme)
    window = make_window()
    window.resize(*size)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(clip), ""))
    button = next(b for b in window.empty.buttons() if b.text() == "Open file…")
    tab_to(button)
    press(KEY.Key_Space)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    qtbot.waitUntil(lambda: window.playback.player.ended)

    # Blurred faces: the panel is behind a tab; Ctrl+M leads to it.
    press(KEY.Key_M, CONTROL)
    qtbot.waitUntil(window.recording.blur_box.isVisible)
    tab_to(window.recording.blur_box)
    press(KEY.Key_Space)
    assert window.controller.choice.blur
    qtbot.waitUntil(lambda: "blur" in window.watch.bar.chips)

    tab_to(window.watch.bar.record_button)
    press(KEY.Key_Space)
    qtbot.waitUntil(lambda: window.controller.view().recording)
    for _ in range(6):
        press(KEY.Key_Comma)
        qtbot.wait(60)
    press(KEY.Key_F5)
    assert window.controller.view().markers >= 1
    press(KEY.Key_R, CONTROL)
    qtbot.waitUntil(lambda: not window.controller.view().recording, timeout=20_000)
    folder = window.controller.view().folder
    assert json.loads((folder / "session.json").read_text())["settings"]["video"]["blur"]
    markers, _ = read_markers(folder / "markers.csv")
    assert "stimulus on" in [marker.text for marker in markers]

    qtbot.waitUntil(lambda: folder.name in window.watch.notice.text)
    tab_to(window.watch.notice.button)
    press(KEY.Key_Space)
    review = next(w for w in QApplication.topLevelWidgets() if isinstance(w, ReviewWindow))
    qtbot.waitUntil(lambda: review.controller.review is not None and not review.busy)
    review.activateWindow()
    qtbot.waitUntil(review.isActiveWindow)
    press(KEY.Key_Home)
    press(KEY.Key_S)
    press(KEY.Key_3)
    qtbot.waitUntil(lambda: "surprise" in review.message.text())
    target = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    review.actions_.exports[0].trigger()  # a menu, Alt+E: offscreen menus take no keys
    qtbot.waitUntil(target.exists, timeout=20_000)
    with target.open(newline="") as text:
        corrected = [row for row in csv.DictReader(text) if row["corrected"] == "1"]
    assert {row["expression"] for row in corrected} == {"surprise"}
    press(KEY.Key_W, CONTROL)
    qtbot.waitUntil(lambda: not review.isVisible())
