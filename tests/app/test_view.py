"""The picture as it is drawn."""

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt

from app.painter import Look
from app.view import VideoView
from engine.types import Frame


@pytest.fixture
def view(qtbot):
    view = VideoView()
    qtbot.addWidget(view)
    view.resize(640, 480)
    view.show()
    return view


def pixels(view):
    """Pixels as drawn, (H, W, 3), RGB."""
    image = view.grab().toImage()
    bits = image.constBits().asarray(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    shown = rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)
    return shown[..., 2::-1].copy()  # the image goes


def halves():
    """A frame whose left half is pure blue and whose right half is pure red."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[:, :80, 0] = 255
    image[:, 80:, 2] = 255
    return Frame(0, 0.0, image)


def test_colours_arrive_as_they_are_and_a_mirror_swaps_them(view):
    view.set_frame(halves())
    shown = pixels(view)
    assert tuple(shown[240, 100]) == (0, 0, 255)
    assert tuple(shown[240, 540]) == (255, 0, 0)
    view.set_look(Look(), mirrored=True)
    assert tuple(pixels(view)[240, 100]) == (255, 0, 0)


def test_without_a_frame_the_hint_is_drawn(view):
    before = pixels(view).copy()
    view.set_hint("Choose a camera")
    assert (pixels(view) != before).any()


def test_what_is_wrong_is_said_over_the_picture_until_it_is_right(view):
    view.set_frame(halves())
    before = pixels(view).copy()
    view.set_message("camera 0: lost")
    assert view.message == "camera 0: lost"
    assert (pixels(view)[:80] != before[:80]).any()
    view.set_message("")
    assert (pixels(view) == before).all()


@pytest.mark.parametrize("look", [Look(landmarks=True), Look(head_axes=True)])
def test_what_is_asked_for_is_drawn(view, make_analysis, look):
    view.set_frame(halves())
    view.set_analysis(make_analysis(0, 0.0, {1: ("happiness", 0.8, 0.5)}), 1)
    bare = pixels(view).copy()
    points = np.random.default_rng(0).uniform(20, 100, (68, 2)).astype(np.float32)
    analysis = make_analysis(0, 0.0, {1: ("happiness", 0.8, 0.5)})
    object.__setattr__(analysis.tracks[0], "landmarks", points)
    view.set_look(look, mirrored=False)
    view.set_analysis(analysis, 1)
    assert (pixels(view) != bare).any()


def test_a_click_on_a_face_asks_for_it(view, qtbot, make_analysis):
    view.set_frame(halves())
    boxes = {7: (40, 30, 80, 90)}
    view.set_analysis(make_analysis(0, 0.0, {7: ("fear", -0.5, 0.7)}, boxes=boxes), 7)
    with qtbot.waitSignal(view.face_clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(240, 240))
    assert clicked.args == [7]
    with qtbot.waitSignal(view.face_clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(600, 240))
    assert clicked.args == [None]


def test_arrow_keys_walk_through_the_faces(view, qtbot, make_analysis):
    view.set_frame(halves())
    faces = dict.fromkeys((3, 5, 8), ("neutral", 0.0, 0.0))
    view.set_analysis(make_analysis(0, 0.0, faces), 5)
    for key, face in ((Qt.Key.Key_Down, 8), (Qt.Key.Key_Up, 3)):
        with qtbot.waitSignal(view.face_clicked) as clicked:
            qtbot.keyClick(view, key)
        assert clicked.args == [face]


def test_a_screen_reader_hears_how_many_faces_there_are(view, make_analysis):
    assert view.accessibleName() == "Video"
    view.set_frame(halves())
    view.set_analysis(make_analysis(0, 0.0, {1: ("anger", -0.5, 0.5)}), 1)
    assert view.accessibleDescription().startswith("1 face")
