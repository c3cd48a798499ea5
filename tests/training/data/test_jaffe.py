"""JAFFE on generated trees of the real form."""

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.files import open_files
from training.data.jaffe import read_jaffe
from training.data.published import HISTOGRAMS

SUBJECTS = ["KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM"]


def test_subject_and_expression_are_in_the_name(tmp_path):
    for value, name in enumerate(["KA.AN1.39.tiff", "KL.HA2.160.tiff", "KA.NE3.28.tiff"]):
        cv2.imwrite(str(tmp_path / name), np.full((256, 256), value, np.uint8))
    (tmp_path / "README_FIRST.txt").touch()
    table = read_jaffe(open_files(tmp_path)).table
    words = [table.classes[label] for label in table.labels]
    assert dict(zip(table.names.tolist(), words, strict=True)) == {
        "KA.AN1.39.tiff": "anger",
        "KA.NE3.28.tiff": "neutral",
        "KL.HA2.160.tiff": "happiness",
    }
    assert table.groups.tolist() == ["KA", "KA", "KL"]
    assert table.read(2).shape == (256, 256, 3)
    assert (table.read(2) == 1).all()


def test_whole_dataset_has_the_published_counts(tmp_path):
    codes = {"AN": 30, "DI": 29, "FE": 32, "HA": 31, "NE": 30, "SA": 31, "SU": 30}
    number = 0
    for code, count in codes.items():
        for face in range(count):
            number += 1
            take = face // 10 + 1
            (tmp_path / f"{SUBJECTS[face % 10]}.{code}{take}.{number}.tiff").touch()
    table = read_jaffe(open_files(tmp_path)).table
    assert len(table) == 213
    assert set(table.groups) == set(SUBJECTS)
    assert tuple(np.bincount(table.labels)) == HISTOGRAMS["jaffe"]["all"]


@pytest.mark.parametrize("name", ["KA.XX1.39.tiff", "K.AN1.39.tiff", "KA.AN.39.tiff", "x.tiff"])
def test_other_name_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match=rf"{name}: expected a name like KA\.AN1\.39\.tiff"):
        read_jaffe(open_files(tmp_path))


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(SourceError, match="expected labelled faces, found none"):
        read_jaffe(open_files(tmp_path))
