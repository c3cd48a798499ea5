"""No file of a recording is replaced by what a user saves."""

import csv
import json
import os

import numpy as np
import pytest

from app.session.edits import LabelEdit
from app.session.exports.export import FORMS, export
from app.session.folder import FORMAT, FORMAT_PARTS, MARKERS, Marker, MarkerWriter, write_about
from app.session.review import open_review
from app.session.statistics_table import save_table
from engine.errors import SinkError

REFUSED = "is a file of the recording, which is never replaced; choose another name"


@pytest.fixture
def folder(tmp_path, write_records, two_faces, make_clip):
    """A recording that is called as the worst is: ``session``; in two parts, with a clean copy."""
    folder = tmp_path / "session"
    folder.mkdir()
    write_records("rows.csv", two_faces).rename(folder / "records.csv")
    write_records("late.csv", [(20.0, {1: ("fear", 0.1, 0.2)})]).rename(folder / "rest.csv")
    clip = make_clip("clip.mp4", [np.zeros((48, 64, 3), np.uint8)] * 2, [0.0, 0.1])
    for name in ("video.mp4", "clean.mp4", "more.mp4"):
        (folder / name).write_bytes(clip.read_bytes())
    markers = MarkerWriter(folder / MARKERS)
    markers.write(Marker(2.0, "on", "F5"))
    markers.close()
    files = {
        "records": "records.csv",
        "video": "video.mp4",
        "clean": "clean.mp4",
        "markers": MARKERS,
        "parts": [{"start_s": 20.0, "video": "more.mp4", "records": "rest.csv"}],
    }
    write_about(folder, {"format": FORMAT_PARTS, "state": "finished", "files": files})
    return folder


def _bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["records.csv", "rest.csv", "markers.csv", "session.json"])
def test_an_export_onto_a_file_of_the_recording_is_refused(folder, name):
    review, before = open_review(folder), _bytes(folder)
    with pytest.raises(SinkError, match=f"{name}: {REFUSED}"):
        export(review, folder / name, overwrite=True)
    assert _bytes(folder) == before
    assert open_review(folder).faces == (1, 2, 3)


def test_corrections_are_not_exported_over_before_or_after_the_first(folder):
    review = open_review(folder)
    for _ in range(2):
        with pytest.raises(SinkError, match=REFUSED):
            export(review, folder / "edits.json", overwrite=True)
        review.edits.add(LabelEdit(face=1, start_s=1.0, end_s=1.3, label="surprise"))
    assert open_review(folder).spans(1)[1].corrected


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("kind", ["folder", "link", "chain", "hard link", "dots", "part of a path"])
def test_other_spellings_are_the_same_file(folder, tmp_path, monkeypatch, kind):
    review, before, target = open_review(folder), _bytes(folder), tmp_path / "out.csv"
    if kind == "folder":
        (tmp_path / "elsewhere").symlink_to(folder)
        target = tmp_path / "elsewhere" / "records.csv"
    elif kind == "link":
        target.symlink_to(folder / "records.csv")
    elif kind == "chain":
        (tmp_path / "between").symlink_to(folder / "records.csv")
        target.symlink_to("between")
    elif kind == "hard link":
        target.hardlink_to(folder / "records.csv")
    elif kind == "dots":
        target = folder / ".." / folder.name / "." / "records.csv"
    else:
        monkeypatch.chdir(tmp_path)
        target = (tmp_path / "session" / "records.csv").relative_to(tmp_path)
    with pytest.raises(SinkError, match=REFUSED):
        export(review, target, overwrite=True)
    assert _bytes(folder) == before


def test_a_records_file_its_corrections_and_its_video_stay_what_they_are(
    write_records, two_faces, make_clip, tmp_path
):
    rows, clip = write_records("rows.csv", two_faces), make_clip("film.png.mp4")
    picture = clip.rename(tmp_path / "film.png")  # whatever was chosen as its video
    review = open_review(rows, picture)
    before = _bytes(tmp_path)
    for name in ("rows.csv", "film.png", "rows.csv.edits.json", "rows.csv.json"):
        target = tmp_path / name
        with pytest.raises(SinkError, match=REFUSED):
            export(review, target, overwrite=True)
    assert _bytes(tmp_path) == before


def test_rows_of_a_recording_opened_by_themselves_know_the_folder(folder):
    review, before = open_review(folder / "records.csv"), _bytes(folder)
    for name in ("session.json", "markers.csv", "edits.json", "rest.csv.edits.json"):
        with pytest.raises(SinkError, match=REFUSED):
            export(review, folder / name, overwrite=True)
    assert _bytes(folder) == before


def test_statistics_are_not_saved_over_any_recording(folder):
    before = _bytes(folder)
    for name in ("records.csv", "markers.csv", "rest.csv"):
        with pytest.raises(SinkError, match=REFUSED):
            save_table(folder / name, [])
    assert _bytes(folder) == before
    save_table(folder / "statistics.csv", [])
    assert (folder / "statistics.csv").exists()


@pytest.mark.parametrize(
    "text", ["{", '{"format": 1, "files": {"records": 3, "video": "a\\u0000b"}}']
)
def test_a_damaged_recording_keeps_its_files_too(folder, write_records, two_faces, text):
    review = open_review(folder)
    (folder / "session.json").write_text(text)
    for name in ("session.json", "records.csv", "markers.csv"):
        with pytest.raises(SinkError, match=REFUSED):
            export(review, folder / name, overwrite=True)


def test_plots_are_not_saved_over_snapshots(folder, tmp_path):
    snapshot = tmp_path / "snapshots" / "2026-11-27_14-03-21.123.png"
    snapshot.parent.mkdir()
    snapshot.write_bytes(b"picture")
    with pytest.raises(SinkError, match=REFUSED):
        export(open_review(folder), snapshot, overwrite=True)
    assert snapshot.read_bytes() == b"picture"
    export(open_review(folder), snapshot.with_name("plot.png"), overwrite=False)


@pytest.mark.parametrize("ending", list(FORMS))
def test_the_name_that_is_proposed_is_that_of_no_file_of_the_recording(folder, ending):
    review, before = open_review(folder), _bytes(folder)
    path = review.beside(ending)
    export(review, path, overwrite=False)
    assert path.parent == folder
    assert {name: content for name, content in _bytes(folder).items() if name in before} == before
    export(review, review.beside(ending), overwrite=True)  # its own export may be replaced


def test_a_table_exported_from_a_table_gets_another_name(write_records, two_faces, tmp_path):
    review = open_review(write_records("rows.csv", two_faces))
    assert review.beside(".csv").name == "corrected-rows.csv"
    export(review, review.beside(".csv"), overwrite=False)
    again = open_review(tmp_path / "corrected-rows.csv")
    assert again.beside(".csv").name == "corrected-corrected-rows.csv"
    with (tmp_path / "rows.csv").open(newline="") as text:
        assert "corrected" not in next(csv.reader(text))


def test_a_recording_elsewhere_is_told_by_its_own_file_alone(folder, tmp_path):
    """A folder without `session.json` is no recording: what lies there may be replaced."""
    for name in ("records.csv", "session.json"):
        (tmp_path / name).write_text("mine")
        export(open_review(folder), tmp_path / name, overwrite=True)
        assert (tmp_path / name).read_text() != "mine"
        export(open_review(folder), tmp_path / name, overwrite=True)  # an export, which may be
        (tmp_path / name).unlink()
    assert json.loads((folder / "session.json").read_text())["format"] == FORMAT_PARTS
    assert FORMAT < FORMAT_PARTS
