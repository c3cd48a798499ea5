"""Tables of several datasets brought to the classes of the first."""

import logging

import numpy as np
import pytest

from engine.errors import ConfigError
from training.data.classes import AFF_WILD2, AFFECTNET_8, RAF_DB
from training.data.merged import merged
from training.data.table import FaceTable, joined, one_hot

UNKNOWN = (np.nan, np.nan)


def table_of(dataset, classes, labels, affect=UNKNOWN):
    labels = np.array(labels, np.intp)
    rows = len(labels)
    return FaceTable(
        dataset=dataset,
        classes=classes,
        names=np.array([f"{row}.jpg" for row in range(rows)]),
        labels=labels,
        shares=one_hot(labels, len(classes)),
        affect=np.broadcast_to(np.array(affect, np.float32), (rows, 2)).copy(),
        groups=np.array([f"video{row // 2}" for row in range(rows)]),
        read=lambda row: np.full((1, 1, 3), row, np.uint8),
        labels_from=f"{dataset}/labels",
    )


def test_alone_a_table_stays_as_it_is():
    main = table_of("raf-db", RAF_DB, range(7))
    assert merged(main, []) == (main,)


def test_added_faces_have_the_main_datasets_classes():
    main, added = table_of("aff", AFF_WILD2, range(8)), table_of("net", AFFECTNET_8, range(8))
    table = joined(merged(main, [added]))
    assert table.classes == AFF_WILD2
    # Of the specification, section 3: contempt becomes "other".
    assert table.labels.tolist() == [*range(8), 0, 4, 5, 6, 3, 2, 1, 7]
    assert np.array_equal(table.shares, one_hot(table.labels, 8))
    assert [int(table.image(row)[0, 0, 0]) for row in (0, 7, 8, 15)] == [0, 7, 0, 7]
    assert table.labels_from == "aff/labels, net/labels"


def test_groups_and_names_of_two_datasets_never_meet():
    parts = merged(table_of("a", RAF_DB, [0, 1, 2]), [table_of("b", RAF_DB, [0, 1, 2])])
    assert not set(parts[0].groups) & set(parts[1].groups)
    assert parts[1].groups.tolist() == ["b/video0", "b/video0", "b/video1"]
    assert parts[0].names.tolist() == ["a/0.jpg", "a/1.jpg", "a/2.jpg"]


def test_faces_of_a_class_that_the_main_dataset_lacks_are_left_out_and_counted(caplog):
    added = table_of("net", AFFECTNET_8, [7, 0, 7, 1])
    with caplog.at_level(logging.INFO):
        _, fitted = merged(table_of("raf-db", RAF_DB, range(7)), [added])
    assert fitted.names.tolist() == ["net/1.jpg", "net/3.jpg"]
    assert "net adds 2 faces; 2 left out that raf-db has no place for: contempt 2" in caplog.text


def test_dataset_without_a_face_for_the_main_ones_classes_is_refused():
    added = table_of("net", AFFECTNET_8, [7, 7])
    with pytest.raises(ConfigError, match=r"data\.also: net has no face that fits raf-db, whose"):
        merged(table_of("raf-db", RAF_DB, range(7)), [added])


def test_where_no_face_has_a_class_faces_without_valence_and_arousal_are_left_out(caplog):
    main = table_of("va", AFF_WILD2, [-1, -1], affect=(0.5, 0.5))
    added = table_of("net", AFFECTNET_8, range(3), affect=(-0.5, 0.25))
    added.affect[1] = UNKNOWN
    with caplog.at_level(logging.INFO):
        _, fitted = merged(main, [added])
    assert fitted.names.tolist() == ["net/0.jpg", "net/2.jpg"]
    assert "1 left out that va has no place for: no valence and arousal 1" in caplog.text
