"""Pictures of every kind, whole, cut short, in tiles, and moving."""

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import PIL.Image
import pillow_heif
import pytest

from engine.errors import SourceError
from engine.video.container import Limit
from engine.video.opening import SourceConfig, open_source
from engine.video.stills import ENDINGS, kind_of, read_still

RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)


@pytest.fixture
def quarters():
    """(256, 512, 3): red and green above, blue and white below."""
    image = np.zeros((256, 512, 3), np.uint8)
    image[:128, :256], image[:128, 256:], image[128:, :256], image[128:, 256:] = (
        RED,
        GREEN,
        BLUE,
        WHITE,
    )
    return image


def corners(image):
    """Say which colours the quarters have, clockwise from the top left."""
    height, width = image.shape[:2]
    places = ((0.25, 0.25), (0.25, 0.75), (0.75, 0.75), (0.75, 0.25))
    found = ""
    for y, x in places:
        pixel = image[int(y * height), int(x * width)].astype(int)
        colours = dict(zip("rgbw", (RED, GREEN, BLUE, WHITE), strict=True))
        found += min(colours, key=lambda name: np.abs(pixel - colours[name]).sum())
    return found


@pytest.mark.parametrize("ending", [".heic", ".avif"])
@pytest.mark.parametrize(
    ("turns", "shape", "seen"),
    [
        ([], (256, 512, 3), "rgwb"),
        ([(b"irot", 1)], (512, 256, 3), "gwbr"),
        ([(b"irot", 2)], (256, 512, 3), "wbrg"),
        ([(b"irot", 3)], (512, 256, 3), "brgw"),
        ([(b"imir", 0)], (256, 512, 3), "bwgr"),
        ([(b"imir", 1)], (256, 512, 3), "grbw"),
        ([(b"irot", 1), (b"imir", 1)], (512, 256, 3), "wgrb"),
    ],
)
def test_tiles_are_put_together_and_stand_upright(
    tmp_path, tiled, quarters, ending, turns, shape, seen
):
    path = tiled(tmp_path / f"photo{ending}", quarters, 2, 4, *turns)
    assert kind_of(path) == "picture"
    still = read_still(path)
    assert (still.image.shape, corners(still.image), still.fault) == (shape, seen, "")


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix"])
def test_tiles_are_known_by_content_not_by_name(tmp_path, tiled, quarters, brand):
    content = tiled(tmp_path / "photo.heic", quarters).read_bytes()
    for name in ("IMG_1.JPG", "photo"):
        path = tmp_path / name
        path.write_bytes(content[:8] + brand + content[12:])
        assert kind_of(path) == "picture"
        assert corners(read_still(path).image) == "rgwb"


@pytest.mark.parametrize("ending", [".heic", ".avif"])
def test_half_of_the_tiles_is_an_error_in_one_line(tmp_path, tiled, quarters, ending):
    path = tiled(tmp_path / f"photo{ending}", quarters)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(SourceError, match=f"photo{ending}: cannot be decoded: ") as caught:
        read_still(path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def save(tmp_path, quarters):
    """Give `save(name)`: quarters with some noise, in the format that the ending says."""
    noise = np.random.default_rng(0).integers(-3, 4, quarters.shape)
    image = np.clip(quarters.astype(int) + noise, 0, 255).astype(np.uint8)
    picture = PIL.Image.fromarray(image[:, :, ::-1])

    def write(name, **options):
        path = tmp_path / name
        if path.suffix in (".heic", ".heif"):
            pillow_heif.from_pillow(picture).save(path)
        else:
            picture.save(path, **options)
        return path

    return write


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_every_kind_of_picture_in_a_folder_can_be_read(save, ending):
    path = save(f"a{ending}", **({"format": "JPEG"} if ending == ".jfif" else {}))
    still = read_still(path)
    assert (kind_of(path), still.fault) == ("picture", "")
    assert (still.image.shape, corners(still.image)) == ((256, 512, 3), "rgwb")
    assert not still.image.flags.writeable


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp", "a.tga", "a.ppm", "a.gif", "a.tif"])
def test_half_a_picture_is_read_and_said_to_be_cut_short(save, name):
    path = save(name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    still = read_still(path)
    assert still.fault == "cut short"
    assert still.image.shape == (256, 512, 3)
    # BMP and TGA are written from the bottom up.
    assert corners(still.image)[:: -1 if name[2:] in ("bmp", "tga") else 1][:2] in ("rg", "bw")


@pytest.mark.parametrize("name", ["a.webp", "a.jp2"])
def test_picture_of_which_nothing_is_left_is_an_error(save, name):
    path = save(name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(SourceError, match=f"{name}: no (frame|picture) can be decoded"):
        read_still(path)


def test_rest_of_a_16_bit_picture_is_not_washed_out(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (256, 1))
    cv2.imwrite(str(tmp_path / "a.png"), ramp)
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) - 40])
    still = read_still(tmp_path / "a.png")
    assert still.fault == "cut short"
    assert still.image[0, 128].tolist() == pytest.approx([128, 128, 128], abs=1)


def moving(path, frames=4, **options):
    pictures = [PIL.Image.new("RGB", (64, 48), (60 * n, 0, 0)) for n in range(frames)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    return path


@pytest.mark.parametrize(
    ("name", "kind"), [("a.gif", "film"), ("a.png", "film"), ("a.webp", "animated webp")]
)
def test_what_moves_is_a_film(tmp_path, name, kind):
    path = moving(tmp_path / name, duration=100)
    assert kind_of(path) == kind
    still = read_still(path)
    assert still.fault == "animated"
    assert still.image.max() == 0
    with open_source(str(path)) as source:
        frames = list(source)
    assert [round(frame.image[:, :, 2].mean() / 60) for frame in frames] == [0, 1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert {frame.file for frame in frames} == {None}


def test_frames_of_an_animated_webp_have_their_own_times(tmp_path):
    path = moving(tmp_path / "a.webp", duration=[40, 500, 0, 60])
    with open_source(str(path)) as source:
        assert (source.info.frame_count, source.info.fps) == (4, 25)
        assert [frame.time_s for frame in source] == pytest.approx([0, 0.04, 0.54, 0.64])
    part = SourceConfig(start_s=0.04, duration_s=0.6)
    with open_source(str(path), part) as source:
        frames = list(source)
    assert [(f.index, f.time_s) for f in frames] == [(0, 0.04), (1, 0.54)]


def test_animated_webp_that_is_transparent_comes_out_on_black(tmp_path):
    clear = PIL.Image.new("RGBA", (16, 16), (255, 255, 255, 0))
    solid = PIL.Image.new("RGBA", (16, 16), (255, 255, 255, 255))
    clear.save(tmp_path / "a.webp", save_all=True, append_images=[solid], lossless=True)
    with open_source(str(tmp_path / "a.webp")) as source:
        assert [frame.image.max() for frame in source] == [0, 255]


def test_half_an_animated_webp_is_an_error(tmp_path):
    path = moving(tmp_path / "a.webp", duration=40)
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(SourceError, match=r"a\.webp: cannot be decoded"):
        open_source(str(path))


def test_webp_of_one_frame_that_could_move_is_a_picture(tmp_path):
    path = moving(tmp_path / "a.webp", 2, duration=40)
    content = path.read_bytes()
    first = content.index(b"ANMF")
    size = int.from_bytes(content[first + 4 : first + 8], "little")
    body = content[8 : first + 8 + size]
    path.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert kind_of(path) == "picture"
    assert read_still(path).fault == ""


@pytest.mark.parametrize("name", ["a.heic", "a.avif", "a.jpg", "a.webp"])
@pytest.mark.parametrize("megapixels", [0.12, 0.01])
def test_picture_that_is_too_large_is_refused_and_the_option_named(save, name, megapixels):
    path = save(name)
    with pytest.raises(SourceError, match=rf"{name}: .*over {megapixels} megapixels; --max-meg"):
        read_still(path, megapixels)
    assert read_still(path, 0.14).image.shape == (256, 512, 3)


def test_animation_that_is_too_large_is_refused_and_the_option_named(tmp_path):
    path = moving(tmp_path / "a.webp", duration=40)
    for megapixels in (0.003, 0.0001):
        with pytest.raises(SourceError, match=r"a\.webp: .*--max-megapixels"):
            open_source(str(path), SourceConfig(max_megapixels=megapixels))
    with open_source(str(path), SourceConfig(max_megapixels=0.004)) as source:
        assert len(list(source)) == 4


def test_picture_that_is_larger_than_ffmpeg_reads_is_told_so():
    """Allowing more would not help."""
    refused = SimpleNamespace(codec_context=SimpleNamespace(width=0, height=0))
    assert Limit(150).no_picture(refused, "Invalid data") == (
        "no picture can be decoded: Invalid data; it is damaged or over 150 megapixels; "
        "--max-megapixels N allows larger ones"
    )
    assert Limit(1000).no_picture(refused, "Invalid data") == (
        "no picture can be decoded: Invalid data; it is damaged or over 268 megapixels, more than "
        "FFmpeg reads"
    )


def test_lines_of_native_libraries_about_a_damaged_picture_are_not_shown(tmp_path, capfd):
    """libtiff prints what it raises as well: of a strip that says it is longer than the file."""
    path, grey = tmp_path / "a.tif", np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    PIL.Image.fromarray(grey).save(path, compression="tiff_deflate")
    content = bytearray(path.read_bytes())
    bytes_of_strip = struct.pack("<HHI", 279, 4, 1)
    at = content.index(bytes_of_strip) + len(bytes_of_strip)
    content[at : at + 4] = struct.pack("<I", 2 * len(content))
    path.write_bytes(content)
    with PIL.Image.open(path) as picture, pytest.raises(OSError, match="decoder error"):
        picture.load()
    assert "TIFFFillStrip" in capfd.readouterr().err  # else there is nothing to hush
    with pytest.raises(SourceError, match=r"a\.tif: no "):
        read_still(path)
    assert capfd.readouterr().err == ""
