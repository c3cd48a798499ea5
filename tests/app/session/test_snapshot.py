"""Snapshots."""

from datetime import datetime

import cv2
import numpy as np
import pytest

from app.session.annotated import VideoConfig
from app.session.naming import NamedFace, NamedFaces
from app.session.snapshot import save_snapshot
from engine.drawing.shapes import PALETTE
from engine.errors import SinkError

NOW = datetime(2026, 11, 27, 14, 3, 21, 45_000)
FACE = {1: ("happiness", 0.5, 0.2)}


def test_a_plain_snapshot_is_the_frame_itself(tmp_path, make_analysis):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    analysis = make_analysis(0, 0.0, FACE, image=noise)
    path = save_snapshot(tmp_path / "new", analysis, VideoConfig(annotate=False), NOW)
    assert path.name == "2026-11-27_14-03-21.045.png"
    assert (cv2.imread(str(path)) == noise).all()
    assert list(path.parent.iterdir()) == [path]


def test_annotation_and_blur_are_drawn(tmp_path, make_analysis):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    analysis = make_analysis(0, 0.0, FACE, image=noise)
    plain = cv2.imread(str(save_snapshot(tmp_path, analysis, VideoConfig(), NOW)))
    assert (plain != noise).any()
    look = VideoConfig(annotate=False, blur=True)
    blurred = cv2.imread(str(save_snapshot(tmp_path, analysis, look, NOW.replace(second=22))))
    assert np.abs(np.diff(blurred[25:65, 12:44].astype(int), axis=1)).mean() < 6


def test_a_snapshot_shows_names_and_colours(tmp_path, make_analysis):
    analysis = make_analysis(0, 0.0, FACE)
    named = NamedFaces({1: NamedFace(colour="vermillion")})
    path = save_snapshot(tmp_path, analysis, VideoConfig(), NOW, named=named)
    assert (cv2.imread(str(path)) == PALETTE[5]).all(axis=2).any()


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, make_analysis):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="file: cannot be written"):
        save_snapshot(tmp_path / "file", make_analysis(0, 0.0), VideoConfig(), NOW)
