"""Moving in a file by keys: exact, and with the faces that are known there."""

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication

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


def test_a_step_back_keeps_the_curves_and_counts_nothing_twice(qtbot, paused):
    qtbot.waitUntil(lambda: abs(paused.live.now_s - 0.76) < 1e-6)  # the last frame is counted
    before = {face.id: face.seen_s for face in paused.live.statistics.faces()}
    for index in (18, 17, 16):
        qtbot.keyClick(paused, KEY.Key_Comma)
        qtbot.waitUntil(shown(paused, index))
    qtbot.keyClick(paused, KEY.Key_Period)
    qtbot.waitUntil(shown(paused, 17))
    for face in (1, 2):
        times = paused.live.history.curve(face, "valence").times
        assert (times[0], times[-1]) == pytest.approx((0.0, 0.76), abs=0.2)
    plot = paused.docks.panels["affect"]
    qtbot.waitUntil(lambda: set(plot.faces) == {1, 2})
    qtbot.waitUntil(lambda: abs(plot.faces[1].tip[0] - 17 / 25) < 0.05)
    assert {f.id: f.seen_s for f in paused.live.statistics.faces()} == pytest.approx(before)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_click_on_the_seek_bar_jumps_there(qtbot, paused, share):
    slider = paused.transport._slider
    at = QPoint(round(share * slider.width()), slider.height() // 2)
    qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=at)
    there_s = share * paused.playback.player.duration_s
    qtbot.waitUntil(lambda: abs(paused.live.now_s - there_s) <= 0.06)
    qtbot.wait(250)  # it stays there
    assert slider.value() == pytest.approx(1000 * share, abs=60)
    assert paused.playback.player.position_s == pytest.approx(there_s, abs=0.06)


def test_the_seek_bar_is_dragged_from_where_it_was_pressed(qtbot, paused):
    slider, left = paused.transport._slider, Qt.MouseButton.LeftButton
    ends = [QPoint(round(x * slider.width()), slider.height() // 2) for x in (0.25, 0.75)]
    qtbot.mousePress(slider, left, pos=ends[0])
    qtbot.waitUntil(lambda: abs(paused.live.now_s - 0.2) <= 0.06)
    qtbot.mouseMove(slider, ends[1])
    qtbot.mouseRelease(slider, left, pos=ends[1])
    qtbot.waitUntil(lambda: abs(paused.live.now_s - 0.6) <= 0.06)


def test_the_wheel_and_the_keys_move_the_file_too(qtbot, paused):
    slider = paused.transport._slider
    slider.setFocus()
    qtbot.keyClick(slider, KEY.Key_Home)
    qtbot.waitUntil(shown(paused, 0))
    qtbot.keyClick(slider, KEY.Key_Right)
    qtbot.waitUntil(shown(paused, 1))
    middle = QPointF(slider.rect().center())
    no = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    turned = QPoint(0, 120)
    where = QPointF(slider.mapToGlobal(middle.toPoint()))
    for _ in range(10):  # a hundredth each
        turn = (QPoint(), turned, *no, Qt.ScrollPhase.NoScrollPhase, False)
        QApplication.sendEvent(slider, QWheelEvent(middle, where, *turn))
    qtbot.waitUntil(lambda: paused.playback.player.position_s > 0.1)


def test_no_press_of_a_longer_step_is_lost(qtbot, playing, make_clip):
    images = [np.full((48, 64, 3), 2 * n, np.uint8) for n in range(100)]
    playing.open(Choice(kind="file", name=str(make_clip("long.mp4", images, list(range(100))))))

    def player():
        return playing.playback.player

    qtbot.waitUntil(lambda: player() is not None and (player().duration_s or 0) > 90)
    player().pause()
    player().seek(50.0)
    for _ in range(3):
        qtbot.keyClick(playing, KEY.Key_Left)
    qtbot.waitUntil(lambda: player().position_s == pytest.approx(35, abs=1))


def test_the_frame_has_its_true_number_or_says_about(qtbot, window, make_clip):
    images = [np.full((48, 64, 3), 8 * n, np.uint8) for n in range(30)]
    times = [n / 50 if n < 20 else 0.4 + (n - 20) / 10 for n in range(30)]  # of no one rate
    clip = make_clip("irregular.mp4", images, times)
    window.open(Choice(kind="file", name=str(clip), start_s=0.8, playing=False))
    text = window.transport._frame.text
    qtbot.waitUntil(lambda: window.live.analysis is not None)
    qtbot.waitUntil(lambda: text().startswith("≈ frame "))
    window.playback.seek(0.0)
    window.playback.play_pause()
    qtbot.waitUntil(lambda: window.playback.player.ended)
    qtbot.waitUntil(lambda: text() == "frame 30")
    for number in (29, 28):
        qtbot.keyClick(window, KEY.Key_Comma)
        qtbot.waitUntil(lambda number=number: text() == f"frame {number}")
    window.playback.seek(0.4)
    qtbot.waitUntil(lambda: text() == "frame 21")


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
