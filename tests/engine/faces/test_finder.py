"""The stages up to the tracks, around a detector and a network that know where the faces are."""

from types import SimpleNamespace

import numpy as np
import pytest

import engine.faces.finder
from engine.faces.alignment import align, invert, template, transform
from engine.faces.finder import Finder
from engine.faces.landmarks import box_of, five_points
from engine.faces.tracker_config import TrackerConfig
from engine.types import Detection, Frame, Sighting

IMAGE = np.zeros((480, 640, 3), np.uint8)
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
        self.truth, self.error = truth, {"dx": 0.0, "dy": 0.0, "turn": 0.0, "zoom": 1.0, **error}
        self.passes, self.glances, self.closed = 0, 0, False

    def detect(self, image):
        self.passes += 1
        cos, sin = np.cos(self.error["turn"]), np.sin(self.error["turn"])
        found = []
        for face in self.truth:
            five = five_points(face)
            middle = five.mean(axis=0)
            turned = (five - middle) @ np.array([[cos, sin], [-sin, cos]]) * self.error["zoom"]
            points = (turned + middle + (self.error["dx"], self.error["dy"])).astype(np.float32)
            found.append(Detection(box_of(face), 0.9, points))
        return tuple(found)

    def glance(self, image):
        self.glances += 1
        passes, found = self.passes, self.detect(image)
        self.passes = passes
        return found

    def close(self):
        self.closed = True


class FakeLandmarker:
    """Sees the face of `truth` nearest to the crop's centre, whatever the pixels.

    A crop whose centre is further than `reach_px` from any nose shows no face.
    """

    size, margin = SIZE, 0.1

    def __init__(self, truth):
        self.truth, self.calls, self.reach_px, self.closed = truth, [], 1000, False

    def close(self):
        self.closed = True

    def locate(self, faces):
        self.calls.append(faces)
        return [self._see(face) for face in faces]

    def _see(self, face):
        middle = np.full((1, 2), (SIZE - 1) / 2, np.float32)
        (centre,) = transform(middle, invert(face.matrix))
        gaps = [np.linalg.norm(points[30] - centre) for points in self.truth]
        if min(gaps) > self.reach_px:
            return Sighting(face, landmarks_at(*centre), 0.05, ())
        return Sighting(face, self.truth[int(np.argmin(gaps))], 0.9, ())


def frame(index=0, image=IMAGE):
    return Frame(index, index / 30, image)


def make(truth, config=None, **error):
    detector, landmarker = FakeDetector(truth, **error), FakeLandmarker(truth)
    return Finder(detector, landmarker, config or TrackerConfig()), detector, landmarker


def ids_of(found):
    return [track.id for track in found.tracks]


def test_new_face_is_found_and_aligned():
    truth = [landmarks_at(200, 150)]
    finder, _, landmarker = make(truth)
    now = frame()
    found = finder.find(now)
    assert found.frame is now
    (track,), (sighting,) = found.tracks, found.sightings
    assert (track.id, track.score) == (1, 0.9)
    np.testing.assert_array_equal(track.landmarks, truth[0])
    np.testing.assert_array_equal(track.box, box_of(truth[0]))
    ((face,),) = landmarker.calls
    assert sighting.face is face
    wanted = align(IMAGE, five_points(truth[0]), SIZE, 0.1)
    np.testing.assert_allclose(face.matrix, wanted.matrix, atol=1e-4)


def test_crop_is_cut_from_the_frame():
    image = np.random.default_rng(0).integers(0, 256, IMAGE.shape, np.uint8)
    truth = [landmarks_at(200, 150)]
    finder, _, _ = make(truth)
    (sighting,) = finder.find(frame(image=image)).sightings
    wanted = align(image, five_points(truth[0]), SIZE, 0.1)
    np.testing.assert_array_equal(sighting.face.crop, wanted.crop)


OFF = [{"dx": 14.0}, {"turn": 0.3}, {"zoom": 1.3}, {"zoom": 0.7}]
# Just beyond 8 degrees, an eighth of the size, a sixteenth of the crop's side.
OFF += [{"turn": np.radians(8.3)}, {"turn": np.radians(-8.3)}, {"zoom": 1.13}, {"zoom": 1 / 1.13}]
OFF += [{"dx": 7.3}, {"dx": -7.3}, {"dy": 7.3}, {"dy": -7.3}]
NEAR = [{"dx": 3.0}, {"turn": 0.1}, {"zoom": 1.05}]
NEAR += [{"turn": np.radians(7.7)}, {"turn": np.radians(-7.7)}, {"zoom": 1.11}, {"zoom": 1 / 1.11}]
NEAR += [{"dx": 6.7}, {"dx": -6.7}, {"dy": 6.7}, {"dy": -6.7}]


@pytest.mark.parametrize("error", OFF)
def test_crop_that_was_off_is_cut_and_seen_once_more(error):
    truth = [landmarks_at(200, 150)]
    finder, _, landmarker = make(truth, **error)
    (sighting,) = finder.find(frame()).sightings
    assert [len(faces) for faces in landmarker.calls] == [1, 1]
    again = landmarker.calls[1][0]
    assert sighting.face is again
    wanted = align(IMAGE, five_points(truth[0]), SIZE, 0.1)
    np.testing.assert_allclose(again.matrix, wanted.matrix, atol=1e-4)


@pytest.mark.parametrize("error", NEAR)
def test_crop_that_was_nearly_right_is_seen_once(error):
    finder, _, landmarker = make([landmarks_at(200, 150)], **error)
    finder.find(frame())
    assert len(landmarker.calls) == 1


def test_faces_of_a_frame_are_one_batch_and_followed_without_detection():
    truth = [landmarks_at(120, 150), landmarks_at(320, 200), landmarks_at(520, 300)]
    finder, detector, landmarker = make(truth)
    first = finder.find(frame(0))
    second = finder.find(frame(1))
    assert [len(faces) for faces in landmarker.calls] == [3, 3]
    assert detector.passes == 1
    assert ids_of(first) == ids_of(second) == [1, 2, 3]
    where = {track.id: track.landmarks[30, 0] for track in first.tracks}
    assert {track.id: track.landmarks[30, 0] for track in second.tracks} == where


def test_only_the_crop_that_was_off_is_seen_again():
    truth = [landmarks_at(120, 150), landmarks_at(420, 200)]
    finder, _, landmarker = make(truth)
    finder.find(frame(0))
    truth[1] = landmarks_at(435, 200)
    found = finder.find(frame(1))
    assert [len(faces) for faces in landmarker.calls] == [2, 2, 1]
    assert sorted(track.landmarks[30, 0] for track in found.tracks) == pytest.approx(
        sorted(points[30, 0] for points in truth)
    )


def test_sightings_are_those_of_the_tracks_in_their_order():
    near, far, third = landmarks_at(300, 240), landmarks_at(360, 240), landmarks_at(550, 240)
    finder, _, landmarker = make(truth := [near, far, third], TrackerConfig(detect_every=1))
    landmarker.reach_px = 40
    assert ids_of(finder.find(frame(0))) == [1, 2, 3]
    truth[:] = [near, third]
    lost = finder.find(frame(1))
    truth[:] = [near, third, far]  # comes back from behind `near`: last in the batch, not by id
    back = finder.find(frame(2))
    assert (ids_of(lost), ids_of(back)) == ([1, 3], [1, 2, 3])
    for found, faces in ((lost, [near, third]), (back, [near, far, third])):
        for track, sighting, face in zip(found.tracks, found.sightings, faces, strict=True):
            np.testing.assert_array_equal(track.landmarks, face)
            np.testing.assert_array_equal(sighting.landmarks, face)


def test_times_hold_the_stages_that_ran():
    finder, _, _ = make([landmarks_at(200, 150)])
    assert set(finder.find(frame(0)).times_ms) == {"detect", "align", "landmarks", "track"}
    followed = finder.find(frame(1)).times_ms
    assert set(followed) == {"align", "landmarks", "track"}
    assert all(time_ms >= 0 for time_ms in followed.values())


def test_stage_times_are_milliseconds_and_add_up(monkeypatch):
    now_s = [100.0]
    clock = SimpleNamespace(perf_counter=lambda: now_s[0])
    monkeypatch.setattr(engine.faces.finder, "time", clock)
    finder, detector, landmarker = make([landmarks_at(200, 150)], dx=20.0)

    def slow(stage, seconds):
        def run(given):
            now_s[0] += seconds
            return stage(given)

        return run

    def slow_align(*given):
        now_s[0] += 0.125
        return align(*given)

    monkeypatch.setattr(engine.faces.finder, "align", slow_align)
    detector.detect = slow(detector.detect, 0.5)
    landmarker.locate = slow(landmarker.locate, 0.25)
    times_ms = finder.find(frame()).times_ms
    assert len(landmarker.calls) == 2  # the crop was off
    assert times_ms == {"detect": 500.0, "align": 250.0, "landmarks": 500.0, "track": 0.0}


def test_frame_without_faces_runs_no_landmark_network():
    finder, _, landmarker = make([])
    found = finder.find(frame())
    assert (found.tracks, found.sightings, landmarker.calls) == ((), (), [])
    assert set(found.times_ms) == {"detect", "track"}


def test_face_that_jumped_is_sought_by_the_detector_and_keeps_its_id():
    truth = [landmarks_at(200, 150)]
    finder, detector, landmarker = make(truth)
    landmarker.reach_px = 40
    for index in range(3):
        assert ids_of(finder.find(frame(index))) == [1]
    truth[0] = landmarks_at(250, 150)
    found = finder.find(frame(3))
    assert (ids_of(found), detector.passes) == ([1], 2)
    np.testing.assert_array_equal(found.tracks[0].landmarks, truth[0])
    wanted = align(IMAGE, five_points(truth[0]), SIZE, 0.1)
    np.testing.assert_allclose(found.sightings[0].face.matrix, wanted.matrix, atol=1e-4)
    assert set(found.times_ms) == {"detect", "align", "landmarks", "track"}


def test_face_in_another_scene_gets_a_new_id():
    finder, _, _ = make([landmarks_at(200, 150)])
    rng = np.random.default_rng(0)
    scenes = [rng.integers(0, 256, IMAGE.shape, np.uint8), np.full(IMAGE.shape, 255, np.uint8)]
    ids = [ids_of(finder.find(frame(index, scenes[index // 3]))) for index in range(6)]
    assert ids == [[1]] * 3 + [[2]] * 3


def test_a_close_face_that_moves_before_a_wall_is_no_cut():
    finder, _, _ = make(truth := [landmarks_at(200, 150)])
    ids = []
    for index in range(6):
        x = 200 + 30 * (index % 2)
        truth[0] = landmarks_at(x, 150)
        image = np.full(IMAGE.shape, 180, np.uint8)
        image[60:240, x - 70 : x + 70] = np.linspace(20, 240, 180).astype(np.uint8)[:, None, None]
        ids.append(ids_of(finder.find(frame(index, image))))
    assert ids == [[1]] * 6


def test_time_that_goes_back_gives_new_ids():
    finder, _, _ = make([landmarks_at(200, 150)])
    times_s = [1.0, 1.1, 1.1, 0.5, 0.6]
    found = [finder.find(Frame(index, time_s, IMAGE)) for index, time_s in enumerate(times_s)]
    assert [ids_of(one) for one in found] == [[1], [1], [1], [2], [2]]


def test_settings_reach_the_tracker():
    truth = [landmarks_at(120, 150), landmarks_at(320, 200)]
    finder, detector, _ = make(truth, TrackerConfig(max_faces=1, detect_every=2))
    for index in range(6):
        assert len(finder.find(frame(index)).tracks) == 1
    assert detector.passes == 3


def test_closing_the_finder_closes_the_detector_and_the_landmark_network():
    finder, detector, landmarker = make([])
    assert not detector.closed
    assert not landmarker.closed
    finder.close()
    assert detector.closed
    assert landmarker.closed


def test_landmark_network_is_closed_even_where_the_detector_fails_to():
    finder, detector, landmarker = make([])

    def fail():
        raise RuntimeError("driver gone")

    detector.close = fail
    with pytest.raises(RuntimeError, match="driver gone"):
        finder.close()
    assert landmarker.closed


def test_detection_whose_points_coincide_is_no_face():
    """No rotation is defined by them: it ended in a traceback."""
    finder, detector, _ = make([landmarks_at(60, 50)], zoom=0.0)
    assert len(detector.detect(IMAGE)) == 1
    assert ids_of(finder.find(frame())) == []
