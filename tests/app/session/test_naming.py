"""What faces are called, kept and read again."""

import json

import pytest

from app.session.folder import FORMAT, write_about
from app.session.naming import COLOURS, NAMELESS, NamedFace, NamedFaces
from app.session.palette import FACES, ON_LIGHT, contrast, ink_on
from app.session.people import FaceEdit, MergeEdit
from app.session.review import open_review
from engine.errors import ConfigError, SourceError


@pytest.fixture
def session(tmp_path, write_records, two_faces):
    """Give `session(faces)`: the folder of a recording whose `session.json` says this of faces."""

    def make(faces=None):
        folder = tmp_path / "session"
        folder.mkdir()
        write_records("rows.csv", two_faces).rename(folder / "records.csv")
        about = {"format": FORMAT, "state": "finished", "files": {"records": "records.csv"}}
        write_about(folder, about if faces is None else about | {"faces": faces})
        return folder

    return make


@pytest.mark.parametrize("at", range(8))
def test_every_colour_is_seen_on_its_ground_and_its_words_can_be_read(at):
    assert len(COLOURS) == len(FACES) == len(ON_LIGHT) == 8
    assert contrast(ON_LIGHT[at], "#ffffff") >= 3
    assert contrast(FACES[at], "#16181b") >= 3
    for colour in (FACES[at], ON_LIGHT[at]):
        assert contrast(ink_on(colour), colour) >= 4.5


def test_a_chosen_colour_is_that_of_the_palette():
    for number, colour in enumerate(COLOURS, 1):
        assert NamedFace(colour=colour).hue(42) == number
    assert NamedFace(name="Anna").hue(42) == 42


@pytest.mark.parametrize(
    "colours",
    [
        {2: "sky blue"},
        {1: "orange", 2: "green"},
        {9: "sky blue"},
        {3: "green", 11: "blue", 12: "orange"},
        {2: "orange", 10: "purple", 1: "black or white"},
    ],
)
def test_no_face_has_a_colour_that_was_chosen_for_another(colours):
    named = NamedFaces({face: NamedFace(colour=colour) for face, colour in colours.items()})
    hues = {face: (named.hue(face) - 1) % 8 for face in (*range(1, 9), *colours)}
    assert {face: COLOURS[hues[face]] for face in colours} == colours
    others = {hues[face] for face in hues if face not in colours}
    assert not others & {hues[face] for face in colours}
    if max(colours) <= 8:
        assert sorted(hues.values()) == list(range(8))  # nor do two of the others share one
    drawn = {face: named.colours.get(face, (face - 1) % 8) for face in hues}
    assert drawn == hues  # the recorded video has the window's
    assert {face: each.colour for face, each in named.faces.items()} == colours  # as it is kept


def test_a_face_gets_the_colour_that_the_other_gave_up():
    named = NAMELESS.with_face(2, NamedFace(colour="sky blue"))
    assert [named.hue(face) for face in (1, 2, 3)] == [2, 1, 3]
    assert named.shown(1).colour == "orange"
    assert named.of(1) == NamedFace()
    every = NamedFaces({face: NamedFace(colour=COLOURS[face - 1]) for face in range(1, 9)})
    assert every.hue(9) == 9  # there is none left


def test_a_name_is_one_line_that_every_export_can_hold():
    assert NamedFace(name=" Anna\n<b>\x00&\ud800 ").name == "Anna <b>\ufffd&\ufffd"
    assert len(NamedFace(name="x" * 500).name) == 60
    assert NamedFace(name=" \t ") == NamedFace()


def test_faces_with_one_name_have_titles_of_their_own():
    two = NamedFaces({1: NamedFace(name="Anna"), 4: NamedFace(name="Anna")})
    assert two.titles((1, 2, 4)) == {1: "Anna (1)", 2: "face 2", 4: "Anna (4)"}
    odd = NamedFaces({1: NamedFace(name="face 2"), 3: NamedFace(name="markers")})
    assert len(set(odd.titles((1, 2), ("markers",)).values())) == 2
    assert odd.titles((3,), ("markers",)) == {3: "markers (3)"}
    assert NAMELESS.titles((1, 2)) == {1: "face 1", 2: "face 2"}


def test_recorded_names_are_read_and_older_recordings_have_none(session, tmp_path):
    folder = session({"2": {"name": "Anna\u0007", "colour": "orange"}, "9": {"name": "gone"}})
    review = open_review(folder)
    assert review.named.short(2) == "Anna\ufffd"
    assert review.named.hue(2) == 2
    assert review.named.short(1) == "1"
    assert [face.called for face in review.at(1.0)] == ["1", "Anna\ufffd"]


def test_a_recording_without_names_is_read_as_before(session):
    assert open_review(session()).named == NAMELESS


@pytest.mark.parametrize(
    ("faces", "said"),
    [
        ({"2": {"name": 3}}, r"faces\.2\.name: must be a text, got 3"),
        ({"2": {"colour": "pink"}}, r"faces\.2\.colour: 'pink' is unknown; choose sky blue, "),
        ({"two": {}}, r"faces\.two"),
        ({"-1": {}}, r"faces\.-1"),
        ([], r"faces: must be a table"),
    ],
)
def test_damaged_names_are_refused_in_one_line_with_the_key(session, faces, said):
    with pytest.raises(SourceError, match=said) as caught:
        open_review(session(faces))
    assert "\n" not in str(caught.value)


def test_names_are_corrected_undone_and_there_again(session):
    folder = session({"2": {"name": "Anna"}})
    recorded = (folder / "session.json").read_bytes()
    review = open_review(folder)
    review.edits.add(FaceEdit(face=2, named=NamedFace(name="Berta", colour="blue")))
    assert open_review(folder).named.of(2) == NamedFace(name="Berta", colour="blue")
    review.edits.add(FaceEdit(face=2, named=NamedFace()))
    assert review.named == NAMELESS
    review.edits.undo()
    review.edits.undo()
    assert review.named.short(2) == "Anna"
    review.edits.redo()
    assert review.named.short(2) == "Berta"
    assert (folder / "session.json").read_bytes() == recorded


def test_a_face_that_is_not_there_cannot_be_named(session):
    review = open_review(session())
    with pytest.raises(ConfigError, match="face 7: not seen"):
        review.edits.add(FaceEdit(face=7, named=NamedFace(name="x")))


def test_a_merged_face_keeps_the_name_that_one_of_them_had(session):
    review = open_review(session({"3": {"name": "Anna"}, "2": {"colour": "green"}}))
    review.edits.add(MergeEdit(face=3, into=2))
    assert review.named.of(2) == NamedFace(name="Anna", colour="green")
    review.edits.undo()
    assert review.named.short(2) == "2"


def test_damaged_corrections_of_names_are_named(session):
    folder = session()
    review = open_review(folder)
    review.edits.add(FaceEdit(face=1, named=NamedFace(name="x")))
    content = json.loads(review.edits.path.read_text())
    content["edits"][0]["named"]["colour"] = "pink"
    review.edits.path.write_text(json.dumps(content))
    with pytest.raises(SourceError, match=r"edits\.0: cannot be read: named\.colour: 'pink'"):
        open_review(folder)
