"""Faces get names and colours, by clicks and keys, in the window and in the review."""

import csv
import json

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QColor, QContextMenuEvent
from PyQt6.QtWidgets import QApplication, QMenu

from app.session.naming import NAMELESS, NamedFace
from app.window.picture.naming import FaceSheet
from app.window.review.window import ReviewWindow
from app.window.theme import DARK

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


def sheet_of(qtbot, window):
    qtbot.waitUntil(lambda: any(s.isVisible() for s in window.findChildren(FaceSheet)))
    return next(s for s in window.findChildren(FaceSheet) if s.isVisible())


def name_by_key(qtbot, window, name, colour=None):
    """Press F2, write a name, choose a colour by its first letters, press Return."""
    qtbot.keyClick(window, KEY.Key_F2)
    sheet = sheet_of(qtbot, window)
    sheet.name.selectAll()
    qtbot.keyClicks(sheet.name, name)
    if colour is not None:
        qtbot.keyClicks(sheet.colours, colour)
    qtbot.keyClick(sheet.name, KEY.Key_Return)
    qtbot.waitUntil(lambda: not window.findChildren(FaceSheet))
    window.activateWindow()  # as a desktop does
    qtbot.waitUntil(window.isActiveWindow)


def press_menu(view, face_box, reason=QContextMenuEvent.Reason.Mouse):
    """Press the right button over a face; give its menu."""
    x0, y0, x1, y1 = face_box
    at = view.place.to_widget(np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32))
    point = QPointF(*at.tolist()).toPoint()
    event = QContextMenuEvent(reason, point, view.mapToGlobal(point))
    QApplication.sendEvent(view, event)
    return next(menu for menu in view.findChildren(QMenu) if menu.isVisible())


def box_colour(view, face):
    """Give the colour of faces that the right edge of a face's box is painted in.

    The edge may lie between two pixels, and then both are a mixture: the nearest colour counts.
    """
    box = view.place.box(next(f for f in view.faces if f.id == face).box)
    painted = view.grab().toImage().pixelColor(round(box.right()), round(box.center().y()))

    def away(name):
        other = QColor(name)
        return max(abs(a - b) for a, b in zip(painted.getRgb(), other.getRgb(), strict=True))

    nearest = min(DARK.faces, key=away)
    assert away(nearest) < 64, f"{painted.name()} is no face's colour"
    return nearest


@pytest.mark.qt_log_ignore("does not support")  # an open menu, offscreen
def test_a_face_gives_its_colour_up_to_the_one_it_was_chosen_for(qtbot, live):
    before = [box_colour(live.view, face) for face in (1, 2)]
    assert len(set(before)) == 2
    press_menu(live.view, live.view.faces[1].box).close()
    name_by_key(qtbot, live, "Anna", "sky")
    qtbot.waitUntil(lambda: box_colour(live.view, 2) == before[0])
    assert box_colour(live.view, 1) == before[1]


@pytest.mark.qt_log_ignore("does not support")  # an open menu, offscreen
def test_a_face_gets_name_and_colour_by_its_menu(qtbot, live):
    face = live.view.faces[1]
    assert face.id == 2
    menu = press_menu(live.view, face.box)
    assert live.live.selected == 2
    assert [a.text().replace("&", "") for a in menu.actions()] == [
        "face 2",
        "Name and colour of the face…",
        "Follow the largest face",
    ]
    menu.close()
    live.actions_.name_face.trigger()
    sheet = sheet_of(qtbot, live)
    assert sheet.windowTitle() == "Name and colour of face 2"
    assert sheet.colours.itemText(1) == "sky blue (as 1)"
    sheet.reject()
    name_by_key(qtbot, live, "Anna <3", "vermi")
    qtbot.waitUntil(lambda: [f.called for f in live.view.faces] == ["1", "Anna <3"])
    qtbot.waitUntil(lambda: box_colour(live.view, 2) == "#d55e00")
    model = live.docks.statistics.model
    live.docks.docks["statistics"].show()
    qtbot.waitUntil(lambda: model.rowCount() == 2 and model.index(1, 0).data() == "Anna <3")
    colour = model.index(1, 0).data(Qt.ItemDataRole.DecorationRole).name()
    assert colour == live.docks.statistics.theme.faces[5]
    plot = live.docks.panels["affect"]
    qtbot.waitUntil(lambda: 2 in plot.faces)
    qtbot.waitUntil(lambda: plot.faces[2].label.toPlainText() == "Anna <3")
    chip = live.docks.probabilities.chip
    qtbot.waitUntil(lambda: chip.accessibleName() == "Face Anna <3")


@pytest.mark.qt_log_ignore("does not support")  # an open menu, offscreen
def test_the_menu_key_shows_the_menu_of_the_followed_face(qtbot, live):
    live.view.setFocus()
    qtbot.keyClick(live.view, KEY.Key_Down)
    shown = next(face for face in live.view.faces if face.id == live.live.shown)
    menu = press_menu(live.view, (0, 0, 1, 1), QContextMenuEvent.Reason.Keyboard)
    assert menu.actions()[0].text() == f"face {shown.id}"
    menu.close()


def test_escape_names_nobody(qtbot, live):
    qtbot.keyClick(live, KEY.Key_F2)
    sheet = sheet_of(qtbot, live)
    qtbot.keyClicks(sheet.name, "Anna")
    qtbot.keyClick(sheet, KEY.Key_Escape)
    assert live.live.named == NAMELESS


def test_without_a_face_there_is_nobody_to_name(qtbot, window):
    qtbot.keyClick(window, KEY.Key_F2)
    assert window.watch.notice.text == "There is no face to name."


def test_a_long_name_is_shortened_in_the_picture_and_leaves_no_panel(qtbot, live):
    name_by_key(qtbot, live, "W" * 60)
    qtbot.waitUntil(lambda: live.view.faces[0].called == "W" * 60)
    live.grab()
    chip = live.docks.probabilities.chip
    qtbot.waitUntil(lambda: chip.toolTip() == "W" * 60)
    assert chip.width() < 160


def test_another_source_has_other_faces(qtbot, live, clip):
    from app.sources.choice import Choice

    qtbot.keyClick(live, KEY.Key_F2)
    sheet = sheet_of(qtbot, live)
    live.open(Choice(kind="file", name=str(clip)))
    qtbot.keyClicks(sheet.name, "Anna")
    qtbot.keyClick(sheet.name, KEY.Key_Return)
    assert live.live.named == NAMELESS


def test_enter_in_the_statistics_selects_the_face(qtbot, live):
    live.docks.docks["statistics"].show()
    table = live.docks.statistics.table
    qtbot.waitUntil(lambda: live.docks.statistics.model.rowCount() == 2 and table.isVisible())
    table.selectRow(1)
    table.setFocus()
    qtbot.keyClick(table, KEY.Key_Return)
    assert live.live.selected == 2


def test_names_are_kept_in_the_recording_those_given_before_and_meanwhile(qtbot, live):
    name_by_key(qtbot, live, "Anna", "oran")
    qtbot.waitUntil(live.watch.bar.record_button.isEnabled)
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: live.controller.view().folder is not None, timeout=10_000)
    folder = live.controller.view().folder

    def said():
        return json.loads((folder / "session.json").read_text()).get("faces")

    shown = live.live.shown
    qtbot.waitUntil(lambda: said() == {str(shown): {"name": "Anna", "colour": "orange"}})
    other = 3 - shown
    live.faces.select(other)
    name_by_key(qtbot, live, "=1+1")
    qtbot.waitUntil(lambda: (said() or {}).get(str(other)) == {"name": "=1+1"})
    qtbot.mouseClick(live.watch.bar.record_button, LEFT)
    qtbot.waitUntil(lambda: not live.controller.view().recording, timeout=20_000)
    about = json.loads((folder / "session.json").read_text())
    assert about["state"] == "finished"
    assert set(about["faces"]) == {"1", "2"}
    review = live.review(folder)
    qtbot.waitUntil(lambda: review.controller.review is not None, timeout=10_000)
    table = review.side.tracks
    assert {table.index(row, 0).data() for row in range(2)} == {"Anna", "=1+1"}
    review.close()


def test_the_saved_statistics_have_names_and_no_formula(qtbot, live, tmp_path):
    name_by_key(qtbot, live, "=1+1")
    live.docks.docks["statistics"].show()
    model = live.docks.statistics.model
    qtbot.waitUntil(lambda: "=1+1" in {model.index(row, 0).data() for row in range(2)})
    live.docks.statistics.save_as(tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert sorted(row["name"] for row in rows) == ["", "'=1+1"]
    assert {row["face"] for row in rows} == {"1", "2"}


# In the review


@pytest.fixture
def review(qtbot, folder):
    made = ReviewWindow()
    qtbot.addWidget(made)
    made.show()
    made.open(folder)
    qtbot.waitUntil(lambda: made.controller.review is not None, timeout=10_000)
    qtbot.waitUntil(lambda: made.video.frame is not None, timeout=10_000)
    yield made
    made.close()


def test_a_recorded_face_is_named_undone_and_named_again(qtbot, review):
    name_by_key(qtbot, review, "Anna & Co", "green")
    table, ticks = review.side.tracks, review.timelines.bands.getAxis("left")
    assert table.index(0, 0).data() == "Anna & Co"
    assert ticks._tickLevels[0][0][1] == "Anna & Co"
    pen = review.timelines.curves["valence", 1].opts["pen"]
    assert pen.color().name() in ("#009e73", "#00805c")
    assert review.readout.text().startswith("Anna & Co: happiness 65 %")
    assert box_colour(review.video, 1) == "#009e73"
    review.side.table.selectRow(1)
    review.faces.merge_menu.aboutToShow.emit()
    assert review.faces.merge_menu.actions()[0].text().startswith("Anna && Co: ")
    qtbot.keyClick(review, KEY.Key_Z, CONTROL)
    assert table.index(0, 0).data() == "1"
    assert ticks._tickLevels[0][0][1] == "face 1"
    qtbot.keyClick(review, KEY.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert review.controller.named.of(1) == NamedFace(name="Anna & Co", colour="green")


@pytest.mark.qt_log_ignore("does not support")  # an open menu, offscreen
def test_a_face_that_the_video_shows_itself_has_a_menu_too(qtbot, review):
    review.controller.review.annotated = True
    review.refresh_cursor()
    face = review.controller.faces()[1]
    assert review.video.faces == ()
    press_menu(review.video, face.box).close()
    assert review.controller.face == 2


@pytest.mark.qt_log_ignore("does not support")  # an open menu, offscreen
def test_a_face_of_the_video_has_a_menu(qtbot, review):
    face = review.controller.faces()[1]
    menu = press_menu(review.video, face.box)
    assert review.controller.face == face.id
    words = [a.text().replace("&", "") for a in menu.actions()]
    assert words == [
        "face 2",
        "Name and colour of the face…",
        "Merge track into",
        "Delete track",
    ]
    menu.close()
