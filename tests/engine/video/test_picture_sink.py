"""Pictures written: one, a folder of them, and what stands in the way."""

import cv2
import numpy as np
import PIL.Image
import pytest

from engine.errors import ConfigError, SinkError
from engine.video.opening import SourceConfig, open_source
from engine.video.picture_sink import FORMATS, PictureSink, takes_pictures
from engine.video.stills import ENDINGS, read_still


def picture(value=0, size=(48, 64)):
    image = np.zeros((*size, 3), np.uint8)
    image[:, : size[1] // 2] = 200, 100, value
    return image


@pytest.fixture
def folder(tmp_path):
    """Pictures of three sizes and formats; gives the folder and what is known of it."""
    path = tmp_path / "in"
    path.mkdir()
    for name, size in (("a.jpg", (48, 64)), ("b.png", (20, 300)), ("c.bmp", (90, 30))):
        cv2.imwrite(str(path / name), picture(0, size))
    return path


def facts(path, **config):
    with open_source(str(path), SourceConfig(**config)) as source:
        return source.info


def test_whatever_is_read_can_be_written():
    assert set(FORMATS) == ENDINGS


@pytest.mark.parametrize("ending", sorted(FORMATS))
def test_every_format_comes_back(tmp_path, folder, ending):
    out = tmp_path / f"out{ending}"
    sink = PictureSink(out, facts(folder / "a.jpg"), overwrite=False)
    assert not out.exists()
    sink.write("a.jpg", picture(50))
    sink.close()
    back = read_still(out)
    assert back.fault == ""
    assert back.image.shape == (48, 64, 3)
    for x in (12, 52):
        assert back.image[24, x].tolist() == pytest.approx(picture(50)[24, x].tolist(), abs=6)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in", out.name])


def test_folder_keeps_names_and_formats(tmp_path, folder):
    out = tmp_path / "out"
    sink = PictureSink(out, facts(folder), overwrite=False)
    for name, size in (("a.jpg", (48, 64)), ("b.png", (20, 300)), ("c.bmp", (90, 30))):
        sink.write(name, picture(9, size))
    sink.close()
    found = {}
    for path in out.iterdir():
        with PIL.Image.open(path) as image:
            found[path.name] = image.format, image.size
    assert found == {
        "a.jpg": ("JPEG", (64, 48)),
        "b.png": ("PNG", (300, 20)),
        "c.bmp": ("BMP", (30, 90)),
    }


def test_nothing_is_replaced_without_leave_and_that_is_known_first(tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()
    (out / "c.bmp").write_text("mine")
    with pytest.raises(SinkError, match=r"c\.bmp: exists already; use --overwrite"):
        PictureSink(out, facts(folder), overwrite=False)
    assert [path.name for path in out.iterdir()] == ["c.bmp"]
    PictureSink(out, facts(folder), overwrite=True).write("c.bmp", picture())
    assert read_still(out / "c.bmp").image.shape == (48, 64, 3)


@pytest.mark.parametrize("link", [False, True])
def test_input_is_never_replaced(tmp_path, folder, link):
    out = folder
    if link:
        out = tmp_path / "out"
        out.mkdir()
        (out / "b.png").symlink_to(folder / "b.png")
    with pytest.raises(SinkError, match="is the input itself"):
        PictureSink(out, facts(folder), overwrite=True)
    with pytest.raises(SinkError, match="is the input itself"):
        PictureSink(out, facts(folder / "b.png"), overwrite=True)


def test_one_picture_goes_into_a_folder_that_is_there(tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()
    PictureSink(out, facts(folder / "b.png"), overwrite=False).write("b.png", picture())
    assert [path.name for path in out.iterdir()] == ["b.png"]


def test_folder_without_a_picture_is_removed_if_it_was_made(tmp_path, folder):
    PictureSink(tmp_path / "out", facts(folder), overwrite=False).discard()
    assert not (tmp_path / "out").exists()
    sink = PictureSink(tmp_path / "out", facts(folder), overwrite=False)
    sink.write("a.jpg", picture())
    sink.discard()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.jpg"]
    (tmp_path / "mine").mkdir()
    PictureSink(tmp_path / "mine", facts(folder), overwrite=False).discard()
    assert (tmp_path / "mine").exists()


def test_target_that_cannot_be_is_one_line(tmp_path, folder):
    with pytest.raises(SinkError, match=r"folder .*nowhere does not exist; create it first"):
        PictureSink(tmp_path / "nowhere" / "out", facts(folder), overwrite=False)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SinkError, match="is a file; name a folder"):
        PictureSink(tmp_path / "file", facts(folder), overwrite=True)
    with pytest.raises(ConfigError, match=r"unknown ending; known here: .*\.jpg.*\.mp4"):
        PictureSink(tmp_path / "out.xyz", facts(folder / "a.jpg"), overwrite=False)


def test_picture_that_the_format_does_not_take_leaves_nothing(tmp_path, folder):
    cv2.imwrite(str(folder / "wide.webp"), np.zeros((2, 16000, 3), np.uint8))
    sink = PictureSink(tmp_path / "out", facts(folder), overwrite=False)
    with pytest.raises(SinkError, match=r"wide\.webp: cannot be written: ") as caught:
        sink.write("wide.webp", np.zeros((2, 17000, 3), np.uint8))
    assert "\n" not in str(caught.value)
    sink.discard()
    assert not (tmp_path / "out").exists()


def test_full_disk_leaves_no_part_of_a_picture(tmp_path, folder, full_disk):
    sink = PictureSink(tmp_path / "out.png", facts(folder / "a.jpg"), overwrite=False)
    with pytest.raises(SinkError, match=r"out\.png: cannot be written: No space left on device"):
        sink.write("a.jpg", picture())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("source", "sequence", "out", "wanted"),
    [
        ("in", False, "out", True),
        ("in", False, "out.v1", True),
        ("in", False, "out.mp4", "no film; --sequence makes one"),
        ("in", False, "out.AVI", "no film; --sequence"),
        ("in", False, "out.jpg", "holds one picture; name a folder"),
        ("in", True, "out.mp4", False),
        ("in", True, "out.jpg", False),
        ("in/a.jpg", False, "out.png", True),
        ("in/a.jpg", False, "out.MP4", False),
    ],
)
def test_what_an_output_holds_follows_from_source_and_name(folder, source, sequence, out, wanted):
    info = facts(folder.parent / source, sequence=sequence)
    target = folder.parent / out
    if isinstance(wanted, str):
        with pytest.raises(ConfigError, match=wanted):
            takes_pictures(target, info)
    else:
        assert takes_pictures(target, info) == wanted
