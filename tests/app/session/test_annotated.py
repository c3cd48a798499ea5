"""The video of a recording."""

import av
import numpy as np
import pytest

from app.session.annotated import AnnotatedVideo, VideoConfig, fitted
from app.session.folder import Marker
from app.session.naming import NamedFace, NamedFaces
from engine.drawing.shapes import PALETTE
from engine.errors import SinkError
from engine.video.opening import open_source
from engine.video.sink import VideoSink

FACE = {1: ("happiness", 0.5, 0.2)}


def _frames(path):
    with open_source(str(path)) as source:
        return [(frame.time_s, frame.image) for frame in source]


def _write(path, camera, analyses, **look):
    video = AnnotatedVideo(path, camera(), VideoConfig(crf=1, **look))
    for analysis in analyses:
        video.write(analysis)
    video.close()
    video.close()
    return _frames(path)


def test_plain_video_holds_the_pictures_and_times(tmp_path, camera, make_analysis):
    analyses = [make_analysis(i, t, FACE) for i, t in enumerate([0.0, 0.04, 0.5, 0.51])]
    frames = _write(tmp_path / "video.mp4", camera, analyses, annotate=False)
    assert [time_s for time_s, _ in frames] == pytest.approx([0.0, 0.04, 0.5, 0.51], abs=1e-4)
    assert np.abs(frames[2][1].astype(int) - analyses[2].frame.image).max() < 6


def test_annotated_video_shows_more_than_the_picture(tmp_path, camera, make_analysis):
    analysis = make_analysis(0, 0.0, FACE)
    ((_, image),) = _write(tmp_path / "video.mp4", camera, [analysis])
    assert (np.abs(image.astype(int) - analysis.frame.image).max(axis=2) > 40).mean() > 0.02


def test_faces_have_their_names_and_colours_from_the_frame_on_where_they_got_them(
    tmp_path, camera, make_analysis
):
    boxes = {1: (20, 40, 70, 100), 2: (90, 40, 140, 100)}
    faces = dict.fromkeys(boxes, ("happiness", 0.5, 0.2))
    video = AnnotatedVideo(tmp_path / "video.mp4", camera(), VideoConfig(crf=1))
    video.write(make_analysis(0, 0.0, faces, boxes=boxes))
    chosen = {1: NamedFace(name="Anna"), 2: NamedFace(colour="vermillion")}
    video.name_faces(NamedFaces(chosen))
    video.write(make_analysis(1, 0.04, faces, boxes=boxes))
    video.close()
    (_, before), (_, after) = _frames(tmp_path / "video.mp4")
    for image, expected in ((before, PALETTE[1]), (after, PALETTE[5])):
        sides = image[60:80, 88:93].astype(int).reshape(-1, 3)
        nearest = [min(np.abs(sides - colour).sum(axis=1)) for colour in PALETTE]
        assert PALETTE[int(np.argmin(nearest))] == expected
    left = np.abs(before[:, :80].astype(int) - after[:, :80]).max(axis=2)
    assert (left > 60).sum() > 40


def test_blurred_video_shows_no_detail_of_a_face(tmp_path, camera, make_analysis):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    analysis = make_analysis(0, 0.0, FACE, image=noise)
    ((_, image),) = _write(tmp_path / "video.mp4", camera, [analysis], annotate=False, blur=True)
    face = image[25:65, 12:44].astype(int)
    assert np.abs(np.diff(face, axis=1)).mean() < 6
    assert np.abs(np.diff(image[90:, 100:].astype(int), axis=1)).mean() > 20


def test_a_clean_copy_has_the_same_pictures_without_what_is_drawn(tmp_path, camera, make_analysis):
    analyses = [make_analysis(i, t, FACE) for i, t in enumerate([0.0, 0.04, 0.5])]
    path, clean = tmp_path / "video.mp4", tmp_path / "clean.mp4"
    video = AnnotatedVideo(path, camera(), VideoConfig(crf=1, clean=True), clean=clean)
    video.mark(Marker(0.04, "on"))
    for analysis in analyses:
        video.write(analysis)
    video.close()
    drawn, bare = _frames(path), _frames(clean)
    assert [time_s for time_s, _ in drawn] == [time_s for time_s, _ in bare]
    for (_, one), (_, other), analysis in zip(drawn, bare, analyses, strict=True):
        assert np.abs(other.astype(int) - analysis.frame.image).max() < 6
        assert (np.abs(one.astype(int) - other).max(axis=2) > 40).mean() > 0.02
    for each in (path, clean):
        with av.open(str(each)) as container:
            assert [c["metadata"]["title"] for c in container.chapters()] == ["on"]


def test_a_clean_copy_is_blurred_as_the_video_is(tmp_path, camera, make_analysis):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    analysis = make_analysis(0, 0.0, FACE, image=noise)
    clean = tmp_path / "clean.mp4"
    config = VideoConfig(crf=1, clean=True, blur=True)
    video = AnnotatedVideo(tmp_path / "video.mp4", camera(), config, clean=clean)
    video.write(analysis)
    video.close()
    ((_, image),) = _frames(clean)
    assert np.abs(np.diff(image[25:65, 12:44].astype(int), axis=1)).mean() < 6
    assert np.abs(np.diff(image[90:, 100:].astype(int), axis=1)).mean() > 20


def test_one_file_that_cannot_be_closed_leaves_the_other_whole(
    tmp_path, camera, make_analysis, monkeypatch
):
    close = VideoSink.close

    def full(sink):
        close(sink)
        if sink._file.target.name == "clean.mp4":
            raise SinkError("clean.mp4: disk full")

    monkeypatch.setattr(VideoSink, "close", full)
    path, clean = tmp_path / "video.mp4", tmp_path / "clean.mp4"
    video = AnnotatedVideo(path, camera(), VideoConfig(clean=True), clean=clean)
    video.write(make_analysis(0, 0.0, FACE))
    with pytest.raises(SinkError, match="disk full"):
        video.close()
    assert len(_frames(path)) == 1


def test_a_camera_that_returns_with_another_size_is_fitted_in(tmp_path, camera, make_analysis):
    small = np.full((60, 60, 3), 200, np.uint8)
    analyses = [make_analysis(0, 0.0, FACE), make_analysis(1, 0.1, FACE, image=small)]
    frames = _write(tmp_path / "video.mp4", camera, analyses)
    assert [image.shape for _, image in frames] == [(120, 160, 3)] * 2
    assert frames[1][1][60, 5].max() < 20  # a bar
    assert frames[1][1][10, 80].min() > 180


def test_fitted_keeps_the_form():
    wide = np.full((10, 40, 3), 255, np.uint8)
    whole = fitted(wide, (20, 20))
    assert whole.shape == (20, 20, 3)
    assert (whole[:7] == 0).all()
    assert (whole[8:12] == 255).all()
    assert fitted(wide, (10, 40)) is wide
