"""FERG-DB on generated trees of the real form."""

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.classes import FERG
from training.data.ferg import CHARACTERS, read_ferg
from training.data.files import Files, open_files
from training.data.published import HISTOGRAMS


class ListedFiles(Files):
    """Files that are only names, by folder."""

    def __init__(self, found):
        super().__init__(Path("ferg"))
        self.found = found

    def listed(self, folder):
        return self.found.get(folder, set())

    def folders(self, folder):
        return sorted(name.split("/")[1] for name in self.found if name.split("/")[0] == folder)

    def _bytes(self, name):
        raise KeyError(name)


def tree(root, *, top="FERG_DB_256"):
    for character in CHARACTERS:
        for number, expression in enumerate(FERG):
            folder = root / top / character / f"{character}_{expression}"
            folder.mkdir(parents=True)
            image = np.full((256, 256, 3), 10 * number, np.uint8)
            cv2.imwrite(str(folder / f"{character}_{expression}_1.png"), image)
    return root / top


@pytest.mark.parametrize("inside", [True, False])
def test_folders_give_character_and_expression(tmp_path, inside):
    top = tree(tmp_path)
    table = read_ferg(open_files(top if inside else tmp_path)).table
    assert len(table) == 42
    assert [table.classes[label] for label in table.labels[:7]] == list(FERG.values())
    assert sorted(set(table.groups)) == sorted(CHARACTERS)
    assert int(table.read(3).mean()) == 30


def test_whole_dataset_has_the_published_counts():
    found = defaultdict(set)
    for expression, count in zip(FERG, HISTOGRAMS["ferg"]["all"], strict=True):
        for face in range(count):
            folder = f"{CHARACTERS[face % 6]}_{expression}"
            found[f"{CHARACTERS[face % 6]}/{folder}"].add(f"{folder}_{face}.png")
    table = read_ferg(ListedFiles(found)).table
    assert len(table) == 55_767
    assert tuple(np.bincount(table.labels)) == HISTOGRAMS["ferg"]["all"]


@pytest.mark.parametrize("folder", ["ray_happy", "mery_anger", "anger"])
def test_other_folder_is_refused(tmp_path, folder):
    top = tree(tmp_path)
    (top / "ray" / folder).mkdir()
    with pytest.raises(SourceError, match=rf"ray/{folder}: expected ray_ and one of anger"):
        read_ferg(open_files(top))


def test_missing_character_is_named(tmp_path):
    with pytest.raises(SourceError, match="aia: missing or empty"):
        read_ferg(open_files(tmp_path))
