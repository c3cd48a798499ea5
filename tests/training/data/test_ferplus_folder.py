"""FER+ in folders and inside a zip; the real pack's counts."""

import zipfile

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.ferplus_folder import read_ferplus_folder, read_soft_training
from training.data.files import open_files
from training.data.published import HISTOGRAMS, TOTALS

LABELS = """a.png,"(0, 0, 48, 48)",0,9,1,0,0,0,0,0,0,0
b.png,"(0, 0, 48, 48)",3,3,0,4,0,0,0,0,0,0
c.png,"(0, 0, 48, 48)",0,0,0,0,0,0,0,0,0,10
d.png,"(0, 0, 48, 48)",0,0,0,0,0,0,0,8,1,1
"""


@pytest.fixture(params=["folder", "zip"])
def files(request, tmp_path):
    folder = tmp_path / "ferplus" / "FER2013Test"
    folder.mkdir(parents=True)
    (folder / "label.csv").write_text(LABELS)
    for value, name in enumerate("abcd"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((48, 48), 10 * value, np.uint8))
    if request.param == "folder":
        return open_files(tmp_path / "ferplus")
    with zipfile.ZipFile(tmp_path / "ferplus.zip", "w") as zipped:
        for path in folder.iterdir():
            zipped.write(path, f"FER2013Test/{path.name}")
    return open_files(tmp_path / "ferplus.zip")


def test_majority_protocol_keeps_faces_with_a_class(files):
    reading = read_ferplus_folder(files, "FER2013Test")
    assert [reading.table.classes[label] for label in reading.table.labels] == [
        "happiness",
        "contempt",
    ]
    assert [int(reading.table.read(row).max()) for row in range(2)] == [0, 30]
    assert reading.left_out == {"no majority class": 2}
    assert reading.table.labels_from.endswith("FER2013Test/label.csv")


def test_votes_protocol_keeps_faces_whose_votes_are_split(files):
    table = read_ferplus_folder(files, "FER2013Test", "votes").table
    assert table.labels.tolist() == [1, -1, 7]
    np.testing.assert_allclose(table.shares[1, [0, 1, 3]], [0.3, 0.3, 0.4])


def test_soft_protocol_labels_a_face_by_its_most_votes_and_drops_what_is_mostly_none(files):
    reading = read_ferplus_folder(files, "FER2013Test", "soft")
    assert reading.table.labels.tolist() == [1, 3, 7]
    np.testing.assert_allclose(reading.table.shares[1, [0, 1, 3]], [0.3, 0.3, 0.4])
    assert reading.left_out == {"mostly no expression": 1}


def test_only_the_training_part_is_read_softly(tmp_path):
    for part in ("FER2013Train", "FER2013Valid"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "label.csv").write_text(LABELS)
        for name in "abcd":
            (tmp_path / part / f"{name}.png").write_bytes(b"")
    train, valid = (
        read_soft_training(open_files(tmp_path), part).table
        for part in ("FER2013Train", "FER2013Valid")
    )
    assert (train.labels.tolist(), valid.labels.tolist()) == ([1, 3, 7], [1, 7])


def test_malformed_row_is_named(tmp_path):
    (tmp_path / "FER2013Test").mkdir()
    (tmp_path / "FER2013Test" / "label.csv").write_text("a.png,box,1,2\n")
    with pytest.raises(SourceError, match=r"FER2013Test/label\.csv, line 1: expected a name"):
        read_ferplus_folder(open_files(tmp_path), "FER2013Test")


@pytest.fixture(scope="module")
def pack(packs):
    return open_files(packs("ferplus.zip") / "ferplus.zip")


@pytest.mark.parametrize("part", list(TOTALS["ferplus"]))
def test_real_pack_has_the_published_counts(pack, part):
    reading = read_ferplus_folder(pack, part)
    assert len(reading.table) == TOTALS["ferplus"][part]
    assert tuple(np.bincount(reading.table.labels)) == HISTOGRAMS["ferplus"][part]
    assert reading.missing == ()
    assert reading.table.read(0).shape == (48, 48, 3)
