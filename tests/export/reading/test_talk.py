"""Generated clips of talking faces, on faces drawn here."""

import numpy as np
import pytest

from engine.errors import SourceError
from engine.faces.landmarks import TEMPLATE
from export.reading.answers import Portraits
from export.reading.spoilt import Portrait
from export.reading.talk import CHANGE_S, FPS, SECONDS, SIDE, mouth_opened, talking_clips


def marks():
    """68 points of an upright face in 48 pixels."""
    right, left, nose, corner, other = TEMPLATE * 48
    points = np.zeros((68, 2), np.float32)
    points[36:42], points[42:48], points[27:36] = right, left, nose
    points[48:68] = (corner + other) / 2
    points[48], points[54], points[8] = corner, other, (24, 47)
    return points


def portraits(count=40):
    rng = np.random.default_rng(0)
    faces = [
        Portrait(np.full((48, 48), 90 + 60 * (row % 2), np.uint8), marks()) for row in range(count)
    ]
    return Portraits(
        faces,
        np.arange(count) % 2,
        rng.random(count) < 0.5,
        np.array([str(row) for row in range(count)]),
    )


def test_clip_goes_from_one_expression_to_the_other_at_the_stated_time():
    known = portraits()
    (clip,) = talking_clips(known, known.labels, 1, np.random.default_rng(3))
    frames = list(clip.frames())
    assert len(frames) == SECONDS * FPS
    means = np.array([image.mean() for _, image, _ in frames])
    levels = [90 + 60 * (label % 2) for label in clip.labels]
    change = round(CHANGE_S * FPS)
    assert clip.labels[0] != clip.labels[1]
    assert means[: change - 4].mean() == pytest.approx(levels[0], abs=6)
    assert means[change + 4 :].mean() == pytest.approx(levels[1], abs=6)
    assert means[change] == pytest.approx(np.mean(levels), abs=12)


def test_clip_is_the_same_each_time_and_has_the_frames_of_a_camera():
    known = portraits()
    clips = [talking_clips(known, known.labels, 1, np.random.default_rng(4))[0] for _ in range(2)]
    for (time_s, image, _), (_, other, _) in zip(*(clip.frames() for clip in clips), strict=True):
        np.testing.assert_array_equal(image, other)
        assert image.shape == (SIDE, SIDE, 3)
        assert time_s < SECONDS


def test_only_faces_that_are_read_as_people_do_are_drawn():
    known = portraits()
    said = known.labels.copy()
    said[10:] = -1
    clips = talking_clips(known, said, 20, np.random.default_rng(5))
    assert {int(clip.before.picture[80, 80]) for clip in clips} == {90, 150}


def test_too_few_faces_that_are_read_right_are_an_error():
    known = portraits()
    with pytest.raises(SourceError, match="reads 0 expressions right in 5 of 40 faces"):
        talking_clips(known, np.full(40, -1), 1, np.random.default_rng(5))


def test_mouth_opens_dark_below_its_line_and_the_eyes_stay():
    gray = np.tile(np.linspace(80, 200, 48, dtype=np.uint8)[:, None], (1, 48))
    portrait = Portrait(gray, marks())
    opened = mouth_opened(portrait, 0.5)
    np.testing.assert_array_equal(mouth_opened(portrait, 0.0), gray)
    np.testing.assert_array_equal(opened[:22], gray[:22])
    row, column = round(TEMPLATE[3, 1] * 48) + 2, 24
    assert opened[row, column] < gray[row, column] / 2
