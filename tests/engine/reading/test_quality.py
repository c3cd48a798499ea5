"""How good a face's picture is, measured, and what the temperature makes of it."""

import cv2
import numpy as np
import pytest

from engine.errors import ModelError
from engine.networks.manifest import PictureQuality
from engine.reading.quality import MEASURED, quality_of
from engine.reading.reliability import Temperature
from engine.types import Face, Sighting

STILL = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
SIZE, FINEST, FINE, MEAN, BLACK, WHITE, PRESENCE = 0, 1, 2, 13, 14, 15, 16
YAW, PITCH = MEASURED - 2, MEASURED - 1


def texture(seed=0):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 60, (112, 112)), (0, 0), 1.2)
    return np.clip(128 + 2 * noise, 0, 255).astype(np.uint8)


def points(nose=(56, 65)):
    marks = np.zeros((68, 2), np.float32)
    marks[36:42], marks[42:48] = (36, 43), (76, 43)
    marks[30], marks[48], marks[54] = nose, (40, 86), (72, 86)
    return marks


def quality(gray, zoom=1.0, presence=0.9, marks=None):
    matrix = STILL * np.float32(zoom)
    marks = points() if marks is None else marks
    crop = np.repeat(gray[..., None], 3, axis=2)
    return quality_of(Sighting(Face(crop, matrix), marks / np.float32(zoom), presence, ()))


def test_there_are_as_many_numbers_as_said_in_float32():
    said = quality(texture())
    assert said.shape == (MEASURED,)
    assert said.dtype == np.float32
    assert np.isfinite(said).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_nothing_at_all_has_finite_numbers(level):
    flat = np.full((112, 112), level, np.uint8)
    assert np.isfinite(quality(flat, presence=0.0)).all()
    assert np.isfinite(quality(flat, presence=1.0, marks=np.zeros((68, 2), np.float32))).all()


def test_enlarged_face_is_smaller_and_a_shrunk_one_is_not_better_than_full_size():
    assert quality(texture(), zoom=4)[SIZE] == pytest.approx(-2)
    assert quality(texture(), zoom=0.25)[SIZE] == quality(texture())[SIZE] == 0


def test_blur_takes_fine_detail_and_noise_brings_it():
    gray = texture()
    blurred = cv2.GaussianBlur(gray, (0, 0), 3)
    noisy = np.clip(gray + np.random.default_rng(1).normal(0, 25, gray.shape), 0, 255)
    assert quality(blurred)[FINE] < quality(gray)[FINE] - 1
    assert quality(noisy.astype(np.uint8))[FINEST] > quality(gray)[FINEST] + 0.5


def test_light_is_measured():
    gray = texture()
    dark, bright = (gray * 0.08).astype(np.uint8), np.clip(gray * 3.0, 0, 255).astype(np.uint8)
    assert quality(dark)[MEAN] < quality(gray)[MEAN] < quality(bright)[MEAN]
    assert quality(dark)[BLACK] > 0.9
    assert quality(bright)[WHITE] > 0.5


def test_covered_mouth_shows_where_the_mouth_is_and_not_at_the_eyes():
    gray = texture()
    covered = gray.copy()
    covered[73:104, 25:88] = 30
    change = quality(covered) - quality(gray)
    eyes, mouth = change[[5, 6]], change[8]
    assert mouth < -2
    assert np.abs(eyes).max() < 0.2


def test_presence_counts_up_to_a_limit():
    assert quality(texture(), presence=0.5)[PRESENCE] == pytest.approx(0, abs=1e-6)
    assert quality(texture(), presence=1.0)[PRESENCE] == 8


def test_turned_and_lowered_head_moves_the_nose():
    ahead = quality(texture())
    left, right = (quality(texture(), marks=points((56 + x, 65))) for x in (-12, 12))
    assert left[YAW] == pytest.approx(right[YAW]) == pytest.approx(ahead[YAW] + 0.3)
    assert quality(texture(), marks=points((56, 75)))[PITCH] > ahead[PITCH] + 0.2


def picture_quality(**changes):
    stated = {
        "centre": (0.0,) * MEASURED,
        "spread": (1.0,) * MEASURED,
        "weights": (0.0,) * MEASURED,
        "shift": 0.0,
        "lowest": 0.5,
        "highest": 4.0,
    }
    return PictureQuality(**{**stated, **changes})


def sighting(zoom):
    crop = np.repeat(texture()[..., None], 3, axis=2)
    return Sighting(Face(crop, STILL * np.float32(zoom)), points() / np.float32(zoom), 0.9, ())


def test_temperature_without_weights_is_the_usual_one():
    assert Temperature("a", 0.7, None).of(sighting(1)) == 0.7
    rows = np.zeros((3, MEASURED), np.float32)
    np.testing.assert_allclose(Temperature("a", 0.7, None).of_quality(rows), np.full(3, 0.7))


def test_temperature_grows_as_stated_within_its_limits():
    follows = Temperature("a", 0.7, picture_quality(weights=(-0.5, *(0.0,) * (MEASURED - 1))))
    assert follows.of(sighting(1)) == pytest.approx(1)
    assert follows.of(sighting(4)) == pytest.approx(np.exp(1), rel=1e-4)
    wild = Temperature("a", 0.7, picture_quality(shift=9.0))
    assert wild.of(sighting(1)) == 4.0
    assert Temperature("a", 0.7, picture_quality(shift=-9.0)).of(sighting(1)) == 0.5


def test_temperature_of_many_is_that_of_each():
    rng = np.random.default_rng(2)
    stated = picture_quality(weights=tuple(rng.normal(0, 0.1, MEASURED).tolist()))
    follows, several = Temperature("a", 1.0, stated), [sighting(zoom) for zoom in (1, 2, 5)]
    together = follows.of_quality(np.stack([quality_of(one) for one in several]))
    assert together.tolist() == pytest.approx([follows.of(one) for one in several])


@pytest.mark.parametrize("name", ["centre", "spread", "weights"])
def test_weights_for_other_measurements_are_refused(name):
    says = rf"net: picture_quality: expected {MEASURED} centres, .*; write it anew: fer-export cal"
    with pytest.raises(ModelError, match=says):
        Temperature("net", 0.7, picture_quality(**{name: (1.0,) * 7}))
