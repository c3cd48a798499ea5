"""What is sent to other programs can be seen, and what fails is said."""

import json
import socket
from contextlib import suppress

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication, QCheckBox, QDialogButtonBox

from app.sources.choice import Choice
from app.window.settings.dialog import SettingsDialog

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def settings_of(qtbot):
    """Give `settings_of(window)`: the dialog, opened by key, at its page of outputs."""

    def opened(window):
        qtbot.keyClick(window, KEY.Key_Comma, CONTROL)
        dialog = next(
            w
            for w in QApplication.topLevelWidgets()
            if isinstance(w, SettingsDialog) and w.isVisible()
        )
        dialog.tabs.setCurrentIndex(3)
        return dialog

    return opened


def tick(qtbot, dialog, words):
    box = next(b for b in dialog.pages[3].findChildren(QCheckBox) if words in b.text())
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def test_an_output_that_is_on_is_seen_with_its_target(qtbot, live, settings_of):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        port = listener.getsockname()[1]
        dialog = settings_of(live)
        tick(qtbot, dialog, "UDP")
        dialog.draft.values["udp_port"] = port
        qtbot.mouseClick(ok(dialog), LEFT)
        qtbot.waitUntil(lambda: "UDP" in live.watch.bar.chips)
        chip = live.watch.bar.chips["UDP"]
        qtbot.waitUntil(lambda: "stays on this machine" in chip.toolTip())
        qtbot.waitUntil(lambda: f"127.0.0.1:{port}" in chip.toolTip())
        assert chip.isVisible()
        assert json.loads(listener.recv(65_535))["type"] == "frame"
        listener.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                listener.recv(65_535)  # its buffer may be full
        listener.settimeout(5)
        live.activateWindow()
        qtbot.waitUntil(live.isActiveWindow)
        qtbot.keyClick(live, KEY.Key_F7)  # without a recording
        for _ in range(1000):
            got = json.loads(listener.recv(65_535))
            if got["type"] == "marker":
                break
        after = json.loads(listener.recv(65_535))
        assert got["text"] == "question"
        assert got["time_s"] == pytest.approx(after["time_s"], abs=2)  # the same zero


def test_a_host_that_is_not_found_is_said_and_takes_no_other_with_it(qtbot, live, settings_of):
    dialog = settings_of(live)
    tick(qtbot, dialog, "OSC")
    tick(qtbot, dialog, "UDP")
    dialog.draft.values["osc_host"] = "no.such.host.invalid"
    qtbot.mouseClick(ok(dialog), LEFT)
    qtbot.waitUntil(lambda: "unknown host" in live.watch.notice.text, timeout=20_000)
    qtbot.waitUntil(lambda: "UDP" in live.watch.bar.chips)
    assert live.watch.bar.chips["OSC"].property("tone") == "warn"
    assert "unknown host" in live.watch.bar.chips["OSC"].toolTip()
    qtbot.waitUntil(lambda: "stays on" in live.watch.bar.chips["UDP"].toolTip(), timeout=20_000)


@pytest.mark.parametrize("host", ["not a host", "999.1.1.1", "-a.b", "a..b", "x_/y"])
def test_an_impossible_host_is_refused_in_the_dialog(qtbot, window, settings_of, host):
    dialog = settings_of(window)
    tick(qtbot, dialog, "OSC")
    field = dialog.pages[3].fields["osc_host"]
    field.selectAll()
    qtbot.keyClicks(field, host)
    assert not ok(dialog).isEnabled()
    assert "no machine has such a name" in dialog.draft.problems()["osc_host"]
    dialog.reject()


def test_what_leaves_the_machine_says_so(qtbot, make_window):
    window = make_window(udp=True, udp_host="192.0.2.1")
    qtbot.waitUntil(lambda: "UDP" in window.watch.bar.chips)
    qtbot.waitUntil(lambda: "leaves this machine" in window.watch.bar.chips["UDP"].toolTip())
    assert "192.0.2.1" in window.empty.line.text()
    assert "Numbers are sent" in window.empty.line.text()


def test_the_network_can_be_allowed_for_lsl(qtbot, window, settings_of, monkeypatch):
    used = []
    monkeypatch.setattr(window.outputs, "use", used.append)
    dialog = settings_of(window)
    tick(qtbot, dialog, "Lab Streaming")
    tick(qtbot, dialog, "local network")
    qtbot.mouseClick(ok(dialog), LEFT)
    assert used[-1].lsl
    assert used[-1].lsl_network


def test_with_nothing_on_nothing_is_sent(window):
    assert "nothing leaves this program" in window.empty.line.text()
    assert Choice(kind="file", name="x").title == "x"


def test_outputs_are_seen_also_where_there_is_little_room(qtbot, make_window, live_camera):
    window = make_window(udp=True, osc=True, osc_host="192.0.2.7", blur=True)
    window.resize(1024, 640)
    live_camera(window)
    qtbot.waitUntil(window.actions_.record.isEnabled)
    window.actions_.record.trigger()
    qtbot.waitUntil(lambda: window.controller.view().recording)
    qtbot.waitUntil(lambda: len(window.watch.bar.chips) >= 3)
    window.watch.refresh()
    for name in ("OSC", "UDP", "blur"):
        chip = window.watch.bar.chips[name]
        assert chip.isVisible()
        assert chip.width() >= chip.fontMetrics().horizontalAdvance(chip.text())
    button = window.watch.bar.record_button
    assert button.width() >= button.fontMetrics().horizontalAdvance(button.text())


@pytest.fixture
def live_camera(qtbot, opened, fake_camera):
    def show(window):
        opened.append(fake_camera())
        window.open(Choice(kind="camera", name="0"))
        qtbot.waitUntil(lambda: window.live.analysis is not None)

    return show
