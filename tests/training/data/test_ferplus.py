"""FER+ votes: the reader, the two label rules, and the real pack's known counts."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import SinkError, SourceError
from engine.labels import VALENCE_AROUSAL
from training.data.ferplus import (
    FOLDERS,
    FerPlus,
    distribution,
    majority,
    read_ferplus,
    read_votes,
    valence_arousal,
    without_duplicates,
)

CACHE = Path(__file__).parents[3] / "cache"


def votes(*rows):
    return np.array(rows, np.float32)


def test_votes_are_read_in_order(tmp_path):
    path = tmp_path / "label.csv"
    path.write_text('a.png,"(0, 0, 48, 48)",1,2,3,4,0,0,0,0,0,0\nb.png,x,0,0,0,0,0,0,0,0,3,7\n')
    names, found = read_votes(path)
    assert names == ["a.png", "b.png"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], [1, 2, 3, 4, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(found[1, 8:], [3, 7])


@pytest.mark.parametrize(
    "row",
    [
        "b.png,box,1,2,3,4,0,0,0,0,0",
        "b.png,box,1,2,3,4,0,0,0,0,0,0,0",
        "b.png,box,1,2,x,4,0,0,0,0,0,0",
        "b.png,box,1,2,-3,4,0,0,0,0,0,0",
        "b.png,box,1,2,,4,0,0,0,0,0,0",
    ],
)
def test_malformed_row_is_named_with_file_and_line(tmp_path, row):
    path = tmp_path / "label.csv"
    path.write_text(f"a.png,box,1,2,3,4,0,0,0,0,0,0\n{row}\n")
    with pytest.raises(SourceError, match=r"label\.csv, line 2: expected a name, a box and ten"):
        read_votes(path)


def test_missing_labels_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"label\.csv: missing; is the FER\+ pack complete\?"):
        read_votes(tmp_path / "label.csv")


def test_missing_pack_is_named(tmp_path):
    with pytest.raises(SourceError, match="data pack ferplus: neither"):
        read_ferplus("train", tmp_path, tmp_path)


@pytest.fixture
def folder(tmp_path):
    """Give the folder of a validation split of one picture."""
    folder = tmp_path / "ferplus" / "FER2013Valid"
    folder.mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    cv2.imwrite(str(folder / "a.png"), picture)
    (folder / "label.csv").write_text("a.png,box,1,9,0,0,0,0,0,0,0,0\n")
    return folder


def test_cache_that_cannot_be_written_is_named(tmp_path, folder):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(SinkError, match=r"ferplus/valid\.npy: cannot be written"):
        read_ferplus("valid", tmp_path, tmp_path / "cache")


def test_pictures_are_decoded_once(tmp_path, folder):
    picture = cv2.imread(str(folder / "a.png"), cv2.IMREAD_GRAYSCALE)
    split = read_ferplus("valid", tmp_path, tmp_path / "cache")
    np.testing.assert_array_equal(split.image(0), np.repeat(picture[..., None], 3, axis=2))
    (folder / "a.png").unlink()
    again = read_ferplus("valid", tmp_path, tmp_path / "cache")
    np.testing.assert_array_equal(again.images, split.images)


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ([8, 2, 0, 0, 0, 0, 0, 0, 0, 0], 0),
        ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], -1),  # half is no majority
        ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], -1),
        ([1, 1, 1, 1, 4, 1, 1, 0, 0, 0], 4),  # single votes do not count
        ([0, 1, 0, 0, 0, 0, 0, 0, 9, 0], -1),  # unknown
        ([0, 1, 0, 0, 0, 0, 0, 0, 0, 9], -1),  # not a face
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], -1),
    ],
)
def test_majority_needs_more_than_half_of_the_repeated_votes(row, label):
    assert majority(votes(row)) == [label]


def test_distribution_is_over_expressions_without_single_votes():
    shares = distribution(votes([3, 1, 0, 0, 3, 0, 0, 0, 2, 1], [1, 1, 0, 0, 0, 0, 0, 0, 8, 0]))
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares, [[0.5, 0, 0, 0, 0.5, 0, 0, 0], np.zeros(8)])


def test_one_hot_class_lies_at_its_published_place():
    places = valence_arousal(np.eye(8, dtype=np.float32))
    assert places.dtype == np.float32
    np.testing.assert_allclose(places, list(VALENCE_AROUSAL.values()), atol=1e-7)
    assert tuple(places[1]) == pytest.approx((0.81, 0.51))
    mixed = valence_arousal(np.array([[0.5, 0.5, 0, 0, 0, 0, 0, 0]], np.float32))
    np.testing.assert_allclose(mixed, [[0.405, 0.255]], atol=1e-6)


def split_of(*values):
    images = np.stack([np.full((48, 48), value, np.uint8) for value in values])
    names = np.array([f"{value}.png" for value in values])
    return FerPlus(names, images, np.zeros((len(values), 10), np.float32))


def test_pictures_seen_in_held_out_splits_are_dropped():
    kept = without_duplicates(split_of(1, 2, 3, 4, 2), [split_of(2, 9), split_of(4)])
    assert list(kept.names) == ["1.png", "3.png"]
    assert (kept.images[:, 0, 0] == [1, 3]).all()


@pytest.fixture(scope="module")
def tables(packs, tmp_path_factory):
    """The real pack's three ``label.csv``, read from the zip without its pictures."""
    pack = packs("ferplus.zip") / "ferplus.zip"
    folder = tmp_path_factory.mktemp("ferplus")
    with zipfile.ZipFile(pack) as zipped:
        for name in FOLDERS.values():
            zipped.extract(f"{name}/label.csv", folder)
    return {split: folder / name / "label.csv" for split, name in FOLDERS.items()}


@pytest.fixture(scope="module")
def pack(packs):
    """The real pack with its pictures."""
    if not any(CACHE.glob("ferplus/*.npy")):
        pytest.skip("the FER+ pictures were never decoded into cache/ferplus by fer-train")
    data = packs("ferplus.zip")
    return {split: read_ferplus(split, data, CACHE) for split in FOLDERS}


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [8733, 7284, 3136, 3022, 2098, 116, 536, 120]),
        ("valid", [1180, 862, 411, 348, 289, 25, 60, 16]),
        ("test", [1083, 892, 394, 382, 269, 16, 86, 15]),
    ],
)
def test_real_pack_has_the_published_majority_classes(tables, split, counts):
    labels = majority(read_votes(tables[split])[1])
    assert np.bincount(labels[labels >= 0], minlength=8).tolist() == counts
    assert sum(counts) == {"train": 25_045, "valid": 3_191, "test": 3_137}[split]


def test_no_training_picture_of_the_real_pack_is_held_out(pack):
    train = without_duplicates(pack["train"], [pack["valid"], pack["test"]])
    assert 27_000 < len(train) < len(pack["train"]) == 28_558
    held_out = {image.tobytes() for split in ("valid", "test") for image in pack[split].images}
    assert not any(image.tobytes() in held_out for image in train.images)
