"""Datasets in folders and in zips: the same files either way."""

import pickle
import zipfile

import cv2
import numpy as np
import pytest

from engine.errors import SourceError
from training.data.ferplus import parse_votes
from training.data.files import array_of, open_files
from training.data.unpacking import array_in, arrays_in


@pytest.fixture(params=["folder", "zip"])
def files(request, tmp_path):
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    content = {
        "top.txt": "\ufeffa b\nc\n".encode(),
        "one/a.png": cv2.imencode(".png", picture)[1].tobytes(),
        "one/two/b.png": b"no picture",
        "one/empty.png": b"",
        "one/latin.txt": b"\xe9\xe8",
        "one/objects.npy": None,
    }
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], object), allow_pickle=True)
    content["one/objects.npy"] = (tmp_path / "objects.npy").read_bytes()
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "data.zip", "w") as zipped:
            for name, what in content.items():
                zipped.writestr(name, what)
        return open_files(tmp_path / "data.zip")
    for name, what in content.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(what)
    return open_files(tmp_path / "data")


def test_files_and_folders_are_listed(files):
    assert files.listed("") == {"top.txt"}
    assert files.folders("") == ["one"]
    assert files.folders("one") == ["two"]
    assert files.listed("nowhere") == set()
    assert files.folders("nowhere") == []
    assert files.has("top.txt")
    assert files.has("one/two/b.png")
    assert not files.has("one/two/a.png")
    assert not files.has("one")
    assert "one/two/b.png" in files.below("one")
    assert files.below("") == sorted(["top.txt", *files.below("one")])


def test_text_is_read_by_line_without_its_mark(files):
    assert files.lines("top.txt") == ["a b", "c"]


def test_pictures_are_read_as_bgr(files):
    np.testing.assert_array_equal(
        files.image("one/a.png"), np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("one/none.png", r"one/none\.png: missing"),
        ("one/two/b.png", r"one/two/b\.png: not a picture"),
        ("one/empty.png", r"one/empty\.png: not a picture"),
    ],
)
def test_missing_or_broken_picture_is_named(files, name, what):
    with pytest.raises(SourceError, match=what):
        files.image(name)


def test_text_in_another_encoding_is_refused(files):
    with pytest.raises(SourceError, match=r"latin\.txt: expected UTF-8"):
        files.lines("one/latin.txt")


def test_pickled_arrays_are_never_loaded(files, monkeypatch):
    monkeypatch.setattr(pickle, "load", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(SourceError, match=r"objects\.npy: expected a plain \.npy array"):
        array_of(files, "one/objects.npy")


def test_picture_with_a_damaged_packing_is_named(tmp_path):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.png", bytes(1000) + b"text" * 100)
    content = bytearray(path.read_bytes())
    content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(content))
    with pytest.raises(SourceError, match=r"data\.zip/a\.png: cannot be read"):
        open_files(path).image("a.png")


def test_dataset_is_found_beside_others(tmp_path):
    (tmp_path / "jaffe").mkdir()
    with zipfile.ZipFile(tmp_path / "ferg.zip", "w") as zipped:
        zipped.writestr("a", "")
    assert open_files(tmp_path, "jaffe").where == tmp_path / "jaffe"
    assert open_files(tmp_path, "ferg").where == tmp_path / "ferg.zip"
    assert open_files(tmp_path, "expw").where == tmp_path


def test_no_dataset_and_no_zip_are_told_apart(tmp_path):
    with pytest.raises(SourceError, match="expected the dataset's folder or its zip"):
        open_files(tmp_path / "none")
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(SourceError, match=r"bad\.zip: not a readable zip"):
        open_files(tmp_path / "bad.zip")


def test_texts_that_are_no_characters_are_damaged(tmp_path):
    """Python cannot show them: the message itself failed."""
    array = np.array(["ab", "c"])
    codes = array.view(np.uint32)
    codes[1] = 2**31
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(SourceError, match=r"a\.npy: cannot be read: its texts are damaged"):
        array_of(open_files(tmp_path), "a.npy")
    with pytest.raises(SourceError, match=r"a\.npy: cannot be read: its texts are damaged"):
        array_in(tmp_path / "a.npy", "a.npy")
    np.savez(tmp_path / "a.npz", texts=array)
    with pytest.raises(SourceError, match=r"a\.npz: cannot be read: its texts are damaged"):
        arrays_in(tmp_path / "a.npz", "a.npz")


def test_nameless_files_of_a_zip_are_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("x", "one")
        zipped.writestr("b.txt", "two")
    content = (tmp_path / "a.zip").read_bytes()
    central = content.rindex(b"PK\x01\x02", 0, content.rindex(b"PK\x01\x02"))
    damaged = bytearray(content)
    damaged[central + 28 : central + 30] = b"\0\0"  # the name's length
    del damaged[central + 46]
    end = damaged.rindex(b"PK\x05\x06")
    size = int.from_bytes(damaged[end + 12 : end + 16], "little") - 1
    damaged[end + 12 : end + 16] = size.to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(damaged)
    assert open_files(tmp_path / "a.zip").listed("") == {"b.txt"}


@pytest.mark.parametrize("votes", ["9" * 5000, "9" * 40])
def test_votes_of_too_many_digits_are_malformed(votes):
    with pytest.raises(SourceError, match="line 1: expected a name, a box and ten votes"):
        parse_votes([f"a.png,box,{votes}" + ",0" * 9], "label.csv")
