"""The stages of a frame around a detector and a network that know where the faces are."""

import numpy as np
import pytest

import engine.assets
from engine.align import align, invert, template, transform
from engine.analyze import Analyzer, AnalyzerConfig, _model_path, open_analyzer
from engine.errors import ConfigError, ModelError
from engine.fusion import Reading
from engine.landmarks import box_of, five_points
from engine.types import Detection, Frame

IMAGE = np.zeros((480, 640, 3), np.uint8)
HAPPY = np.array([0, 4, 0, 0, 0, 0, 0, 0], np.float32)
SIZE = 112


def landmarks_at(x, y, scale=1.0, turn=0.0):
    """68 points whose five points are the template's, in a crop centred on (x, y)."""
    right, left, nose, *corners = template(SIZE) - (SIZE - 1) / 2
    points = np.repeat([[0, 0]], 68, axis=0).astype(np.float32)
    points[:17] = np.linspace((-40, 0), (40, 40), 17)
    points[36:42], points[42:48], points[30] = right, left, nose
    points[48], points[54] = corners
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    return transform(points, np.array([[cos, -sin, x], [sin, cos, y]], np.float32))


class FakeDetector:
    """Finds the faces of `truth`, moved and turned by an error."""

    name = "fake"

    def __init__(self, truth, **error):
        self.truth, self.error = truth, {"dx": 0.0, "turn": 0.0, "zoom": 1.0, **error}
        self.passes, self.closed = 0, False

    def detect(self, image):
        self.passes += 1
        cos, sin = np.cos(self.error["turn"]), np.sin(self.error["turn"])
        found = []
        for face in self.truth:
            five = five_points(face)
            middle = five.mean(axis=0)
            turned = (five - middle) @ np.array([[cos, sin], [-sin, cos]]) * self.error["zoom"]
            points = (turned + middle + (self.error["dx"], 0)).astype(np.float32)
            found.append(Detection(box_of(face), 0.9, points))
        return tuple(found)

    def close(self):
        self.closed = True


class FakeFusion:
    """Sees the face of `truth` nearest to the crop's centre, whatever the pixels."""

    size, margin, temperature, device = SIZE, 0.1, 1.0, "fake"

    def __init__(self, truth):
        self.truth, self.calls = truth, []

    def read(self, faces):
        self.calls.append(faces)
        return [self._read(face) for face in faces]

    def _read(self, face):
        centre = transform(np.full((1, 2), (SIZE - 1) / 2, np.float32), invert(face.matrix))
        nearest = min(self.truth, key=lambda points: np.linalg.norm(points[30] - centre[0]))
        return Reading(HAPPY, np.array([0.8, 2.0], np.float32), nearest, 0.9)


def frame(index=0):
    return Frame(index, index / 30, IMAGE)


def make(truth, config=None, **error):
    detector, fusion = FakeDetector(truth, **error), FakeFusion(truth)
    return Analyzer(detector, fusion, config or AnalyzerConfig()), detector, fusion


def test_new_face_is_found_aligned_and_read():
    truth = [landmarks_at(200, 150)]
    analyzer, _, fusion = make(truth)
    analysis = analyzer.analyze(frame())
    (track,), (prediction,) = analysis.tracks, analysis.predictions
    assert (track.id, prediction.track_id, track.score) == (1, 1, 0.9)
    np.testing.assert_array_equal(track.landmarks, truth[0])
    assert prediction.expression.label == "happiness"
    assert prediction.probabilities[1] == pytest.approx(np.exp(4) / (np.exp(4) + 7), abs=1e-5)
    assert (prediction.valence, prediction.arousal) == (pytest.approx(0.8), 1.0)
    assert 0 < prediction.reliability < 1
    ((face,),) = fusion.calls
    wanted = align(IMAGE, five_points(truth[0]), SIZE, 0.1)
    np.testing.assert_allclose(face.matrix, wanted.matrix, atol=1e-4)
    assert analyzer.device == "fake"


@pytest.mark.parametrize("error", [{"dx": 14.0}, {"turn": 0.3}, {"zoom": 1.3}, {"zoom": 0.7}])
def test_crop_that_was_off_is_cut_and_read_once_more(error):
    truth = [landmarks_at(200, 150)]
    analyzer, _, fusion = make(truth, **error)
    analyzer.analyze(frame())
    assert [len(faces) for faces in fusion.calls] == [1, 1]
    again = fusion.calls[1][0]
    wanted = align(IMAGE, five_points(truth[0]), SIZE, 0.1)
    np.testing.assert_allclose(again.matrix, wanted.matrix, atol=1e-4)


@pytest.mark.parametrize("error", [{"dx": 3.0}, {"turn": 0.1}, {"zoom": 1.05}])
def test_crop_that_was_nearly_right_is_read_once(error):
    analyzer, _, fusion = make([landmarks_at(200, 150)], **error)
    analyzer.analyze(frame())
    assert len(fusion.calls) == 1


def test_faces_of_a_frame_are_one_batch_and_followed_without_detection():
    truth = [landmarks_at(120, 150), landmarks_at(320, 200), landmarks_at(520, 300)]
    analyzer, detector, fusion = make(truth)
    first = analyzer.analyze(frame(0))
    second = analyzer.analyze(frame(1))
    assert [len(faces) for faces in fusion.calls] == [3, 3]
    assert detector.passes == 1
    assert [t.id for t in first.tracks] == [t.id for t in second.tracks] == [1, 2, 3]
    where = {track.id: track.landmarks[30, 0] for track in first.tracks}
    assert {track.id: track.landmarks[30, 0] for track in second.tracks} == where


def test_only_the_crop_that_was_off_is_read_again():
    truth = [landmarks_at(120, 150), landmarks_at(420, 200)]
    analyzer, _, fusion = make(truth)
    analyzer.analyze(frame(0))
    truth[1] = landmarks_at(435, 200)
    analysis = analyzer.analyze(frame(1))
    assert [len(faces) for faces in fusion.calls] == [2, 2, 1]
    assert sorted(track.landmarks[30, 0] for track in analysis.tracks) == pytest.approx(
        sorted(points[30, 0] for points in truth)
    )


def test_times_hold_the_stages_that_ran():
    analyzer, _, _ = make([landmarks_at(200, 150)])
    assert set(analyzer.analyze(frame(0)).times_ms) == {"detect", "align", "fusion", "track"}
    followed = analyzer.analyze(frame(1)).times_ms
    assert set(followed) == {"align", "fusion", "track"}
    assert all(time_ms >= 0 for time_ms in followed.values())


def test_frame_without_faces_runs_no_network():
    analyzer, _, fusion = make([])
    analysis = analyzer.analyze(frame())
    assert (analysis.tracks, analysis.predictions, fusion.calls) == ((), (), [])
    assert set(analysis.times_ms) == {"detect", "track"}


def test_expression_is_smoothed_over_time():
    truth = [landmarks_at(200, 150)]
    analyzer, _, fusion = make(truth, AnalyzerConfig(smooth=0.25))
    before = analyzer.analyze(frame(0)).predictions[0].probabilities[1]
    calm = Reading(-HAPPY, np.zeros(2, np.float32), truth[0], 0.9)
    fusion.read = lambda faces: [calm for _ in faces]
    after = analyzer.analyze(frame(1)).predictions[0]
    assert 0.5 < after.probabilities[1] < before
    assert 0 < after.valence < 0.8


def test_settings_reach_the_tracker():
    truth = [landmarks_at(120, 150), landmarks_at(320, 200)]
    analyzer, detector, _ = make(truth, AnalyzerConfig(max_faces=1, detect_every=2))
    for index in range(6):
        assert len(analyzer.analyze(frame(index)).tracks) == 1
    assert detector.passes == 3


def test_leaving_the_analyzer_closes_the_detector():
    analyzer, detector, _ = make([])
    with analyzer:
        assert not detector.closed
    assert detector.closed


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"detect_every": 0}, "detect_every: must be at least 1, got 0"),
        ({"min_face_px": 0}, "min_face: must be at least 1 pixel, got 0"),
        ({"max_faces": 0}, "max_faces: must be at least 1, got 0"),
        ({"smooth": -0.1}, "smooth: must be 0 to 60 seconds, got -0.1"),
        ({"smooth": float("nan")}, "smooth: must be 0 to 60 seconds, got nan"),
    ],
)
def test_setting_out_of_range_is_named(setting, says):
    with pytest.raises(ConfigError, match=says):
        AnalyzerConfig(**setting)


def test_unknown_model_lists_the_choices():
    with pytest.raises(ModelError, match=r"model poster: unknown; choose poster-rt, or name an"):
        open_analyzer(AnalyzerConfig(model="poster"))


def test_model_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"mine\.onnx: no such model file"):
        open_analyzer(AnalyzerConfig(model=str(tmp_path / "mine.onnx")))


def test_bundled_model_that_is_missing_is_a_model_error(monkeypatch, tmp_path):
    monkeypatch.setattr(engine.assets, "__file__", str(tmp_path / "engine" / "assets.py"))
    with pytest.raises(ModelError, match=r"asset poster-rt\.onnx: not in this installation"):
        _model_path("poster-rt")
