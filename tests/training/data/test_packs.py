"""Packs as folders and as zips, their pictures and tables."""

import io
import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest

from engine.errors import SinkError, SourceError
from training.data.files import open_files
from training.data.packs import TeacherLabels, pack_folder, read_image, read_table


def test_folder_is_taken_as_it_is(tmp_path):
    (tmp_path / "scenes").mkdir()
    assert pack_folder(tmp_path, "scenes", tmp_path / "cache") == tmp_path / "scenes"


def test_zip_is_unpacked_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "scenes.zip", "w") as zipped:
        zipped.writestr("legend.csv", "image,emotion\na.jpg,fear\n")
    folder = pack_folder(tmp_path, "scenes", tmp_path / "cache")
    assert read_table(folder / "legend.csv") == [{"image": "a.jpg", "emotion": "fear"}]
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


@pytest.mark.parametrize("sides", [(13_000, 13_000), (30_000, 30_000)])
def test_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, sides):
    """Ten kilobytes may claim a billion pixels, of which OpenCV would make three gigabytes."""
    head = struct.pack(">2I5B", *sides, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head
    chunk += struct.pack(">I", zlib.crc32(b"IHDR" + head))
    (tmp_path / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT" + bytes(13)
    )
    with pytest.raises(SourceError, match=r"huge\.png: over 150 megapixels; make it smaller"):
        read_image(tmp_path / "huge.png")
    with pytest.raises(SourceError, match=r"huge\.png: over 150 megapixels; make it smaller"):
        open_files(tmp_path).gray("huge.png")


def test_missing_table_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"legend\.csv: missing; is the data pack complete\?"):
        read_table(tmp_path / "legend.csv")


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"image,split\na.jpg,0.9\n", r"background_hits\.csv: score: no such column"),
        (b"image,score\na.jpg,0.9\nb.jpg\n", r"background_hits\.csv, line 3: score: missing"),
        (b"image,score\na.jpg,nan\n", r"background_hits\.csv, line 2: score: no number: 'nan'"),
        (b"image,score\na.jpg,9e99\n", r"background_hits\.csv, line 2: score: over 1e\+09: '9e99'"),
        (b"image,score\na.jpg,\xff\n", r"background_hits\.csv: cannot be read: .* byte 0xff"),
        (b"", r"background_hits\.csv: image, score: no such column"),
        (b"image,score\n" + b"x" * 200_000 + b",1\n", r"line 1: field larger than"),
    ],
)
def test_damaged_table_is_named_with_its_line(tmp_path, text, says):
    path = tmp_path / "background_hits.csv"
    path.write_bytes(text)
    with pytest.raises(SourceError, match=says):
        read_table(path)


ARRAYS = {
    "names": np.array(["images/a.jpg", "images/b.jpg"]),
    "found": np.ones(2, bool),
    "flip_err": np.array([0.01, np.nan], np.float16),
    "points": np.full((2, 68, 2), 0.5, np.float16),
    "size": np.full((2, 2), 48, np.uint16),
}


def test_labels_say_whom_to_trust(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    labels = TeacherLabels("a.npz", tmp_path / "a.npz")
    assert labels.names == ["images/a.jpg", "images/b.jpg"]
    assert labels.trusted().tolist() == [True, False]
    assert labels.points.dtype == np.float32


def read_all(labels):
    return labels.names, labels.trusted(), labels.points, labels["size"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("found", np.ones(3, bool), r"names: expected \(3,\) of kind U, got <U12 \(2,\)"),
        ("found", np.ones(2), r"found: expected \(2,\) of kind b, got float64"),
        ("points", np.ones((2, 68)), r"points: expected \(2, 68, 2\) of kind f, got"),
        ("points", np.full((2, 68, 2), np.inf), "points: some lie far outside"),
        ("points", np.full((2, 68, 2), np.nan), "points: some lie far outside"),
        ("size", None, r"size: expected \(2, 2\) of kind iu, got none"),
        ("names", np.array(["../x", "b"]), r"names: '\.\./x' is no picture of the pack"),
        ("names", np.array(["/etc/x", "b"]), r"names: '/etc/x' is no picture of the pack"),
    ],
)
def test_labels_of_another_form_are_named(tmp_path, name, value, says):
    arrays = {key: each for key, each in {**ARRAYS, name: value}.items() if each is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    labels = TeacherLabels("a.npz", tmp_path / "a.npz")
    with pytest.raises(SourceError, match=says):
        read_all(labels)


def whole_array():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize("content", [b"", b"no array", whole_array(), whole_array()[:70]])
def test_labels_that_are_no_arrays_by_name_are_named(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.npz: cannot be read"):
        TeacherLabels("a.npz", tmp_path / "a.npz")
    with pytest.raises(SourceError, match=r"b\.zip/a\.npz: cannot be read"):
        TeacherLabels("b.zip/a.npz", io.BytesIO(content))


def test_a_name_that_leads_out_of_a_pack_is_refused(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "secret.txt").write_text("x")
    with pytest.raises(SourceError, match="leads out of the dataset"):
        open_files(tmp_path / "pack").read("../secret.txt")
