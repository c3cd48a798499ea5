"""A real window over fake sources and a fake engine."""

import numpy as np
import pytest
from PyQt6.QtCore import QLocale

from app.session.folder import FORMAT, MARKERS, Marker, MarkerWriter, write_about
from app.settings.settings import Settings
from app.sources.choice import Choice
from app.window.main_window import MainWindow
from app.window.runner import Runner
from app.window.worker import Worker

CAMERA = Choice(kind="camera", name="0")


@pytest.fixture
def chosen():
    """Every choice that was opened."""
    return []


@pytest.fixture
def opened():
    """What opening gives in turn: cameras, or errors; empty, the choice itself is opened."""
    return []


@pytest.fixture
def make_window(qtbot, tmp_path, fake_engine, chosen, opened):
    kept = []  # `qtbot` does not: one that Python collects amid Qt's events takes the program along

    def made(geometry=None, **settings):
        def make(choice, config, keep):
            chosen.append(choice)

            def open_next():
                if not opened:
                    return choice.opener()()
                source = opened.pop(0)
                if isinstance(source, Exception):
                    raise source
                return source

            options = {"lasting": choice.returns, "keep": keep, "pause_s": 0.01}
            return Worker(open_next, config, **options, **fake_engine)

        runner = Runner(lambda analysis: window.keep(analysis), make)
        settings = {"seen_privacy": True, "recording_folder": tmp_path / "recordings", **settings}
        path = tmp_path / "settings.toml"
        window = MainWindow(Settings(**settings), path, geometry=geometry, runner=runner)
        qtbot.addWidget(window, before_close_func=lambda w: w.setProperty("unasked", True))
        if geometry is None:
            window.resize(1280, 800)  # the offscreen screen has 800 x 800
        window.show()
        kept.append(window)
        return window

    return made


@pytest.fixture
def window(make_window):
    return make_window()


@pytest.fixture
def live(qtbot, window, opened, fake_camera):
    """A window that shows a camera with two faces."""
    opened.append(fake_camera())
    window.open(CAMERA)
    qtbot.waitUntil(lambda: window.live.analysis is not None and window.view.frame is not None)
    return window


@pytest.fixture
def clip(make_clip):
    images = [np.full((48, 64, 3), 10 * i, np.uint8) for i in range(20)]
    return make_clip(images=images)


@pytest.fixture
def playing(qtbot, window, clip):
    window.open(Choice(kind="file", name=str(clip)))
    qtbot.waitUntil(lambda: window.view.frame is not None and window.transport.isVisible())
    return window


@pytest.fixture
def folder(tmp_path, write_records, two_faces, make_clip):
    """A session of ten seconds: three faces, two markers, a video whose grey tells the frame."""
    folder = tmp_path / "session"
    folder.mkdir()
    write_records("rows.csv", two_faces).rename(folder / "records.csv")
    images = [np.full((120, 160, 3), 2 * number, np.uint8) for number in range(100)]
    make_clip("clip.mp4", images, [n / 10 for n in range(100)]).rename(folder / "video.mp4")
    markers = MarkerWriter(folder / MARKERS)
    markers.write(Marker(2.0, "stimulus on", "F5"))
    markers.write(Marker(7.0, "stimulus off", "F6"))
    markers.close()
    files = {"records": "records.csv", "video": "video.mp4", "markers": MARKERS}
    about = {"format": FORMAT, "state": "finished", "files": files}
    write_about(folder, about | {"settings": {"video": {"annotate": False}}})
    return folder


@pytest.fixture
def speak(qapp):
    """Let windows speak a language until the test is over."""
    from app.window.language import use_language

    before, installed = QLocale(), []

    def spoken(language):
        installed.extend(use_language(qapp, language))

    yield spoken
    for translator in installed:
        qapp.removeTranslator(translator)
        translator.deleteLater()
    QLocale.setDefault(before)


@pytest.fixture
def dialogs(qtbot):
    """Make every dialog of a window, by name."""
    from app.session.naming import NAMELESS
    from app.session.participant import Participant
    from app.window.help.dialogs import ReportDialog, ShortcutsDialog
    from app.window.help.notice import NoticeDialog
    from app.window.picture.naming import FaceSheet
    from app.window.privacy import PrivacyDialog
    from app.window.session.sheet import ParticipantSheet
    from app.window.settings.dialog import SettingsDialog

    def made(window):
        all_ = {
            "settings": SettingsDialog(window.settings, window, devices=("auto", "cpu")),
            "keys": ShortcutsDialog(window.actions_, window),
            "report": ReportDialog("log", window),
            "notice": NoticeDialog(window),
            "first": PrivacyDialog(window, first_run=True),
            "sheet": ParticipantSheet(Participant(), window),
            "face": FaceSheet(1, NAMELESS, (2,), window),
        }
        for dialog in all_.values():
            qtbot.addWidget(dialog)
            dialog.show()
        return all_

    return made
