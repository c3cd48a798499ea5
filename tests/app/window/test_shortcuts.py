"""Keys that the user chose: by keys and clicks, in both windows, and in the settings' file."""

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import QDialogButtonBox, QLabel

from app.session.folder import read_markers
from app.settings.settings import Settings, load_settings, save_settings
from app.window import desktop
from app.window.help.dialogs import ShortcutsDialog
from app.window.settings.dialog import SettingsDialog
from app.window.shortcuts import changeable, check_keys, problems
from engine.errors import ConfigError

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_the_keys_that_are_there_at_first_are_all_right():
    assert problems({}) == {}
    every = dict.fromkeys(changeable(), "")
    assert problems(every) == {}
    assert {"record", "mark_f5", "label_neutral", "export_csv", "play_pause"} <= set(every)
    assert len(changeable()["play_pause"].windows) == 2
    assert len(changeable()["close_window"].windows) == 1


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"recrd": "F9"}, "keys.recrd: unknown key; known here: open_file, "),
        ({"record": "Ctrl+Foo"}, "keys.record: must be a key like F9, Space or Ctrl+Shift+R, got "),
        ({"record": "Ctrl+K, Ctrl+S"}, "keys.record: must be one key, not several in a row"),
        ({"record": "Tab"}, "keys.record: Tab moves through fields and faces; choose another"),
        ({"record": "Alt+F"}, "keys.record: Alt+F opens a menu; choose another"),
        ({"record": "Ctrl+O"}, "keys.record: Ctrl+O is the key of 'Open file' too; change one"),
        ({"undo": "F9", "redo": "F9"}, "keys.redo: F9 is the key of 'Undo' too; change one"),
        ({"record": 3}, "keys.record: must be a text, got 3"),
    ],
)
def test_a_wrong_key_in_the_file_is_named_with_its_path(tmp_path, capsys, keys, said):
    path = tmp_path / "settings.toml"
    lines = [f"{name} = {key!r}" for name, key in keys.items()]
    path.write_text("[keys]\n" + "\n".join(lines) + "\n")
    assert desktop.main(["--settings", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fer-app: {path}: {said}")


def test_the_same_key_may_mean_two_things_in_two_windows():
    assert problems({"record": "F9", "undo": "F9"}) == {}
    with pytest.raises(ConfigError, match=r"keys\.other_marker"):  # it is in both
        check_keys({"other_marker": "Ctrl+Z"}, __file__)


def test_chosen_keys_are_kept_and_read_again(tmp_path):
    settings = Settings(keys={"record": "F9", "pause": ""})
    save_settings(tmp_path / "s.toml", settings)
    assert load_settings(tmp_path / "s.toml") == settings


@pytest.fixture
def dialog(qtbot):
    made = SettingsDialog(Settings(), devices=("auto", "cpu"))
    qtbot.addWidget(made)
    made.show()
    made.tabs.setCurrentWidget(made.keys)
    return made


def _ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def _row(dialog, name):
    model = dialog.keys.keys
    row = [one.name for one in model.rows].index(name)
    return [model.index(row, column).data() for column in range(3)]


def test_a_key_is_changed_reset_and_taken_away(qtbot, dialog):
    page, said = dialog.keys, []
    dialog.applied.connect(said.append)
    page.choose("record")
    page.table.setFocus()
    qtbot.keyClick(page.table, KEY.Key_Return)
    qtbot.keyClick(page.key, KEY.Key_F9)
    assert _row(dialog, "record") == ["Record", "F9", "window"]
    page.choose("play_pause")
    qtbot.mouseClick(page.none_button, LEFT)
    assert _row(dialog, "play_pause") == ["Play or pause", "", "both windows"]
    page.choose("zoom_in")
    assert _row(dialog, "zoom_in") == ["Zoom in", "Ctrl++, Ctrl+=", "review"]
    qtbot.keyClick(page.key, KEY.Key_I, CONTROL)
    assert _row(dialog, "zoom_in")[1] == "Ctrl+I"
    qtbot.mouseClick(page.reset_button, LEFT)
    assert _row(dialog, "zoom_in")[1] == "Ctrl++, Ctrl+="
    assert dialog.draft.values["keys"] == {"record": "F9", "play_pause": ""}
    qtbot.mouseClick(_ok(dialog), LEFT)
    assert [settings.keys for settings in said] == [{"record": "F9", "play_pause": ""}]


def test_all_keys_are_reset_at_once(qtbot, dialog):
    page = dialog.keys
    for name, key in (("record", KEY.Key_F9), ("pause", KEY.Key_F10)):
        page.choose(name)
        qtbot.keyClick(page.key, key)
    qtbot.mouseClick(page.reset_all_button, LEFT)
    assert dialog.draft.values["keys"] == {}
    assert _row(dialog, "record")[1] == "Ctrl+R"


def test_its_own_key_is_no_change(qtbot, dialog):
    dialog.keys.choose("record")
    qtbot.keyClick(dialog.keys.key, KEY.Key_F9)
    qtbot.keyClick(dialog.keys.key, KEY.Key_R, CONTROL)
    assert dialog.draft.values["keys"] == {}


def test_a_key_of_another_action_is_said_and_cannot_be_applied(qtbot, dialog):
    page = dialog.keys
    page.choose("record")
    qtbot.keyClick(page.key, KEY.Key_O, CONTROL)
    assert page.error.text() == "Record: Ctrl+O is the key of 'Open file' too; change one"
    assert dialog.tabs.tabText(dialog.tabs.indexOf(page)) == "Keys (!)"
    assert not _ok(dialog).isEnabled()
    page.choose("open_file")
    qtbot.mouseClick(page.none_button, LEFT)
    assert page.error.isHidden()
    assert _ok(dialog).isEnabled()


def test_tab_leaves_the_field_for_the_key(qtbot, dialog):
    dialog.activateWindow()
    dialog.keys.choose("pause")
    dialog.keys.key.setFocus()
    qtbot.waitUntil(lambda: dialog.focusWidget() is dialog.keys.key)
    qtbot.keyClick(dialog.keys.key, KEY.Key_Tab)
    assert dialog.focusWidget() is dialog.keys.none_button
    assert dialog.draft.values["keys"] == {}


# In the windows


def _press(qtbot, window, *names):
    """Change keys in the settings' dialog; each name with its key."""
    qtbot.keyClick(window, KEY.Key_Comma, CONTROL)
    dialog = window.findChild(SettingsDialog)
    dialog.tabs.setCurrentWidget(dialog.keys)
    for name, key in names:
        dialog.keys.choose(name)
        qtbot.keyClick(dialog.keys.key, key)
    qtbot.mouseClick(_ok(dialog), LEFT)
    qtbot.waitUntil(lambda: not window.findChildren(SettingsDialog))
    window.activateWindow()  # as a desktop does
    qtbot.waitUntil(window.isActiveWindow)


def test_every_place_shows_and_obeys_the_changed_key(qtbot, live, tmp_path):
    _press(qtbot, live, ("record", KEY.Key_F9), ("mark_f5", KEY.Key_F10), ("snapshot", KEY.Key_F3))
    assert load_settings(tmp_path / "settings.toml").keys == {
        "record": "F9",
        "mark_f5": "F10",
        "snapshot": "F3",
    }
    bar, panel = live.watch.bar, live.recording
    assert bar.record_button.toolTip() == "Record (F9)"
    assert bar.markers["F5"].text().startswith("F10")
    assert bar.markers["F5"].toolTip() == "Mark: stimulus on (F10)"
    assert bar.snapshot_button.toolTip() == "Snapshot (F3)"
    assert panel.record_button.toolTip() == "Record (F9)"
    assert panel.key_buttons["F5"].text() == "F10"
    assert panel.snapshot_button.toolTip() == "Save the picture as a PNG file (F3)"
    qtbot.waitUntil(live.actions_.record.isEnabled)
    qtbot.keyClick(live, KEY.Key_R, CONTROL)
    assert not live.controller.view().recording
    qtbot.keyClick(live, KEY.Key_F9)
    qtbot.waitUntil(lambda: live.controller.view().elapsed_s > 0.2)
    qtbot.keyClick(live, KEY.Key_F10)
    qtbot.waitUntil(lambda: live.controller.view().markers == 1)
    qtbot.keyClick(live, KEY.Key_F5)
    assert live.controller.view().markers == 1
    qtbot.keyClick(live, KEY.Key_F9)
    qtbot.waitUntil(lambda: not live.controller.view().recording, timeout=20_000)
    ((marker,), _) = read_markers(live.controller.view().folder / "markers.csv")
    assert (marker.key, marker.text) == ("F10", "stimulus on")
    qtbot.waitUntil(lambda: live.actions_.record.text() == "&Record")
    qtbot.keyClick(live, KEY.Key_F1)
    listed = dict(live.findChild(ShortcutsDialog).keys)
    assert listed["F9"] == "Record"
    assert listed["F10"] == "Mark: stimulus on"
    assert "Ctrl+R" not in listed
    live.findChild(ShortcutsDialog).reject()


def test_a_review_that_is_open_and_one_that_is_opened_have_the_key(qtbot, window, folder):
    first = window.review(folder)
    qtbot.waitUntil(lambda: first.controller.review is not None, timeout=10_000)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    _press(qtbot, window, ("play_pause", KEY.Key_F9), ("delete", KEY.Key_F10))
    second = window.review(folder)
    qtbot.waitUntil(lambda: second.controller.review is not None, timeout=10_000)
    for review in (first, second):
        review.activateWindow()
        qtbot.waitUntil(review.isActiveWindow)
        qtbot.keyClick(review, KEY.Key_F9)
        assert review.playing
        qtbot.keyClick(review, KEY.Key_F9)
        assert not review.playing
        shown = ShortcutsDialog(review.actions_, review)
        assert dict(shown.keys)["F10"] == "Delete track"
        shown.close()
        review.close()
    assert window.actions_.play_pause.shortcut() == QKeySequence("F9")


def test_an_action_without_a_key_shows_none(qtbot, make_window):
    window = make_window(keys={"mark_f6": "", "other_marker": "", "record": ""})
    assert window.watch.bar.record_button.toolTip() == "Record"
    assert window.watch.bar.markers["F6"].text().startswith("2 ")
    assert window.recording.key_buttons["F6"].text() == "2"
    assert window.recording.mark_text.toolTip() == ""
    assert not any("F6" in words.text() for words in window.recording.findChildren(QLabel))
