"""What a face, faces and a moment are like."""

import base64
import copy
import html.parser
import pickle
import re
from dataclasses import FrozenInstanceError, replace

import cv2
import numpy as np
import pytest

from engine.labels import EXPRESSIONS
from fer_live.types import Face, Faces, Moment, Probabilities


class Tags(html.parser.HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


def shown_picture(text):
    (content,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)


def test_probabilities_answer_by_name_in_the_order_of_the_columns(make_face):
    shares = make_face().probabilities
    assert shares["happiness"] == 0.9
    assert tuple(shares) == EXPRESSIONS
    assert sum(shares.values()) == pytest.approx(1)
    assert dict(shares)["fear"] == shares.get("fear")
    assert repr(shares).startswith("Probabilities(happiness 0.90, neutral 0.01")


def test_unknown_expression_lists_the_known_ones(make_face):
    with pytest.raises(KeyError, match="happy: unknown; known here: neutral, happiness"):
        _ = make_face().probabilities["happy"]


def test_nothing_of_a_face_can_be_changed(make_face):
    face = make_face()
    with pytest.raises(FrozenInstanceError):
        face.valence = 0.0
    with pytest.raises(TypeError):
        face.probabilities["fear"] = 1.0
    with pytest.raises(TypeError):
        Faces([face])[0] = face


def test_face_says_what_it_shows_in_one_line(make_face):
    assert repr(make_face()) == (
        "Face(id=1, happiness 0.90, valence +0.80, arousal -0.25, reliability 0.75, "
        "box=(1, 2, 7, 6))"
    )


def test_faces_are_a_sequence(make_face):
    one, two = make_face(id=1), make_face(id=2)
    faces = Faces([one, two])
    assert (len(faces), faces[0], faces[-1], list(faces)) == (2, one, two, [one, two])
    assert isinstance(faces[1:], Faces)
    assert list(faces[1:]) == [two]
    assert repr(faces[:0]) == "Faces[]"
    assert repr(faces[1:]) == f"Faces[{two!r}]"
    assert not Faces()
    with pytest.raises(IndexError):
        _ = faces[2]


def test_faces_travel_between_processes(make_face):
    face = make_face()
    for other in (pickle.loads(pickle.dumps(Faces([face])))[0], copy.deepcopy(face)):
        assert isinstance(other, Face)
        assert other.probabilities == face.probabilities
        assert np.array_equal(other.crop, face.crop)


def test_face_shows_its_crop_and_a_bar_for_each_expression(make_face):
    text = make_face()._repr_html_()
    tags = Tags(text)
    assert np.array_equal(shown_picture(text), make_face().crop)
    for name in EXPRESSIONS:
        assert name in tags.text
    assert "face 1: happiness" in tags.text
    assert "valence +0.80, arousal -0.25, reliability 0.75" in tags.text
    widths = [
        int(re.search(r"width:(\d+)px", attributes["style"]).group(1))
        for tag, attributes in tags.seen
        if "height:8px" in attributes.get("style", "")
    ]
    assert widths[::2] == [110] * 8  # the grounds
    assert widths[3] == 99  # 0.9 of happiness
    assert widths[1] == 2


def test_crop_of_an_rgb_face_is_shown_in_its_true_colours(make_face):
    rgb = make_face(crop=np.full((4, 6, 3), (30, 20, 10), np.uint8), rgb=True)
    assert np.array_equal(shown_picture(rgb._repr_html_()), make_face().crop)


def test_large_crop_is_shown_small(make_face):
    text = make_face(crop=np.zeros((1000, 500, 3), np.uint8))._repr_html_()
    assert shown_picture(text).shape == (128, 64, 3)
    sliver = make_face(crop=np.zeros((1000, 1, 3), np.uint8))._repr_html_()
    assert shown_picture(sliver).shape == (128, 1, 3)


def test_whatever_is_shown_is_escaped(make_face):
    hostile = '"><script>alert(1)</script>'
    face = make_face(expression=hostile)
    for text in (face._repr_html_(), Faces([face])._repr_html_()):
        assert "script" not in {tag for tag, _ in Tags(text).seen}
        assert hostile in Tags(text).text


def test_faces_and_moments_show_every_face(make_face):
    faces = Faces([make_face(id=1), make_face(id=2, expression="fear")])
    image = np.zeros((48, 64, 3), np.uint8)
    moment = Moment(index=12, time_s=0.48, image=image, faces=faces)
    for shown in (faces, moment):
        text = Tags(shown._repr_html_()).text
        assert "face 1: happiness" in text
        assert "face 2: fear" in text
    assert "frame 12, 0.480 s" in Tags(moment._repr_html_()).text
    assert repr(moment).startswith("Moment(index=12, time_s=0.480, image 64x48, faces=Faces[Face(")
    empty = replace(moment, faces=Faces())
    assert "no faces" in Tags(empty._repr_html_()).text
    assert "no faces" in Tags(Faces()._repr_html_()).text


def test_one_share_for_each_expression():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        Probabilities([0.5, 0.5])
