"""`fer-video --blur` with the bundled models: no face that is there is bare, in any frame."""

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.command.cli import main
from engine.assets import asset_path

FRAMES = 45
FOUND_LATE, LOST = range(8), range(22, 30)  # a hand leaves the brow only: no face is found


@pytest.fixture
def film(make_clip):
    """Give a film of a face that moves, with its places."""
    face = cv2.resize(cv2.imread(str(asset_path("portrait.jpg"))), (120, 150))
    room = np.random.default_rng(3).integers(60, 200, (18, 32, 3), np.uint8)
    room = cv2.resize(room, (640, 360), interpolation=cv2.INTER_CUBIC)
    images, places = [], []
    for index in range(FRAMES):
        left, image = 60 + 8 * index, room.copy()
        image[100:250, left : left + 120] = face
        if index in FOUND_LATE or index in LOST:
            image[148:290, left - 10 : left + 130] = (120, 150, 190)
        images.append(image)
        places.append((left + 25, 125, left + 95, 147))  # the brow shows throughout
    return make_clip("film.mp4", images), places


def _frames(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def _found(path: Path):
    with path.open() as file:
        return {int(row["frame"]) for row in csv.DictReader(file)}


@pytest.mark.parametrize("kind", ["blur", "mosaic", "box"])
def test_no_frame_shows_a_face_also_where_it_was_not_found(film, tmp_path, kind):
    clip, places = film
    out, rows = tmp_path / "out.mkv", tmp_path / "rows.csv"
    argv = [str(clip), "--out", str(out), "--records", str(rows), "--overlay", "none"]
    assert main([*argv, "--blur", kind, "--quiet"]) == 0
    assert len(_found(rows)) < FRAMES  # else nothing was tried
    before, after = _frames(clip), _frames(out)
    assert len(after) == FRAMES
    bare = []
    for index, (x0, y0, x1, y1) in enumerate(places):
        one, other = (
            np.abs(np.diff(images[index][y0:y1, x0:x1].astype(int), axis=0)).max(axis=2)
            for images in (before, after)
        )
        if other.mean() > 0.5 * one.mean():  # of detail
            bare.append(index)
    assert bare == []
