import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt

from app.live.presentation import Viewport, render
from app.window.picture.painter import OverlayOptions
from app.window.picture.view import VideoView


@pytest.fixture
def view(qtbot):
    made = VideoView()
    qtbot.addWidget(made)
    made.resize(640, 480)
    made.show()
    return made


PLAIN = OverlayOptions()
FACES = {1: ("happiness", 0.5, 0.3), 2: ("anger", -0.4, 0.6)}
BOXES = {1: (10, 30, 50, 80), 2: (100, 30, 140, 80)}


@pytest.fixture
def show(view, make_analysis):
    def shown(*, mirrored=False, faces=FACES, look=PLAIN):
        view.set_look(look, mirrored=mirrored)
        analysis = make_analysis(0, 0.0, faces, boxes=BOXES)
        view.set_picture(render(analysis.frame, view.target))
        view.set_analysis(analysis, 1, None)
        return analysis

    return shown


def test_the_target_follows_size_and_mirror(qtbot, view):
    with qtbot.waitSignal(view.target_changed):
        view.resize(320, 240)
    assert view.target == Viewport(320, 240)
    with qtbot.waitSignal(view.target_changed):
        view.set_look(OverlayOptions(), mirrored=True)
    assert view.target.mirrored


def test_a_click_chooses_the_face_under_it(qtbot, view, show):
    show()
    with qtbot.waitSignal(view.face_clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(4 * 120, 4 * 55))
    assert clicked.args == [2]


def test_a_click_in_a_mirrored_picture_chooses_what_is_seen_there(qtbot, view, show):
    show(mirrored=True)
    with qtbot.waitSignal(view.face_clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(640 - 4 * 120, 4 * 55))
    assert clicked.args == [2]


def test_a_click_beside_all_faces_chooses_none(qtbot, view, show):
    show()
    with qtbot.waitSignal(view.face_clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 20))
    assert clicked.args == [None]


def test_the_arrow_keys_walk_through_the_faces(qtbot, view, show):
    show()
    with qtbot.waitSignal(view.face_clicked) as chosen:
        qtbot.keyClick(view, Qt.Key.Key_Down)
    assert chosen.args == [2]


def pixels(view):
    image = view.grab().toImage().convertToFormat(view.grab().toImage().Format.Format_RGB32)
    data = image.bits().asarray(image.sizeInBytes())
    return np.array(data, np.uint8).reshape(image.height(), image.width(), 4)[:, :, :3]


def test_boxes_are_drawn_around_faces_and_nowhere_else(view, show):
    show(faces={})
    bare = pixels(view)
    show()
    drawn = pixels(view)
    differ = np.abs(drawn.astype(int) - bare).max(axis=2) > 20
    assert differ[4 * 30 - 3 : 4 * 80 + 4, 4 * 10 - 3 : 4 * 50 + 4].any()
    assert not differ[4 * 90 :, :].any()


def test_an_uncertain_face_looks_different(view, show):
    show()
    certain = pixels(view)
    show(look=OverlayOptions(uncertain_below=0.9))
    assert (pixels(view) != certain).any()


def test_landmarks_and_axes_are_drawn_when_asked_for(view, show):
    show()
    plain = pixels(view)
    show(look=OverlayOptions(landmarks=True))
    assert (pixels(view) != plain).any()


def test_painting_says_which_frame_was_drawn(qtbot, view, show):
    indices = []
    view.drawn = indices.append
    show()
    qtbot.waitUntil(lambda: indices[-1:] == [0])


def test_the_hint_is_shown_without_a_picture(view):
    view.set_picture(None)
    blank = pixels(view)
    view.set_hint("Choose a camera")
    hinted = pixels(view)
    assert (hinted != blank).any()
