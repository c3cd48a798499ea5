"""How large pictures may be: said by the file, refused before anything is decoded."""

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.command.cli import main
from engine.errors import SourceError
from engine.video.container import FRAME_MEGAPIXELS, PICTURE_MEGAPIXELS, Limit
from engine.video.conversion import Converter
from engine.video.opening import SourceConfig, open_source
from engine.video.stills import read_still

SIZE = (2400, 2200)  # 5.3 megapixels
SMALL = SourceConfig(max_megapixels=1)
ALLOWS = r"over 1 megapixels; --max-megapixels N allows larger ones"
ENDINGS = (".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm", ".jp2", ".gif", ".avif")


def _claims(path: Path, width: int, height: int) -> Path:
    """Write a black PNG of one bit a pixel; a few hundred bytes claim any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(4096))
    parts = chunk(b"IHDR", head), chunk(b"IDAT", body), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def _video(path: Path, width: int, height: int, frames: int = 3, codec: str = "mjpeg") -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25))
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p" if codec == "libx264" else "yuvj420p"
        for number in range(frames):
            image = np.full((height, width, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.fixture
def undecoded(monkeypatch):
    """Fail where a picture is made of a decoded frame."""

    def refuse(*_):
        raise AssertionError("something was decoded")

    monkeypatch.setattr(Converter, "__init__", refuse)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_picture_is_decoded_that_is_too_large(ending, tmp_path, undecoded):
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / f"a{ending}"), image)
    for read in (
        lambda: open_source(str(tmp_path / f"a{ending}"), SMALL),
        lambda: read_still(tmp_path / f"a{ending}", 1),
    ):
        with pytest.raises(SourceError, match=rf"^a{ending}: .*{ALLOWS}$"):
            read()


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_option_allows_it(ending, tmp_path):
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / f"a{ending}"), image)
    with open_source(str(tmp_path / f"a{ending}"), SourceConfig(max_megapixels=5.28)) as source:
        assert (source.info.width, source.info.height) == SIZE
        assert source.read().image.shape == (*SIZE[::-1], 3)


def test_by_default_a_picture_has_150_megapixels_and_a_frame_36(tmp_path):
    assert (PICTURE_MEGAPIXELS, FRAME_MEGAPIXELS) == (150.0, 36.0)
    with av.open(str(_claims(tmp_path / "a.png", 8, 8))) as container:
        picture = Limit.of(container, None)
    _video(tmp_path / "a.avi", 64, 48)
    with av.open(str(tmp_path / "a.avi")) as container:
        frame = Limit.of(container, None)
    assert (picture.pixels, frame.pixels) == (150_000_000, 36_000_000)
    picture.check("a", 15000, 10000)
    frame.check("a", 8192, 4320)
    for limit, side in ((picture, 15000), (frame, 8192)):
        with pytest.raises(SourceError, match="--max-megapixels N"):
            limit.check("a", side, side)


@pytest.mark.parametrize("side", [16_000, 30_000, 2**31 - 1])
def test_a_small_file_that_claims_any_size_is_one_line(side, tmp_path, capsys):
    path = _claims(tmp_path / "huge.png", side, side)
    assert main([str(path), "--records", str(tmp_path / "r.csv"), "--quiet"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("fer-video: huge.png: ")
    assert said.endswith("over 150 megapixels; --max-megapixels N allows larger ones\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_of_a_folder_that_is_too_large_is_left_out(tmp_path):
    _claims(tmp_path / "1.png", 16_000, 16_000)
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((48, 64, 3), np.uint8))
    with open_source(str(tmp_path)) as source:
        assert len(list(source)) == 1
        (warning,) = source.warnings
    assert "1.png" in warning


@pytest.mark.parametrize("codec", ["mjpeg", "libx264"])
def test_a_video_is_refused_by_the_size_of_its_frames(codec, tmp_path, undecoded):
    _video(tmp_path / "a.mkv", 1200, 1000, codec=codec)
    with pytest.raises(SourceError, match=rf"^a.mkv: 1200x1000 pixels, {ALLOWS}$"):
        open_source(str(tmp_path / "a.mkv"), SMALL)


def test_pixels_that_are_not_square_count_as_those_they_become(tmp_path, monkeypatch):
    _video(tmp_path / "a.mkv", 800, 600, codec="libx264")
    monkeypatch.setattr("engine.video.conversion._square", lambda *_: (1600, 1200))
    with pytest.raises(SourceError, match=f"1600x1200 pixels, {ALLOWS}"):
        open_source(str(tmp_path / "a.mkv"), SMALL)


@pytest.mark.parametrize(("ending", "codec"), [("mjpeg", "mjpeg"), ("ts", "libx264")])
def test_frames_that_grow_on_the_way_are_left_out(ending, codec, tmp_path):
    parts = [
        _video(tmp_path / f"part.{ending}", *size, codec=codec)
        for size in ((64, 48), SIZE, (64, 48))
    ]
    (tmp_path / f"a.{ending}").write_bytes(b"".join(parts))
    with open_source(str(tmp_path / f"a.{ending}"), SMALL) as source:
        frames = list(source)
        (warning,) = source.warnings
    assert len(frames) >= 4  # H.264 may lose those around the change
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert "packets cannot be decoded (pictures over 1 megapixels; --max-megapixels N" in warning
