"""Somebody who appears while another is followed, by the real networks, at three frame rates."""

from contextlib import closing

import cv2
import numpy as np
import pytest

from engine.analyze import AnalyzerConfig, open_finder
from engine.assets import asset_path
from engine.types import Frame

WIDTH, HEIGHT = 640, 360


@pytest.fixture(scope="module")
def portrait():
    """320 pixels square; the face is 95 wide."""
    return cv2.imread(str(asset_path("portrait.jpg")))


@pytest.fixture(scope="module")
def glances():
    """Nothing is left of a finder's state but its networks: each film begins anew."""
    with closing(open_finder(AnalyzerConfig(threads=1))) as finder:
        yield finder


def scenes(portrait, face_px):
    """One person; and the same with another, whose face is `face_px` wide."""
    alone = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    alone[40:296, 0:256] = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    both, side = alone.copy(), round(320 * face_px / 95)
    second = cv2.resize(portrait[:, ::-1], (side, side), interpolation=cv2.INTER_AREA)
    both[20 : 20 + side, 620 - side : 620] = second
    return alone, both


def waited_s(finder, portrait, *, fps, face_px, first):
    """Seconds from the frame that first shows a second face to the one in which it is followed."""
    alone, both = scenes(portrait, face_px)
    finder._tracker.begin_anew()
    for index in range(first + fps):
        found = finder.find(Frame(index, index / fps, both if index >= first else alone))
        if len(found.tracks) == 2:
            return (index - first) / fps
    raise AssertionError("never found")


@pytest.mark.parametrize("fps", [10, 25, 60])
@pytest.mark.parametrize("after", [0, 1, 3, 5])  # tenths of a second and a frame
def test_a_face_wider_than_a_tenth_is_found_within_100_ms(glances, portrait, fps, after):
    wait_s = waited_s(glances, portrait, fps=fps, face_px=70, first=1 + after * fps // 10)
    assert wait_s <= 0.1 + 1e-6


@pytest.mark.parametrize("fps", [10, 25, 60])
@pytest.mark.parametrize("after", [0, 2])
def test_a_smaller_face_is_found_within_300_ms(glances, portrait, fps, after):
    wait_s = waited_s(glances, portrait, fps=fps, face_px=30, first=1 + after * fps // 10)
    assert wait_s <= 0.3 + 1e-6


@pytest.mark.parametrize("size", [(640, 360), (1920, 1080), (360, 640), (250, 200)])
def test_a_glance_says_where_faces_are_as_a_whole_look_does(glances, portrait, size):
    image = np.full((size[1], size[0], 3), 100, np.uint8)
    side = round(0.9 * min(size))
    image[size[1] - side :, 5 : 5 + side] = cv2.resize(
        portrait, (side, side), interpolation=cv2.INTER_AREA
    )
    (whole,), (glanced,) = glances._detector.detect(image), glances._detector.glance(image)
    assert np.abs(whole.box - glanced.box).max() < 0.04 * side
    assert np.abs(whole.points - glanced.points).max() < 0.03 * side
