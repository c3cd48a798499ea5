import numpy as np
import pytest

from engine.faces.landmarks import MIRROR, TEMPLATE, five_points
from training.data import template
from training.data.template import estimate, ferplus_landmarks, main, symmetric


def test_symmetric_points_are_their_own_mirror_image():
    points = np.random.default_rng(0).random((5, 2)).astype(np.float32)
    even = symmetric(points)
    np.testing.assert_allclose(even[[1, 0, 2, 4, 3]] * (-1, 1) + (1, 0), even, atol=1e-6)
    assert even[2, 0] == pytest.approx(0.5)
    assert even[0, 1] == pytest.approx((points[0, 1] + points[1, 1]) / 2)
    np.testing.assert_allclose(symmetric(even), even, atol=1e-6)


def test_faces_and_their_mirror_images_give_the_plain_mean():
    faces = np.random.default_rng(1).random((3, 68, 2)).astype(np.float32)
    mirrored = faces[:, MIRROR] * np.float32([-1, 1]) + np.float32([1, 0])
    both = np.concatenate([faces, mirrored])
    np.testing.assert_allclose(estimate(faces), five_points(both).mean(axis=0), atol=1e-4)


def labels_of(points, flip_err, split):
    return {
        "found": np.ones(len(points), bool),
        "points": np.asarray(points, np.float16),
        "flip_err": np.asarray(flip_err, np.float16),
        "split": np.array(split),
    }


@pytest.fixture
def data(tmp_path):
    """Five faces, of which the first is trusted and in the training split."""
    points = np.arange(5)[:, None, None] + np.zeros((68, 2))
    labels = labels_of(points, [0.01, 0.07, np.nan, 0.01, 0.01], ["train"] * 3 + ["valid", "test"])
    (tmp_path / "teacher_labels").mkdir()
    np.savez(tmp_path / "teacher_labels" / "landmarks_ferplus.npz", **labels)
    return tmp_path


def test_only_trusted_training_faces_count(data):
    np.testing.assert_array_equal(ferplus_landmarks(data, data), np.zeros((1, 68, 2)))


def test_another_template_is_reported(data, capsys):
    assert main(["--data", str(data), "--cache", str(data)]) == 1
    assert "differs from engine.faces.landmarks.TEMPLATE" in capsys.readouterr().out


def test_missing_pack_is_a_source_error(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path)]) == 3
    assert "data pack teacher_labels" in capsys.readouterr().err


def test_the_packs_give_the_template_in_use(packs, tmp_path, capsys):
    data = packs("teacher_labels.zip")
    assert main(["--data", str(data), "--cache", str(tmp_path)]) == 0
    assert "27509 faces; equals" in capsys.readouterr().out
    assert template.DIGITS == 4
    np.testing.assert_array_equal(estimate(ferplus_landmarks(data, tmp_path)), TEMPLATE)
