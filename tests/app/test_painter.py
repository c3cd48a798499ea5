"""Where things are drawn, and what a click means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QRectF

from app.pace import FRAMES, Pace
from app.painter import Placement, face_at, words_of

ROOM = QRectF(10, 20, 800, 400)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_frame_fits_in_the_middle_of_its_room(mirrored):
    place = Placement.fit(640, 480, ROOM, mirrored=mirrored)
    assert place.area.height() == pytest.approx(400)
    assert place.area.width() == pytest.approx(400 * 640 / 480)
    assert place.area.center().x() == pytest.approx(ROOM.center().x())


@given(st.booleans(), st.floats(0, 639), st.floats(0, 479))
def test_to_the_widget_and_back_is_the_same_place(mirrored, x, y):
    place = Placement.fit(640, 480, ROOM, mirrored=mirrored)
    (there,) = place.to_widget(np.array([[x, y]], np.float32))
    assert place.to_frame(*there) == pytest.approx((x, y), abs=0.01)


def test_a_mirror_swaps_left_and_right():
    plain, mirror = (Placement.fit(640, 480, ROOM, mirrored=m) for m in (False, True))
    box = np.array([0, 0, 100, 100], np.float32)
    assert plain.box(box).left() < plain.area.center().x() < mirror.box(box).left()
    assert mirror.box(box).width() == pytest.approx(plain.box(box).width(), rel=1e-4)


def test_a_click_means_the_smallest_face_under_it(make_analysis):
    boxes = {1: (0, 0, 100, 100), 2: (40, 40, 60, 60)}
    faces = dict.fromkeys((1, 2), ("happiness", 0.5, 0.5))
    tracks = make_analysis(0, 0.0, faces, boxes=boxes).tracks
    assert face_at(tracks, 50, 50) == 2
    assert face_at(tracks, 10, 10) == 1
    assert face_at(tracks, 150, 10) is None


def test_a_label_says_what_is_uncertain(make_analysis):
    (said,) = make_analysis(0, 0.0, {1: ("anger", -0.5, 0.5)}).predictions
    assert words_of(said, 0.3) == ("anger", "65%", False)
    assert words_of(said, 0.7) == ("anger?", "65%", True)


def paced(every, latency_ms, frames=3 * FRAMES):
    pace = Pace()
    for index in range(frames):
        pace.frame(index)
        if index % every == 0:
            pace.analysed(index, latency_ms)
    return pace


def test_frames_wait_for_their_faces_only_while_the_analysis_keeps_up():
    assert paced(1, 20.0).in_step
    assert not paced(2, 20.0).in_step, "half of the frames would be seen as a jerky picture"
    assert not paced(1, 300.0).in_step, "so long a delay would be seen"
    assert not Pace().in_step
    assert not paced(1, 20.0, frames=FRAMES - 1).in_step
