"""The main window: every action does what it says."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PyQt6.QtCore import QMimeData, QObject, QPointF, QSettings, Qt, QUrl, pyqtSignal
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QApplication, QFileDialog, QInputDialog, QMessageBox

from app.actions import CHECKED, TEXTS
from app.privacy import PrivacyDialog
from app.review.window import ReviewWindow
from app.settings import Settings, load_settings
from app.settings_dialog import SettingsDialog
from app.sources.choice import Choice
from app.sources.player import Player
from app.window import MainWindow
from app.worker import Newest
from engine.assets import asset_path
from engine.source import open_source
from engine.types import Frame

DEMO = str(asset_path("demo.mp4"))


class FakeRunner(QObject):
    """Runs nothing; tests say what it would say."""

    started, opened, ready = pyqtSignal(), pyqtSignal(), pyqtSignal()
    frame_shown, analysed, ended = pyqtSignal(), pyqtSignal(), pyqtSignal()
    failed = pyqtSignal(str, bool)

    def __init__(self):
        super().__init__()
        self.worker = self.choice = None
        self.configs, self.stops = [], 0

    def start(self, choice, config):
        self.choice = choice
        self.configs.append(config)
        self.started.emit()

    def restart(self, config):
        if self.choice is not None:
            self.start(self.choice, config)

    def stop(self):
        self.worker = self.choice = None
        self.stops += 1

    def close(self):
        self.stop()
        return True

    def opens(self, source):
        """Pretend that the source is open and the networks are loaded."""
        self.worker = SimpleNamespace(
            source=source, info=source.info, device="cpu", dropped=0, newest=Newest()
        )
        self.opened.emit()
        self.ready.emit()

    def shows(self, analysis):
        self.worker.newest.put_frame(analysis.frame)
        self.frame_shown.emit()
        self.worker.newest.put_analysis(analysis)
        self.analysed.emit()


@pytest.fixture
def window(qtbot, tmp_path):
    settings = Settings(recording_folder=tmp_path / "recordings")
    window = MainWindow(settings, tmp_path / "settings.toml", runner=FakeRunner())
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


@pytest.fixture
def player():
    with Player(lambda config: open_source(DEMO, config)) as player:
        yield player


def act(window, name):
    getattr(window.actions_, name).trigger()


def test_every_action_is_in_a_menu_with_its_key(window):
    in_menus = {action for menu in window.menuBar().actions() for action in menu.menu().actions()}
    for name, action in window.actions_.named().items():
        assert action in in_menus, name
        assert action.shortcut().toString() or name == "about", name
        assert action.isCheckable() == (name in CHECKED), name
    keys = [action.shortcut().toString() for action in window.actions_.named().values()]
    keys = [key for key in keys if key]
    assert len(set(keys)) == len(keys), "a key is given twice"
    assert set(TEXTS) == set(window.actions_.named())


def test_an_open_source_is_named_and_shown(window, make_analysis):
    window.open(Choice(kind="camera", name="0"))
    window.runner.opens(SimpleNamespace(info=open_info()))
    assert "640x360" in window._source_label.text()
    window.runner.shows(make_analysis(0, 0.0, {1: ("happiness", 0.8, 0.5)}))
    assert window.view.frame.index == 0
    assert window.live.shown == 1
    window._refresh_panels()
    assert "cpu" in window._state_label.text()


def open_info():
    with open_source(DEMO) as source:
        return source.info


def test_a_lost_camera_is_said_and_its_picture_stays(window, make_analysis):
    window.open(Choice(kind="camera", name="0"))
    window.runner.opens(SimpleNamespace(info=open_info()))
    window.runner.shows(make_analysis(0, 0.0, {}))
    window.runner.failed.emit("camera 0: lost; was it unplugged?", True)
    assert "camera 0: lost" in window.view.message
    assert "come back" in window.view.message
    assert window.view.frame is not None
    window.runner.opens(SimpleNamespace(info=open_info()))
    assert window.view.message == ""


def test_a_file_that_cannot_be_read_is_said(window):
    window.open(Choice(kind="file", name="gone.mp4"))
    window.runner.failed.emit("gone.mp4: no such file; check the path", False)
    assert window.view.message == "gone.mp4: no such file; check the path"
    assert window.view.frame is None


def test_files_have_a_transport_bar_and_cameras_a_mirror(window, player):
    window.open(Choice(kind="file", name=DEMO))
    window.runner.opens(player)
    assert window.transport.isVisible()
    assert not window._mirrored()
    window.open(Choice(kind="camera", name="0"))
    window.runner.opens(SimpleNamespace(info=open_info()))
    assert not window.transport.isVisible()
    assert window._mirrored()


def test_playback_actions_move_the_file(window, player):
    window.open(Choice(kind="file", name=DEMO))
    window.runner.opens(player)
    act(window, "play_pause")
    assert not player.playing
    act(window, "forward")
    assert player.read().time_s == pytest.approx(5.0, abs=0.1)
    act(window, "step_on")
    assert player.read().time_s == pytest.approx(5.04, abs=0.05)
    act(window, "step_back")
    assert player.read().time_s == pytest.approx(5.0, abs=0.1)
    act(window, "back")
    assert player.read().time_s == pytest.approx(0.0, abs=0.1)
    act(window, "play_pause")
    assert player.playing
    window.transport.sought.emit(8.0)
    assert player.read().time_s == pytest.approx(8.0, abs=0.1)
    window.playback.show_place()
    assert "0:08" in window.transport._time.text()


@pytest.mark.parametrize("name", ["mirror", "landmarks", "head_axes"])
def test_what_is_drawn_is_a_setting_that_is_kept(window, tmp_path, name):
    before = getattr(window.settings, name)
    act(window, name)
    assert getattr(window.settings, name) is not before
    assert getattr(load_settings(tmp_path / "settings.toml"), name) is not before


def test_other_analysis_settings_run_the_source_anew(window):
    window.open(Choice(kind="camera", name="0"))
    window.use(replace(window.settings, detect_every=3))
    assert [config.detect_every for config in window.runner.configs] == [10, 3]
    window.use(replace(window.settings, theme="dark"))
    assert len(window.runner.configs) == 2, "a theme is no reason to open a camera again"


def test_a_click_selects_a_face_and_escape_lets_go(window, make_analysis):
    window.open(Choice(kind="camera", name="0"))
    window.runner.opens(SimpleNamespace(info=open_info()))
    faces = dict.fromkeys((1, 2), ("neutral", 0.0, 0.0))
    window.runner.shows(make_analysis(0, 0.0, faces))
    window.view.face_clicked.emit(2)
    assert window.live.selected == 2
    act(window, "follow_largest")
    assert window.live.selected is None


def test_files_streams_and_screens_are_asked_for(window, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("clip.mp4", ""))
    act(window, "open_file")
    assert window.runner.choice == Choice(kind="file", name="clip.mp4")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (" rtsp://x/y ", True))
    act(window, "open_stream")
    assert window.runner.choice == Choice(kind="stream", name="rtsp://x/y")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("screen", True))
    act(window, "open_screen")
    assert window.runner.choice == Choice(kind="screen", name="screen")
    act(window, "close_source")
    assert window.runner.choice is None


def test_a_dropped_file_is_opened(window):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(DEMO)])
    window.dropEvent(
        QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    assert window.runner.choice == Choice(kind="file", name=DEMO)


def child(window, kind):
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())


def test_dialogs_open_and_settings_from_them_are_used(window, tmp_path):
    act(window, "privacy")
    child(window, PrivacyDialog).accept()
    act(window, "settings")
    dialog = child(window, SettingsDialog)
    dialog.applied.emit(replace(window.settings, theme="dark", max_faces=3))
    dialog.reject()
    assert load_settings(tmp_path / "settings.toml").max_faces == 3
    assert window.settings.theme == "dark"


def test_the_first_run_page_comes_before_the_first_source(window, tmp_path):
    opened = []
    window.first_run(lambda: opened.append(True))
    page = child(window, PrivacyDialog)
    assert not opened
    page.accept()
    assert opened == [True]
    assert load_settings(tmp_path / "settings.toml").seen_privacy


def test_a_recording_is_opened_for_review(window, monkeypatch, tmp_path, qtbot):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    act(window, "open_session")
    review = child(window, ReviewWindow)
    review.close()


def test_settings_that_cannot_be_kept_are_said_and_used(window, monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: said.append(args[-1]))
    (tmp_path / "file").touch()
    window._file = tmp_path / "file" / "settings.toml"
    window.use(replace(window.settings, max_faces=2))
    assert "cannot be written" in said[0]
    assert window.settings.max_faces == 2


def test_the_panels_that_were_hidden_stay_so(qtbot, tmp_path):
    places = QSettings(str(tmp_path / "place.ini"), QSettings.Format.IniFormat)
    for first in (True, False):
        window = MainWindow(
            Settings(recording_folder=tmp_path),
            tmp_path / "settings.toml",
            geometry=places,
            runner=FakeRunner(),
        )
        qtbot.addWidget(window)
        window.show()
        assert window.docks.docks["affect"].isVisible() is first
        assert window.docks.docks["probabilities"].isVisible()
        window.docks.docks["affect"].hide()
        window.close()


def test_it_can_be_used_at_1024_by_640(window):
    window.resize(1024, 640)
    assert (window.width(), window.height()) == (1024, 640)
    assert window.view.width() >= 480
    assert window.view.height() >= 270


@pytest.mark.slow
def test_the_real_thing_runs_records_and_closes(qtbot, tmp_path):
    """Nothing is faked: the demo clip, the networks, a recording, the review's files."""
    settings = Settings(recording_folder=tmp_path / "recordings")
    window = MainWindow(settings, tmp_path / "settings.toml")
    qtbot.addWidget(window)
    window.show()
    window.open(Choice(kind="file", name=DEMO))
    qtbot.waitUntil(lambda: window.live.analysis is not None, timeout=20_000)
    qtbot.waitUntil(lambda: bool(window.live.analysis.tracks), timeout=20_000)
    (said,) = window.live.analysis.predictions[:1]
    assert said.expression.name.lower() == "happiness"
    qtbot.mouseClick(window.recording.record_button, Qt.MouseButton.LeftButton)
    frames = window.live.performance.frames
    qtbot.waitUntil(lambda: window.live.performance.frames > frames + 15, timeout=20_000)
    with qtbot.waitSignal(window.recording.saved, timeout=20_000) as saved:
        qtbot.mouseClick(window.recording.record_button, Qt.MouseButton.LeftButton)
    names = {path.name for path in Path(saved.args[0]).iterdir()}
    assert "session.json" in names
    assert any(name.endswith((".mp4", ".mkv")) for name in names)
    assert any(name.endswith(".csv") for name in names)
    window.close()
    assert isinstance(window.view.frame, Frame)
