from dataclasses import fields, replace

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication, QFileDialog, QInputDialog, QMessageBox

from app.settings.settings import load_settings
from app.sources.cameras import CameraName
from app.sources.choice import Choice
from app.window.docks import Dock
from app.window.privacy import PrivacyDialog
from app.window.settings.dialog import SettingsDialog
from engine.errors import SourceError

CAMERA = Choice(kind="camera", name="0")
KEY = Qt.Key
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def test_an_empty_window_says_what_to_do(window):
    assert window.empty.isVisible()
    texts = [button.text() for button in window.empty.buttons()]
    assert texts[:3] == ["Open file…", "Open recording…", "Open network stream…"]
    assert not window.transport.isVisible()


def test_a_camera_is_shown_with_its_faces(qtbot, live):
    assert live.live.device == "cpu"
    assert live.live.shown in (1, 2)
    qtbot.waitUntil(lambda: "cpu" in live.state_label.text())
    assert live.state_label.width() >= live.state_label.sizeHint().width()
    assert live.state_label.geometry().right() <= live.menuBar().width()
    assert live.watch.bar.source == "Camera 0: 160x120, 30 fps"
    assert not live.transport.isVisible()


def test_cameras_are_mirrored_and_files_are_not(qtbot, live, playing):
    assert not playing.view.target.mirrored


def test_a_camera_is_mirrored_where_the_settings_say_so(live):
    assert live.view.target.mirrored


def test_a_camera_that_is_plugged_in_appears_in_the_menu_and_opens(
    qtbot, window, chosen, opened, fake_camera
):
    texts = [action.text() for action in window.sources.actions()]
    assert "No camera found" in texts
    window.sources.look = lambda: (CameraName(3, "USB Camera"),)
    window.sources.look_for_cameras()
    entry = next(a for a in window.sources.actions() if a.text().startswith("USB Camera"))
    opened.append(fake_camera())
    entry.trigger()
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    assert chosen[-1].name == "3"


def test_a_lost_camera_is_told_of_and_comes_back_on_its_own(qtbot, window, opened, fake_camera):
    first = fake_camera()
    busy = SourceError("camera 0: cannot be opened, perhaps another program has it")
    opened += [first, busy, busy, busy]
    window.open(CAMERA)
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    opened_again = opened
    first.unplug()
    qtbot.waitUntil(lambda: "Waiting for it to come back" in window.trouble.text)
    opened_again.append(fake_camera())
    qtbot.waitUntil(lambda: window.trouble.text == "")


def test_a_file_that_cannot_be_opened_is_told_of(qtbot, window, tmp_path):
    window.open(Choice(kind="file", name=str(tmp_path / "none.mp4")))
    qtbot.waitUntil(lambda: "no such file" in window.trouble.text)
    assert window.view.frame is None


def test_open_file_asks_and_opens(qtbot, window, clip, monkeypatch, chosen):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(clip), ""))
    qtbot.keyClick(window, KEY.Key_O, CONTROL)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert chosen[-1] == Choice(kind="file", name=str(clip))


def test_open_stream_asks_for_an_address(qtbot, window, monkeypatch, chosen, opened, fake_camera):
    opened.append(fake_camera(name="stream"))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("rtsp://host/cam", True))
    qtbot.keyClick(window, KEY.Key_U, CONTROL)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert chosen[-1].kind == "stream"


def test_a_dropped_file_is_opened(qtbot, window, clip, chosen):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(clip))])
    copy = Qt.DropAction.CopyAction
    none = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(50, 50), copy, mime, Qt.MouseButton.LeftButton, none)
    window.dropEvent(event)
    qtbot.waitUntil(lambda: window.view.frame is not None)
    assert chosen[-1].name == str(clip)


def test_space_pauses_and_goes_on(qtbot, playing):
    qtbot.keyClick(playing, KEY.Key_Space)
    qtbot.waitUntil(lambda: not playing.playback.player.playing)
    qtbot.keyClick(playing, KEY.Key_Space)
    assert playing.playback.player.playing


def test_frames_are_stepped_by_key(qtbot, playing):
    qtbot.waitUntil(lambda: playing.playback.player.ended)
    playing.playback.seek(0.2)
    qtbot.keyClick(playing, KEY.Key_Space)
    player = playing.playback.player
    player.pause()
    player.seek(0.2)
    qtbot.waitUntil(lambda: player.position_s == pytest.approx(0.2, abs=0.001))
    qtbot.keyClick(playing, KEY.Key_Period)
    qtbot.waitUntil(lambda: player.position_s == pytest.approx(0.24, abs=0.001))
    qtbot.keyClick(playing, KEY.Key_Comma)
    qtbot.waitUntil(lambda: player.position_s == pytest.approx(0.2, abs=0.001))
    qtbot.waitUntil(lambda: playing.view.frame.time_s == pytest.approx(0.2, abs=0.001))


def test_the_slider_and_the_speed_move_the_file(qtbot, playing):
    player = playing.playback.player
    player.pause()
    playing.transport.sought.emit(0.4)
    qtbot.waitUntil(lambda: player.position_s == pytest.approx(0.4, abs=0.001))
    playing.transport.speed_chosen.emit(2.0)
    assert player.speed == 2.0
    qtbot.keyClick(playing, KEY.Key_Left)
    qtbot.waitUntil(lambda: player.position_s == 0)


@pytest.mark.parametrize(
    ("key", "name"), [(KEY.Key_M, "mirror"), (KEY.Key_L, "landmarks"), (KEY.Key_H, "head_axes")]
)
def test_what_is_drawn_is_toggled_by_key_and_kept(qtbot, live, tmp_path, key, name):
    before = getattr(live.settings, name)
    qtbot.keyClick(live, key)
    assert getattr(live.settings, name) is not before
    assert getattr(load_settings(tmp_path / "settings.toml"), name) is not before
    assert getattr(live.actions_, name).isChecked() is not before


def test_a_click_selects_a_face_and_escape_follows_the_largest(qtbot, live):
    place = live.view.place
    box = place.box(live.live.analysis.tracks[1].box).center().toPoint()
    qtbot.mouseClick(live.view, Qt.MouseButton.LeftButton, pos=QPoint(box))
    assert live.live.selected == 2
    qtbot.keyClick(live, KEY.Key_Escape)
    assert live.live.selected is None


def test_panels_follow_the_selected_face(qtbot, live):
    live.view.face_clicked.emit(2)
    qtbot.waitUntil(lambda: "Anger" in live.docks.probabilities.headline.text(), timeout=2000)


def test_every_panel_can_be_hidden_and_shown_again(live):
    for dock in live.docks.docks.values():
        before = dock.isHidden()
        dock.toggleViewAction().trigger()
        assert dock.isHidden() is not before
        dock.toggleViewAction().trigger()
        assert dock.isHidden() is before


def test_full_screen_and_back(qtbot, window):
    qtbot.keyClick(window, KEY.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, KEY.Key_F11)
    assert not window.isFullScreen()


def dialog_of(window, kind):
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())


def test_other_networks_run_the_source_anew_and_a_file_goes_on(qtbot, playing, chosen):
    player = playing.playback.player
    player.pause()
    player.set_speed(0.5)
    player.seek(0.4)
    qtbot.waitUntil(lambda: player.position_s == pytest.approx(0.4, abs=0.001))
    playing.use(replace(playing.settings, detect_every=3))
    qtbot.waitUntil(lambda: playing.playback.player not in (None, player))
    assert chosen[-1].start_s == pytest.approx(0.4, abs=0.001)
    assert not playing.playback.player.playing
    playing.playback.show_place()
    assert playing.transport.speed.currentText() == "0.5x"


def test_another_file_plays_at_its_own_speed_and_the_bar_says_so(qtbot, playing, clip):
    player = playing.playback.player
    playing.transport.speed_chosen.emit(2.0)
    playing.playback.show_place()
    assert playing.transport.speed.currentText() == "2x"
    playing.open(Choice(kind="file", name=str(clip)))
    qtbot.waitUntil(lambda: playing.playback.player not in (None, player))
    playing.playback.show_place()
    assert playing.playback.player.speed == 1.0
    assert playing.transport.speed.currentText() == "1x"


def test_a_setting_of_the_view_leaves_the_source_alone(live):
    worker = live.runner.worker
    live.use(replace(live.settings, uncertain_below=0.7))
    assert live.runner.worker is worker
    assert live.view.look.uncertain_below == 0.7


def test_settings_that_cannot_be_kept_are_used_and_told_of(live, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *text: told.append(text[-1]))
    live.kept.path = tmp_path / "settings.toml" / "below" / "a" / "file"
    (tmp_path / "settings.toml").write_text("")
    live.use(replace(live.settings, landmarks=True))
    assert live.settings.landmarks
    assert "cannot be written" in told[0]


def test_the_settings_dialog_opens_by_key(qtbot, window):
    qtbot.keyClick(window, KEY.Key_Comma, CONTROL)
    dialog = dialog_of(window, SettingsDialog)
    dialog.reject()


def test_the_privacy_page_opens_by_key(qtbot, window):
    qtbot.keyClick(window, KEY.Key_F1, SHIFT)
    dialog_of(window, PrivacyDialog).button.click()


def test_the_first_run_waits_until_the_page_was_read(qtbot, make_window, tmp_path):
    window = make_window(seen_privacy=False)
    then = []
    window.first_run(lambda: then.append(1))
    assert not then
    dialog_of(window, PrivacyDialog).button.click()
    assert then == [1]
    assert load_settings(tmp_path / "settings.toml").seen_privacy


def test_nothing_is_written_unless_the_user_records(live, tmp_path):
    assert not (tmp_path / "recordings").exists()


def test_a_recording_is_started_marked_and_stopped(qtbot, live, tmp_path):
    live.docks.docks["recording"].raise_()
    qtbot.waitUntil(live.recording.record_button.isEnabled)
    qtbot.mouseClick(live.recording.record_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: live.controller.view().recording)
    qtbot.wait(300)
    qtbot.keyClick(live, KEY.Key_F5)
    assert live.controller.view().markers == 1
    qtbot.mouseClick(live.recording.record_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not live.controller.view().recording)
    folder = live.controller.view().folder
    assert (folder / "records.csv").stat().st_size > 0


def test_closing_the_source_clears_the_picture(qtbot, live):
    qtbot.keyClick(live, KEY.Key_W, CONTROL)
    assert live.view.frame is None
    assert live.runner.worker is None


def test_the_places_of_panels_are_remembered(make_window, tmp_path):
    ini = QSettings.Format.IniFormat
    first = make_window(QSettings(str(tmp_path / "place.ini"), ini))
    first.docks.docks["performance"].hide()
    first.resize(1100, 700)
    first.close()
    second = make_window(QSettings(str(tmp_path / "place.ini"), ini))
    assert second.docks.docks["performance"].isHidden()
    assert second.height() == 700  # the offscreen screen is 800 pixels wide


@pytest.mark.qt_log_ignore("does not support")  # raise(), offscreen
def test_a_panel_that_floats_is_over_the_window_after_a_restart(
    qtbot, make_window, tmp_path, monkeypatch
):
    places = QSettings(str(tmp_path / "places.ini"), QSettings.Format.IniFormat)
    first = make_window(places)
    dock = first.docks.docks["performance"]
    dock.show()
    dock.setFloating(True)
    first.close()
    dock.hide()
    raised = []
    monkeypatch.setattr(Dock, "raise_", lambda self: raised.append(self.objectName()))
    second = make_window(places)
    assert second.docks.docks["performance"].isFloating()
    raised.clear()  # by Qt's own, before the window was shown
    qtbot.waitUntil(lambda: raised == ["performance"])
    second.docks.docks["performance"].setFloating(False)


def test_it_fits_a_small_screen(window):
    window.resize(1024, 640)
    assert (window.width(), window.height()) == (1024, 640)
    assert window.minimumSizeHint().width() <= 1024
    assert window.minimumSizeHint().height() <= 640


def test_closing_while_a_camera_runs_ends_its_threads(live):
    live.close()
    assert not live.runner.running


def test_every_action_has_a_text_and_no_two_share_a_key(window):
    declared = [getattr(window.actions_, field.name) for field in fields(window.actions_)]
    actions = [one for each in declared for one in (each if isinstance(each, tuple) else (each,))]
    assert all(action.text() for action in actions)
    keys = [key.toString() for action in actions for key in action.shortcuts()]
    assert len(keys) > 10
    assert len(keys) == len(set(keys))


def test_the_full_screen_hides_the_panels_and_escape_brings_them_back(qtbot, live):
    live.docks.docks["performance"].hide()
    before = {name: dock.isHidden() for name, dock in live.docks.docks.items()}
    qtbot.keyClick(live, KEY.Key_F11)
    assert all(dock.isHidden() for dock in live.docks.docks.values())
    assert live.watch.bar.isVisible()  # a recording has to be seen
    live.view.face_clicked.emit(2)
    qtbot.keyClick(live, KEY.Key_Escape)
    assert not live.isFullScreen()
    assert {name: dock.isHidden() for name, dock in live.docks.docks.items()} == before
    assert live.live.selected == 2  # that was not what was meant
    qtbot.keyClick(live, KEY.Key_Escape)
    assert live.live.selected is None


def test_it_opens_no_larger_than_the_screen(qtbot, tmp_path, monkeypatch):
    from PyQt6.QtCore import QRect
    from PyQt6.QtGui import QScreen

    from app.settings.settings import Settings
    from app.window.main_window import MainWindow

    monkeypatch.setattr(QScreen, "availableGeometry", lambda _: QRect(0, 0, 1024, 640))
    settings = Settings(seen_privacy=True, recording_folder=tmp_path)
    window = MainWindow(settings, tmp_path / "settings.toml")
    qtbot.addWidget(window)
    assert window.width() <= 1024
    assert window.height() <= 640
    window.close()
