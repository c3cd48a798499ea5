"""Faces of a small pack made here: which are taken, where their points lie."""

import csv

import cv2
import numpy as np
import pytest

from engine.errors import SinkError, SourceError
from training.data.faces import SIDE, background_names, open_bank
from training.data.packs import person_of, tenth_of

PEOPLE = 40
HELD_OUT = {name for name in (f"P_{n:02}" for n in range(PEOPLE)) if tenth_of(name) == 0}


@pytest.fixture
def root(tmp_path):
    """Two pictures of each of forty people; the second of person 3 has doubtful landmarks."""
    packs = tmp_path / "packs"
    images, labels = packs / "faces_wild" / "images", packs / "teacher_labels"
    images.mkdir(parents=True)
    labels.mkdir()
    names = [f"images/P_{number:02}_{k}.png" for number in range(PEOPLE) for k in (1, 2)]
    picture = np.random.default_rng(0).integers(0, 256, (600, 500, 3), np.uint8)
    for name in names:
        cv2.imwrite(str(packs / "faces_wild" / name), picture[:30, :40])
    cv2.imwrite(str(packs / "faces_wild" / names[2]), picture)
    count = len(names)
    points = np.random.default_rng(1).uniform(0.4, 0.6, (count, 68, 2))
    flip_err = np.full(count, 0.01, np.float16)
    flip_err[7], flip_err[8] = 0.2, np.nan
    yaw = np.zeros((count, 3), np.float32)
    yaw[10, 0], yaw[11, 0] = 45, -45
    np.savez(
        labels / "landmarks_faces_wild.npz",
        names=np.array(names),
        found=np.arange(count) != 9,
        flip_err=flip_err,
        points=points.astype(np.float16),
        yaw_pitch_roll=yaw,
    )
    return packs


def test_people_are_either_in_training_or_held_out(root, tmp_path):
    train = open_bank("faces_wild", "train", root, tmp_path)
    valid = open_bank("faces_wild", "valid", root, tmp_path)
    assert {person_of(name) for name in valid.names} == HELD_OUT
    assert not {person_of(name) for name in train.names} & HELD_OUT
    assert 0 < len(valid) < len(train)


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("images/Ann_Lee_0003.jpg", "Ann_Lee"),
        ("yt_Ann_Lee_42.jpg", "Ann_Lee"),
        ("images/yt_t_Ann_Lee_1.png", "Ann_Lee"),
    ],
)
def test_a_person_has_one_name_in_every_pack(name, person):
    assert person_of(name) == person


def test_faces_without_trustworthy_landmarks_are_left_out(root, tmp_path):
    train = open_bank("faces_wild", "train", root, tmp_path)
    valid = open_bank("faces_wild", "valid", root, tmp_path)
    assert len(train) + len(valid) == 2 * PEOPLE - 3
    assert not {"images/P_03_2.png", "images/P_04_1.png", "images/P_04_2.png"} & set(train.names)


def test_points_follow_their_face_into_the_small_picture(root, tmp_path):
    labels = np.load(root / "teacher_labels" / "landmarks_faces_wild.npz")
    train = open_bank("faces_wild", "train", root, tmp_path)
    for row, name in enumerate(train.names):
        points = train.landmarks[row]
        width, height = train.sizes[row]
        assert train.image(row).shape == (height, width, 3)
        assert max(width, height) <= SIDE
        assert (points > -0.5).all()
        assert (points < train.sizes[row] - 0.5).all()
        whole = cv2.imread(str(root / "faces_wild" / name))
        index = list(labels["names"]).index(name)
        source = labels["points"][index] * np.array(whole.shape[1::-1]) - 0.5
        scale = np.ptp(points, axis=0) / np.ptp(source, axis=0)
        np.testing.assert_allclose(scale, scale[0], rtol=0.02)
        if whole.shape[0] == 30:
            assert scale[0] == pytest.approx(1, rel=1e-3)


def test_far_jaw_of_a_turned_head_is_hidden(root, tmp_path):
    train = open_bank("faces_wild", "train", root, tmp_path)
    hidden = {
        name: np.flatnonzero(~seen).tolist()
        for name, seen in zip(train.names, train.visible, strict=True)
    }
    assert hidden["images/P_05_1.png"] == list(range(10, 17))
    assert hidden["images/P_05_2.png"] == list(range(7))
    assert sum(map(bool, hidden.values())) == 2


def test_decoded_faces_are_kept(root, tmp_path):
    first = open_bank("faces_wild", "valid", root, tmp_path)
    (root / "teacher_labels" / "landmarks_faces_wild.npz").unlink()
    again = open_bank("faces_wild", "valid", root, tmp_path)
    np.testing.assert_array_equal(first.images, again.images)


def test_missing_pack_is_named(tmp_path):
    with pytest.raises(SourceError, match="data pack teacher_labels: neither"):
        open_bank("scenes", "train", tmp_path, tmp_path)


def test_backgrounds_are_those_without_a_suspected_face(tmp_path):
    tables = {
        "scenes/scenes.csv": [
            ("image", "source", "split", "person"),
            ("a.jpg", "background", "train", 0),
            ("b.jpg", "background", "train", 0),
            ("c.jpg", "background", "test", 0),
            ("d.jpg", "video", "train", 1),
        ],
        "teacher_labels/background_hits.csv": [("image", "score"), ("b.jpg", 0.9), ("a.jpg", 0.5)],
    }
    for name, rows in tables.items():
        path = tmp_path / name
        path.parent.mkdir()
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    images = tmp_path / "scenes" / "images"
    assert background_names(tmp_path, tmp_path, held_out=False) == [images / "a.jpg"]
    assert background_names(tmp_path, tmp_path, held_out=True) == [images / "c.jpg"]


def test_cache_that_cannot_be_written_is_named(root, tmp_path):
    (tmp_path / "faces").write_text("in the way")
    with pytest.raises(SinkError, match=r"faces/faces_wild-valid-2: cannot be written"):
        open_bank("faces_wild", "valid", root, tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"no zip"])
def test_missing_or_damaged_landmarks_are_named_and_leave_nothing(root, tmp_path, content):
    path = root / "teacher_labels" / "landmarks_faces_wild.npz"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(SourceError, match=r"landmarks_faces_wild\.npz: cannot be read"):
        open_bank("faces_wild", "valid", root, tmp_path)
    assert list((tmp_path / "faces").iterdir()) == []
