"""The augmentation sets: what every one keeps, and what each one is made of."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.errors import ConfigError
from training.data import operations as op
from training.data.transforms import (
    TRANSFORMS,
    WebcamConfig,
    adaface,
    raf_poster,
    transform,
    webcam,
)

SEEDS = range(40)
MEAN = np.array(op.MEAN_BGR)


def rng(seed):
    return np.random.default_rng(seed)


def face(side=48):
    """Blue rises to the right, green falls downwards, red is even: shows flips and colours."""
    y, x = np.mgrid[0:side, 0:side] / (side - 1)
    return np.rint(np.stack([60 + 80 * x, 180 - 80 * y, 0 * x + 200], axis=2)).astype(np.uint8)


def slope(crop, channel, axis):
    """Rise of a channel against red along an axis; black and erased places left out."""
    values = crop.astype(float)
    odd = (values.sum(axis=2) < 60) | (np.abs(values - MEAN) < 2).all(axis=2)
    rises = np.diff(np.where(odd, np.nan, values[..., channel] - values[..., 2]), axis=axis)
    return np.median(rises[~np.isnan(rises)])


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("side", [33, 112])
def test_every_set_keeps_size_and_type_and_leaves_the_original(name, side):
    for seed in SEEDS:
        before = face(side)
        before.flags.writeable = False
        after = transform(name)(before, rng(seed))
        assert after.shape == (side, side, 3)
        assert after.dtype == np.uint8
        assert np.array_equal(before, face(side))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_generator_decides_all(name):
    results = [transform(name)(face(), rng(seed)).tobytes() for seed in SEEDS]
    assert results == [transform(name)(face(), rng(seed)).tobytes() for seed in SEEDS]
    # Without flip and erasure many crops stay as they are.
    assert len(set(results)) == 1 if name == "none" else len(set(results)) > 10


@pytest.mark.parametrize("name", sorted(set(TRANSFORMS) - {"webcam"}))
def test_no_set_turns_a_face_upside_down(name):
    falls = [slope(transform(name)(face(), rng(seed)), 1, 0) for seed in SEEDS]
    assert np.median(falls) < 0
    assert np.mean(np.array(falls) > 0.1) < 0.05


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("raf_poster", 0.42, 0.58),
        ("poster_v2_raf", 0.42, 0.58),
        ("poster_v2_affectnet", 0.42, 0.58),
        ("arbex_heavy", 0.42, 0.58),
        ("nr_hard", 0.42, 0.58),
        ("dan_raf", 0.42, 0.58),
        ("dan_affectnet", 0.42, 0.58),
        ("abaw_dan", 0.32, 0.48),  # two of five recipes flip
        ("webcam", 0.42, 0.58),
        ("adaface", 0, 0),
        ("none", 0, 0),
    ],
)
def test_share_of_mirrored_faces(name, lowest, highest):
    picture = face(32)
    rises = np.array([slope(transform(name)(picture, rng(seed)), 0, 1) for seed in range(400)])
    told = rises[rises != 0]  # a gray picture does not tell
    assert len(told) > 250
    assert lowest <= np.mean(told < 0) <= highest


@pytest.mark.parametrize(
    ("name", "chance"),
    [
        ("raf_poster", 0.5),
        ("poster_v2_raf", 0.5),
        ("poster_v2_affectnet", 1),
        ("arbex_heavy", 0.3),
        ("dan_raf", 0.5),
        ("dan_affectnet", 0.5),
        ("adaface", 0),
        ("nr_hard", 0),
        ("abaw_dan", 0),
        ("none", 0),
    ],
)
def test_share_of_erased_faces(name, chance):
    picture = face(32)
    spots = [(transform(name)(picture, rng(s)) == MEAN).all(axis=2).sum() for s in range(300)]
    erased = np.mean(np.array(spots) > 12)
    assert abs(erased - chance) <= 4 * np.sqrt(chance * (1 - chance) / 300)


def test_noise_of_raf_poster_comes_to_a_quarter_of_the_faces():
    flat = np.full((32, 32, 3), 128, np.uint8)
    strayed = [np.mean(raf_poster(flat, rng(seed)) != flat) > 0.5 for seed in range(400)]
    assert 0.17 < np.mean(strayed) < 0.33


def test_poster_v2_on_raf_is_without_the_noise():
    flat = np.full((32, 32, 3), 128, np.uint8)
    for seed in range(200):
        after = transform("poster_v2_raf")(flat, rng(seed))
        kept = (after == flat).all(axis=2)
        assert (after[~kept] == MEAN).all()


def test_adaface_without_chances_is_the_identity():
    for seed in SEEDS:
        same = adaface(face(), rng(seed), cropped=0, reduced=0, jittered=0)
        assert np.array_equal(same, face())


@pytest.mark.parametrize("side", [64, 112, 113])
def test_adaface_with_all_chances_keeps_the_size(side):
    for seed in SEEDS:
        after = adaface(face(side), rng(seed), cropped=1, reduced=1, jittered=1)
        assert after.shape == (side, side, 3)
        assert not np.array_equal(after, face(side))


@pytest.mark.parametrize("only", ["cropped", "reduced", "jittered"])
def test_each_op_of_adaface_has_a_chance_of_its_own(only):
    picture = rng(0).integers(1, 256, (64, 64, 3), np.uint8)
    chances = dict.fromkeys(("cropped", "reduced", "jittered"), 0) | {only: 0.2}
    changed = [not np.array_equal(adaface(picture, rng(s), **chances), picture) for s in range(500)]
    assert 0.13 < np.mean(changed) < 0.27


def test_unknown_set_lists_those_there_are():
    with pytest.raises(
        ConfigError, match=r"transform: 'autoaugment' is unknown; choose none, raf_poster"
    ):
        transform("autoaugment")


def test_every_set_of_the_specification_is_there():
    wanted = {
        "raf_poster",
        "poster_v2_affectnet",
        "adaface",
        "arbex_heavy",
        "nr_hard",
        "dan_raf",
        "dan_affectnet",
        "abaw_dan",
    }
    assert wanted <= set(TRANSFORMS)


def test_what_is_worn_is_on_the_face_wherever_the_crop_strays():
    bare = WebcamConfig(degraded=0, occluded=0, shift=0.2)
    crop = np.full((112, 112, 3), 128, np.uint8)
    for seed in range(24):
        plain, dressed = (
            webcam(crop, np.random.default_rng(seed), replace(bare, worn=worn)).astype(int)
            for worn in (0.0, 1.0)
        )
        # What the crop's middle became: the face's place moves with it.
        spot = np.zeros_like(crop)
        spot[46:66, 46:66] = 255
        moved = webcam(spot, np.random.default_rng(seed), bare)[..., 0]
        centre = np.argwhere(moved > 128).mean(axis=0)
        covered = np.argwhere(np.abs(dressed - plain).max(axis=2) > 8)
        assert len(covered) > 60
        assert np.linalg.norm(covered - centre, axis=1).min() < 50


def test_rough_pictures_are_worse_than_a_webcams():
    ramp = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 255, (112, 112)), (0, 0), 2)
    crop = np.repeat(np.clip(128 + 4 * ramp, 0, 255).astype(np.uint8)[..., None], 3, axis=2)

    def alike(rough):
        config = WebcamConfig(rotation_deg=0, scale=1, shift=0, degraded=1, rough=rough, occluded=0)
        for seed in range(80):
            view = webcam(crop, np.random.default_rng(seed), config)[..., 0].ravel()
            ways = [crop[..., 0].ravel(), crop[:, ::-1, 0].ravel()]
            yield max(np.corrcoef(view, way)[0, 1] for way in ways) if view.std() > 0 else 0.0

    assert np.quantile(list(alike(1.0)), 0.3) < np.quantile(list(alike(0.0)), 0.3) - 0.1
