"""RAF-DB on generated trees of the real form."""

import itertools

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.classes import RAF_DB
from training.data.files import open_files
from training.data.published import HISTOGRAMS
from training.data.rafdb import read_labels, read_rafdb, read_rafdb_folders
from training.data.registry import read_dataset


def tree(root, lines, pictures=True):
    (root / "EmoLabel").mkdir(parents=True, exist_ok=True)
    (root / "EmoLabel" / "list_patition_label.txt").write_text("".join(f"{x}\n" for x in lines))
    folder = root / "Image" / "aligned"
    folder.mkdir(parents=True, exist_ok=True)
    for number, line in enumerate(lines):
        name = line.split()[0].replace(".jpg", "_aligned.jpg")
        if pictures:
            cv2.imwrite(str(folder / name), np.full((100, 100, 3), 10 * number, np.uint8))
    return open_files(root)


def test_labels_pictures_and_parts_are_joined(tmp_path):
    files = tree(tmp_path, ["train_00001.jpg 5", "test_0001.jpg 7", "train_00002.jpg 1"])
    table = read_rafdb(files, "train").table
    assert table.classes == RAF_DB
    assert [table.classes[label] for label in table.labels] == ["sadness", "surprise"]
    assert [int(table.read(row).mean()) for row in range(2)] == [0, 20]
    assert table.labels_from.endswith("EmoLabel/list_patition_label.txt")
    test = read_rafdb(files, "test").table
    assert [test.classes[label] for label in test.labels] == ["neutral"]


def test_full_list_gives_the_published_counts(tmp_path):
    lines = []
    for part, histogram in HISTOGRAMS["raf-db"].items():
        for label, count in enumerate(histogram, 1):
            lines += [f"{part}_{label}{number:05d}.jpg {label}" for number in range(count)]
    np.random.default_rng(0).shuffle(lines)
    files = tree(tmp_path, lines, pictures=False)
    found = read_labels(files)
    assert len(found) == 12_271 + 3_068
    for part, histogram in HISTOGRAMS["raf-db"].items():
        labels = [label for stem, label in found if stem.startswith(part)]
        assert tuple(np.bincount(labels)) == histogram
        assert len(read_rafdb(files, part).missing) == sum(histogram)


@pytest.mark.parametrize(
    "line",
    [
        "train_2.jpg 8",
        "train_2.jpg 0",
        "train_2.jpg",
        "valid_2.jpg 1",
        "train_2.png 1",
        "",
        "x y z",
    ],
)
def test_malformed_line_is_named(tmp_path, line):
    (tmp_path / "EmoLabel").mkdir()
    labels = tmp_path / "EmoLabel" / "list_patition_label.txt"
    labels.write_text(f"train_1.jpg 1\n{line}\n")
    with pytest.raises(SourceError, match=r"list_patition_label\.txt, line 2: expected"):
        read_rafdb(open_files(tmp_path), "train")


def test_missing_list_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"list_patition_label\.txt: missing"):
        read_rafdb(open_files(tmp_path), "train")


def test_face_labelled_twice_is_named(tmp_path):
    files = tree(tmp_path, ["train_1.jpg 1", "train_2.jpg 1", "train_1.jpg 2"])
    with pytest.raises(SourceError, match=r"train_1_aligned\.jpg is there 2 times"):
        read_rafdb(files, "train")


def test_missing_picture_is_named_and_left_out(tmp_path):
    tree(tmp_path, ["train_1.jpg 1", "train_2.jpg 3"])
    (tmp_path / "Image" / "aligned" / "train_1_aligned.jpg").unlink()
    reading = read_rafdb(open_files(tmp_path), "train")
    assert reading.missing == ("Image/aligned/train_1_aligned.jpg",)
    assert reading.table.labels.tolist() == [2]
    assert int(reading.table.read(0).mean()) == 10


def folders(root, *names, part="train"):
    """Write a picture, as gray as its folder is late, into each folder."""
    for number, name in enumerate(names):
        path = root / part / name
        path.mkdir(parents=True)
        cv2.imwrite(str(path / "a.png"), np.full((100, 100, 3), 20 * number, np.uint8))
    return open_files(root)


NAMES = ("Neutral", "anger", "sad", "Happiness", "disgust", "fear", "surprise")


@pytest.mark.parametrize("names", ["7654321", NAMES])
def test_class_folders_are_known_by_name_and_not_by_order(tmp_path, names):
    table = read_rafdb_folders(folders(tmp_path, *names), "train").table
    assert table.classes == RAF_DB
    assert table.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert [int(table.read(row).mean()) for row in range(7)] == [120, 100, 80, 60, 40, 20, 0]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("0123456", "train/0: stands for no class; known here: 1, 2, 3, 4, 5, 6, 7, surprise"),
        ("12345678", "train/8: stands for no class"),
        ("123456", "train: expected a folder for each class, none for neutral"),
        ((*"1234567", "happy"), "train: expected one folder for happiness, got 4 and happy"),
        ("", "train: expected a folder for each class, none for surprise, fear"),
    ],
)
def test_malformed_class_folders_are_named(tmp_path, names, says):
    with pytest.raises(SourceError, match=says):
        read_rafdb_folders(folders(tmp_path, *names), "train")


def test_folders_give_all_three_splits_and_hold_a_tenth_of_train_out(tmp_path):
    for part, count in (("train", 20), ("valid", 3)):
        for number, name in itertools.product(range(count), "1234567"):
            path = tmp_path / "raf-db-folders" / part / name / f"{part}{name}{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((8, 8, 3), number, np.uint8))
    sizes = {
        split: len(read_dataset("raf-db-folders", tmp_path, split, tmp_path / "cache"))
        for split in ("train", "valid", "test")
    }
    assert sizes == {"train": 126, "valid": 14, "test": 21}
