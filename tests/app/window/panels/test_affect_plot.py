import gc
import tracemalloc

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from app.window.panels.affect_plot import MOST_FACES, AffectPlot
from app.window.theme import LIGHT, apply_theme


@pytest.fixture
def panel(qtbot):
    made = AffectPlot()
    qtbot.addWidget(made)
    made.every_s = 0  # no waiting
    made.resize(620, 260)
    made.show()
    qtbot.waitExposed(made)
    return made


def drawn(panel, face, series):
    return panel.faces[face].curves[series].getData()


def test_curves_are_those_of_the_history(panel, make_live):
    live = make_live(frames=100)
    panel.refresh(live)
    times, values = drawn(panel, 1, "valence")
    curve = live.history.curve(1, "valence")
    off = np.abs(values - np.interp(times, curve.times, curve.mean)) > 0.05
    assert off.sum() <= 2  # means of the two cells in which the curve jumps
    assert times[-1] == pytest.approx(live.history.last_s, abs=0.1)


def test_valence_is_whole_and_arousal_is_dashed(panel, make_live):
    panel.refresh(make_live(frames=200))
    solid = panel.faces[1].curves["valence"].opts["connect"]
    dashes = panel.faces[1].curves["arousal"].opts["connect"]
    assert solid[:-1].all()
    assert 0.4 < dashes.mean() < 0.8


def test_every_face_has_its_colour_and_id(panel, make_live):
    panel.refresh(make_live(faces=(1, 2)))
    for face in (1, 2):
        pen = panel.faces[face].curves["valence"].opts["pen"]
        assert pen.color().name() == panel.theme.face(face)
        assert panel.faces[face].label.toPlainText() == str(face)


def test_ids_do_not_cover_one_another(panel, make_live):
    panel.refresh(make_live(faces=(1, 2, 3, 4)))
    rows = sorted(items.label.scenePos().y() for items in panel.faces.values())
    assert min(np.diff(rows)) > 14


def test_a_face_that_left_the_window_is_not_drawn(panel, make_live, make_analysis):
    live = make_live(faces=(1, 2))
    live.add(make_analysis(999, 100.0, {2: ("anger", 0, 0)}), 20, 0)
    panel.refresh(live)
    assert set(panel.faces) == {2}


def test_faces_drawn_at_once_are_bounded(panel, make_live):
    panel.refresh(make_live(frames=3, faces=range(1, 30)))
    assert len(panel.faces) == MOST_FACES


def test_pause_holds_the_plot_and_resume_catches_up(panel, make_live, make_analysis, qtbot):
    live = make_live(frames=50)
    panel.refresh(live)
    qtbot.mouseClick(panel.pause, Qt.MouseButton.LeftButton)
    assert panel.pause.text() == "Paused"
    before = drawn(panel, 1, "valence")[0][-1]
    live.add(make_analysis(200, 3.0, {1: ("anger", 0, 0)}), 20, 0)
    panel.refresh(live)
    assert drawn(panel, 1, "valence")[0][-1] == before
    qtbot.mouseClick(panel.pause, Qt.MouseButton.LeftButton)
    assert drawn(panel, 1, "valence")[0][-1] == pytest.approx(3.0)


def test_length_is_chosen_from_the_list(panel, make_live, qtbot):
    panel.refresh(make_live())
    index = panel.lengths.findText("5 min")
    panel.lengths.setCurrentIndex(index)
    panel.lengths.activated.emit(index)
    left, right = panel.plot.getViewBox().viewRange()[0]
    assert right == pytest.approx(panel.window_of_time.until_s, abs=25)
    assert panel.window_of_time.until_s - left == pytest.approx(300)


def test_buttons_zoom(panel, make_live, qtbot):
    panel.refresh(make_live())
    qtbot.mouseClick(panel.zoom_in, Qt.MouseButton.LeftButton)
    assert panel.window_of_time.length_s == 20
    assert panel.lengths.currentIndex() == -1
    assert panel.lengths.placeholderText() == "20 s"
    qtbot.mouseClick(panel.zoom_out, Qt.MouseButton.LeftButton)
    assert panel.lengths.currentText() == "30 s"


@pytest.mark.parametrize(
    ("key", "length_s", "paused"),
    [
        (Qt.Key.Key_Plus, 20, False),
        (Qt.Key.Key_Minus, 45, False),
        (Qt.Key.Key_Left, 30, True),
        (Qt.Key.Key_Right, 30, True),
        (Qt.Key.Key_Space, 30, True),
    ],
)
def test_keys_do_what_buttons_do(panel, make_live, qtbot, key, length_s, paused):
    panel.refresh(make_live())
    panel.plot.setFocus()
    panel.activateWindow()
    qtbot.waitUntil(panel.plot.hasFocus)
    QTest.keyClick(panel.plot, key)
    assert panel.window_of_time.length_s == pytest.approx(length_s)
    assert panel.pause.isChecked() is paused
    QTest.keyClick(panel.plot, Qt.Key.Key_Home)
    assert not panel.pause.isChecked()


def test_the_wheel_zooms_and_pauses(panel, make_live, qtbot):
    panel.refresh(make_live(frames=400))
    at = QPointF(panel.plot.viewport().rect().center())
    event = QWheelEvent(
        at,
        panel.plot.viewport().mapToGlobal(at),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(panel.plot.viewport(), event)
    assert panel.pause.isChecked()
    assert panel.window_of_time.length_s < 30


def test_hidden_it_does_nothing_and_shown_it_catches_up(panel, make_live):
    panel.hide()
    panel.refresh(make_live())
    assert panel.faces == {}
    panel.show()
    assert set(panel.faces) == {1, 2}


def test_the_lines_are_explained_in_words(panel):
    assert panel.key.accessibleName() == "Solid line: valence. Dashed line: arousal."


def test_a_new_theme_shows_at_once(qapp, panel, make_live):
    apply_theme(qapp, "dark")
    panel.refresh(make_live())
    apply_theme(qapp, "light")
    assert panel.faces[1].curves["valence"].opts["pen"].color().name() == LIGHT.face(1)
    assert panel.plot.backgroundBrush().color().name() == LIGHT.base


def test_it_can_be_narrow(panel):
    assert panel.minimumSizeHint().width() < 300


def test_another_session_ends_the_pause(panel, make_live):
    panel.refresh(make_live())
    panel.pause.setChecked(True)
    panel.refresh(make_live(frames=10, faces=(7,)))
    assert not panel.pause.isChecked()
    assert set(panel.faces) == {7}


def test_time_goes_on_without_a_face(panel, make_live, make_analysis):
    live = make_live(frames=50)
    live.add(make_analysis(99, 8.0), 20, 0)
    panel.refresh(live)
    assert panel.window_of_time.until_s == 8.0


def test_after_a_rewind_the_plot_is_back_at_the_start(panel, make_live, make_analysis):
    live = make_live(frames=500, faces=(1, 2))
    panel.refresh(live)
    for index in range(5):
        live.add(make_analysis(index, index / 25, {1: ("anger", 0.1, 0.2)}), 20, 0)
    panel.refresh(live)
    assert panel.window_of_time.until_s == pytest.approx(4 / 25)
    assert set(panel.faces) == {1}
    assert drawn(panel, 1, "valence")[0][-1] == pytest.approx(4 / 25, abs=0.1)


def test_what_lies_after_a_held_window_is_not_drawn(panel, make_live, make_analysis):
    live = make_live(frames=50)
    live.add(make_analysis(99, 40.0, {3: ("anger", 0.1, 0.2)}), 20, 0)
    panel.refresh(live)
    assert panel.faces[3].label.isVisible()
    panel.window_of_time.show(0, 10)
    panel.pause.setChecked(True)
    assert not panel.faces[3].label.isVisible()
    assert len(drawn(panel, 3, "valence")[0]) == 0
    assert panel.faces[1].label.isVisible()


def test_painting_leaves_nothing_in_memory(panel, make_live, make_analysis):
    live = make_live(frames=400)

    def paint(times: int) -> None:
        for _ in range(times):
            index = live.now_s * 25 + 1
            swing = ((index % 40) - 20) / 25
            live.analysis = make_analysis(index, index / 25, {1: ("happiness", swing, -swing)})
            live.history.add(live.analysis)
            panel.refresh(live)
            panel.grab()

    def held() -> int:
        gc.collect()
        ours = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*pyqtgraph*")])
        return sum(line.count for line in ours.statistics("filename"))

    tracemalloc.start()
    try:
        paint(60)
        before = held()
        paint(60)
        # Half of all paintings once left an object behind for each curve.
        assert held() - before < 10
    finally:
        tracemalloc.stop()
