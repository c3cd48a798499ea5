"""FER2013's one table."""

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.fer2013 import read_fer2013, read_fer2013_folders
from training.data.files import open_files
from training.data.registry import read_dataset


def row(emotion, value, usage):
    return f"{emotion},{' '.join([str(value)] * 2304)},{usage}"


def tree(root, *rows, header="emotion,pixels,Usage"):
    (root / "fer2013.csv").write_text("\n".join([header, *rows]) + "\n")
    return open_files(root)


def test_parts_labels_and_pixels_are_read(tmp_path):
    gradient = f"6,{' '.join(str(i % 256) for i in range(2304))},Training"
    files = tree(tmp_path, row(3, 7, "Training"), row(0, 9, "PublicTest"), gradient)
    table = read_fer2013(files, "Training").table
    assert [table.classes[label] for label in table.labels] == ["happiness", "neutral"]
    assert table.read(0).shape == (48, 48, 3)
    assert (table.read(0) == 7).all()
    np.testing.assert_array_equal(table.read(1)[1, :, 2], np.arange(48, 96))
    public = read_fer2013(files, "PublicTest").table
    assert [public.classes[label] for label in public.labels] == ["anger"]
    assert (public.read(0) == 9).all()
    with pytest.raises(SourceError, match="expected labelled faces, found none"):
        read_fer2013(files, "PrivateTest")


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (row(7, 1, "Training"), "expected an emotion 0 to 6, got '7'"),
        (row("", 1, "Training"), "expected an emotion 0 to 6"),
        (row(1, 256, "Training"), "expected 2304 gray values"),
        (row(1, -1, "Training"), "expected 2304 gray values"),
        (row(1, "x", "Training"), "expected 2304 gray values"),
        (row(1, 10**30, "Training"), "expected 2304 gray values"),
        ("1,1 2 3,Training", "expected 2304 gray values"),
        ("1,,Training", "expected 2304 gray values"),
        (row(1, 1, "Test"), "expected emotion, pixels and one of Training"),
        ("1,1", "expected emotion, pixels and one of Training"),
    ],
)
def test_malformed_row_is_named(tmp_path, bad, what):
    with pytest.raises(SourceError, match=rf"fer2013\.csv, line 3: {what}"):
        read_fer2013(tree(tmp_path, row(1, 1, "Training"), bad), "Training")


def test_other_columns_are_refused(tmp_path):
    with pytest.raises(SourceError, match=r"fer2013\.csv, line 1: expected the columns"):
        read_fer2013(tree(tmp_path, header="emotion,Usage,pixels"), "Training")


FOLDERS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def folders(root, *names, count=1):
    for part in ("train", "test"):
        for number, name in enumerate(names):
            (root / part / name).mkdir(parents=True)
            for face in range(count):
                gray = np.full((48, 48), 10 * number, np.uint8)
                cv2.imwrite(str(root / part / name / f"{part}_{face}.png"), gray)
    return open_files(root)


def test_folders_are_read_in_the_csvs_order_of_classes(tmp_path):
    table = read_fer2013_folders(folders(tmp_path, *FOLDERS), "train").table
    assert [table.classes[label] for label in table.labels] == [
        *("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    ]
    assert [int(table.read(row)[0, 0, 0]) for row in range(7)] == [0, 10, 20, 30, 50, 60, 40]
    assert table.read(0).shape == (48, 48, 3)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (FOLDERS[1:], "train: expected a folder for each class, none for anger"),
        ((*FOLDERS, "contempt"), "train/contempt: stands for no class; known here: angry, disg"),
        ((*FOLDERS, "Happy"), "train: expected one folder for happiness, got Happy and happy"),
    ],
)
def test_malformed_folders_are_named(tmp_path, names, says):
    with pytest.raises(SourceError, match=says):
        read_fer2013_folders(folders(tmp_path, *names), "train")


def test_folders_have_no_validation_part_and_hold_a_tenth_of_train_out(tmp_path):
    folders(tmp_path / "fer2013-folders", *FOLDERS, count=10)
    splits = [
        read_dataset("fer2013-folders", tmp_path, split, tmp_path / "cache")
        for split in ("train", "valid", "test")
    ]
    assert [len(table) for table in splits] == [63, 7, 70]
    assert not set(splits[0].names) & set(splits[1].names)
    assert np.bincount(splits[1].labels).tolist() == [1] * 7
