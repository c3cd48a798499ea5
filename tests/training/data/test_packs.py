"""Packs as folders and as zips, their pictures and tables."""

import zipfile

import cv2
import numpy as np
import pytest

from engine.errors import SinkError, SourceError
from training.data.packs import pack_folder, read_image, read_table


def test_folder_is_taken_as_it_is(tmp_path):
    (tmp_path / "scenes").mkdir()
    assert pack_folder(tmp_path, "scenes", tmp_path / "cache") == tmp_path / "scenes"


def test_zip_is_unpacked_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "scenes.zip", "w") as zipped:
        zipped.writestr("scenes.csv", "image,split\na.jpg,train\n")
    folder = pack_folder(tmp_path, "scenes", tmp_path / "cache")
    assert read_table(folder / "scenes.csv") == [{"image": "a.jpg", "split": "train"}]
    (tmp_path / "scenes.zip").unlink()
    assert pack_folder(tmp_path, "scenes", tmp_path / "cache") == folder


def test_missing_pack_says_where_it_was_sought(tmp_path):
    with pytest.raises(SourceError, match=r"data pack scenes: neither scenes/ nor scenes\.zip in"):
        pack_folder(tmp_path, "scenes", tmp_path / "cache")


def damaged(content):
    """Break the first packed byte."""
    return content[:40] + b"\xff\xff\xff\xff" + content[44:]


@pytest.mark.parametrize("spoil", [lambda _: b"no zip", lambda content: content[:-9], damaged])
def test_broken_zip_is_named_and_leaves_nothing(tmp_path, spoil):
    path = tmp_path / "scenes.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.png", bytes(1000) + b"text" * 100)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SourceError, match=r"scenes\.zip: not a readable zip: .*; copy it again"):
        pack_folder(tmp_path, "scenes", tmp_path / "cache")
    assert not list(tmp_path.glob("cache/packs/*"))


def test_cache_that_cannot_be_written_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "scenes.zip", "w") as zipped:
        zipped.writestr("a.png", b"text")
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(SinkError, match=r"packs/scenes: cannot be written"):
        pack_folder(tmp_path, "scenes", tmp_path / "cache")


def test_gray_picture_is_read_as_three_channels(tmp_path):
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    cv2.imwrite(str(tmp_path / "a.png"), gray)
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image, np.repeat(gray[..., None], 3, axis=2))


def test_missing_or_broken_picture_is_named(tmp_path):
    (tmp_path / "b.png").write_bytes(b"no picture")
    for name in ("a.png", "b.png"):
        with pytest.raises(SourceError, match=rf"{name}: missing or not a picture"):
            read_image(tmp_path / name)


def test_missing_table_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"a\.csv: missing; is the data pack complete\?"):
        read_table(tmp_path / "a.csv")


def test_zip_that_unpacks_to_far_more_than_it_is_stays_packed(tmp_path):
    path = tmp_path / "scenes.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number in range(3):
            zipped.writestr(f"{number}.csv", bytes(30 * 2**20))
    assert path.stat().st_size < 2**17
    with pytest.raises(SourceError, match=r"would unpack to 90 MiB, .*; if you trust it, unpack"):
        pack_folder(tmp_path, "scenes", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    zipfile.ZipFile(path).extractall(tmp_path / "scenes")
    assert pack_folder(tmp_path, "scenes", tmp_path / "cache") == tmp_path / "scenes"
