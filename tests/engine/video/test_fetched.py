"""Pictures over HTTP and on standard input are pictures; films stay films."""

import errno
import os
import sys
import tempfile
import threading
from contextlib import suppress

import cv2
import numpy as np
import PIL.Image
import pytest

from engine.errors import SourceError
from engine.signals import UNFINISHED
from engine.video import fetched
from engine.video.opening import SourceConfig, open_source
from engine.video.picture_sink import PictureSink, takes_pictures

SOME = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
KINDS = (".avif", ".bmp", ".gif", ".heic", ".jp2", ".jpg", ".png", ".ppm", ".tif", ".webp")


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """Give the folder of temporary files, which is empty in the end."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert not [item for item in UNFINISHED if isinstance(item, fetched._Folder)]


@pytest.fixture
def save(tmp_path):
    def write(name, *images, **options):
        import pillow_heif

        pillow_heif.register_heif_opener()
        first, *others = [PIL.Image.fromarray(image[:, :, ::-1]) for image in images or (SOME,)]
        more = {"save_all": True, "append_images": others} if others else {}
        first.save(tmp_path / name, **more, **options)
        return tmp_path / name

    return write


@pytest.fixture
def opened(web, monkeypatch):
    """Give `open(path, how)`: a source of what lies there, by one of the ways in."""
    ends = []

    def open_it(path, how, **config):
        config = SourceConfig(**config)
        if how == "http":
            return open_source(f"http://{web}/{path.name}", config)
        if how == "file":
            end = path.open()
        else:
            out, into = os.pipe()

            def write():
                with suppress(BrokenPipeError), os.fdopen(into, "wb") as there:
                    there.write(path.read_bytes())

            thread = threading.Thread(target=write)
            thread.start()
            end = os.fdopen(out)
            ends.append(thread)
        ends.append(end)
        monkeypatch.setattr(sys, "stdin", end)
        return open_source("-", config)

    yield open_it
    for end in reversed(ends):
        end.join(10) if isinstance(end, threading.Thread) else end.close()


@pytest.mark.parametrize("how", ["http", "pipe", "file"])
@pytest.mark.parametrize("ending", KINDS)
def test_what_its_first_bytes_call_a_picture_is_read_as_one(save, opened, how, ending):
    path = save(f"a{ending}")
    with open_source(str(path)) as source:
        (wanted,) = source
    with opened(path, how) as source:
        (frame,) = source
        assert source.info.path is None
        assert len(source.info.pictures) == 1
        assert source.info.name.endswith(path.name if how == "http" else "standard input")
        assert source.warnings == []
    assert frame.file == f"{'a' if how == 'http' else 'standard input'}{ending}"
    assert np.array_equal(frame.image, wanted.image)


@pytest.mark.parametrize("how", ["http", "pipe"])
def test_tiles_and_turns_are_read_as_in_a_file(tmp_path, tiled, save, opened, how):
    """FFmpeg would give the first tile, or a picture that lies on its side."""
    image = np.kron(np.array([[40, 200], [90, 150]], np.uint8), np.ones((64, 64), np.uint8))
    with opened(tiled(tmp_path / "a.heic", np.dstack([image] * 3)), how) as source:
        assert next(iter(source)).image.shape == (128, 128, 3)
    exif = PIL.Image.Exif()
    exif[0x112] = 6
    with opened(save("turned.jpg", exif=exif), how) as source:
        assert next(iter(source)).image.shape == (64, 48, 3)


@pytest.mark.parametrize("how", ["http", "pipe"])
def test_name_without_an_ending_gets_one(save, tmp_path, opened, how):
    save("a.png").rename(tmp_path / "snapshot")
    with opened(tmp_path / "snapshot", how) as source:
        (frame,) = source
    assert frame.file == ("snapshot.png" if how == "http" else "standard input.png")


@pytest.mark.parametrize("how", ["http", "pipe"])
def test_picture_that_is_cut_short_says_where_it_came_from(tmp_path, save, opened, how):
    path = save("a.jpg", np.tile(SOME, (6, 6, 1)))
    path.write_bytes(path.read_bytes()[:9000])
    with opened(path, how) as source:
        assert len(list(source)) == 1
        name = source.info.name
    assert source.warnings == [f"{name}: is cut short or damaged; what is there was read"]


@pytest.mark.parametrize("how", ["http", "pipe"])
def test_animated_webp_is_a_film(save, opened, how):
    with opened(save("a.webp", SOME, 255 - SOME, SOME, duration=40), how) as source:
        assert [frame.time_s for frame in source] == [0.0, 0.04, 0.08]
        assert source.info.pictures == ()


@pytest.mark.parametrize("how", ["http", "pipe", "file"])
@pytest.mark.parametrize("ending", [".mjpeg", ""])
@pytest.mark.parametrize("one", [".jpg", ".png"])
def test_pictures_in_a_row_are_a_film_and_none_is_lost(tmp_path, opened, how, ending, one):
    """As a camera sends them."""
    shades = range(0, 240, 30)
    frames = [cv2.imencode(one, np.full((48, 64, 3), shade, np.uint8))[1] for shade in shades]
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"".join(frame.tobytes() for frame in frames))
    with opened(path, how) as source:
        found = [round(float(frame.image.mean())) for frame in source]
        assert source.info.pictures == ()
    assert found == pytest.approx(list(shades), abs=2)


@pytest.mark.parametrize("how", ["http", "pipe", "file"])
def test_smaller_picture_behind_a_picture_makes_no_film_of_it(tmp_path, opened, how):
    """As phones write photos: behind it lies how bright each place is, in a quarter of the size."""
    sizes = (SOME, SOME[::4, ::4])
    parts = [cv2.imencode(".jpg", np.ascontiguousarray(image))[1].tobytes() for image in sizes]
    path = tmp_path / "photo"
    path.write_bytes(b"".join(parts))
    for source in (opened(path, how), open_source(str(path))):
        with source:
            (frame,) = source
            assert frame.file
            assert frame.image.shape == SOME.shape


def test_kind_that_its_first_bytes_do_not_tell_is_told_by_its_name(save, opened):
    with opened(save("a.tga"), "http") as source:
        (frame,) = source
    assert frame.file == "a.tga"


def test_endless_row_of_pictures_is_read_as_it_comes(monkeypatch):
    """It is not waited for its end, which does not come."""
    picture = cv2.imencode(".jpg", SOME)[1].tobytes()
    out, into = os.pipe()
    stop = threading.Event()

    def film():
        with suppress(BrokenPipeError), os.fdopen(into, "wb") as end:
            while not stop.is_set():
                end.write(picture)

    thread = threading.Thread(target=film)
    thread.start()
    with os.fdopen(out) as end:
        monkeypatch.setattr(sys, "stdin", end)
        with open_source("-") as source:
            assert [source.read().index for _ in range(500)] == list(range(500))
            stop.set()
    thread.join(10)


def test_picture_without_an_end_is_given_up(monkeypatch, save):
    monkeypatch.setattr(fetched, "BYTES_MAX", 3 * 2**20)
    content = save("a.bmp").read_bytes()
    once = fetched.Once("standard input", lambda count: (content + bytes(9 * 2**20))[:count])
    with pytest.raises(SourceError, match=r"^standard input: a picture over 3 MiB; save it as a"):
        fetched.open_piped("standard input", once, SourceConfig())


def test_too_large_a_picture_is_refused_wherever_it_comes_from(save, opened):
    path = save("a.png")
    for how in ("http", "pipe"):
        with pytest.raises(SourceError, match=r"64x48 pixels, over 0\.001 megapixels"):
            opened(path, how, max_megapixels=0.001)


def test_picture_from_the_network_becomes_a_picture(save, opened, tmp_path):
    with opened(save("a.jpg"), "http") as source:
        out = tmp_path / "out.png"
        out.write_text("old")
        assert takes_pictures(out, source.info)
        sink = PictureSink(out, source.info, overwrite=True)
        for frame in source:
            sink.write(frame.file, frame.image)
        sink.close()
    assert cv2.imread(str(out)).shape == (48, 64, 3)


def test_secrets_of_an_address_are_in_no_name(save, web):
    save("a.jpg")
    with open_source(f"http://me:secret@{web}/a.jpg") as source:
        (frame,) = source
        assert source.info.name == f"http://{web}/a.jpg"
    assert frame.file == "a.jpg"


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("a.JPG", "a.JPG"),
        ("..", "picture.png"),
        ("a/../b:c", "a_.._b_c.png"),
        ("x" * 500 + ".png", "x" * 100 + ".png"),
        ("caf\u00e9 1", "caf\u00e9 1.png"),
        ("\x1b[2J", "__2J.png"),
    ],
)
def test_names_are_those_that_any_system_takes(called, name):
    assert fetched._file_name(called, ".png") == name


def test_what_the_system_refuses_is_one_line(save, opened, monkeypatch, tmp_path):
    def fail(count):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(SourceError, match=r"^standard input: cannot be read: Input/output error$"):
        fetched.open_piped("standard input", fetched.Once("standard input", fail), SourceConfig())
    path = save("a.jpg")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(SourceError, match=r"^standard input: cannot be kept to be read: No such"):
        opened(path, "pipe")
