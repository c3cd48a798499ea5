"""AffectNet on generated trees of the real form."""

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.affectnet import read_affectnet
from training.data.classes import AFFECTNET_7, AFFECTNET_8
from training.data.files import open_files


def add(root, face, expression, valence="0.5", arousal="-0.25", part="train_set", **values):
    notes, images = root / part / "annotations", root / part / "images"
    notes.mkdir(parents=True, exist_ok=True)
    images.mkdir(parents=True, exist_ok=True)
    for kind, value in {"exp": expression, "val": valence, "aro": arousal, **values}.items():
        np.save(notes / f"{face}_{kind}.npy", np.array(value))
    cv2.imwrite(str(images / f"{face}.jpg"), np.full((8, 8, 3), 100, np.uint8))


@pytest.fixture
def root(tmp_path):
    for label in range(11):
        # The release stores text; other copies store numbers.
        add(tmp_path, label, str(label) if label % 2 else label, lnd=np.zeros(136))
    return tmp_path


def test_expressions_and_affect_are_read_from_text_and_numbers(root):
    reading = read_affectnet(open_files(root), "train_set")
    words = dict(zip(reading.table.groups, reading.table.labels, strict=True))
    assert {face: AFFECTNET_8[label] for face, label in words.items()} == {
        str(label): word for label, word in enumerate(AFFECTNET_8)
    }
    np.testing.assert_array_equal(reading.table.affect, [[0.5, -0.25]] * 8)
    assert reading.left_out == {"no expression": 1, "uncertain": 1, "no face": 1}
    assert reading.table.read(0).shape == (8, 8, 3)


def test_seven_classes_leave_contempt_out(root):
    reading = read_affectnet(open_files(root), "train_set", AFFECTNET_7)
    assert sorted(reading.table.labels) == list(range(7))
    assert reading.left_out["contempt"] == 1
    assert reading.table.dataset == "affectnet-7"


def test_invalid_affect_is_unknown(tmp_path):
    add(tmp_path, "a", "0", valence="-2", arousal="0.5")
    add(tmp_path, "b", "0", valence=0.5, arousal=-2.0)
    add(tmp_path, "c", "0", valence="-1", arousal="1")
    affect = read_affectnet(open_files(tmp_path), "train_set").table.affect
    assert np.isnan(affect[:2]).all()
    assert affect[2].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("kind", "value", "what"),
    [
        ("exp", "11", "expected an expression 0 to 10, got 11"),
        ("exp", "1.5", "expected an expression"),
        ("exp", "nan", "expected an expression"),
        ("exp", "happy", "expected one number"),
        ("exp", [1, 2], "expected one number"),
        ("val", "1.5", "expected -1 to 1, or -2 for none, got 1.5"),
        ("aro", "nan", "expected -1 to 1"),
    ],
)
def test_malformed_annotation_is_named(tmp_path, kind, value, what):
    add(tmp_path, "a", "0", **{kind: value} if kind != "exp" else {})
    if kind == "exp":
        np.save(tmp_path / "train_set" / "annotations" / "a_exp.npy", np.array(value))
    with pytest.raises(SourceError, match=rf"annotations/a_{kind}\.npy: {what}"):
        read_affectnet(open_files(tmp_path), "train_set")


def test_pickled_annotation_is_refused(tmp_path):
    add(tmp_path, "a", "0")
    path = tmp_path / "train_set" / "annotations" / "a_exp.npy"
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(SourceError, match=r"a_exp\.npy: expected a plain \.npy array"):
        read_affectnet(open_files(tmp_path), "train_set")


def test_missing_annotation_is_named(tmp_path):
    add(tmp_path, "a", "0")
    (tmp_path / "train_set" / "annotations" / "a_aro.npy").unlink()
    with pytest.raises(SourceError, match=r"a_aro\.npy: missing"):
        read_affectnet(open_files(tmp_path), "train_set")


def test_missing_picture_is_named(tmp_path):
    add(tmp_path, "a", "0")
    add(tmp_path, "b", "1")
    (tmp_path / "train_set" / "images" / "a.jpg").unlink()
    reading = read_affectnet(open_files(tmp_path), "train_set")
    assert reading.missing == ("train_set/images/a.jpg",)
    assert reading.table.labels.tolist() == [1]


def test_absent_part_is_named(tmp_path):
    with pytest.raises(SourceError, match="val_set/annotations: expected labelled faces"):
        read_affectnet(open_files(tmp_path), "val_set")
