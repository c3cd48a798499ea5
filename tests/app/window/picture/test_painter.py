from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QImage, QPainter

from app.session.faces import labelled_faces
from app.window.picture.painter import OverlayOptions, OverlayPainter, Placement, face_at, words_of
from engine.drawing.shapes import Rect
from engine.labels import EXPRESSIONS

FACES = {1: ("happiness", 0.5, 0.3), 2: ("anger", -0.4, 0.6)}


def placed(mirrored=False, ratio=1.0):
    return Placement.fit(160, 120, QRectF(0, 0, 640, 600), ratio, mirrored=mirrored)


@pytest.fixture
def painter(qapp):
    image = QImage(640, 600, QImage.Format.Format_RGB32)
    made = QPainter(image)
    yield made
    made.end()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_a_place_of_the_view_and_back_is_the_same(mirrored, ratio):
    place = placed(mirrored, ratio)
    points = np.array([[0, 0], [80, 60], [159, 119]], np.float32)
    for (x, y), seen in zip(points, place.to_widget(points), strict=True):
        assert place.to_frame(*seen) == pytest.approx((x, y), abs=0.01)


def test_the_picture_lies_on_whole_device_pixels():
    place = Placement.fit(160, 119, QRectF(0, 0, 641, 601), 1.5, mirrored=False)
    edges = np.array([place.area.left(), place.area.top(), place.area.width()]) * 1.5
    assert edges == pytest.approx(np.round(edges))


def test_the_smaller_of_two_faces_is_hit(make_analysis):
    boxes = {1: (0, 0, 100, 100), 2: (40, 40, 60, 60)}
    faces = labelled_faces(make_analysis(0, 0.0, FACES, boxes=boxes))
    assert face_at(faces, 50, 50) == 2
    assert face_at(faces, 10, 10) == 1
    assert face_at(faces, 150, 10) is None


def test_an_uncertain_label_says_so_with_a_question_mark(make_analysis):
    face, _ = labelled_faces(make_analysis(0, 0.0, FACES))
    assert words_of(face, 0.3) == ("happiness", "65 %", False)
    assert words_of(face, 0.9) == ("happiness?", "65 %", True)


def test_a_label_that_is_kept_while_another_is_more_probable_is_in_doubt(make_analysis):
    seen = make_analysis(0, 0.0, FACES)
    kept = tuple(replace(one, shown=EXPRESSIONS.index("fear")) for one in seen.predictions)
    face, _ = labelled_faces(replace(seen, predictions=kept))
    assert words_of(face, 0.0) == ("fear?", "5 %", True)


def test_what_a_person_set_is_certain_and_has_no_percentage(make_analysis):
    face, _ = labelled_faces(make_analysis(0, 0.0, FACES))
    assert words_of(replace(face, corrected=True), 0.9) == ("happiness", "corrected", False)


def test_labels_of_faces_side_by_side_do_not_cover_each_other(painter, make_analysis):
    boxes = {1: (40, 40, 60, 65), 2: (64, 40, 84, 65)}
    analysis = make_analysis(0, 0.0, FACES, boxes=boxes)
    plates = OverlayPainter(painter, placed(), OverlayOptions()).label_places(
        labelled_faces(analysis)
    )
    assert not plates[1][0].overlaps(plates[2][0])


@pytest.mark.parametrize("seed", range(12))
def test_in_any_crowd_no_plate_covers_a_face_or_a_plate(painter, make_analysis, seed):
    chance = np.random.default_rng(seed)
    boxes = {}
    for face in range(1, 3 + seed):
        x, y, side = chance.integers(-5, 140), chance.integers(-5, 100), chance.integers(8, 50)
        boxes[face] = (float(x), float(y), float(x + side), float(y + 1.2 * side))
    faces = labelled_faces(make_analysis(0, 0.0, dict.fromkeys(boxes, FACES[1]), boxes=boxes))
    place = placed()
    plates = OverlayPainter(painter, place, OverlayOptions()).label_places(faces, shown=2)
    assert plates
    rects = [rect for rect, _ in plates.values()]
    assert not any(a.overlaps(b) for at, a in enumerate(rects) for b in rects[:at])
    for face, (rect, _) in plates.items():
        for other in faces:
            box = place.box(other.box)
            shape = round(box.width()), round(box.height())
            if other.id != face:
                assert not rect.overlaps(Rect.at(box.left(), box.top(), *shape))


def test_where_it_gets_tight_only_the_followed_face_has_its_percentage(painter, make_analysis):
    boxes = {n: (32.0 * n - 31, 0.0, 32.0 * n - 2, 106.0) for n in range(1, 6)}
    faces = labelled_faces(make_analysis(0, 0.0, dict.fromkeys(boxes, FACES[1]), boxes=boxes))
    for shown in (2, 4):
        plates = OverlayPainter(painter, placed(), OverlayOptions()).label_places(
            faces, shown=shown
        )
        said = {face: words for face, (_, words) in plates.items()}
        assert said[shown].endswith("%")
        assert [face for face in said if said[face].endswith("%")] == [shown]
        assert all("happiness" in words for words in said.values())


@pytest.mark.parametrize("box", [(-5, 0, 30, 40), (130, 80, 165, 125), (0, 0, 160, 120)])
def test_a_label_stays_in_the_picture(painter, make_analysis, box):
    analysis = make_analysis(0, 0.0, {1: FACES[1]}, boxes={1: box})
    place = placed()
    ((rect, _),) = (
        OverlayPainter(painter, place, OverlayOptions())
        .label_places(labelled_faces(analysis))
        .values()
    )
    assert place.area.adjusted(-1, -1, 1, 1).contains(
        QRectF(rect.x0, rect.y0, rect.width, rect.height)
    )
