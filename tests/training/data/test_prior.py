"""Prior distributions: averages of votes, other data sets, and the real label file."""

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError
from training.data.classes import AFF_WILD2, AFFECTNET_8, FER_PLUS, RAF_DB
from training.data.ferplus import distribution, majority, parse_votes
from training.data.prior import FER_PLUS_PRIOR, ferplus_prior, prior, remap

PRINTED = np.array(FER_PLUS_PRIOR, np.float32)


def test_row_is_the_mean_share_of_its_classs_faces():
    shares = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]], np.float32)
    said = prior(shares, np.array([0, 0, 1, -1]))
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, [[0.7, 0.3], [0.1, 0.9]], atol=1e-6)


def test_class_without_faces_is_named():
    with pytest.raises(ValueError, match="labels: no face of class 1, 2"):
        prior(np.ones((2, 3), np.float32) / 3, np.array([0, -1]))


def test_single_votes_and_no_unknown_ones_reach_the_ferplus_prior():
    votes = np.zeros((8, 10), np.float32)
    votes[np.arange(8), np.arange(8)] = 6
    votes[0] = [6, 1, 1, 0, 0, 0, 0, 0, 2, 0]
    said = ferplus_prior(votes)
    np.testing.assert_allclose(said[0], [0.75, 0.125, 0.125, 0, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_array_equal(said[1:], np.eye(8)[1:])


def test_printed_prior_is_a_prior():
    np.testing.assert_allclose(PRINTED.sum(1), 1, atol=3e-4)
    assert (PRINTED.argmax(1) == np.arange(8)).all()


def test_remapped_prior_follows_the_names():
    said = remap(PRINTED, FER_PLUS, AFFECTNET_8)
    order = [0, 1, 3, 2, 6, 5, 4, 7]
    np.testing.assert_allclose(said, PRINTED[np.ix_(order, order)], atol=3e-4)
    np.testing.assert_allclose(remap(said, AFFECTNET_8, FER_PLUS), PRINTED, atol=3e-4)


def test_rafdb_prior_is_the_ferplus_rows_without_contempt():
    said = remap(PRINTED, FER_PLUS, RAF_DB)
    order = [2, 6, 5, 1, 3, 4, 0]
    assert said.shape == (7, 7)
    assert said.dtype == np.float32
    np.testing.assert_allclose(said.sum(1), 1, atol=1e-6)
    kept = PRINTED[np.ix_(order, order)]
    np.testing.assert_allclose(said, kept / kept.sum(1, keepdims=True), atol=1e-6)
    assert (said.argmax(1) == np.arange(7)).all()


def test_surprise_in_rafdb_is_most_like_fear():
    row = remap(PRINTED, FER_PLUS, RAF_DB)[RAF_DB.index("surprise")]
    others = {word: row[place] for place, word in enumerate(RAF_DB) if word != "surprise"}
    assert max(others, key=others.get) == "fear"


def test_class_that_nobody_voted_on_is_named():
    with pytest.raises(ConfigError, match="loss: no votes for other; choose ce"):
        remap(PRINTED, FER_PLUS, AFF_WILD2)


@pytest.fixture(scope="module")
def votes(packs, tmp_path_factory):
    """Training votes of the folder export, whose labels differ from the authors' on duplicates."""
    pack = packs("ferplus.zip") / "ferplus.zip"
    folder = tmp_path_factory.mktemp("ferplus")
    with zipfile.ZipFile(pack) as zipped:
        path = zipped.extract("FER2013Train/label.csv", folder)
    return parse_votes(Path(path).read_text().splitlines(), path)[1]


def test_prior_of_the_folder_export_is_a_prior(votes):
    said = ferplus_prior(votes)
    np.testing.assert_allclose(said.sum(1), 1, atol=1e-6)
    assert (said.argmax(1) == np.arange(8)).all()


def test_prior_of_the_folder_export_is_the_printed_one_but_for_its_other_labels(votes):
    """Classes with thousands of faces agree to 1e-3 where labels agree; 116 disgusts do not."""
    off = dict(zip(FER_PLUS, np.abs(ferplus_prior(votes) - PRINTED).max(1), strict=True))
    assert all(off[word] < 1e-3 for word in ("neutral", "happiness", "sadness")), off
    assert all(off[word] < 5e-3 for word in ("surprise", "anger", "fear")), off
    assert all(off[word] < 1.3e-2 for word in ("disgust", "contempt")), off


def test_printed_prior_counts_single_votes(votes):
    labels = majority(votes)
    known = labels >= 0
    dropped = prior(distribution(votes[known]), labels[known])
    assert np.abs(dropped - PRINTED).max() > 0.1


def test_prior_of_the_authors_label_file_is_the_printed_one(packs):
    path = packs("fer2013new.csv") / "fer2013new.csv"
    with path.open(newline="") as file:
        rows = [row[2:] for row in csv.reader(file) if row[0] == "Training" and row[1]]
    np.testing.assert_allclose(ferplus_prior(np.array(rows, np.float32)), PRINTED, atol=1e-3)
