"""Corrections."""

import json

import numpy as np
import pytest

from app.session.edits import DeleteEdit, EditList, LabelEdit
from app.session.people import MergeEdit, SplitEdit
from app.session.records import read_records
from engine.errors import ConfigError, SinkError, SourceError
from engine.labels import EXPRESSIONS


@pytest.fixture
def table(write_records, two_faces):
    return read_records(write_records("rows.csv", two_faces))[0]


@pytest.fixture
def edits(tmp_path, table):
    return EditList(tmp_path / "edits.json", table)


def _labels(edits, face):
    result = edits.result.table
    return [EXPRESSIONS[label] for label in result.labels[result.faces == face]]


def test_a_label_is_set_over_a_span_with_both_its_ends(edits):
    edits.add(LabelEdit(face=1, start_s=1.0, end_s=1.3, label="surprise"))
    assert _labels(edits, 1)[9:15] == ["happiness", *["surprise"] * 4, "happiness"]
    assert edits.result.corrected.sum() == 4
    assert set(_labels(edits, 2)) == {"neutral"}


def test_a_face_is_deleted_wholly_or_in_part(edits):
    edits.add(DeleteEdit(face=2))
    assert set(edits.result.table.faces.tolist()) == {1, 3}
    edits.add(DeleteEdit(face=1, start_s=2, end_s=20))
    assert len(_labels(edits, 1)) == 20
    assert len(edits.result.corrected) == len(edits.result.table)


def test_two_tracks_of_one_person_become_one(edits):
    edits.add(LabelEdit(face=3, start_s=6, end_s=6, label="fear"))
    edits.add(MergeEdit(face=3, into=2))
    assert len(_labels(edits, 2)) == 70
    assert _labels(edits, 2)[29:32] == ["neutral", "fear", "sadness"]
    assert edits.result.corrected.sum() == 1


def test_undo_and_redo_walk_through_the_steps(edits, table):
    edits.add(DeleteEdit(face=2))
    edits.add(LabelEdit(face=1, start_s=0, end_s=0.1, label="contempt"))
    assert edits.next_undo == "label face 1 contempt, 0.00 to 0.10 s"
    edits.undo()
    assert edits.next_redo.startswith("label face 1")
    assert edits.result.corrected.sum() == 0
    edits.undo()
    assert not edits.can_undo
    assert len(edits.result.table) == len(table)
    edits.undo()
    edits.redo()
    assert edits.next_undo == "delete face 2"
    edits.redo()
    assert not edits.can_redo
    edits.redo()
    assert edits.result.corrected.sum() == 2
    edits.undo()
    edits.add(DeleteEdit(face=3))
    assert not edits.can_redo


def test_corrections_are_on_the_disk_after_every_step_and_the_records_untouched(
    edits, tmp_path, table
):
    before = (tmp_path / "rows.csv").read_bytes()
    edits.add(LabelEdit(face=1, start_s=1.0, end_s=1.3, label="surprise"))
    edits.add(DeleteEdit(face=2, start_s=0.0, end_s=1.0))
    edits.add(MergeEdit(face=3, into=2))
    again = EditList.load(edits.path, table)
    assert list(map(str, again.done)) == list(map(str, edits.done))
    assert (again.result.table.labels == edits.result.table.labels).all()
    assert (again.result.table.faces == edits.result.table.faces).all()
    edits.undo()
    assert len(EditList.load(edits.path, table).done) == 2
    assert (tmp_path / "rows.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (LabelEdit(face=9, start_s=0, end_s=1, label="fear"), "face 9: not seen from 0.00 to"),
        (LabelEdit(face=2, start_s=5, end_s=6, label="fear"), "faces in the records: 1, 2, 3"),
        (DeleteEdit(face=9), "face 9: not seen; faces"),
        (MergeEdit(face=1, into=1), "cannot be merged with itself"),
        (MergeEdit(face=3, into=1), "both seen in 40 frames, first at 6.00 s"),
    ],
)
def test_a_correction_that_does_not_fit_changes_nothing(edits, edit, words):
    with pytest.raises(ConfigError, match=words):
        edits.add(edit)
    assert not edits.can_undo
    assert not edits.path.exists()


def test_an_unknown_label_lists_the_known_ones(edits):
    with pytest.raises(ConfigError, match="label: 'joy' is unknown; choose neutral"):
        edits.add(LabelEdit(face=1, start_s=0, end_s=1, label="joy"))


def test_what_cannot_be_saved_is_not_done(edits, tmp_path):
    edits.path.mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        edits.add(DeleteEdit(face=2))
    assert len(np.unique(edits.result.table.faces)) == 3
    assert not edits.can_undo


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 3}, "corrections of 3 rows, but the records have 170"),
        ({"format": 9}, "made by a later version"),
        ({"edits": [{"kind": "shout"}]}, "cannot be read"),
        ({"edits": [{"kind": "delete"}]}, "cannot be read"),
        ({"edits": [{"kind": "delete", "face": 9}]}, "does not fit the records: face 9"),
        (
            {"edits": [{"kind": "label", "face": 1, "start_s": 0, "end_s": 1, "label": "joy"}]},
            "does not fit the records: label: '.*' is unknown",
        ),
    ],
)
def test_a_file_of_other_corrections_is_an_error(tmp_path, table, change, words):
    path = tmp_path / "edits.json"
    path.write_text(json.dumps({"format": 1, "rows": 170, "edits": []} | change))
    with pytest.raises(SourceError, match=words):
        EditList.load(path, table)


def test_a_damaged_file_is_an_error(tmp_path, table):
    (tmp_path / "edits.json").write_text("{")
    with pytest.raises(SourceError, match="corrections cannot be read"):
        EditList.load(tmp_path / "edits.json", table)


@pytest.fixture
def split(edits):
    """Face 1 is another person, face 4, from 4 s on."""
    edits.add(SplitEdit(face=1, other=4, time_s=4.0))
    return edits


def test_a_track_is_split_where_it_was_said_and_comes_back_so(split, table, tmp_path):
    before = (tmp_path / "rows.csv").read_bytes()
    assert _labels(split, 1) == ["happiness"] * 40
    assert _labels(split, 4) == ["anger"] * 60
    again = EditList.load(split.path, table)
    assert (again.result.table.faces == split.result.table.faces).all()
    assert (tmp_path / "rows.csv").read_bytes() == before
    split.undo()
    assert len(_labels(split, 1)) == 100
    split.redo()
    assert len(_labels(split, 4)) == 60
    assert split.next_undo == "split face 1 at 4.00 s: face 4 from there on"


def test_parts_are_merged_with_others_and_split_again(split):
    """Two people whose tracks were swapped at 6 s, and one who was merged before."""
    split.add(LabelEdit(face=4, start_s=4.0, end_s=4.2, label="fear"))
    split.add(MergeEdit(face=4, into=2))
    assert len(_labels(split, 2)) == 90
    split.add(SplitEdit(face=2, other=5, time_s=6.0))
    assert _labels(split, 2) == ["neutral"] * 30 + ["fear"] * 3 + ["anger"] * 17
    split.add(MergeEdit(face=5, into=1))
    assert len(_labels(split, 1)) == 80
    assert split.result.corrected.sum() == 3


@pytest.mark.parametrize("time_s", [0.0, 9.95])
def test_a_track_is_split_between_two_of_its_frames_alone(edits, time_s):
    with pytest.raises(ConfigError, match="face 1: not seen both before"):
        edits.add(SplitEdit(face=1, other=4, time_s=time_s))
    assert not edits.can_undo


def test_a_number_that_was_given_is_not_given_again(split, table):
    assert split.next_face == 5
    split.undo()
    assert split.next_face == 5
    assert EditList.load(split.path, table).next_face == 5
    with pytest.raises(ConfigError, match="face 2: is there already"):
        split.add(SplitEdit(face=1, other=2, time_s=4.0))
    fresh = EditList(split.path, table)
    fresh.add(DeleteEdit(face=3))
    assert fresh.next_face == 4
    assert "next_face" not in split.path.read_text()
