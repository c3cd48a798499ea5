"""Splits: official, held out, and leaving one group out."""

import numpy as np
import pytest

from engine.errors import ConfigError
from training.data.published import HISTOGRAMS
from training.data.splits import carved, official, one_out, stratified, whole_groups
from training.data.table import FaceTable, one_hot

SPLITS = ("train", "valid", "test")


def table_of(labels, groups, classes=7):
    labels = np.array(labels, np.intp)
    return FaceTable(
        dataset="toy",
        classes=tuple("abcdefgh"[:classes]),
        names=np.array([f"{row:06d}" for row in range(len(labels))]),
        labels=labels,
        shares=one_hot(labels, classes),
        affect=np.full((len(labels), 2), np.nan, np.float32),
        groups=np.array(groups, np.str_),
        read=lambda row: np.zeros((1, 1, 3), np.uint8),
    )


def by_part(**tables):
    return lambda part: tables[part]


def disjoint(*tables):
    names = [name for table in tables for name in table.names]
    return len(names) == len(set(names))


def test_tenth_of_raf_db_is_held_out_of_every_class_alike():
    histogram = HISTOGRAMS["raf-db"]["train"]
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(7), histogram))
    train, test = table_of(labels, labels), table_of([0, 1], ["a", "b"])
    plan, read = carved("train", "test"), by_part(train=train, test=test)
    fitted, valid = plan(read, "train", None), plan(read, "valid", None)
    assert len(fitted) + len(valid) == 12_271
    assert disjoint(fitted, valid)
    assert np.bincount(valid.labels).tolist() == [round(0.1 * count) for count in histogram]
    assert plan(read, "test", None) is test
    assert plan(read, "valid", None).names.tolist() == valid.names.tolist()


def test_drawn_rows_depend_on_the_seed_only():
    strata = np.array(["a"] * 50 + ["b"] * 50)
    first = stratified(strata, 0.2)
    np.testing.assert_array_equal(first, stratified(strata, 0.2))
    assert (first != stratified(strata, 0.2, seed=1)).any()
    assert first[:50].sum() == first[50:].sum() == 10


def test_videos_are_held_out_whole():
    groups = np.repeat([f"video{number}" for number in range(20)], 5)
    table = table_of([0] * 100, groups)
    plan = carved("train", "test", by_group=True)
    fitted, valid = (plan(by_part(train=table), split, None) for split in ("train", "valid"))
    assert set(fitted.groups) | set(valid.groups) == set(groups)
    assert not set(fitted.groups) & set(valid.groups)
    assert len(valid) == 10
    assert whole_groups(np.array(["a", "b"]), 0.1).sum() == 1


def test_official_parts_are_taken_as_they_are():
    tables = {part: table_of([0], [part]) for part in ("Training", "PublicTest")}
    plan = official(train="Training", valid="PublicTest")
    assert plan(by_part(**tables), "valid", None) is tables["PublicTest"]
    with pytest.raises(ConfigError, match="split: this dataset has only train, valid, got test"):
        plan(by_part(**tables), "test", None)
    with pytest.raises(ConfigError, match="fold: this dataset has splits of its own, got KA"):
        plan(by_part(**tables), "train", "KA")


def test_every_subject_is_left_out_once_and_chooses_once():
    subjects = np.repeat(["KA", "KL", "YM"], 7)
    table = table_of(list(range(7)) * 3, subjects)
    plan, read = one_out("all"), by_part(all=table)
    judged, chosen = [], []
    for fold in ("KA", "KL", "YM"):
        parts = [plan(read, split, fold) for split in SPLITS]
        assert [len(set(part.groups)) for part in parts] == [1, 1, 1]
        assert disjoint(*parts)
        assert sum(map(len, parts)) == 21
        assert set(parts[2].groups) == {fold}
        judged += parts[2].names.tolist()
        chosen += parts[1].names.tolist()
    assert sorted(judged) == sorted(chosen) == sorted(table.names)


@pytest.mark.parametrize("fold", [None, "XX"])
def test_unknown_subject_lists_the_subjects(fold):
    table = table_of([0, 1], ["KA", "KL"])
    with pytest.raises(ConfigError, match=r"fold: toy leaves one group out.* KA, KL, got"):
        one_out("all")(by_part(all=table), "test", fold)


def test_random_split_is_stratified_by_character_and_class():
    groups = np.repeat(["aia", "ray"], 700)
    table = table_of(np.tile(np.repeat(np.arange(7), 100), 2), groups)
    plan, read = one_out("all", random_share=0.2), by_part(all=table)
    train, valid, test = (plan(read, split, None) for split in SPLITS)
    assert disjoint(train, valid, test)
    assert len(train) + len(valid) + len(test) == 1400
    for character in ("aia", "ray"):
        assert np.bincount(test.labels[test.groups == character]).tolist() == [20] * 7
        assert np.bincount(valid.labels[valid.groups == character]).tolist() == [8] * 7
    assert set(plan(read, "test", "ray").groups) == {"ray"}
