"""Missing, unreadable and duplicate pictures."""

import logging

import cv2
import numpy as np
import pytest

from engine.errors import ConfigError, SinkError, SourceError
from training.data.files import open_files
from training.data.pictures import (
    PictureConfig,
    copies,
    fingerprints,
    repeats,
    usable,
    without_copies,
)
from training.data.reading import FaceRow, reading_of


def reading(root, names, values=None):
    for name, value in (values or {}).items():
        cv2.imwrite(str(root / f"{name}.png"), np.full((4, 4, 3), value, np.uint8))
    rows = [FaceRow(f"{name}.png", 0, name) for name in names]
    return reading_of(open_files(root), "toy", ("a",), rows, labels_from="labels.txt")


@pytest.fixture
def half_bad(tmp_path):
    found = reading(tmp_path, "abcd", {"a": 1, "b": 2, "c": 3})
    (tmp_path / "b.png").write_bytes(b"no picture")
    return found


def test_few_bad_pictures_are_counted_named_and_skipped(half_bad, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        table = usable(half_bad, PictureConfig(missing_max=0.5), tmp_path / "cache")
    assert table.names.tolist() == ["a.png", "c.png"]
    assert [int(table.read(row)[0, 0, 0]) for row in range(2)] == [1, 3]
    assert "1 picture missing and 1 unreadable, 50.00% of the faces: d.png, b.png" in caplog.text


def test_too_many_bad_pictures_are_an_error(half_bad, tmp_path):
    with pytest.raises(SourceError, match=r"labels\.txt: 1 .* d\.png, b\.png; at most 49\.00%"):
        usable(half_bad, PictureConfig(missing_max=0.49), tmp_path / "cache")


def test_by_default_one_in_a_hundred_may_be_missing(tmp_path):
    names = [f"{number:03d}" for number in range(100)]
    values = {name: number for number, name in enumerate(names) if number}
    assert len(usable(reading(tmp_path, names, values), PictureConfig(), tmp_path / "c")) == 99
    with pytest.raises(SourceError, match="2 pictures missing"):
        usable(reading(tmp_path, [*names, "no"]), PictureConfig(), tmp_path / "c")


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_share_out_of_range_is_refused(share):
    with pytest.raises(ConfigError, match=r"data\.missing_max: must be"):
        PictureConfig(missing_max=share)


def test_mended_picture_is_used_the_next_time(half_bad, tmp_path):
    usable(half_bad, PictureConfig(missing_max=0.5), tmp_path / "cache")
    again = reading(tmp_path, "abcd", {"b": 2, "d": 4})
    assert len(usable(again, PictureConfig(), tmp_path / "cache")) == 4


def test_fingerprints_are_computed_once(tmp_path):
    table = reading(tmp_path, "ab", {"a": 1, "b": 2}).table
    first = fingerprints(table, tmp_path / "cache")
    (tmp_path / "a.png").unlink()
    np.testing.assert_array_equal(fingerprints(table, tmp_path / "cache"), first)
    assert len(list((tmp_path / "cache").rglob("*"))) == 2


def test_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(SinkError, match=r"fingerprints/toy-\w+\.npy: cannot be written"):
        fingerprints(reading(tmp_path, "a", {"a": 1}).table, tmp_path / "cache")


def test_identical_pixels_are_found_whatever_the_file(tmp_path):
    table = reading(tmp_path, "abcde", {"a": 1, "b": 2, "c": 1, "d": 2, "e": 3}).table
    digests = fingerprints(table, tmp_path / "cache")
    assert repeats(digests) == (2, 4)
    assert copies(digests, digests[:1]).tolist() == [True, False, True, False, False]


def test_pictures_of_another_shape_are_no_copies(tmp_path):
    for name, shape in {"a": (4, 6, 3), "b": (6, 4, 3)}.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full(shape, 7, np.uint8))
    assert repeats(fingerprints(reading(tmp_path, "ab").table, tmp_path / "cache")) == (0, 0)


def test_unreadable_pictures_are_no_copies_of_each_other():
    nothing = np.zeros((2, 16), np.uint8)
    assert repeats(nothing) == (0, 0)
    assert not copies(nothing, nothing).any()


def test_copies_of_held_out_pictures_leave_training(tmp_path):
    train = reading(tmp_path, "abc", {"a": 1, "b": 2, "c": 3}).table
    valid, test = (
        reading(tmp_path, n, v).table for n, v in (("de", {"d": 3, "e": 9}), ("f", {"f": 1}))
    )
    kept = without_copies(train, [valid, test], tmp_path / "cache")
    assert kept.names.tolist() == ["b.png"]
