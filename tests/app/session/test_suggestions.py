"""Which tracks are suggested to be one person, and which never."""

import json

import pytest

from app.session.edits import DeleteEdit
from app.session.exports.export import export
from app.session.people import ApartEdit, MergeEdit
from app.session.review import open_review
from app.session.suggestions import MOST, Suggestion
from engine.errors import ConfigError, SourceError
from engine.record import open_records

HERE, NEAR, FAR, LARGE = (
    (100, 100, 160, 180),
    (130, 110, 190, 190),
    (300, 100, 360, 180),
    (60, 60, 190, 230),
)


@pytest.fixture
def review(tmp_path, make_analysis):
    """Give `review({face: [(start_s, end_s, box), …]})`: a recording with 10 frames a second."""

    def make(faces, name="rows.csv"):
        last_s = max(end_s for stays in faces.values() for _, end_s, _ in stays)
        writer = open_records(tmp_path / name, landmarks=False, overwrite=True)
        for index in range(round(10 * last_s)):
            boxes = {
                face: box
                for face, stays in faces.items()
                for start_s, end_s, box in stays
                if round(10 * start_s) <= index < round(10 * end_s)
            }
            shown = dict.fromkeys(boxes, ("neutral", 0.0, 0.0))
            writer.write(make_analysis(index, index / 10, shown, boxes=boxes))
        writer.close()
        return open_review(tmp_path / name)

    return make


def pairs(review):
    return [(each.into, each.face) for each in review.suggestions]


def test_one_that_comes_where_another_left_is_suggested(review):
    opened = review({2: [(0, 3, HERE)], 5: [(4, 6, NEAR)]})
    (one,) = opened.suggestions
    assert one == Suggestion(into=2, face=5, left_s=pytest.approx(2.9), came_s=pytest.approx(4.0))


@pytest.mark.parametrize(
    "faces",
    [
        {1: [(0, 3, HERE)], 2: [(4, 6, FAR)]},  # elsewhere
        {1: [(0, 3, HERE)], 2: [(4, 6, LARGE)]},  # much larger
        {1: [(0, 3, HERE)], 2: [(14, 16, HERE)]},  # long after
        {1: [(0, 3, HERE), (5, 6, FAR)], 2: [(4, 7, HERE)]},  # both in one frame, later
        {1: [(0, 3, HERE)], 2: [(2, 6, NEAR)]},  # both in one frame
    ],
)
def test_others_are_not(review, faces):
    assert pairs(review(faces)) == []


def test_one_that_stands_in_for_another_for_a_while_is_suggested(review):
    assert pairs(review({1: [(0, 3, HERE), (5, 8, HERE)], 2: [(3.2, 4.8, NEAR)]})) == [(1, 2)]


def test_of_several_the_one_that_left_last_is_suggested(review):
    assert pairs(review({1: [(0, 2, HERE)], 2: [(2.5, 4, FAR)], 3: [(5, 6, HERE)]})) == [(1, 3)]
    faces = {1: [(0, 2, HERE)], 2: [(2.5, 4, HERE)], 3: [(5, 6, HERE)]}
    assert pairs(review(faces, "chain.csv")) == [(1, 2), (2, 3)]


def test_a_chain_becomes_one_person_and_every_export_says_so(review, tmp_path):
    opened = review({1: [(0, 2, HERE)], 2: [(2.5, 4, HERE)], 3: [(5, 6, HERE)]})
    recorded = (tmp_path / "rows.csv").read_bytes()
    opened.edits.add(MergeEdit(face=2, into=1))
    assert pairs(opened) == [(1, 3)]
    opened.edits.add(MergeEdit(face=3, into=1))
    assert pairs(opened) == []
    assert (tmp_path / "rows.csv").read_bytes() == recorded
    again = open_review(tmp_path / "rows.csv")
    assert again.faces == (1,)
    for ending in (".csv", ".vtt", ".eaf", ".svg"):
        export(again, tmp_path / f"out{ending}", overwrite=False)
        text = (tmp_path / f"out{ending}").read_text()
        assert not any(f"{word} {n}" in text for word in ("face", "Face") for n in (2, 3)), ending
    export(again, tmp_path / "out.json", overwrite=False)
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert {row["face_id"] for row in rows} == {1}


def test_two_people_are_suggested_no_more_until_that_is_undone(review):
    opened = review({2: [(0, 3, HERE)], 5: [(4, 6, NEAR)]})
    opened.edits.add(ApartEdit(face=5, other=2))
    assert pairs(opened) == []
    assert pairs(open_review(opened.edits.path.with_name("rows.csv"))) == []
    opened.edits.undo()
    assert pairs(opened) == [(2, 5)]


def test_whom_one_is_not_is_not_its_other_track_either(review):
    opened = review({1: [(0, 2, HERE)], 2: [(2.5, 4, HERE)], 3: [(5, 6, HERE)]})
    opened.edits.add(ApartEdit(face=3, other=2))
    assert pairs(opened) == [(1, 2), (1, 3)]  # the next best
    opened.edits.add(MergeEdit(face=2, into=1))
    assert pairs(opened) == []


def test_no_more_than_a_hundred_at_a_time_the_rest_follow(review):
    last = MOST + 2
    opened = review({face: [(0.4 * face, 0.4 * face + 0.3, HERE)] for face in range(1, last + 1)})
    assert pairs(opened) == [(face - 1, face) for face in range(2, MOST + 2)]
    opened.edits.add(ApartEdit(face=2, other=1))
    opened.edits.add(MergeEdit(face=last - 1, into=last - 2))
    assert pairs(opened)[-1] == (last - 2, last)


def test_one_that_comes_while_another_is_away_is_it_only_if_they_never_meet(review):
    opened = review({1: [(0, 2, HERE), (5, 6, HERE)], 2: [(3, 4, NEAR)], 3: [(2.5, 5.5, NEAR)]})
    assert pairs(opened) == [(1, 2)]


def test_a_deleted_track_is_nobody(review):
    opened = review({2: [(0, 3, HERE)], 5: [(4, 6, NEAR)]})
    opened.edits.add(DeleteEdit(face=2))
    assert pairs(opened) == []


def test_two_that_one_frame_shows_are_never_one(review):
    opened = review({1: [(0, 3, HERE)], 2: [(2, 6, FAR)]})
    with pytest.raises(ConfigError) as caught:
        opened.edits.add(MergeEdit(face=2, into=1))
    assert str(caught.value) == (
        "faces 1 and 2: both seen in 10 frames, first at 2.00 s; "
        "only tracks of one person can be merged"
    )
    assert opened.faces == (1, 2)


def test_damaged_corrections_of_people_are_named(review):
    opened = review({2: [(0, 3, HERE)], 5: [(4, 6, NEAR)]})
    opened.edits.add(ApartEdit(face=5, other=2))
    path = opened.edits.path
    path.write_text(path.read_text().replace('"other": 2', '"other": 7'))
    with pytest.raises(SourceError, match="does not fit the records: face 7: not seen"):
        open_review(path.with_name("rows.csv"))
