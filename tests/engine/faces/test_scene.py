"""Cuts between shots, and everything that is none."""

import cv2
import numpy as np
import pytest

from engine.faces.scene import SceneCut


def shot(seed, size=(360, 640)):
    """A smooth random picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 16, 3)).astype(np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)


def cuts(*frames):
    scene = SceneCut()
    return [scene.cut(frame) for frame in frames]


def test_first_frame_is_no_cut():
    assert cuts(shot(1)) == [False]


def test_another_picture_is_a_cut_once():
    assert cuts(shot(1), shot(1), shot(2), shot(2)) == [False, False, True, False]


@pytest.mark.parametrize(("gain", "offset"), [(0.4, 0), (1.6, 0), (0.5, 120)])
def test_light_is_no_cut(gain, offset):
    lit = np.clip(shot(1) * gain + offset, 0, 255).astype(np.uint8)
    assert cuts(shot(1), lit) == [False, False]


def test_motion_is_no_cut():
    moved = np.roll(shot(1), 12, axis=1)
    assert cuts(shot(1), moved) == [False, False]


@pytest.mark.parametrize("size", [(24, 24), (1080, 1920), (90, 1600)])
def test_any_size_will_do(size):
    assert cuts(shot(1, size), shot(1, size), shot(2, size)) == [False, False, True]


def test_fade_to_black_ends_the_shot():
    black = np.zeros((360, 640, 3), np.uint8)
    assert cuts(shot(1), black, black) == [False, True, False]
