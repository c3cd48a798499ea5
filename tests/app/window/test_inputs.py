"""Markers of experiment software, turned on by clicks, seen in the bar and in the recording."""

import socket

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QApplication, QCheckBox, QDialogButtonBox

from app.session.folder import read_markers
from app.settings.settings import load_settings
from app.window.settings.dialog import SettingsDialog

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
CHIP = "UDP \N{LEFTWARDS ARROW}"


@pytest.fixture
def send(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield lambda content: made.sendto(content, ("127.0.0.1", port))


def dialog_of(qtbot, window):
    qtbot.keyClick(window, KEY.Key_Comma, CONTROL)
    kinds = (w for w in QApplication.topLevelWidgets() if isinstance(w, SettingsDialog))
    dialog = next(w for w in kinds if w.isVisible())
    dialog.tabs.setCurrentIndex(4)
    return dialog


def tick(qtbot, dialog, words):
    box = next(b for b in dialog.pages[4].findChildren(QCheckBox) if words in b.text())
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))


def ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def tip(window):
    window.watch.refresh()
    chip = window.watch.bar.chips.get(CHIP)
    return "" if chip is None else chip.toolTip()


def test_texts_by_udp_become_markers_of_the_recording(qtbot, live, port, send, tmp_path):
    dialog = dialog_of(qtbot, live)
    tick(qtbot, dialog, "UDP")
    dialog.pages[4].fields["hear_udp_port"].setValue(port)
    qtbot.mouseClick(ok(dialog), LEFT)
    assert load_settings(tmp_path / "settings.toml").hear_udp_port == port
    qtbot.waitUntil(lambda: "hears this machine alone" in tip(live))
    assert f"127.0.0.1:{port}" in tip(live)
    assert f"Markers are heard by UDP (127.0.0.1:{port})" in live.empty.line.text()
    qtbot.waitUntil(live.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > 0.3)
    before_s = live.controller.view().elapsed_s
    send(b"trial 1")
    qtbot.waitUntil(lambda: live.controller.view().markers == 1)
    after_s = live.controller.view().elapsed_s
    send(b"\xff\xfe")
    qtbot.waitUntil(lambda: "1 came, 1 refused: not UTF-8" in tip(live))
    assert live.watch.bar.chips[CHIP].property("tone") == "warn"
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not live.controller.view().recording)
    (marker,), _ = read_markers(live.controller.view().folder / "markers.csv")
    assert (marker.text, marker.key) == ("trial 1", "UDP")
    assert before_s - 0.5 <= marker.time_s <= after_s + 0.5  # a busy machine shows frames late


def test_a_flood_of_datagrams_ends_nothing(qtbot, make_window, port, send, opened, fake_camera):
    from app.sources.choice import Choice

    window = make_window(hear_udp=True, hear_udp_port=port)
    opened.append(fake_camera())
    window.open(Choice(kind="camera", name="0"))
    qtbot.waitUntil(lambda: "came" in tip(window) and window.actions_.record.isEnabled())
    qtbot.mouseClick(window.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: window.controller.view().elapsed_s > 0.2)
    send(b"\0" * 60_000)
    for number in range(3000):
        send(b"x%d" % number)
    qtbot.waitUntil(lambda: "more than 100 in a second" in tip(window), timeout=10_000)
    assert window.controller.view().recording
    assert window.controller.view().markers < 1000
    assert window.watch.bar.chips[CHIP].property("tone") == "warn"


def test_listening_to_other_machines_is_said(qtbot, make_window, port):
    window = make_window(hear_udp=True, hear_udp_host="0.0.0.0", hear_udp_port=port)
    qtbot.waitUntil(lambda: "hears other machines" in tip(window))
    assert "0.0.0.0" in tip(window)
    window.resize(860, 560)  # where there is little room, an arrow says so
    qtbot.waitUntil(lambda: window.watch.bar.chips[CHIP].text() == "UDP \N{SOUTH WEST ARROW}")


def test_a_port_that_is_taken_is_said(qtbot, make_window, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        window = make_window(hear_udp=True, hear_udp_port=port)
        qtbot.waitUntil(lambda: "cannot be listened on" in window.watch.notice.text)
    assert window.watch.bar.chips[CHIP].property("tone") == "warn"


def test_the_program_does_not_hear_itself(qtbot, window):
    dialog = dialog_of(qtbot, window)
    dialog.draft.values |= {"udp": True, "hear_udp": True, "hear_udp_port": 9001}
    dialog.draft.values |= {"lsl": True, "hear_lsl": True, "hear_lsl_stream": "fer-live markers"}
    found = dialog.draft.problems()
    assert found["hear_udp_port"] == "is the port of the UDP output too; choose another"
    assert "this program's own markers" in found["hear_lsl_stream"]
    dialog.draft.values["hear_udp_host"] = "not a host"
    assert "no machine has such a name" in dialog.draft.problems()["hear_udp_host"]
    dialog.reject()


def test_no_socket_is_opened_unless_it_is_asked_for(qtbot, make_window, monkeypatch, port):
    made = []
    real = socket.socket

    def noted(*arguments, **named):
        made.append(arguments)
        return real(*arguments, **named)

    monkeypatch.setattr(socket, "socket", noted)
    window = make_window()
    qtbot.wait(300)
    assert made == []
    window.use(window.settings)
    assert window.inputs.status() == ()
    from dataclasses import replace

    window.use(replace(window.settings, hear_udp=True, hear_udp_port=port))
    qtbot.waitUntil(lambda: len(made) == 1)
    window.use(replace(window.settings, hear_udp=False))
    assert window.inputs.status() == ()
    assert CHIP not in (window.watch.refresh() or window.watch.bar.chips)
