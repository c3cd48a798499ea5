"""Pictures that keep their planes: what networks see of them, and that nobody writes to them."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faces.alignment import align
from engine.faces.detection import FINE_MIN
from engine.faces.preprocessing import thinned
from engine.types import size_of, whole
from engine.video.opening import open_source
from engine.video.planes import LAYOUTS, Colour, Copied, Orientation, Planes, planes_of

WIDTH, HEIGHT = 962, 542
# Formats whose regions have the very bytes of the whole picture, and those in which FFmpeg blends
# colours of neighbours and rounds anew: mean and largest difference, levels.
EXACT = {"yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p"}
BOUND = (0.5, 24)


def _film(path, form="yuv420p", *, size=(WIDTH, HEIGHT), turn=None, shape=None, tags=None):
    """Write three frames of noise over soft colours, without loss."""
    rng = np.random.default_rng(1)
    codec = "mjpeg" if form.startswith("yuvj") else "ffv1"
    if path.suffix == ".mp4":
        codec = "libx264"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, width=size[0], height=size[1], pix_fmt=form)
        if turn is not None:
            stream.set_display_rotation(*turn)
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        for _ in range(3):
            soft = rng.integers(0, 256, (6, 8, 3), np.uint8)
            image = cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC)
            image = cv2.add(image, rng.integers(0, 30, image.shape, np.uint8))
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=form)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _pictures(path):
    with open_source(str(path)) as source:
        return source.info, [frame.picture for frame in source]


@pytest.mark.parametrize("form", [*LAYOUTS, "yuvj420p", "yuvj422p"])
def test_regions_and_gray_are_those_of_the_whole_picture(tmp_path, form):
    info, (_, picture, _) = _pictures(_film(tmp_path / "a.mkv", form))
    assert isinstance(picture, Planes)
    assert info.form.name == form.replace("yuvj", "yuv")
    image = picture.image
    assert image.shape == (HEIGHT, WIDTH, 3)
    parts = [
        np.abs(picture.patch(x0, y0, x1, y1).astype(int) - image[y0:y1, x0:x1])
        for x0, y0, x1, y1 in [(0, 0, WIDTH, HEIGHT), (33, 17, 431, 320), (900, 161, 962, 542)]
    ]
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    parts.append(np.abs(picture.gray().astype(int) - gray))
    mean, most = (0, 0) if form in EXACT else BOUND
    assert max(part.mean() for part in parts) <= mean
    assert max(part.max() for part in parts) <= most


@pytest.mark.parametrize("turn", [(90,), (180,), (-90,), (0, True), (90, True)])
def test_turned_pictures_give_upright_regions(tmp_path, turn):
    _, (picture, *_) = _pictures(_film(tmp_path / "a.mp4", turn=turn))
    image = picture.image
    assert size_of(picture) == image.shape[1::-1]
    np.testing.assert_array_equal(picture.patch(20, 31, 90, 77), image[31:77, 20:90])
    np.testing.assert_array_equal(picture.gray(), cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    assert picture.luma(4).shape == image[::4, ::4].shape[:2]


def test_pictures_whose_pixels_are_not_square_are_seen_as_they_are_shown(tmp_path):
    info, (picture, *_) = _pictures(_film(tmp_path / "a.mp4", shape=Fraction(4, 3)))
    assert (info.width, info.height) == (round(WIDTH * 4 / 3), HEIGHT)
    assert info.form.shape == Fraction(4, 3)
    np.testing.assert_array_equal(picture.patch(20, 31, 90, 77), picture.image[31:77, 20:90])
    np.testing.assert_array_equal(picture.gray(), cv2.cvtColor(picture.image, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.7])
def test_crops_have_the_bytes_they_have_of_a_converted_picture(tmp_path, zoom):
    _, (picture, *_) = _pictures(_film(tmp_path / "a.mkv", size=(960, 540)))
    shape = np.array([[0.3, 0.4], [0.7, 0.42], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    for x, y in [(150.3, 120.7), (-20.0, 300.0), (600.0, 430.0)]:
        points = (np.array([x, y]) + 112 * zoom * shape).astype(np.float32)
        np.testing.assert_array_equal(
            align(picture, points).crop, align(picture.image, points).crop
        )


def test_a_detectors_pictures_have_the_bytes_they_have_of_a_converted_one(tmp_path):
    _, (picture, *_) = _pictures(_film(tmp_path / "a.mkv", size=(1280, 720)))
    for least in (1280, FINE_MIN, 284):
        kept, step = thinned(picture, least)
        wanted, same = thinned(picture.image, least)
        assert step == same
        np.testing.assert_array_equal(kept, wanted)


def test_decoded_planes_are_read_only_and_copies_are_not(tmp_path):
    _, (picture, *_) = _pictures(_film(tmp_path / "a.mkv"))
    before = [plane.copy() for plane in picture.samples]
    with pytest.raises(ValueError, match="read-only"):
        picture.samples[0][0, 0] = 1
    copied = Copied(picture)
    for plane in copied.samples:
        plane[:] = 7
    for plane, was in zip(picture.samples, before, strict=True):
        np.testing.assert_array_equal(plane, was)
    assert not picture.image.flags.writeable
    assert picture.image is picture.image


def test_odd_sides_grow_by_the_last_column_and_row(tmp_path):
    _, (picture, *_) = _pictures(_film(tmp_path / "a.mkv", "yuv444p", size=(33, 21)))
    copied = Copied(picture)
    copied.samples[0][:, -1] = 99
    copied.finish()
    assert (copied.frame.width, copied.frame.height) == (34, 22)
    for grown, plane in zip(planes_of(copied.frame, 8), copied.samples, strict=True):
        np.testing.assert_array_equal(grown[:21, :33], plane)
        np.testing.assert_array_equal(grown[:21, 33], plane[:, 32])
        np.testing.assert_array_equal(grown[21, :33], plane[20])


@pytest.mark.parametrize("form", ["gray", "bgr0", "yuva420p", "yuv410p"])
def test_others_are_converted(tmp_path, form):
    info, pictures = _pictures(_film(tmp_path / "a.mkv", form))
    assert info.form is None
    assert all(isinstance(picture, np.ndarray) for picture in pictures)


def test_a_later_frame_of_another_size_has_the_first_ones(tmp_path):
    small = _film(tmp_path / "a.mkv", size=(96, 64))
    large = _film(tmp_path / "b.mkv", size=(192, 128))
    with av.open(str(small)) as one, av.open(str(large)) as other:
        first, second = next(one.decode(video=0)), next(other.decode(video=0))
    from engine.video.conversion import Converter

    convert = Converter(first)
    picture = convert.picture(second)
    assert isinstance(picture, Planes)
    assert size_of(picture) == (96, 64)
    shrunk = cv2.resize(convert(second), (96, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(whole(picture).astype(int) - shrunk).mean() < 4


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 8), st.integers(0, 5))
def test_a_region_lies_where_it_is_stored(transpose, mirror_x, mirror_y, x0, y0):
    turned = Orientation(transpose, mirror_x, mirror_y)
    stored = np.arange(9 * 13, dtype=np.uint8).reshape(9, 13)
    upright = turned.apply(stored)
    height, width = upright.shape
    rect = (x0, y0, min(x0 + 4, width), min(y0 + 3, height))
    a, b, c, d = turned.stored(rect, width, height)
    np.testing.assert_array_equal(
        turned.apply(stored[b:d, a:c]), upright[rect[1] : rect[3], rect[0] : rect[2]]
    )
    np.testing.assert_array_equal(turned.undo(upright), stored)


@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("limited", [True, False])
def test_white_and_gray_have_no_colour(matrix, limited):
    weights = Colour(matrix=matrix, limited=limited).from_bgr(64, 48)
    np.testing.assert_allclose(
        weights @ np.full(3, 255.0), [219 if limited else 255, 0, 0], atol=1e-9
    )
    red = weights @ [0, 0, 255]
    assert red[2] == pytest.approx(112 if limited else 127.5)
