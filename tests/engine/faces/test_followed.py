"""What a followed face remembers of its looks."""

import numpy as np
import pytest

from engine.faces.appearance import FADED, OTHER, Appearance, likeness
from engine.faces.followed import FADED_S, LOOK_EVERY_S, QUICK_S, STEADY, Followed, beside
from engine.types import Face, Sighting

BOX = np.array([[100, 100], [200, 200]], np.float32).repeat(34, axis=0)
SIGHTING = Sighting(
    Face(np.zeros((8, 8, 3), np.uint8), np.eye(2, 3, dtype=np.float32)), BOX, 0.9, ()
)


def look(degrees):
    """Two looks are as alike as the cosine of the angle between them."""
    turn = np.radians(degrees)
    axes = np.array([np.cos(turn), np.sin(turn)], np.float32)
    return Appearance(axes, axes, None, gray=False)


def apart(alike):
    return float(np.degrees(np.arccos(alike)))


def face_like(*looks, rate=30.0):
    """A face that looked so in frames one after the other."""
    face = Followed(1, BOX, 0.9, 0.0, looks[0])
    for step, one in enumerate(looks[1:], 1):
        face.move(SIGHTING, face.box, one, step / rate)
    return face, len(looks) / rate


def test_looks_are_as_alike_as_the_test_says():
    assert likeness(look(0), look(apart(0.7))) == pytest.approx(0.7, abs=1e-4)


@pytest.mark.parametrize(("alike", "other"), [(0.85, False), (0.78, True)])
def test_steady_face_that_changes_at_once_is_another(alike, other):
    face, now_s = face_like(*[look(0)] * 20)
    assert face.is_other(look(apart(alike)), now_s, cut=False) is other


@pytest.mark.parametrize(("alike", "other"), [(OTHER + 0.02, False), (OTHER - 0.02, True)])
def test_face_that_is_seen_seldom_may_change(alike, other):
    face, now_s = face_like(*[look(0)] * 20, rate=1 / (2 * QUICK_S))
    assert face.is_other(look(apart(alike)), now_s, cut=False) is other


@pytest.mark.parametrize(("alike", "other"), [(STEADY + 0.02, False), (STEADY - 0.02, True)])
def test_after_a_cut_a_face_must_be_the_same(alike, other):
    face, now_s = face_like(*[look(0)] * 20)
    assert face.is_other(look(apart(alike)), now_s, cut=True) is other


def test_a_slip_of_one_frame_does_not_make_the_next_another():
    """The crop was off where the head jerked; now it is as it was before that."""
    slip = apart(0.82)
    face, now_s = face_like(*[look(0)] * 20, look(slip))
    assert face.is_other(look(-45), now_s, cut=False)
    assert not face.is_other(look(-8), now_s, cut=False)
    assert likeness(face.look, look(-8)) < 0.8


def test_face_in_view_that_is_more_alike_has_swapped_places():
    face, _ = face_like(look(0), look(0))
    here = look(apart(0.85))
    assert face.is_rather([look(60), look(5)], here)
    assert not face.is_rather([look(60)], here)
    assert not face.is_rather([look(apart(0.88))], here)  # hardly more
    assert not face.is_rather([look(0)], look(apart(0.95)))  # it is where it was


@pytest.mark.parametrize(("alike", "faded"), [(FADED + 0.02, False), (FADED - 0.02, True)])
def test_face_unlike_all_that_it_was_a_second_ago_has_faded(alike, faded):
    long_ago = round(30 * LOOK_EVERY_S) + 1
    face, _ = face_like(*[look(0)] * (long_ago + 1))
    assert not face.has_faded(look(apart(alike)), long_ago / 30 + 0.9 * FADED_S)
    assert face.has_faded(look(apart(alike)), long_ago / 30 + 1.1 * FADED_S) is faded


@pytest.mark.parametrize(("gap", "near"), [(20, True), (60, False)])
def test_beside_is_within_a_third_of_a_face(gap, near):
    box, other = (np.array([x, 0, x + 100, 100], np.float32) for x in (0, 100 + gap))
    assert beside(box, [other]) is near
    assert not beside(box, [])
