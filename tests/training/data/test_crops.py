"""Crops cut once: by the engine's alignment, or only resized."""

import shutil

import cv2
import numpy as np
import pytest

from engine.errors import SinkError, SourceError
from engine.faces.alignment import align, template
from training.data.crops import cached_crops
from training.data.operations import resized
from training.data.table import FaceTable, one_hot


class Pictures:
    """Random pictures that count how often they are read."""

    def __init__(self, count=3, side=48):
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (count, side, side, 3), np.uint8)
        self.reads = 0

    def read(self, row):
        self.reads += 1
        return self.images[row]

    def table(self, dataset="toy"):
        count = len(self.images)
        labels = np.zeros(count, np.intp)
        return FaceTable(
            dataset=dataset,
            classes=("a",),
            names=np.array([f"{row}.png" for row in range(count)]),
            labels=labels,
            shares=one_hot(labels, 1),
            affect=np.zeros((count, 2), np.float32),
            groups=np.array([""] * count),
            read=self.read,
        )


@pytest.fixture
def pictures():
    return Pictures()


def points_of(count, shift=0.0):
    return np.stack([template(48, 0.0) + shift + row for row in range(count)])


def test_crops_are_the_engines(pictures, tmp_path):
    points = points_of(3)
    crops = cached_crops(pictures.table(), points, 112, tmp_path)
    assert crops.shape == (3, 112, 112, 3)
    assert crops.dtype == np.uint8
    for row in range(3):
        np.testing.assert_array_equal(crops[row], align(pictures.images[row], points[row]).crop)


def test_crops_are_cut_once_and_only_mapped(pictures, tmp_path):
    first = cached_crops(pictures.table(), None, 24, tmp_path)
    again = cached_crops(pictures.table(), None, 24, tmp_path)
    assert pictures.reads == 3
    assert isinstance(again, np.memmap)
    assert not again.flags.writeable
    np.testing.assert_array_equal(first, again)


def test_aligned_pictures_are_only_resized(pictures, tmp_path):
    crops = cached_crops(pictures.table(), None, 24, tmp_path)
    wanted = pictures.images.reshape(3, 24, 2, 24, 2, 3).mean(axis=(2, 4))
    assert np.abs(crops - wanted).max() <= 0.5 + 1e-6
    same = cached_crops(pictures.table(), None, 48, tmp_path)
    np.testing.assert_array_equal(same, pictures.images)


def test_enlarged_pictures_are_interpolated():
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(resized(image, 8), cv2.resize(image, (8, 8)))


def test_other_points_rows_sizes_or_datasets_are_cut_anew(pictures, tmp_path):
    table = pictures.table()
    cached_crops(table, points_of(3), 24, tmp_path)
    cached_crops(table, points_of(3, shift=1), 24, tmp_path)
    cached_crops(table, None, 24, tmp_path)
    cached_crops(table, None, 16, tmp_path)
    cached_crops(pictures.table("other"), None, 24, tmp_path)
    reversed_rows = cached_crops(table.at(np.array([2, 1, 0])), None, 48, tmp_path)
    np.testing.assert_array_equal(reversed_rows, pictures.images[::-1])
    assert len(list((tmp_path / "crops").iterdir())) == 6


def test_failure_leaves_no_half_cut_crops(pictures, tmp_path):
    points = points_of(3)
    points[1] = 7
    with pytest.raises(SourceError, match=r"1\.png: cannot be aligned"):
        cached_crops(pictures.table(), points, 24, tmp_path)
    assert list((tmp_path / "crops").iterdir()) == []


def test_wrong_points_are_a_mistake(pictures, tmp_path):
    with pytest.raises(ValueError, match=r"points: expected \(3, 5, 2\), got \(2, 5, 2\)"):
        cached_crops(pictures.table(), points_of(2), 24, tmp_path)


def test_full_disk_is_told_before_cutting(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(SinkError, match="crops need"):
        cached_crops(pictures.table(), None, 24, tmp_path)
    assert pictures.reads == 0


def test_cache_that_cannot_be_written_is_named(pictures, tmp_path):
    (tmp_path / "crops").write_text("in the way")
    with pytest.raises(SinkError, match=r"toy-24-[\w-]+\.npy: cannot be written"):
        cached_crops(pictures.table(), None, 24, tmp_path)
