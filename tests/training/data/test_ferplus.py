"""FER+ votes: the reader, the two label rules, and the real pack's known counts."""

import numpy as np
import pytest

from engine.errors import SourceError
from training.data.ferplus import FOLDERS, distribution, majority, mostly_expression, parse_votes
from training.data.files import open_files
from training.data.pictures import copies, fingerprints, without_copies
from training.data.registry import read_dataset


def votes(*rows):
    return np.array(rows, np.float32)


def test_votes_are_read_in_order():
    rows = ['a.png,"(0, 0, 48, 48)",1,2,3,4,0,0,0,0,0,0', "b.png,x,0,0,0,0,0,0,0,0,3,7"]
    names, found = parse_votes(rows, "label.csv")
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
def test_malformed_row_is_named_with_file_and_line(row):
    with pytest.raises(SourceError, match=r"label\.csv, line 2: expected a name, a box and ten"):
        parse_votes(["a.png,box,1,2,3,4,0,0,0,0,0,0", row], "label.csv")


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


def test_face_is_mostly_an_expression_by_half_of_its_votes():
    rows = votes(
        [6, 0, 0, 0, 0, 0, 0, 0, 4, 0],
        [5, 0, 0, 0, 0, 0, 0, 0, 3, 2],  # half is not over half
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],  # no repeated vote
        [2, 1, 1, 1, 1, 0, 0, 0, 0, 4],
    )
    assert mostly_expression(rows).tolist() == [True, False, False, True]


@pytest.fixture(scope="module")
def files(packs):
    return open_files(packs("ferplus.zip"), "ferplus")


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [8733, 7284, 3136, 3022, 2098, 116, 536, 120]),
        ("valid", [1180, 862, 411, 348, 289, 25, 60, 16]),
        ("test", [1083, 892, 394, 382, 269, 16, 86, 15]),
    ],
)
def test_real_pack_has_the_published_majority_classes(files, split, counts):
    labels = majority(parse_votes(files.lines(f"{FOLDERS[split]}/label.csv"), split)[1])
    assert np.bincount(labels[labels >= 0], minlength=8).tolist() == counts
    assert sum(counts) == {"train": 25_045, "valid": 3_191, "test": 3_137}[split]


@pytest.mark.slow
def test_no_soft_training_picture_of_the_real_pack_is_held_out(packs, tmp_path):
    data = packs("ferplus.zip")
    tables = {split: read_dataset("ferplus-soft", data, split, tmp_path) for split in FOLDERS}
    train = without_copies(tables["train"], [tables["valid"], tables["test"]], tmp_path)
    assert 27_000 < len(train) < len(tables["train"]) < 28_558
    assert (train.labels >= 0).all()
    held_out = np.concatenate(
        [fingerprints(tables[split], tmp_path) for split in ("valid", "test")]
    )
    assert not copies(fingerprints(train, tmp_path), held_out).any()
