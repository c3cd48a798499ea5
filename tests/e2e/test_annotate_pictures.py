"""Pictures, one and a folder of them, through the command with the real networks."""

import csv
import json

import cv2
import numpy as np
import pytest

from app.command.cli import main
from engine.assets import asset_path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three pictures: a face; the same one moved a little and beside another; nobody."""
    path = tmp_path_factory.mktemp("people")
    face = cv2.imread(str(asset_path("portrait.jpg")))
    cv2.imwrite(str(path / "1.png"), face)
    pair = np.zeros((400, 700, 3), np.uint8)
    pair[10:330, 12:332] = face
    pair[100:356, 400:656] = cv2.resize(face[:, ::-1], (256, 256))
    cv2.imwrite(str(path / "2.jpg"), pair)
    cv2.imwrite(str(path / "10.bmp"), np.full((64, 64, 3), 90, np.uint8))
    return path


def rows_of(path):
    with path.open(newline="") as text:
        return list(csv.DictReader(text))


def test_every_picture_of_a_folder_is_read_as_if_it_were_alone(folder, tmp_path):
    rows, out = tmp_path / "rows.csv", tmp_path / "out"
    assert main([str(folder), "--records", str(rows), "--out", str(out), "--quiet"]) == 0
    together = rows_of(rows)
    assert [(row["frame"], row["file"], row["face_id"]) for row in together] == [
        ("0", "1.png", "1"),
        ("1", "2.jpg", "1"),
        ("1", "2.jpg", "2"),
    ]
    assert {row["timestamp"] for row in together} == {""}
    alone = []
    for index, name in enumerate(("1.png", "2.jpg")):
        options = ["--records", str(rows), "--overwrite", "--quiet"]
        assert main([str(folder / name), *options]) == 0
        alone += [{**row, "frame": str(index)} for row in rows_of(rows)]
    assert together == alone
    for name in ("1.png", "2.jpg", "10.bmp"):
        before, after = cv2.imread(str(folder / name)), cv2.imread(str(out / name))
        assert before.shape == after.shape
        changed = (np.abs(before.astype(int) - after).max(axis=2) > 40).any()
        assert changed == (name != "10.bmp")
    # No strip of time is drawn below.
    corner = cv2.imread(str(out / "1.png"))[-8:, :8], cv2.imread(str(folder / "1.png"))[-8:, :8]
    np.testing.assert_array_equal(*corner)


def test_sequence_is_a_film(folder, tmp_path):
    rows = tmp_path / "rows.csv"
    out = tmp_path / "film.mp4"
    options = ["--sequence", "--records", str(rows), "--out", str(out), "--quiet"]
    assert main([str(folder), *options]) == 0
    assert [row["timestamp"] for row in rows_of(rows)] == ["0", "0.04", "0.04"]
    assert {row["file"] for row in rows_of(rows)} == {""}
    assert out.stat().st_size > 1000


def test_faces_beyond_the_most_are_told(folder, tmp_path, capsys):
    options = ["--records", str(tmp_path / "rows.csv"), "--max-faces", "1", "--json"]
    assert main([str(folder), *options]) == 0
    printed = capsys.readouterr()
    warning = "up to 2 faces were detected at once and 1 of them read; --max-faces 2 reads all"
    assert printed.err == f"fer-video: warning: {warning}\n"
    result = json.loads(printed.out)
    assert (result["frames"], result["faces_left_out"]) == (3, 1)
    assert result["warnings"] == [warning]
    assert [face["file"] for face in result["faces"]] == ["1.png", "2.jpg"]


def test_half_a_picture_is_analysed_with_a_warning(folder, tmp_path, capsys):
    whole = (folder / "2.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: int(0.9 * len(whole))])
    rows = tmp_path / "rows.csv"
    assert main([str(tmp_path / "half.jpg"), "--records", str(rows), "--quiet"]) == 0
    assert "warning: half.jpg: is cut short or damaged; what is there was read" in (
        capsys.readouterr().err
    )
    assert len(rows_of(rows)) == 2


def test_folder_into_one_file_names_what_to_do(folder, tmp_path, capsys):
    for out, words in (("x.mp4", "--sequence"), ("x.png", "name a folder")):
        assert main([str(folder), "--out", str(tmp_path / out)]) == 2
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
