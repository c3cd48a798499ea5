import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from app.panels.affect_plot import MOST_FACES, AffectPlot


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
    return panel._faces[face].curves[series].getData()


def test_curves_are_those_of_the_history(panel, make_live):
    live = make_live(frames=100)
    panel.refresh(live)
    times, values = drawn(panel, 1, "valence")
    curve = live.history.curve(1, "valence")
    np.testing.assert_allclose(values, np.interp(times, curve.times, curve.mean), atol=0.05)
    assert times[-1] == pytest.approx(live.history.last_s, abs=0.1)


def test_valence_is_whole_and_arousal_is_dashed(panel, make_live):
    panel.refresh(make_live(frames=200))
    solid = panel._faces[1].curves["valence"].opts["connect"]
    dashes = panel._faces[1].curves["arousal"].opts["connect"]
    assert solid[:-1].all()
    assert 0.4 < dashes.mean() < 0.8


def test_every_face_has_its_colour_and_id(panel, make_live):
    panel.refresh(make_live(faces=(1, 2)))
    for face in (1, 2):
        pen = panel._faces[face].curves["valence"].opts["pen"]
        assert pen.color().name() == panel.theme.face(face)
        assert panel._faces[face].label.toPlainText() == str(face)


def test_ids_do_not_cover_one_another(panel, make_live):
    panel.refresh(make_live(faces=(1, 2, 3, 4)))
    rows = sorted(items.label.scenePos().y() for items in panel._faces.values())
    assert min(np.diff(rows)) > 14


def test_a_face_that_left_the_window_is_not_drawn(panel, make_live, make_analysis):
    live = make_live(faces=(1, 2))
    live.add(make_analysis(999, 100.0, {2: ("anger", 0, 0)}), 20, 0)
    panel.refresh(live)
    assert set(panel._faces) == {2}


def test_faces_drawn_at_once_are_bounded(panel, make_live):
    panel.refresh(make_live(frames=3, faces=range(1, 30)))
    assert len(panel._faces) == MOST_FACES


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
    assert right - left == pytest.approx(300 * 1.06)


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
    assert panel._faces == {}
    panel.show()
    assert set(panel._faces) == {1, 2}


def test_the_lines_are_explained_in_words(panel):
    assert panel._key.accessibleName() == "Solid line: valence. Dashed line: arousal."
