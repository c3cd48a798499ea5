"""Moving in a file by keys: exact, and with the faces that are known there."""

import pytest
from PyQt6.QtCore import Qt

from app.sources.choice import Choice

KEY = Qt.Key


@pytest.fixture
def forgetful(fake_engine, make_analysis):
    """An engine that gives new ids wherever the time goes back or jumps, as the real one does."""
    make = fake_engine["make_reader"]

    class Reader:
        device = "cpu"

        def __init__(self):
            self._first, self._before_s = 1, -1.0
            self._reader = make(None)

        def close(self):
            pass

        def read(self, several):
            made = []
            for each in several:
                now_s = each.frame.time_s
                if not 0 <= now_s - self._before_s < 0.3:
                    self._first += 2
                self._before_s = now_s
                faces = {
                    self._first: ("happiness", 0.5, 0.3),
                    self._first + 1: ("anger", -0.4, 0.6),
                }
                index, image = each.frame.index, each.frame.image
                made.append(make_analysis(index, now_s, faces, image=image))
            return made

    fake_engine["make_reader"] = lambda _: Reader()


@pytest.fixture
def paused(qtbot, forgetful, window, clip):
    """A window with a clip of 20 frames that has played to its end and is paused."""
    window.open(Choice(kind="file", name=str(clip)))
    qtbot.waitUntil(lambda: window.playback.player is not None and window.playback.player.ended)
    window.playback.player.pause()
    return window


def shown(window, index):
    return lambda: (
        window.live.analysis is not None and round(window.live.analysis.frame.time_s * 25) == index
    )


def test_no_press_is_lost_and_the_frame_is_named(qtbot, paused):
    for _ in range(7):
        qtbot.keyClick(paused, KEY.Key_Comma)
    qtbot.waitUntil(shown(paused, 12))
    for _ in range(3):
        qtbot.keyClick(paused, KEY.Key_Period)
    qtbot.waitUntil(shown(paused, 15))
    paused.playback.show_place()
    assert paused.transport._frame.text() == "frame 16"
    assert paused.transport._time.text() == "0:00.60 / 0:00.80"


def test_ten_steps_make_no_new_face_and_the_selected_one_stays(qtbot, paused):
    paused.view.face_clicked.emit(2)
    assert paused.live.shown == 2
    for index in range(18, 8, -1):
        qtbot.keyClick(paused, KEY.Key_Comma)
        qtbot.waitUntil(shown(paused, index))
    for seconds in (0.0, 0.6, 0.2):
        paused.playback.seek(seconds)
        qtbot.waitUntil(shown(paused, round(25 * seconds)))
    assert [face.id for face in paused.live.statistics.faces()] == [1, 2]
    assert not paused.live.lost
    assert paused.live.selected_prediction.expression == "anger"


@pytest.mark.slow
def test_a_seek_to_what_was_not_seen_yet_makes_nobody_new(qtbot, qapp, tmp_path):
    from app.settings.settings import Settings
    from app.window.main_window import MainWindow
    from engine.assets import asset_path

    settings = Settings(seen_privacy=True, recording_folder=tmp_path, device="cpu")
    window = MainWindow(settings, tmp_path / "settings.toml")
    qtbot.addWidget(window, before_close_func=lambda w: w.setProperty("unasked", True))
    window.show()
    window.open(Choice(kind="file", name=str(asset_path("demo.mp4"))))
    qtbot.waitUntil(lambda: window.live.analysis is not None, timeout=20_000)
    for there_s in (6.5, 8.0, 3.0, 8.5):
        window.playback.seek(there_s)
        qtbot.waitUntil(
            lambda there_s=there_s: 0.8 > window.live.now_s - there_s > 0.4, timeout=10_000
        )
    assert {face.id for face in window.live.statistics.faces()} <= {1, 2, 3}
    window.close()
