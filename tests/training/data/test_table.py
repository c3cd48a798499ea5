"""Tables of faces: choosing rows and putting tables together."""

import numpy as np
import pytest

from training.data.table import FaceTable, joined, one_hot


def table_of(*values, dataset="toy", classes=("a", "b")):
    labels = np.array([value % 2 for value in values], np.intp)
    return FaceTable(
        dataset=dataset,
        classes=classes,
        names=np.array([f"{value}" for value in values]),
        labels=labels,
        shares=one_hot(labels, 2),
        affect=np.array([[value, 0] for value in values], np.float32).reshape(-1, 2),
        groups=np.array([f"{value // 10}" for value in values]),
        read=lambda row: np.full((1, 1, 3), values[row], np.uint8),
        labels_from=f"{dataset}.csv",
    )


@pytest.mark.parametrize("chosen", [np.array([2, 0]), np.array([True, False, True])])
def test_chosen_rows_keep_their_pictures(chosen):
    table = table_of(10, 11, 25).at(chosen)
    assert sorted(table.names.tolist()) == ["10", "25"]
    for row, name in enumerate(table.names):
        assert table.read(row)[0, 0, 0] == table.affect[row, 0] == int(name)
    assert table.labels_from == "toy.csv"


def test_choosing_twice_is_choosing_once():
    table = table_of(1, 2, 3, 4).at(np.array([3, 1, 0])).at(np.array([False, True, True]))
    assert table.names.tolist() == ["2", "1"]
    assert [int(table.read(row)[0, 0, 0]) for row in range(2)] == [2, 1]


def test_joined_tables_keep_their_pictures_and_name_their_sources():
    table = joined([table_of(1, 2), table_of(3, dataset="more").at(np.array([0])), table_of(4)])
    assert [int(table.read(row)[0, 0, 0]) for row in range(4)] == [1, 2, 3, 4]
    assert table.names.tolist() == ["1", "2", "3", "4"]
    assert table.dataset == "toy+more"
    assert table.labels_from == "toy.csv, more.csv"


def test_tables_of_other_classes_do_not_join():
    with pytest.raises(ValueError, match="same classes"):
        joined([table_of(1), table_of(2, classes=("b", "a"))])
    with pytest.raises(ValueError, match="at least one"):
        joined([])


def test_shape_of_a_field_is_checked_by_name():
    with pytest.raises(ValueError, match=r"shares: expected \(1, 3\), got \(1, 2\)"):
        table_of(1, classes=("a", "b", "c"))


def test_unlabelled_rows_have_no_shares():
    assert one_hot(np.array([1, -1]), 2).tolist() == [[0, 1], [0, 0]]
