"""What the review window decides."""

import pytest

from app.session.edits import DeleteEdit
from app.session.review import open_review
from app.window.review.controller import Abilities, ReviewController


@pytest.fixture
def control(folder):
    made = ReviewController()
    made.load(open_review(folder))
    return made


def test_without_a_recording_nothing_can_be_done():
    control = ReviewController()
    assert control.can() == Abilities()
    control.step(1)
    control.step_marker(1)
    control.move(3.0)
    control.undo()
    control.redo()
    assert not control.choose_span_here()
    assert (control.time_s, control.faces(), control.tracks()) == (0.0, [], [])
    control.label("fear")
    assert control.failed
    control.delete()
    control.delete_span()
    control.merge(1)
    assert control.message == "choose a face first"


def test_the_cursor_stays_within_the_recording(control):
    control.move(99)
    assert control.time_s == pytest.approx(10.0)
    control.step(-2)
    assert control.time_s == pytest.approx(9.8)
    control.move(-1)
    assert control.time_s == 0.0
    control.step(3)
    assert control.time_s == pytest.approx(0.3)


def test_the_cursor_goes_from_marker_to_marker(control):
    times = []
    for direction in (1, 1, 1, -1, -1):
        control.step_marker(direction)
        times.append(control.time_s)
    assert times == [2.0, 7.0, 7.0, 2.0, 2.0]


def test_a_span_is_chosen_by_its_ends_or_under_the_cursor(control):
    control.move(3.0)
    control.start_span()
    assert control.span == (3.0, pytest.approx(10.0))
    control.move(5.0)
    control.end_span()
    assert control.span == (3.0, 5.0)
    control.move(1.0)
    control.end_span()
    assert control.span == (0.0, 1.0)
    control.choose_span(9, 2)
    assert control.span == (2, 9)
    assert control.choose_span_here()
    assert control.span == (0.0, pytest.approx(3.95))
    control.choose_face(3)
    assert not control.choose_span_here()


def test_a_span_chosen_under_the_cursor_does_not_touch_the_next(control):
    control.move(1.0)
    control.choose_span_here()
    control.label("contempt")
    spans = control.review.spans(1)
    assert [span.label for span in spans] == ["contempt", "anger"]
    assert spans[0].end_s == pytest.approx(4.0)


def test_corrections_are_made_undone_and_told(control):
    assert not control.can().label
    control.choose_span(1, 2)
    can = control.can()
    assert can.label
    assert can.merge == (2, 3)
    control.label("fear")
    assert (control.message, control.failed) == ("done: label face 1 fear, 1.00 to 2.00 s", False)
    control.move(1.5)
    assert control.faces()[0].label == "fear"
    assert control.can().undo == "label face 1 fear, 1.00 to 2.00 s"
    control.undo()
    assert control.message == "undone: label face 1 fear, 1.00 to 2.00 s"
    assert control.faces()[0].label == "happiness"
    control.redo()
    assert control.can().redo == ""
    control.delete_span()
    assert [track.face.frames for track in control.tracks()] == [89, 30, 40]


def test_merging_chooses_the_face_that_is_left(control):
    control.choose_face(3)
    control.merge(2)
    assert control.face == 2
    assert [track.face.id for track in control.tracks()] == [1, 2]
    control.merge(1)
    assert control.failed
    assert "both seen in" in control.message
    assert control.face == 2


def test_deleting_chooses_no_face(control):
    control.choose_face(3)
    control.delete()
    assert control.face is None
    assert not control.can().delete
    control.choose_face(77)
    assert control.face is None


def test_warnings_are_told_when_it_opens(folder):
    (folder / "video.mp4").unlink()
    control = ReviewController()
    control.load(open_review(folder))
    assert control.message == "session: video.mp4 is missing"
    assert control.failed


def test_a_copy_for_another_thread_keeps_still(control):
    still = control.review.still()
    control.review.edits.add(DeleteEdit(face=2))
    assert still.faces == (1, 2, 3)
    assert control.review.faces == (1, 3)
