"""People who lie and frames on their side: real networks on the portrait, turned."""

from contextlib import closing

import cv2
import numpy as np
import pytest

from engine.analyze import AnalyzerConfig, open_config_detector, open_finder
from engine.assets import asset_path
from engine.faces.alignment import transform
from engine.faces.finder import Finder
from engine.faces.landmarks import LEFT_EYE, RIGHT_EYE
from engine.faces.turning import (
    EVERY_S,
    KEPT_S,
    OTHERS,
    STRETCHED,
    TURNED,
    UPRIGHT,
    WHILE_S,
    Turns,
    Way,
    is_surely,
    seen_turned,
    stretch_of,
    turn_back,
    turn_of,
    without,
)
from engine.types import Detection, Frame

FACE = np.array([113, 58, 208, 174], np.float32)  # of the portrait, 320 pixels square
SIZE = (480, 640)
AT = (60, 220)  # where the portrait lies in a scene, y and x: not in its middle


def iou(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inside = np.prod(np.clip(high - low, 0, None))
    return inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


@pytest.fixture(scope="module")
def portrait():
    return cv2.imread(str(asset_path("portrait.jpg")))


@pytest.fixture(scope="module")
def finder():
    with closing(open_finder(AnalyzerConfig(threads=1))) as found:
        yield found


def turned(box, way, side=319):
    """Where a box of a square picture comes to lie when it is turned clockwise."""
    x0, y0, x1, y1 = box
    places = {
        0: (x0, y0, x1, y1),
        90: (side - y1, x0, side - y0, x1),
        -90: (y0, side - x1, y1, side - x0),
        180: (side - x1, side - y1, side - x0, side - y0),
    }
    return np.array(places[way], np.float32)


def scene(portrait, way):
    """Somebody who is turned clockwise by `way`, in a frame that is not square; and the face."""
    codes = {90: cv2.ROTATE_90_CLOCKWISE, -90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180}
    image = np.full((*SIZE, 3), 90, np.uint8)
    y, x = AT
    image[y : y + 320, x : x + 320] = cv2.rotate(portrait, codes[way]) if way else portrait
    return image, turned(FACE, way) + np.array([x, y, x, y], np.float32)


@pytest.mark.parametrize("way", [0, 90, -90, 180])
def test_a_turned_face_is_found_in_a_picture_where_it_is(finder, portrait, way):
    image, box = scene(portrait, way)
    found = finder.find(Frame(0, 0.0, image, file="a.png"))
    (track,), (sighting,) = found.tracks, found.sightings
    assert iou(track.box, box) > 0.85
    assert track.score > 0.9
    assert turn_of(track.landmarks) == Way(way)
    # Landmarks are the frame's: the right eye is where it was in the upright picture, turned.
    upright = finder.find(Frame(0, 0.0, scene(portrait, 0)[0], file="b.png")).tracks[0].landmarks
    middle = np.array([AT[1] + 159.5, AT[0] + 159.5])
    cos, sin = np.cos(np.radians(way)), np.sin(np.radians(way))
    wanted = (upright - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    assert np.abs(track.landmarks - wanted).max() < 4  # of a face of 95 pixels
    # The crop is upright, and its map leads from the frame into it.
    eyes = [
        transform(track.landmarks[e], sighting.face.matrix).mean(0) for e in (RIGHT_EYE, LEFT_EYE)
    ]
    assert eyes[0][0] < 45 < 65 < eyes[1][0]
    assert abs(eyes[0][1] - eyes[1][1]) < 6


def test_nothing_is_turned_where_it_is_not_wanted(portrait):
    image, _ = scene(portrait, 90)
    with closing(open_finder(AnalyzerConfig(threads=1, upright=False))) as finder:
        assert finder.find(Frame(0, 0.0, image, file="a.png")).tracks == ()


def film(finder, image, frames, fps=10, start_s=0.0):
    """Indices of the frames in which one face was found, and its ids."""
    found = [finder.find(Frame(k, start_s + k / fps, image)) for k in range(frames)]
    return [k for k, one in enumerate(found) if one.tracks], {
        track.id for one in found for track in one.tracks
    }


@pytest.mark.parametrize("way", [90, -90, 180])
def test_a_lying_person_is_found_in_a_film_after_a_while_and_followed(portrait, way):
    image, _ = scene(portrait, way)
    with closing(open_finder(AnalyzerConfig(threads=1))) as finder:
        there, ids = film(finder, image, 30)
    assert WHILE_S <= there[0] / 10 <= WHILE_S + EVERY_S * len(OTHERS)
    assert there == list(range(there[0], 30))
    assert ids == {1}


class Counting:
    """A detector that says how often it looked, and at pictures of which shapes."""

    name = "counting"

    def __init__(self, detector):
        self._detector, self.seen = detector, []

    def detect(self, image):
        self.seen.append(image.shape[:2])
        return self._detector.detect(image)

    def glance(self, image):
        return self._detector.glance(image)

    def close(self):
        self._detector.close()


@pytest.fixture
def counting(finder):
    detector = Counting(open_config_detector(AnalyzerConfig(threads=1)))
    yield detector, Finder(detector, finder._landmarker, finder._tracker.config)
    detector.close()


def test_nothing_is_turned_where_upright_faces_are_found(counting, portrait):
    detector, finder = counting
    image, _ = scene(portrait, 0)
    film(finder, image, 30)
    assert detector.seen == [SIZE] * 8  # frames 0, 4, 8 to 28
    detector.seen.clear()
    finder.find(Frame(0, 0.0, image, file="a.png"))
    assert detector.seen == [SIZE]


def test_an_empty_film_is_turned_now_and_then_and_an_empty_picture_at_once(counting):
    detector, finder = counting
    image = np.full((*SIZE, 3), 90, np.uint8)
    film(finder, image, 30)
    tall, wide = (720, 640), (480, 960)
    other_looks = len(detector.seen) - 30
    assert other_looks == 10  # from 1.0 s on, every 0.2 s
    assert [detector.seen.count(size) for size in (SIZE[::-1], wide, tall)] == [4, 2, 2]
    detector.seen.clear()
    finder.find(Frame(0, 0.0, image, file="a.png"))
    assert detector.seen == [SIZE, SIZE[::-1], SIZE[::-1], SIZE, wide, tall]


def test_a_lying_person_who_was_covered_is_found_again_at_once(portrait):
    image, _ = scene(portrait, 90)
    empty = np.full((*SIZE, 3), 90, np.uint8)
    with closing(open_finder(AnalyzerConfig(threads=1))) as finder:
        assert film(finder, image, 20)[1] == {1}
        finder.find(Frame(20, 2.0, empty))
        finder.find(Frame(21, 2.1, empty))
        assert len(finder.find(Frame(22, 2.2, image)).tracks) == 1


def test_a_thing_that_is_hardly_a_face_is_none_where_the_frame_was_turned(
    counting, portrait, monkeypatch
):
    _, finder = counting
    image, _ = scene(portrait, 90)
    locate = finder._landmarker.locate

    def unsure(faces):
        return [
            type(one)(one.face, one.landmarks, min(one.presence, 0.6), one.maps)
            for one in locate(faces)
        ]

    monkeypatch.setattr(finder._landmarker, "locate", unsure)
    assert finder.find(Frame(0, 0.0, image, file="a.png")).tracks == ()
    assert len(finder.find(Frame(0, 0.0, scene(portrait, 0)[0], file="b.png")).tracks) == 1


@pytest.mark.parametrize("way", [90, -90, 180, 45, -45])
def test_turned_pixels_are_where_the_map_says(way):
    image = np.zeros((40, 70, 3), np.uint8)
    image[8:13, 50:55] = 255
    upright, matrix = turn_back(image, Way(way))
    ((x, y),) = transform(np.array([[52, 10]], np.float32), matrix)
    assert upright[round(float(y)), round(float(x))].min() == 255
    if Way(way) in TURNED:
        assert upright.sum() == image.sum()
        assert upright.shape[:2] == ((70, 40) if abs(way) == 90 else (40, 70))


@pytest.mark.parametrize(
    ("way", "shape"), [(STRETCHED[0], (40, 105)), (STRETCHED[1], (60, 70))], ids=["narrow", "wide"]
)
def test_stretched_pixels_are_where_the_map_says(way, shape):
    image = np.zeros((40, 70, 3), np.uint8)
    image[8:13, 50:55] = 255
    stretched, matrix = turn_back(image, way)
    assert stretched.shape[:2] == shape
    ((x, y),) = transform(np.array([[52, 10]], np.float32), matrix)
    assert stretched[round(float(y)), round(float(x))].min() == 255


def stretched_portrait(portrait, stretch):
    """A scene whose pixels are not square, and does not say so; and the face in it."""
    image, box = scene(portrait, 0)
    height, width = SIZE
    size = (round(width * stretch), height)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), box * [stretch, 1, stretch, 1]


@pytest.mark.parametrize(("stretch", "way"), [(0.6, STRETCHED[0]), (1.6, STRETCHED[1])])
def test_a_face_of_a_stretched_picture_is_found_where_it_is(counting, portrait, stretch, way):
    detector, finder = counting
    image, box = stretched_portrait(portrait, stretch)
    real, looked = detector._detector.detect, []

    def detect(image):
        """Miss it as it stands, as the network does where its score falls short."""
        looked.append(image.shape[:2])
        return real(image) if len(looked) > 1 else []

    detector._detector.detect = detect
    (track,) = finder.find(Frame(0, 0.0, image, file="a.png")).tracks
    assert iou(track.box, box) > 0.7  # the forehead of a box is as high as the face is wide
    assert stretch_of(track.landmarks) == way


@pytest.mark.parametrize("way", STRETCHED, ids=["narrow", "wide"])
def test_a_stretched_film_is_looked_at_so_until_its_faces_are_upright(way):
    turns, image = Turns(), np.zeros((4, 4, 3), np.uint8)

    def face(width):
        points = np.zeros((68, 2), np.float32)
        points[LEFT_EYE], points[48:68] = (width, 0), (width / 2, 10)
        return points

    turns.begin(Frame(0, 0.0, image))
    tried = []
    for k in range(10, 10 + 2 * len(OTHERS), 2):  # tenths of a second
        turns.begin(Frame(k, k / 10, image))
        tried += turns.others(Frame(k, k / 10, image))
        if tried[-1] == way:
            break
    wanted = {STRETCHED[0]: face(6), STRETCHED[1]: face(18)}[way]
    turns.note(2.0, [wanted])
    assert turns.begin(Frame(21, 2.1, image)) == (way,)
    turns.note(2.1, [wanted])
    assert turns.begin(Frame(22, 2.2, image)) == (way,)
    turns.note(2.2, [face(11)])
    assert turns.begin(Frame(23, 2.3, image)) == ()
    turns.note(2.3, [wanted])  # looks aside, say: it was not found by stretching
    assert turns.begin(Frame(24, 2.4, image)) == ()


def test_a_face_found_in_two_ways_comes_once():
    def detect(image):
        box = np.array([10, 10, 30, 30], np.float32)
        return [
            Detection(
                box, 0.9 if image.shape[0] > image.shape[1] else 0.6, np.zeros((5, 2), np.float32)
            )
        ]

    image = np.zeros((41, 41, 3), np.uint8)
    assert len(seen_turned(detect, image, (UPRIGHT, Way(90)))) == 1
    apart = np.zeros((41, 300, 3), np.uint8)
    assert len(seen_turned(detect, apart, (UPRIGHT, Way(90)))) == 2


@pytest.mark.parametrize(
    ("score", "presence", "surely"), [(0.75, 0.81, True), (0.75, 0.79, False), (0.61, 0.95, False)]
)
def test_a_find_in_another_way_is_a_face_where_both_networks_are_sure(score, presence, surely):
    found = Detection(np.zeros(4, np.float32), score, np.zeros((5, 2), np.float32))
    assert is_surely(found, presence) == surely


def test_what_is_rather_an_upright_face_is_no_turned_one():
    def found(box, score):
        return Detection(np.array(box, np.float32), score, np.zeros((5, 2), np.float32))

    upright = found((10, 10, 50, 60), 0.9)
    same, apart = found((8, 16, 58, 56), 0.7), found((200, 10, 240, 60), 0.7)
    assert without([same, apart], [upright]) == (apart,)
    better = found((8, 16, 58, 56), 0.95)
    assert without([better], [upright]) == (better,)
    assert without([], [upright]) == ()
    assert without([same], []) == (same,)


def test_a_dark_upright_face_that_the_landmark_network_denies_is_not_taken_for_a_lying_one(
    counting, portrait, monkeypatch
):
    detector, finder = counting
    image, box = scene(portrait, 0)
    locate, lying = finder._landmarker.locate, []

    def blind(faces):
        """See faces in crops that were cut across only, as it does in the dark."""
        seen = locate(faces)
        across = [abs(face.matrix[0, 1]) > abs(face.matrix[0, 0]) for face in faces]
        lying.extend(across)
        return [
            type(one)(one.face, one.landmarks, 0.99 if way else 0.01, one.maps)
            for one, way in zip(seen, across, strict=True)
        ]

    def detect(image):
        """Find the face, and less surely the same face in the turned frame."""
        detector.seen.append(image.shape[:2])
        if detector.seen != [SIZE, SIZE[::-1]]:  # the second look is that of the first way, 90
            return real(image) if detector.seen == [SIZE] else []
        back = turn_back(np.zeros((*SIZE, 3), np.uint8), Way(90))[1]
        x0, y0, x1, y1 = box
        corners = transform(np.array([[x0, y0], [x1, y1]], np.float32), back)
        where = np.sort(corners, axis=0).reshape(4)
        unit = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
        return [Detection(where, 0.65, where[:2] + unit * (where[2:] - where[:2]))]

    real = detector._detector.detect
    monkeypatch.setattr(detector, "detect", detect)
    monkeypatch.setattr(finder._landmarker, "locate", blind)
    assert finder.find(Frame(0, 0.0, image, file="a.png")).tracks == ()
    assert lying == [False]


def test_ways_are_kept_for_a_while_after_the_face_has_gone():
    lying = np.zeros((68, 2), np.float32)
    lying[LEFT_EYE] = (0, 10)  # below the right eye: turned clockwise
    turns, image = Turns(), np.zeros((4, 4, 3), np.uint8)
    assert turns.begin(Frame(0, 0.0, image)) == ()
    turns.note(0.0, [lying])
    assert turns.begin(Frame(1, KEPT_S - 0.1, image)) == (Way(90),)
    assert turns.begin(Frame(2, KEPT_S + 0.1, image)) == ()
    turns.note(4.0, [lying])
    assert turns.begin(Frame(3, 4.1, image, file="a.png")) == ()


def test_a_film_that_begins_again_waits_again():
    turns, image = Turns(), np.zeros((4, 4, 3), np.uint8)
    turns.begin(Frame(0, 5.0, image))
    assert turns.others(Frame(0, 5.0, image)) == ()
    turns.begin(Frame(30, 6.0, image))
    assert turns.others(Frame(30, 6.0, image)) == (Way(90),)
    turns.begin(Frame(31, 0.0, image))  # back to the start
    assert turns.others(Frame(31, 0.0, image)) == ()
