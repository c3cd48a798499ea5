"""The review window, through mouse and keys."""

import csv
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QMainWindow

from app.session.exports.export import FORMS
from app.session.naming import NamedFace
from app.session.review import open_review
from app.window.review.window import ReviewWindow

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(qtbot):
    made = ReviewWindow()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    yield made
    made.close()


@pytest.fixture
def opened(window, folder, qtbot):
    window.open(folder)
    qtbot.waitUntil(lambda: window.controller.review is not None, timeout=10_000)
    qtbot.waitUntil(lambda: window.video.frame is not None, timeout=10_000)
    return window


def _shown(window, time_s):
    return lambda: window.video.frame.time_s == pytest.approx(time_s, abs=1e-3)


def _on_picture(video, x, y):
    """Give where a pixel of the frame lies in the view."""
    return QPointF(*video.place.to_widget(np.array([x, y], np.float32)).tolist()).toPoint()


def _click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _band(window, row, time_s):
    """Give where a moment of a face's band lies in the timelines, pixels."""
    scene = window.timelines.bands.vb.mapViewToScene(QPointF(time_s, row))
    return window.timelines.mapFromScene(scene)


def _click_timelines(qtbot, window, point):
    qtbot.mouseClick(window.timelines.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(point))


def test_empty_it_offers_to_open_and_nothing_else(window):
    assert not window.side.label_button.isEnabled()
    assert not window.side.delete_button.isEnabled()
    assert not window.play_button.isEnabled()
    assert not any(action.isEnabled() for action in window.actions_.exports)
    assert window.actions_.open_folder.isEnabled()
    window.play_or_pause()
    window.files.ask_video()
    window.files.ask_export(".csv")
    assert not window.playing


def test_the_marker_at_the_cursor_is_named(qtbot, opened):
    qtbot.keyClick(opened, Qt.Key.Key_PageDown)
    assert opened.readout.text().startswith("marker: stimulus on    face 1: ")


def test_a_session_opens_with_video_tracks_and_timelines(opened):
    assert opened.windowTitle() == "Review: session"
    model = opened.side.tracks
    cells = [[model.index(row, c).data() for c in range(model.columnCount())] for row in range(3)]
    assert cells[0] == ["1", "10.0 s", "anger 60 %", "+0.02", "+0.52", ""]
    assert [row[0] for row in cells] == ["1", "2", "3"]
    assert opened.video.frame.image.shape[1] == 160
    assert opened.readout.text() == "face 1: happiness 65 %    face 2: neutral 65 %"
    words = {item.toPlainText() for item in opened.timelines.words}
    assert {"happiness", "anger", "neutral", "sadness"} == words
    assert opened.time_label.text() == "0:00.00 / 0:10.00"


def test_keys_move_cursor_video_and_readout_together(opened, qtbot):
    for key, time_s in (
        (Qt.Key.Key_Period, 0.1),
        (Qt.Key.Key_PageDown, 2.0),
        (Qt.Key.Key_PageDown, 7.0),
        (Qt.Key.Key_Comma, 6.9),
        (Qt.Key.Key_PageUp, 2.0),
        (Qt.Key.Key_Right, 7.0),
        (Qt.Key.Key_Left, 2.0),
        (Qt.Key.Key_Home, 0.0),
    ):
        qtbot.keyClick(opened, key)
        assert opened.controller.time_s == pytest.approx(time_s)
        assert [c.value() for c in opened.timelines.cursors] == pytest.approx([time_s] * 3)
        qtbot.waitUntil(_shown(opened, time_s), timeout=10_000)
    qtbot.keyClick(opened, Qt.Key.Key_End)
    assert opened.controller.time_s == pytest.approx(10.0)
    qtbot.waitUntil(_shown(opened, 9.9), timeout=10_000)


def test_dragging_the_cursor_moves_everything(opened, qtbot):
    cursor = opened.timelines.cursors[1]
    cursor.setValue(4.25)
    cursor.sigDragged.emit(cursor)
    assert opened.time_label.text() == "0:04.25 / 0:10.00"
    assert [c.value() for c in opened.timelines.cursors] == [4.25] * 3
    qtbot.waitUntil(_shown(opened, 4.2), timeout=10_000)


def test_playing_goes_on_until_the_end_and_can_be_paused(opened, qtbot):
    opened.controller.move(9.5)
    qtbot.keyClick(opened, Qt.Key.Key_Space)
    assert opened.play_button.text() == "Pause"
    qtbot.waitUntil(lambda: not opened.playing, timeout=5000)
    assert opened.controller.time_s == pytest.approx(10.0)
    assert opened.play_button.text() == "Play"
    _click(qtbot, opened.play_button)  # from the start again
    assert opened.playing
    qtbot.waitUntil(lambda: 0 < opened.controller.time_s < 5, timeout=5000)
    _click(qtbot, opened.play_button)
    assert not opened.playing


def test_a_click_on_a_band_chooses_face_and_span(opened, qtbot):
    _click_timelines(qtbot, opened, _band(opened, 0, 5.0))
    qtbot.waitUntil(lambda: opened.controller.span is not None, timeout=5000)
    assert opened.controller.face == 1
    assert opened.controller.span == (pytest.approx(4.0), pytest.approx(9.95))
    assert opened.controller.time_s == pytest.approx(5.0, abs=0.1)
    assert opened.side.span_label.text() == "Span: 4.00 s to 9.95 s"
    assert opened.timelines.region.isVisible()
    opened.timelines.region.setRegion((4.5, 6.0))
    assert opened.controller.span == (4.5, 6.0)


def test_labels_are_set_by_button_and_by_key(opened, qtbot):
    opened.controller.choose_span(1.0, 1.5)
    opened.refresh_cursor()
    opened.side.label_box.setCurrentText("fear")
    _click(qtbot, opened.side.label_button)
    assert opened.message.text() == "done: label face 1 fear, 1.00 to 1.50 s"
    assert opened.side.tracks.index(0, 5).data() == "6"
    opened.controller.move(1.2)
    opened.refresh_cursor()
    assert opened.readout.text().startswith("face 1: fear, corrected")
    opened.controller.choose_span(2.0, 2.4)
    opened.refresh_cursor()
    qtbot.keyClick(opened, Qt.Key.Key_3)
    assert "surprise" in opened.message.text()


def test_only_what_was_corrected_is_hatched(opened, qtbot):
    """The span beside shows the same label, by the model."""

    def hatched(time_s):  # beside its words
        start, end = (_band(opened, 0, time_s + d) for d in (0.02, 0.18))
        image = opened.timelines.grab().toImage()
        line = [QPoint(x, start.y() + 5) for x in range(start.x(), end.x())]
        return len({image.pixelColor(at).rgb() for at in line}) > 1

    opened.controller.choose_span(2.0, 2.95)
    opened.refresh_cursor()
    qtbot.keyClick(opened, Qt.Key.Key_2)
    assert "happiness" in opened.message.text()
    opened.controller.choose_span(8.0, 9.0)  # away from what is looked at
    opened.controller.move(9.0)
    opened.refresh_cursor()
    assert [hatched(t) for t in (0.0, 2.0, 3.0)] == [False, True, False]
    _click_timelines(qtbot, opened, _band(opened, 0, 2.5))
    qtbot.waitUntil(lambda: opened.controller.span[0] == pytest.approx(2.0), timeout=5000)
    assert opened.controller.span[1] == pytest.approx(2.95)


def test_the_label_offered_is_that_of_the_span_until_another_is_chosen(opened, qtbot):
    box = opened.side.label_box
    for time_s, label in ((1.0, "happiness"), (5.0, "anger")):
        opened.controller.move(time_s)
        opened.refresh_cursor()
        qtbot.keyClick(opened, Qt.Key.Key_S)
        assert box.currentData() == label
    box.setCurrentText("fear")
    opened.refresh_cursor()  # as while it plays
    assert box.currentData() == "fear"
    _click(qtbot, opened.side.label_button)
    assert box.currentData() == "fear"


def test_corrections_of_a_face_that_has_a_name_say_it(opened, qtbot):
    control = opened.controller
    control.name(2, NamedFace(name="Anna {x}"))
    control.choose_face(2)
    opened.refresh_cursor()
    assert opened.side.delete_button.text() == "Delete track"
    _click(qtbot, opened.side.delete_button)
    assert opened.message.text() == "done: delete face 2 (Anna {x})"
    assert opened.actions_.undo.text() == "Undo: delete face 2 (Anna {x})"
    _click(qtbot, opened.side.undo_button)
    assert opened.message.text() == "undone: delete face 2 (Anna {x})"


def test_span_keys(opened, qtbot):
    opened.controller.move(3.0)
    qtbot.keyClick(opened, Qt.Key.Key_BracketLeft)
    opened.controller.move(4.0)
    qtbot.keyClick(opened, Qt.Key.Key_BracketRight)
    assert opened.controller.span == (3.0, 4.0)
    qtbot.keyClick(opened, Qt.Key.Key_S)
    assert opened.controller.span == (pytest.approx(4.0), pytest.approx(9.95))


def test_delete_merge_and_undo(opened, qtbot, folder):
    before = (folder / "records.csv").read_bytes()
    table = opened.side.table
    index = opened.side.tracks.index(2, 0)
    qtbot.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center()
    )
    assert opened.controller.face == 3
    opened.faces.merge_menu.aboutToShow.emit()
    first, second = opened.faces.merge_menu.actions()
    assert (first.text(), second.text()) == ("face 1: both seen at 0:06.00", "face 2")
    assert (first.isEnabled(), second.isEnabled()) == (False, True)
    second.trigger()
    assert opened.side.tracks.rowCount() == 2
    assert opened.controller.face == 2
    _click(qtbot, opened.side.delete_button)
    assert opened.side.tracks.rowCount() == 1
    assert not opened.side.delete_button.isEnabled()
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    _click(qtbot, opened.side.undo_button)
    assert opened.side.tracks.rowCount() == 3
    assert not opened.side.undo_button.isEnabled()
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL | SHIFT)
    assert opened.side.tracks.rowCount() == 2
    assert opened.actions_.undo.text() == "Undo: merge face 3 into 2"
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    opened.controller.choose_face(1)
    opened.refresh_cursor()
    qtbot.keyClick(opened, Qt.Key.Key_Delete)
    assert open_review(folder).faces == (2, 3)
    assert (folder / "records.csv").read_bytes() == before


def test_a_track_of_two_people_is_split_by_key_undone_and_split_again(opened, qtbot, folder):
    before = (folder / "records.csv").read_bytes()
    _click_timelines(qtbot, opened, _band(opened, 0, 4.05))
    qtbot.waitUntil(lambda: opened.controller.time_s > 4, timeout=5000)
    qtbot.keyClick(opened, Qt.Key.Key_X)
    assert opened.message.text() == "done: split face 1 at 4.00 s: face 4 from there on"
    assert [t.face.id for t in opened.side.tracks.tracks] == [1, 2, 3, 4]
    assert opened.controller.face == 4
    assert opened.readout.text() == "face 4: anger 65 %"
    bands = opened.timelines.bands.getAxis("left")._tickLevels[0]
    assert "face 4" in [name for _, name in bands]
    assert {face for _, face in opened.timelines.curves} == {1, 2, 3, 4}
    assert open_review(folder).faces == (1, 2, 3, 4)
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert opened.controller.face == 1
    assert opened.side.tracks.rowCount() == 3
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL | SHIFT)
    assert opened.controller.face == 4
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    qtbot.keyClick(opened, Qt.Key.Key_Home)
    qtbot.keyClick(opened, Qt.Key.Key_X)
    assert opened.message.text() == (
        "Attention: choose a face that is seen before and after the cursor"
    )
    qtbot.keyClick(opened, Qt.Key.Key_Right)
    qtbot.keyClick(opened, Qt.Key.Key_X)
    assert [t.face.id for t in opened.side.tracks.tracks] == [1, 2, 3, 5]  # 4 was given once
    assert (folder / "records.csv").read_bytes() == before


def test_two_tracks_that_were_swapped_are_put_right(opened, qtbot):
    """Face 1 is face 2's person from 4 s on; the second part goes to whom it belongs."""
    control = opened.controller
    control.move(4.0)
    opened.refresh_cursor()
    opened.actions_.split.trigger()
    menu = opened.faces.merge_menu
    menu.aboutToShow.emit()
    next(a for a in menu.actions() if a.text() == "face 2").trigger()
    assert [(t.face.id, t.face.frames) for t in control.tracks()] == [(1, 40), (2, 90), (3, 40)]
    assert [span.label for span in control.review.spans(2)] == ["neutral", "anger"]


def test_the_face_that_comes_back_is_chosen(opened, qtbot):
    opened.side.table.setFocus()
    opened.side.table.selectRow(1)
    assert opened.controller.face == 2
    qtbot.keyClick(opened, Qt.Key.Key_Delete)
    assert opened.controller.face is None
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert opened.controller.face == 2
    assert opened.side.table.currentIndex().row() == 1
    assert opened.side.delete_button.isEnabled()
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL | SHIFT)
    assert opened.controller.face is None
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    opened.actions_.one_person.trigger()
    assert opened.side.tracks.rowCount() == 2
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert opened.controller.face == 3
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL | SHIFT)
    assert opened.controller.face == 2  # it went into that one


def test_delete_within_the_span_by_key(opened, qtbot):
    opened.controller.choose_span(0.0, 0.95)
    opened.refresh_cursor()
    qtbot.keyClick(opened, Qt.Key.Key_Delete, SHIFT)
    assert opened.side.tracks.tracks[0].face.frames == 90


@pytest.mark.parametrize("ending", list(FORMS))
def test_export_menu_writes_the_file(opened, qtbot, tmp_path, monkeypatch, ending):
    asked = []

    def ask(parent, title, start, kinds):
        asked.append((start, kinds))
        return str(tmp_path / "saved"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    opened.actions_.exports[list(FORMS).index(ending)].trigger()
    name = f"saved{ending}"
    qtbot.waitUntil(lambda: opened.message.text() == f"saved: {name}", timeout=20_000)
    assert (tmp_path / name).stat().st_size > 0
    assert asked[0][0].endswith(f"session{ending}")


@pytest.mark.parametrize(("ending", "name"), [(".csv", "records"), (".json", "session.json")])
def test_an_export_never_replaces_the_recording(opened, qtbot, folder, monkeypatch, ending, name):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    started = []

    def ask(parent, title, start, kinds):
        started.append(Path(start))
        return str(folder / name), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    monkeypatch.setattr("app.window.review.files.agreed", lambda *_, **__: True)
    opened.actions_.exports[list(FORMS).index(ending)].trigger()
    qtbot.waitUntil(lambda: "is a file of the recording" in opened.message.text(), timeout=10_000)
    assert opened.message.text().startswith("Attention: ")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert started[0] not in before
    assert open_review(folder).faces == (1, 2, 3)


@pytest.mark.parametrize("yes", [True, False])
def test_a_file_whose_name_got_an_ending_is_asked_about(opened, qtbot, tmp_path, monkeypatch, yes):
    (tmp_path / "mine.csv").write_text("mine")
    asked = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    monkeypatch.setattr(
        "app.window.review.files.agreed", lambda _, text, **__: asked.append(text) or yes
    )
    opened.actions_.exports[0].trigger()
    qtbot.waitUntil(lambda: not opened.busy, timeout=10_000)
    assert asked == ["mine.csv is there already. Replace it?"]
    assert ((tmp_path / "mine.csv").read_text() == "mine") is not yes


def test_an_export_that_fails_is_told(opened, qtbot, tmp_path, monkeypatch):
    path = str(tmp_path / "no folder" / "out.csv")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (path, ""))
    opened.actions_.exports[0].trigger()
    qtbot.waitUntil(lambda: "does not exist" in opened.message.text(), timeout=10_000)
    assert opened.message.text().startswith("Attention: ")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    opened.actions_.exports[0].trigger()
    assert not opened.busy


@pytest.mark.parametrize("way", ["export", "folder", "records", "video"])
def test_after_a_file_dialog_the_review_has_the_focus_again(
    window, folder, qtbot, tmp_path, monkeypatch, way
):
    """Systems give it to the main window, whose Ctrl+W closes the source."""
    main = QMainWindow()
    qtbot.addWidget(main)
    main.show()
    window.open(folder)
    qtbot.waitUntil(lambda: window.controller.review is not None, timeout=10_000)
    answers = {
        "getSaveFileName": (str(tmp_path / "out.csv"), ""),
        "getExistingDirectory": str(folder),
        "getOpenFileName": (str(folder / ("video.mp4" if way == "video" else "records.csv")), ""),
    }

    def answering(answer):
        def answered(*_):
            main.activateWindow()
            qtbot.waitUntil(main.isActiveWindow)
            return answer

        return answered

    for name, answer in answers.items():
        monkeypatch.setattr(QFileDialog, name, answering(answer))
    acts = window.actions_
    asking = {
        "export": acts.exports[0],
        "folder": acts.open_folder,
        "records": acts.open_records,
        "video": acts.open_video,
    }
    asking[way].trigger()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(QApplication.activeWindow(), Qt.Key.Key_W, CTRL)
    assert not window.isVisible()
    assert main.isVisible()


def test_opening_by_dialogs(window, folder, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    qtbot.keyClick(window, Qt.Key.Key_O, CTRL | SHIFT)
    qtbot.waitUntil(lambda: window.controller.review is not None, timeout=10_000)
    rows = str(folder / "records.csv")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (rows, ""))
    qtbot.keyClick(window, Qt.Key.Key_O, CTRL)
    qtbot.waitUntil(lambda: window.controller.review.name == "records.csv", timeout=10_000)
    assert window.video.frame is None
    assert "no video" in window.video.hint
    video = str(folder / "video.mp4")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (video, ""))
    window.actions_.open_video.trigger()
    qtbot.waitUntil(lambda: window.video.frame is not None, timeout=10_000)
    assert [face.id for face in window.video.faces] == [1, 2]


def test_what_cannot_be_opened_is_told_and_the_window_stays(window, qtbot, tmp_path):
    window.open(tmp_path / "nothing")
    qtbot.waitUntil(lambda: "no such file or folder" in window.message.text(), timeout=10_000)
    assert window.message.text().startswith("Attention: ")
    assert window.controller.review is None


def test_a_broken_video_is_told_and_the_tracks_stay(window, folder, qtbot):
    (folder / "video.mp4").write_text("no video")
    window.open(folder)
    qtbot.waitUntil(lambda: "video.mp4: " in window.message.text(), timeout=10_000)
    assert window.message.text().startswith("Attention: ")
    assert window.side.tracks.rowCount() == 3


def test_a_broken_video_hides_nothing_else_that_is_missing(window, folder, qtbot):
    (folder / "video.mp4").write_text("no video")
    about = json.loads((folder / "session.json").read_text())
    ending = {"duration_s": 9.9, "rows": 170, "video_frames": 100}
    (folder / "session.json").write_text(json.dumps(about | ending))
    records = (folder / "records.csv").read_bytes()
    (folder / "records.csv").write_bytes(records[: len(records) // 2])
    window.open(folder)
    qtbot.waitUntil(lambda: "video.mp4: " in window.message.text(), timeout=10_000)
    said = window.message.text()
    assert said.startswith("Attention: records.csv: ends in the middle of a row, which is left out")
    rows = sum(track.face.frames for track in window.side.tracks.tracks)
    assert f"only {rows} of 170 rows are there, until " in said
    assert "only 0 of 100 pictures of the video are there; video.mp4 cannot be read" in said


def test_boxes_are_drawn_where_the_video_has_none(opened, qtbot):
    opened.controller.move(0.5)
    opened.refresh_cursor()
    qtbot.waitUntil(_shown(opened, 0.5), timeout=10_000)
    image = opened.video.grab().toImage()
    edge = _on_picture(opened.video, 8, 45)
    assert image.pixelColor(edge).lightness() > 100  # the box of face 1, on dark grey
    opened.controller.review.annotated = True
    opened.refresh_cursor()
    assert opened.video.faces == ()
    assert opened.video.grab().toImage().pixelColor(edge).lightness() < 40


def test_a_click_on_a_face_in_the_video_chooses_it(opened, qtbot):
    opened.controller.move(6.5)
    opened.controller.choose_face(3)
    opened.refresh_cursor()
    qtbot.waitUntil(_shown(opened, 6.5), timeout=10_000)
    for x, y in ((28, 45), (2, 2)):  # on face 1, beside all faces
        at = _on_picture(opened.video, x, y)
        qtbot.mouseClick(opened.video, Qt.MouseButton.LeftButton, pos=at)
        assert opened.controller.face == 1


def test_pictures_come_in_the_size_of_the_view_off_its_thread(opened, qtbot):
    def fits():
        wanted = round(opened.video.place.area.width() * opened.video.devicePixelRatioF())
        return opened.video.picture.pixels.shape[1] == wanted

    qtbot.waitUntil(fits, timeout=10_000)
    before = opened.video.picture.pixels.shape[1]
    opened.resize(opened.width() + 300, opened.height() + 200)
    qtbot.waitUntil(lambda: fits() and opened.video.picture.pixels.shape[1] > before, timeout=5000)


def test_another_video_replaces_the_one_before(opened, qtbot, make_clip, monkeypatch):
    clip = make_clip("other.mp4", [np.full((60, 80, 3), 200, np.uint8)] * 3, [0.0, 0.1, 0.2])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(clip), ""))
    opened.actions_.open_video.trigger()
    assert opened.video.frame is None
    qtbot.waitUntil(lambda: opened.video.frame is not None, timeout=10_000)
    assert opened.video.frame.image.shape == (60, 80, 3)


def test_it_follows_a_dark_theme(opened):
    palette = QPalette(opened.palette())
    palette.setColor(QPalette.ColorRole.Base, QColor("#101010"))
    palette.setColor(QPalette.ColorRole.Text, QColor("#f0f0f0"))
    opened.setPalette(palette)
    assert opened.timelines.backgroundBrush().color().name() == "#101010"
    assert opened.timelines.cursors[0].pen.color().name() == "#f0f0f0"


@pytest.fixture
def six(window, qtbot, write_records):
    """A recording of six faces, of which some show nothing that another does not."""
    labels = ("neutral", "happiness", "surprise", "sadness", "anger", "neutral")
    faces = {face: (label, 0.1, 0.2) for face, label in enumerate(labels, 1)}
    window.open(write_records("six.csv", [(t / 10, faces) for t in range(100)]))
    qtbot.waitUntil(lambda: window.controller.review is not None, timeout=10_000)
    return window


def test_every_row_is_named_where_there_is_room(six, qtbot):
    axis = six.timelines.bands.getAxis("left")
    qtbot.waitUntil(lambda: len(axis._tickLevels[0]) == 6)
    line, rows_px = six.timelines.fontMetrics().height(), six.timelines.bands.vb.height() / 6
    assert rows_px >= line
    assert [name for _, name in axis._tickLevels[0]] == [f"face {n}" for n in range(1, 7)]
    assert six.timelines.plots[0].vb.height() > 3 * line  # the curves are still to be seen


def test_a_legend_names_the_labels_that_occur(six, qtbot):
    legend = six.legend
    words = [words for _, _, words in legend.places()]
    assert words == ["neutral", "happiness", "surprise", "sadness", "anger"]
    image = legend.grab().toImage()
    for place, colour, _ in legend.places():
        inside = place.topLeft() + QPoint(place.height() // 3, place.height() // 2)
        assert image.pixelColor(inside).name() == colour
    assert legend.accessibleDescription() == ", ".join(words)
    six.controller.choose_span(1.0, 2.0)
    six.refresh_cursor()
    qtbot.keyClick(six, Qt.Key.Key_7)
    assert [words for _, _, words in legend.places()] == [*words, "fear", "corrected"]
    before = legend.height()
    six.resize(700, 640)
    legend.setFixedWidth(200)
    qtbot.waitUntil(lambda: legend.height() > before)
    places = [place for place, _, _ in legend.places()]
    assert all(place.right() < 200 and place.bottom() < legend.height() for place in places)
    assert not any(a.intersects(b) for a, b in combinations(places, 2))


def test_a_marker_at_the_end_is_named_before_its_line(opened, qtbot):
    opened.controller.move(9.9)
    opened.controller.add_marker("the very end of it")
    opened._refresh_all()
    (word,) = [w for w in opened.timelines.marker_words if "very end" in w.toPlainText()]
    box = word.mapRectToScene(word.boundingRect())
    sight = opened.timelines.plots[0].vb.sceneBoundingRect()
    assert sight.adjusted(-1, -1, 1, 1).contains(box)


def test_zoom_keys_and_scrolling_to_the_cursor(opened, qtbot):
    view = opened.timelines.bands.vb
    opened.controller.move(5.0)
    qtbot.keyClick(opened, Qt.Key.Key_Plus, CTRL)
    qtbot.keyClick(opened, Qt.Key.Key_Plus, CTRL)
    left, right = view.viewRange()[0]
    assert right - left == pytest.approx(2.5, abs=0.2)
    qtbot.keyClick(opened, Qt.Key.Key_Home)
    left, right = view.viewRange()[0]
    assert left <= 0.0 < right
    qtbot.keyClick(opened, Qt.Key.Key_Minus, CTRL)
    left, right = view.viewRange()[0]
    assert right - left > 3


def test_it_fits_a_small_screen_and_names_its_controls(opened):
    opened.resize(1024, 640)
    assert opened.width() == 1024
    assert opened.height() == 640
    for widget in (opened.video, opened.timelines, opened.side.table, opened.side.label_box):
        assert widget.accessibleName()
    for button in opened.findChildren(QAbstractButton):
        assert button.accessibleName() or button.text() or button.objectName().startswith("qt_"), (
            button
        )


def test_the_edits_file_is_all_that_review_writes(opened, qtbot, folder):
    names = {path.name for path in folder.iterdir()}
    qtbot.keyClick(opened, Qt.Key.Key_Delete)
    assert {path.name for path in folder.iterdir()} - names == {"edits.json"}
    with (folder / "records.csv").open(newline="") as text:
        assert len(list(csv.DictReader(text))) == 170


def test_a_damaged_recording_says_what_is_left_out(window, folder, qtbot):
    records = folder / "records.csv"
    records.write_text(records.read_text().replace("\n3,", "\n<b>3</b>,", 1))
    with (folder / "markers.csv").open("a") as text:
        text.write("nan,F5,late\n")
    window.open(folder)
    qtbot.waitUntil(lambda: window.controller.review is not None, timeout=10_000)
    said = window.message.text()
    assert said.startswith("Attention: records.csv: a damaged row was left out: row 7, frame: not")
    assert "markers.csv: a damaged row was left out: row 4" in said
    assert window.message.textFormat() is Qt.TextFormat.PlainText
    assert [marker.time_s for marker in window.controller.review.markers] == [2.0, 7.0]


def test_a_recording_that_leads_out_of_its_folder_is_refused(opened, folder, qtbot, tmp_path):
    text = (folder / "session.json").read_text()
    (folder / "session.json").write_text(text.replace('"records.csv"', '"../rows.csv"'))
    before = opened.controller.review
    opened.open(folder)
    qtbot.waitUntil(lambda: "files.records: must be the name of" in opened.message.text())
    assert opened.controller.review is before  # what was open stays


def test_parts_are_shown_as_one(window, folder, qtbot, make_clip):
    images = [np.full((120, 160, 3), 240, np.uint8)] * 20
    make_clip("late.mp4", images, [n / 10 for n in range(20)]).rename(folder / "video-002.mp4")
    about = json.loads((folder / "session.json").read_text())
    about["format"] = 2
    about["files"]["parts"] = [{"start_s": 8.0, "video": "video-002.mp4"}]
    (folder / "session.json").write_text(json.dumps(about))
    window.open(folder)
    qtbot.waitUntil(lambda: window.video.frame is not None, timeout=10_000)
    for time_s, grey in ((7.5, 150), (8.5, 240), (1.0, 20)):
        window.timelines.time_chosen.emit(time_s)
        qtbot.waitUntil(_shown(window, time_s), timeout=10_000)
        assert window.video.frame.image.mean() == pytest.approx(grey, abs=6)


def test_markers_are_set_changed_moved_and_deleted_afterwards(opened, qtbot, monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(
        "app.window.review.markers.QInputDialog.getText", lambda *_, **__: (said.pop(0), True)
    )

    def markers():
        return [(round(m.time_s, 2), m.text) for m in opened.controller.review.markers]

    before = markers()
    assert before == [(2.0, "stimulus on"), (7.0, "stimulus off")]
    opened.controller.move(4.0)
    said.append("laughs\nout loud")
    qtbot.keyClick(opened, Qt.Key.Key_M, CTRL)
    assert markers() == [before[0], (4.0, "laughs out loud"), before[1]]
    assert "laughs out loud" in [word.toPlainText() for word in opened.timelines.marker_words]
    opened.controller.move(2.0)
    said.append("film begins")
    qtbot.keyClick(opened, Qt.Key.Key_F2, SHIFT)
    assert markers()[0] == (2.0, "film begins")
    opened.controller.move(2.5)
    opened.actions_.move_marker.trigger()
    assert markers()[0] == (2.5, "film begins")
    opened.controller.move(7.0)
    opened.actions_.delete_marker.trigger()
    assert markers() == [(2.5, "film begins"), (4.0, "laughs out loud")]
    target = tmp_path / "out.vtt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    opened.files.ask_export(".vtt")
    qtbot.waitUntil(lambda: opened.message.text() == "saved: out.vtt", timeout=20_000)
    assert "film begins" in target.read_text()
    assert "stimulus off" not in target.read_text()
    for _ in range(4):
        qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert markers() == before
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL | SHIFT)
    assert len(markers()) == 3


def test_corrected_markers_are_there_again_and_the_file_of_markers_stays(opened, folder):
    from app.session.review import open_review

    recorded = (folder / "markers.csv").read_bytes()
    opened.controller.move(3.0)
    opened.controller.add_marker("later")
    again = open_review(folder)
    assert [marker.text for marker in again.markers] == ["stimulus on", "later", "stimulus off"]
    assert again.markers[0].key == "F5"
    assert (folder / "markers.csv").read_bytes() == recorded


def test_a_marker_gets_an_end_and_is_drawn_as_long_as_it_lasts(opened, qtbot, folder):
    control = opened.controller

    def along_the_top(time_s):
        plot = opened.timelines.plots[0].vb
        at = opened.timelines.mapFromScene(plot.mapViewToScene(QPointF(time_s, 1.14)))
        return opened.timelines.grab().toImage().pixelColor(at)

    bare = along_the_top(3.4)
    control.move(5.0)
    qtbot.keyClick(opened, Qt.Key.Key_E)
    assert [(m.time_s, m.end_s) for m in control.review.markers] == [(2.0, 5.0), (7.0, None)]
    assert along_the_top(3.4) != bare
    assert along_the_top(5.6) == bare
    control.move(3.4)
    opened.actions_.move_marker.trigger()  # it keeps its length
    assert control.review.markers[0].end_s == pytest.approx(6.4)
    control.move(12.0)
    qtbot.keyClick(opened, Qt.Key.Key_E)
    again = open_review(folder).markers
    assert again[1].end_s == pytest.approx(control.time_s)
    control.move(again[1].time_s)
    qtbot.keyClick(opened, Qt.Key.Key_E)
    assert control.review.markers[1].end_s is None
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert control.review.markers[1].end_s is not None


def test_a_marker_that_lasts_is_found_from_within(opened):
    control = opened.controller
    control.move(6.0)
    control.end_marker()
    control.move(4.0)
    opened.actions_.delete_marker.trigger()
    assert [m.text for m in control.review.markers] == ["stimulus off"]


def test_before_the_first_marker_nothing_can_end(opened):
    opened.controller.move(0.5)
    opened.actions_.end_marker.trigger()
    assert "no marker before the cursor" in opened.message.text()


def test_where_no_marker_is_the_review_says_so(opened):
    opened.controller.move(5.0)
    opened.actions_.delete_marker.trigger()
    assert "no marker within half a second" in opened.message.text()


def test_a_suggestion_is_looked_at_accepted_and_undone(qtbot, opened, folder):
    recorded = (folder / "records.csv").read_bytes()
    banner = opened.faces.banner
    assert banner.text == (
        "Face 2 left at 0:03 and face 3 came at 0:06 at the same place: one person?"
    )
    one, _, look = banner.buttons
    assert [button.text() for button in banner.buttons] == ["One person", "Two people", "Look"]
    _click(qtbot, look)
    assert opened.controller.time_s == pytest.approx(6.0)
    assert opened.controller.face == 3
    one.setFocus()
    qtbot.keyClick(one, Qt.Key.Key_Space)
    assert opened.side.tracks.rowCount() == 2
    assert opened.controller.face == 2
    assert banner.isHidden()
    assert (folder / "records.csv").read_bytes() == recorded
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert opened.side.tracks.rowCount() == 3
    assert not banner.isHidden()


def test_a_suggestion_is_declined_and_that_is_undone(qtbot, opened, folder):
    _click(qtbot, opened.faces.banner.buttons[1])
    assert opened.faces.banner.isHidden()
    assert not opened.actions_.one_person.isEnabled()
    assert opened.side.tracks.rowCount() == 3
    assert open_review(folder).suggestions == []
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert opened.faces.banner.text.startswith("Face 2 left")


def test_a_closed_suggestion_waits_in_the_menu(qtbot, opened):
    banner = opened.faces.banner
    _click(qtbot, banner.close_button)
    assert banner.isHidden()
    opened.actions_.one_person.trigger()
    assert opened.side.tracks.rowCount() == 2
    qtbot.keyClick(opened, Qt.Key.Key_Z, CTRL)
    assert banner.isHidden()
