"""Class orders and the maps between them, against the literal maps of the specification."""

import numpy as np
import pytest

from engine.labels import EXPRESSIONS
from training.data.classes import (
    AFF_WILD2,
    AFFECTNET_7,
    AFFECTNET_8,
    EXPW,
    FER2013,
    FER_PLUS,
    FERG,
    JAFFE,
    OTHER,
    RAF_DB,
    class_map,
    remap,
    remapped,
    rows_of,
)
from training.data.table import FaceTable, one_hot


def table_of(labels, classes, shares=None):
    labels = np.array(labels, np.intp)
    names = np.array([f"{row}" for row in range(len(labels))])
    return FaceTable(
        dataset="toy",
        classes=classes,
        names=names,
        labels=labels,
        shares=one_hot(labels, len(classes)) if shares is None else np.array(shares, np.float32),
        affect=np.zeros((len(labels), 2), np.float32),
        groups=names,
        read=lambda row: np.full((1, 1, 3), row, np.uint8),
    )


def test_orders_are_the_specified_ones():
    short = {
        "surprise": "Su",
        "fear": "Fe",
        "disgust": "Di",
        "happiness": "Ha",
        "sadness": "Sa",
        "anger": "An",
        "neutral": "Ne",
        "contempt": "Co",
        OTHER: "Ot",
    }
    orders = {
        "Su Fe Di Ha Sa An Ne": RAF_DB,
        "An Di Fe Ha Sa Su Ne": FER2013,
        "Ne Ha Su Sa An Di Fe Co": FER_PLUS,
        "Ne Ha Sa Su Fe Di An Co": AFFECTNET_8,
        "Ne Ha Sa Su Fe Di An": AFFECTNET_7,
        "Ne An Di Fe Ha Sa Su Ot": AFF_WILD2,
        "Ne Ha Sa Su An Di Fe": tuple(JAFFE.values()),
        "An Di Fe Ha Ne Sa Su": tuple(FERG.values()),
    }
    for order, classes in orders.items():
        assert " ".join(short[word] for word in classes) == order
    assert EXPW == FER2013
    assert FER_PLUS == EXPRESSIONS


def test_maps_are_the_specified_ones():
    assert rows_of(FER_PLUS, RAF_DB) == [2, 6, 5, 1, 3, 4, 0]
    assert rows_of(FER_PLUS, AFFECTNET_8) == [0, 1, 3, 2, 6, 5, 4, 7]
    assert class_map(EXPW, AFF_WILD2) == {0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 0}
    assert class_map(AFFECTNET_8, AFF_WILD2) == {0: 0, 1: 4, 2: 5, 3: 6, 4: 3, 5: 2, 6: 1, 7: 7}


def test_rows_of_a_class_that_is_not_there_are_refused():
    with pytest.raises(ValueError, match="contempt"):
        rows_of(RAF_DB, FER_PLUS)


def test_labels_are_remapped_and_unknown_ones_marked():
    labels = np.array([0, 7, 2, -1], np.intp)
    assert remap(labels, FER_PLUS, RAF_DB).tolist() == [6, -1, 0, -1]
    assert remap(labels, AFFECTNET_8, AFF_WILD2).tolist() == [0, 7, 5, -1]


def test_there_and_back_is_the_identity():
    labels = np.arange(7)
    for target in (FER_PLUS, AFFECTNET_7, AFF_WILD2):
        assert remap(remap(labels, RAF_DB, target), target, RAF_DB).tolist() == labels.tolist()


def test_tables_lose_the_faces_the_target_has_no_class_for():
    kept = remapped(table_of([7, 1, -1, 2], FER_PLUS), RAF_DB)
    assert kept.classes == RAF_DB
    assert kept.labels.tolist() == [3, -1, 0]
    assert kept.names.tolist() == ["1", "2", "3"]
    assert kept.read(0)[0, 0, 0] == 1
    np.testing.assert_array_equal(kept.shares, one_hot(kept.labels, 7))


def test_vote_shares_follow_their_words_and_sum_to_one():
    shares = np.zeros((1, 8))
    shares[0, [1, 7, 3]] = 0.5, 0.2, 0.3
    toward_raf = remapped(table_of([1], FER_PLUS, shares), RAF_DB).shares[0]
    np.testing.assert_allclose(toward_raf[[3, 4]], [0.625, 0.375], atol=1e-6)
    assert toward_raf.sum() == pytest.approx(1)
    toward_wild = remapped(table_of([1], FER_PLUS, shares), AFF_WILD2).shares[0]
    np.testing.assert_allclose(toward_wild[[4, 5, 7]], [0.5, 0.3, 0.2], atol=1e-6)
