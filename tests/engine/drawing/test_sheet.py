"""Drawings on planes: as those on BGR, and nothing but them."""

import av
import cv2
import numpy as np
import pytest

from engine.drawing.overlay import Overlay, OverlayConfig
from engine.drawing.shapes import Rect
from engine.drawing.sheet import Sheet
from engine.types import Analysis, Frame, Prediction, Track
from engine.video.conversion import Converter
from engine.video.planes import Copied, Form, Orientation, Planes, planes_of

SIZE = (320, 240)
LEVELS = 2  # that a drawing on planes may differ from one on BGR


def _decoded(name, *, size=SIZE, orientation=None, matrix=5, stated=1):
    """Make a soft picture that keeps its planes."""
    rng = np.random.default_rng(3)
    soft = cv2.resize(rng.integers(40, 200, (5, 7, 3), np.uint8), size)
    frame = av.VideoFrame.from_ndarray(soft, format="bgr24").reformat(format=name)
    frame.colorspace, frame.color_range = matrix, stated
    convert = Converter(frame)
    if orientation is None:
        return convert.picture(frame)
    width, height = size[::-1] if orientation.transpose else size
    form = Form(name, *size, convert.form.colour, orientation)
    return Planes(frame, form, (width, height), lambda it: orientation.apply(convert(it)).copy())


def _analysis(picture, index=0, reliability=0.8, boxes=None):
    boxes = boxes or {1: (20, 6, 60, 56), 2: (64, 30, 120, 100), 11: (250, 90, 318, 170)}
    tracks, faces = [], []
    for face, box in boxes.items():
        x0, y0, x1, y1 = box
        angle = np.linspace(0, 2 * np.pi, 68)
        points = np.stack([(x0 + x1) / 2 + 15 * np.cos(angle), (y0 + y1) / 2 + 15 * np.sin(angle)])
        tracks.append(Track(face, np.array(box, np.float32), points.T.astype(np.float32), 0.9))
        shares = np.full(8, 0.13 / 7, np.float32)
        shares[1] = 0.87
        wave = float(np.sin(0.2 * index + face))
        faces.append(Prediction(face, shares, wave, wave / 2, reliability))
    return Analysis(Frame(index, index / 25, picture), tuple(tracks), tuple(faces), {})


def _both(picture, **options):
    """Draw thirty frames on planes and on BGR; give the last of each."""
    width, height = picture.width, picture.height
    config = OverlayConfig(landmarks=True)
    plain, ours = Overlay(width, height, config), Overlay(width, height, config)
    for index in range(30):
        drawn = plain.draw(_analysis(picture.image, index, **options))
        copied = ours.over(_analysis(picture, index, **options))
    return drawn, copied


@pytest.mark.parametrize("reliability", [0.8, 0.1], ids=["certain", "uncertain"])
@pytest.mark.parametrize(("matrix", "stated"), [(1, 1), (5, 1), (9, 1), (5, 2)])
def test_a_drawing_on_planes_is_that_on_bgr_within_two_levels(matrix, stated, reliability):
    picture = _decoded("yuv444p", matrix=matrix, stated=stated)
    drawn, copied = _both(picture, reliability=reliability)
    weights = picture.form.colour.from_bgr(*SIZE)
    changed = (drawn != picture.image).any(axis=2)
    assert changed.mean() > 0.2
    for row, (mine, offset) in enumerate(
        zip(copied.samples, (picture.form.colour.black, 128, 128), strict=True)
    ):
        # What the drawing changed is compared: the conversion to BGR rounds, and cuts off.
        wanted = drawn.astype(float) @ weights[row] + offset
        base = picture.image.astype(float) @ weights[row] + offset
        kept = picture.samples[row].astype(float) - base
        covered = np.abs(mine - wanted - kept)[changed]
        free = np.abs(mine - wanted)[changed]
        differ = np.minimum(covered, free)
        assert (differ <= LEVELS).mean() >= 0.995  # as golden pictures are judged
        assert differ.max() <= 6  # where many smooth edges lie on one another


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv420p10le", "yuv422p12le"])
def test_smaller_planes_of_colour_are_averages(name):
    whole, small = _decoded("yuv444p"), _decoded(name)
    bits = small.form.layout.bits
    for plane in small.samples:  # one colour, so that only the drawing differs
        plane.flags.writeable = True
        plane[:] = 100 << bits - 8
    for plane in whole.samples:
        plane.flags.writeable = True
        plane[:] = 100
    _, one = _both(whole)
    _, other = _both(small)
    across, down, _ = small.form.layout
    for index, (full, less) in enumerate(zip(one.samples, other.samples, strict=True)):
        if index:
            size = (full.shape[1] // across, full.shape[0] // down)
            full = cv2.resize(full.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        assert np.abs(less / (1 << bits - 8) - full).max() <= LEVELS


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_samples_away_from_the_drawing_are_untouched(name):
    picture = _decoded(name)
    _, copied = _both(picture, boxes={1: (100, 60, 160, 130)})
    across, down, _ = picture.form.layout
    for index, (before, after) in enumerate(zip(picture.samples, copied.samples, strict=True)):
        step_x, step_y = (across, down) if index else (1, 1)
        changed = before != after
        inside = np.zeros_like(changed)
        inside[200 // step_y :] = True  # the strip
        inside[40 // step_y : 170 // step_y, 90 // step_x : 270 // step_x] = True
        assert changed.any()
        assert not (changed & ~inside).any()
    face = copied.samples[0][120:126, 104:156], picture.samples[0][120:126, 104:156]
    np.testing.assert_array_equal(*face)  # inside the outline, below the landmarks


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("mirrors", [(True, False), (False, True), (True, True)])
def test_a_turned_film_is_drawn_on_turned(transpose, mirrors):
    orientation = Orientation(transpose, *mirrors)
    turned = _decoded("yuv444p", orientation=orientation)
    boxes = {1: (100, 60, 160, 130)}
    _, copied = _both(turned, boxes=boxes)
    upright = _decoded("yuv444p", size=(turned.width, turned.height))
    for plane, stored in zip(upright.samples, turned.samples, strict=True):
        plane.flags.writeable = True
        plane[:] = orientation.apply(stored)
    _, wanted = _both(upright, boxes=boxes)
    for mine, plane in zip(copied.samples, wanted.samples, strict=True):
        np.testing.assert_array_equal(orientation.apply(mine), plane)


def test_a_sheet_is_clear_after_it_was_laid_and_overlaps_count_once():
    picture = _decoded("yuv420p")
    sheet = Sheet(*SIZE, picture.form)
    sheet.pixels[11:30, 13:40] = (10, 20, 30, 128)
    once, twice = Copied(picture), Copied(picture)
    kept = sheet.pixels.copy()
    sheet.lay(once.samples, [Rect(13, 11, 40, 30)])
    assert not sheet.pixels.any()
    sheet.pixels[:] = kept
    sheet.lay(twice.samples, [Rect(13, 11, 25, 30), Rect(20, 9, 40, 31), Rect(-9, -9, 400, 400)])
    for one, other in zip(once.samples, twice.samples, strict=True):
        np.testing.assert_array_equal(one, other)


def test_white_of_hdr_is_paper_and_not_the_brightest_light():
    frame = av.VideoFrame(64, 48, "yuv420p10le")
    for plane, level in zip(planes_of(frame, 10), (64, 512, 512), strict=True):
        plane[:] = level
    frame.color_trc, frame.colorspace = 16, 9
    convert = Converter(frame)
    copied = Copied(convert.picture(frame))
    sheet = Sheet(64, 48, convert.form)
    sheet.pixels[8:24, 8:24] = 255
    sheet.lay(copied.samples, [Rect(8, 8, 24, 24)])
    assert copied.samples[0][16, 16] == pytest.approx(64 + 0.58 * 876, abs=4)
    assert copied.samples[1][8, 8] == 512


def test_a_frame_without_planes_is_no_frame_for_them():
    overlay = Overlay(*SIZE)
    image = np.zeros((*SIZE[::-1], 3), np.uint8)
    with pytest.raises(ValueError, match="keeps no planes"):
        overlay.over(_analysis(image))
