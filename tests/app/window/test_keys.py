"""Keys belong to the widget that has the focus, where it does something with them."""

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication

from app.window.review.window import ReviewWindow

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton


def focus(qtbot, widget):
    widget.window().activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    return widget


def press(qtbot, key):
    """Press a key as the keyboard does: on whatever has the focus."""
    qtbot.keyClick(QApplication.focusWidget(), key)


@pytest.mark.qt_log_ignore("does not support")  # of an open list, offscreen
@pytest.mark.parametrize("name", ["snapshot", "tick", "speed", "pause of the plot", "play"])
def test_space_works_what_has_the_focus_and_does_not_play(qtbot, playing, name):
    player = playing.playback.player
    qtbot.waitUntil(lambda: player.ended)
    player.seek(0.1)
    player.pause()
    pressed = []
    panel = playing.recording
    if name == "snapshot":
        qtbot.waitUntil(playing.watch.bar.snapshot_button.isEnabled)
        widget = playing.watch.bar.snapshot_button
        widget.clicked.connect(pressed.append)
    elif name == "tick":
        playing.docks.docks["recording"].raise_()
        widget = panel.blur_box
        widget.toggled.connect(pressed.append)
    elif name == "speed":
        widget = playing.transport.speed
        widget.view().viewport()
    elif name == "play":
        widget = playing.transport._back
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.clicked.connect(pressed.append)
    else:
        widget = playing.docks.panels["affect"].pause
        widget.toggled.connect(pressed.append)
    focus(qtbot, widget)
    press(qtbot, KEY.Key_Space)
    assert not player.playing
    if name == "speed":
        assert widget.view().isVisible()
        widget.hidePopup()
    else:
        assert pressed


def test_space_plays_where_nothing_else_wants_it(qtbot, playing):
    player = playing.playback.player
    qtbot.waitUntil(lambda: player.ended)
    focus(qtbot, playing.view)
    press(qtbot, KEY.Key_Space)
    qtbot.waitUntil(lambda: player.playing)


def test_the_plot_has_the_keys_that_its_page_promises(qtbot, playing):
    player = playing.playback.player
    qtbot.waitUntil(lambda: player.ended)
    plot = playing.docks.panels["affect"]
    focus(qtbot, plot.plot)
    press(qtbot, KEY.Key_Space)
    assert plot.pause.isChecked()
    assert not player.playing
    press(qtbot, KEY.Key_Home)
    assert not plot.pause.isChecked()
    before = player.position_s
    press(qtbot, KEY.Key_Left)
    assert plot.pause.isChecked()
    qtbot.wait(100)
    assert player.position_s == before


def test_the_slider_keeps_the_arrow_keys(qtbot, playing):
    player = playing.playback.player
    qtbot.waitUntil(lambda: player.ended)
    player.pause()
    player.seek(0.4)
    qtbot.waitUntil(lambda: player.position_s == pytest.approx(0.4, abs=0.01))
    playing.playback.show_place()
    focus(qtbot, playing.transport._slider)
    with qtbot.waitSignal(playing.transport.sought) as sought:
        press(qtbot, KEY.Key_Left)
    assert 0.3 < sought.args[0] < 0.4  # a thousandth of the file, not five seconds


def test_space_on_undo_undoes_and_does_not_play(qtbot, folder):
    window = ReviewWindow()
    qtbot.addWidget(window)
    window.show()
    window.open(folder)
    qtbot.waitUntil(lambda: window.controller.review is not None and not window.busy)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, KEY.Key_S)
    qtbot.keyClick(window, KEY.Key_3)
    assert window.controller.can().undo
    focus(qtbot, window.side.undo_button)
    press(qtbot, KEY.Key_Space)
    assert not window.controller.can().undo
    assert not window.playing
    window.close()
