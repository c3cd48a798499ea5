"""ExpW on generated trees of the real form."""

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.expw import read_expw
from training.data.files import open_files
from training.data.published import HISTOGRAMS

LINE = "angry_actor_104.jpg 0 28 113 226 141 22.9362 0"  # top 28, left 113, right 226, bottom 141


def tree(root, *lines, folder="image/origin"):
    (root / "label").mkdir(exist_ok=True)
    (root / "label" / "label.lst").write_text("".join(f"{line}\n" for line in lines))
    (root / folder).mkdir(parents=True, exist_ok=True)
    image = np.zeros((200, 300, 3), np.uint8)
    image[28:141, 113:226] = 200
    cv2.imwrite(str(root / folder / "angry_actor_104.jpg"), image)
    return open_files(root)


@pytest.mark.parametrize("folder", ["image/origin", "origin"])
def test_box_is_top_left_right_bottom(tmp_path, folder):
    table = read_expw(tree(tmp_path, LINE, folder=folder)).table
    assert [table.classes[label] for label in table.labels] == ["anger"]
    assert table.read(0).shape == (113, 113, 3)
    assert table.read(0).min() > 150


def test_faces_of_one_picture_are_rows_of_one_group(tmp_path):
    second = "angry_actor_104.jpg 1 0 0 40 50 1.5 3"
    table = read_expw(tree(tmp_path, LINE, second)).table
    assert len(set(table.names)) == 2
    assert table.groups.tolist() == ["angry_actor_104.jpg"] * 2
    assert table.read(1).shape == (50, 40, 3)


def test_box_over_the_edge_is_cut_off(tmp_path):
    table = read_expw(tree(tmp_path, "angry_actor_104.jpg 0 -5 -7 40 50 1 3")).table
    assert table.read(0).shape == (50, 40, 3)


def test_box_outside_the_picture_is_named_when_read(tmp_path):
    table = read_expw(tree(tmp_path, "angry_actor_104.jpg 0 500 500 540 550 1 3")).table
    with pytest.raises(SourceError, match=r"angry_actor_104\.jpg: the face box .* outside"):
        table.read(0)


def test_full_list_gives_the_published_counts(tmp_path):
    lines = [
        f"angry_actor_104.jpg {label}{face:05d} 1 2 30 40 9.5 {label}"
        for label, count in enumerate(HISTOGRAMS["expw"]["all"])
        for face in range(count)
    ]
    table = read_expw(tree(tmp_path, *lines)).table
    assert len(table) == 91_793
    assert tuple(np.bincount(table.labels)) == HISTOGRAMS["expw"]["all"]


@pytest.mark.parametrize(
    "bad",
    [
        "a.jpg 0 28 113 226 141 22.9 7",
        "a.jpg 0 28 113 226 141 22.9",
        "a.jpg 0 28 113 226 141 22.9 1 1",
        "a.jpg 0 28 113 x 141 22.9 1",
        "a.jpg 0 28 226 113 141 22.9 1",
        "",
    ],
)
def test_malformed_line_is_named(tmp_path, bad):
    with pytest.raises(SourceError, match=r"label/label\.lst, line 2: expected a picture"):
        read_expw(tree(tmp_path, LINE, bad))


def test_missing_list_or_pictures_are_named(tmp_path):
    with pytest.raises(SourceError, match=r"label\.lst: missing"):
        read_expw(open_files(tmp_path))
    (tmp_path / "label.lst").write_text(LINE)
    with pytest.raises(SourceError, match="expected the pictures in image/origin"):
        read_expw(open_files(tmp_path))
