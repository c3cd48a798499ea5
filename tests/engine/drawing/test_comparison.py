"""A film of several systems: nothing covers a face, and every column says what it has."""

from dataclasses import replace

import numpy as np
import pytest

from engine.drawing.captions import captions_of
from engine.drawing.cell import Cell, Style
from engine.drawing.comparison import KEPT_S, ROWS, Comparison
from engine.drawing.shapes import PALETTE, Rect, Writer
from engine.labels import EXPRESSIONS
from engine.types import Compared, Prediction

SYSTEMS = ("poster-rt", "dan-va")
SIZES = [(598, 336), (1280, 720), (1920, 1080), (720, 1280)]


@pytest.fixture
def compared(make_analysis):
    """Give `compared(time_s, faces, image)`: faces by id at their boxes, as two systems see them.

    The second one knows valence and arousal alone.
    """

    def compared(time_s, boxes, image):
        faces = dict.fromkeys(boxes, ("happiness", 0.6, 0.3))
        plain = make_analysis(round(25 * time_s), time_s, faces, image=image, boxes=boxes)
        nothing = np.zeros(0, np.float32)
        affect = tuple(Prediction(face, nothing, -0.5, 0.2, None, ()) for face in sorted(boxes))
        crops = (np.full((112, 112, 3), 200, np.uint8),) * len(boxes)
        return Compared(
            plain.frame,
            plain.tracks,
            plain.predictions,
            {},
            0,
            SYSTEMS,
            (plain.predictions, affect),
            crops,
        )

    return compared


def boxes_of(width, height, count):
    side = 0.3 * min(width, height)
    centres = [((at % 2 + 0.5) / 2 * width, (at // 2 + 0.5) / 3 * height) for at in range(count)]
    return {
        at + 1: (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
        for at, (x, y) in enumerate(centres)
    }


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("count", [1, 4])
def test_nothing_is_drawn_over_a_face(compared, width, height, count):
    film, image = Comparison(width, height, SYSTEMS), np.full((height, width, 3), 90, np.uint8)
    boxes = boxes_of(width, height, count)
    drawn = film.draw(compared(0.0, boxes, image))
    assert (drawn.shape[1], drawn.shape[0]) == film.size
    assert not film.size[1] % 2
    for x0, y0, x1, y1 in boxes.values():
        inset = 0.12 * (x1 - x0)
        left = (film.size[0] - width) // 2 if width >= height else 0
        top = 0 if width >= height else (film.size[1] - height) // 2
        core = drawn[
            round(top + y0 + inset) : round(top + y1 - inset),
            round(left + x0 + inset) : round(left + x1 - inset),
        ]
        assert (core == 90).all()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_face_has_its_colour_in_every_column(compared, width, height):
    film, image = Comparison(width, height, SYSTEMS), np.full((height, width, 3), 90, np.uint8)
    for step in range(5):
        drawn = film.draw(compared(step / 5, boxes_of(width, height, 4), image))
    for place in range(2):
        column = film._column(place)
        part = drawn[column.y0 : column.y1, column.x0 : column.x1].reshape(-1, 3)
        for colour in PALETTE[:4]:
            assert (np.abs(part - np.array(colour)).max(axis=1) < 30).any(), (place, colour)


def test_labels_fit_where_films_are_small():
    style, writer = Style.of(336), Writer()
    shares = np.full(8, 0.1 / 7, np.float32)
    shares[1] = 0.9
    happy = Prediction(1, shares, 0.5, 0.5, 0.8)
    caption = captions_of(happy, uncertain=False)[0]
    column = Comparison(598, 336, SYSTEMS)._column(0)
    words = writer.width(caption.name, style.text, weight=600)
    assert words + style.pad + writer.width(caption.note, style.text) < column.width - 2 * style.pad


@pytest.mark.parametrize("short", [240, 336, 720, 1080])
def test_classes_are_named_at_every_size(short):
    """In full where there is room, by three letters otherwise."""
    style, writer = Style.of(short), Writer()
    film = Comparison(16 * short // 9, short, SYSTEMS)
    width = film._column(0).width - 2 * style.pad
    cell = Cell(style, 10.0, writer)
    for rows in (1, 2, 4):
        height = (film._panel.y1 - film._top) // rows - style.label - style.pad
        places = cell.places(Rect(0, 0, width, height), EXPRESSIONS)
        assert places.bars.within(Rect(0, 0, width, height))
        assert places.curves.within(Rect(0, 0, width, height))
        assert not places.bars.overlaps(places.curves)
        if places.upright:
            letters = max(writer.width(x[:3], style.small, weight=600) for x in EXPRESSIONS)
            assert letters < places.bars.width / 8
        else:
            assert places.bars.height / 8 >= style.small


def test_a_face_that_is_gone_keeps_its_row_for_a_while(compared):
    film, image = Comparison(640, 360, SYSTEMS), np.full((360, 640, 3), 90, np.uint8)
    both, one = boxes_of(640, 360, 2), boxes_of(640, 360, 1)
    film.draw(compared(0.0, both, image))
    film.draw(compared(KEPT_S, one, image))
    assert film._shown() == [1, 2]
    film.draw(compared(KEPT_S + 0.1, one, image))
    assert film._shown() == [1]


def test_faces_beyond_the_rows_are_counted(compared):
    film, image = Comparison(640, 360, SYSTEMS), np.full((360, 640, 3), 90, np.uint8)
    boxes = boxes_of(640, 360, ROWS + 2)
    drawn = film.draw(compared(0.0, boxes, image))
    assert film._shown() == [1, 2, 3, 4]
    four = Comparison(640, 360, SYSTEMS).draw(compared(0.0, boxes_of(640, 360, ROWS), image))
    assert (drawn[360:, :90] != four[360:, :90]).any()


def test_a_film_that_begins_anew_has_no_past(compared):
    film, image = Comparison(640, 360, SYSTEMS), np.full((360, 640, 3), 90, np.uint8)
    boxes = boxes_of(640, 360, 1)
    film.draw(compared(5.0, {2: boxes[1]}, image))
    film.draw(compared(0.0, boxes, image))
    assert film._shown() == [1]


def test_a_frame_of_another_size_or_kind_is_refused(compared, make_analysis):
    film, image = Comparison(640, 360, SYSTEMS), np.full((120, 160, 3), 90, np.uint8)
    with pytest.raises(ValueError, match=r"frame: expected \(360, 640\)"):
        film.draw(compared(0.0, {}, image))
    with pytest.raises(ValueError, match="expected a comparison"):
        film.draw(make_analysis(0, 0.0))


def test_readings_are_one_of_each_system_and_face(compared):
    whole = compared(0.0, boxes_of(640, 360, 2), np.full((360, 640, 3), 90, np.uint8))
    assert [p.valence for p in whole.of(1).predictions] == [-0.5, -0.5]
    for change in (
        {"readings": whole.readings[:1]},
        {"crops": ()},
        {"readings": (whole.predictions, whole.predictions[:1])},
    ):
        with pytest.raises(ValueError, match="expected one"):
            replace(whole, **change)
