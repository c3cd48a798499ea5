"""Folders, markers and session.json."""

import os
from datetime import datetime

import pytest

from app.session.folder import (
    FORMAT,
    Marker,
    MarkerWriter,
    new_folder,
    read_about,
    read_markers,
    session_of,
    write_about,
)
from engine.errors import SinkError, SourceError
from engine.partials import Partial
from engine.signals import UNFINISHED

ABOUT = {"format": FORMAT, "state": "recording"}
NOW = datetime(2026, 11, 27, 14, 3, 21)


def test_folders_of_one_second_get_numbers(tmp_path):
    names = [new_folder(tmp_path / "new", NOW, ABOUT).name for _ in range(3)]
    assert names == ["2026-11-27_14-03-21", "2026-11-27_14-03-21_2", "2026-11-27_14-03-21_3"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="file: cannot be written"):
        new_folder(tmp_path / "file", NOW, ABOUT)


def test_folder_appears_with_what_it_is_about(tmp_path, monkeypatch):
    """A kill at any moment leaves a recording or none, never an empty folder."""
    seen, replace = [], os.replace
    monkeypatch.setattr(
        os, "replace", lambda *names: (seen.append(sorted(shown(tmp_path))), replace(*names))
    )
    folder = new_folder(tmp_path, NOW, ABOUT)
    assert seen == [[], []]  # while the file and the folder took their places
    assert read_about(folder)["state"] == "recording"
    assert shown(tmp_path) == [folder.name]


def shown(folder):
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def test_what_a_killed_recording_left_goes_with_the_next_one(tmp_path):
    killed = new_folder(tmp_path, NOW, ABOUT)
    partial = Partial(killed / "session.json")
    partial.path.write_text("half")
    new_folder(tmp_path, NOW, ABOUT)
    assert partial.path.exists()  # that run still lives
    del UNFINISHED[partial]
    os.close(partial._file)
    new_folder(tmp_path, NOW, ABOUT)
    assert [path.name for path in killed.iterdir()] == ["session.json"]


def test_about_is_replaced_whole(tmp_path):
    write_about(tmp_path, {"format": FORMAT, "state": "recording"})
    write_about(tmp_path, {"format": FORMAT, "state": "finished", "name": "Zoë"})
    assert read_about(tmp_path)["name"] == "Zoë"
    assert [path.name for path in tmp_path.iterdir()] == ["session.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "session.json is missing"),
        ("{", "is no JSON"),
        ("[]", "format: missing"),
        ('{"format": 99}', "made by a later version"),
    ],
)
def test_a_bad_about_says_what_is_wrong(tmp_path, text, words):
    if text is not None:
        (tmp_path / "session.json").write_text(text)
    with pytest.raises(SourceError, match=words):
        read_about(tmp_path)


def test_markers_are_on_the_disk_at_once_and_come_back(tmp_path):
    path = tmp_path / "markers.csv"
    writer = MarkerWriter(path)
    markers = [
        Marker(0.5, "stimulus on", "F5"),
        Marker(1.25, 'say "hi", please\u2028now'),
        Marker(2, ""),
    ]
    for count, marker in enumerate(markers, 1):
        writer.write(marker)
        assert read_markers(path) == (markers[:count], ())
    writer.close()


def test_a_cut_off_last_marker_is_left_out(tmp_path):
    path = tmp_path / "markers.csv"
    path.write_text("timestamp,key,text\n1.000,F5,on\n2.000,F6,of")
    assert read_markers(path) == ([Marker(1.0, "on", "F5")], ())


@pytest.mark.parametrize("text", ["", "a,b\n", "timestamp,key,text\nsoon,F5,on\n"])
def test_other_files_are_no_markers(tmp_path, text):
    path = tmp_path / "markers.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"markers\.csv"):
        read_markers(path)


def test_damaged_markers_are_left_out_and_counted(tmp_path):
    path = tmp_path / "markers.csv"
    times = ("0.5", "nan", "inf", "-1", "1e300", "soon", "2")
    path.write_text("timestamp,key,text\n" + "".join(f"{t},F5,on\n" for t in times) + '3,"F6\n')
    markers, warnings = read_markers(path, forgiving=True)
    assert [marker.time_s for marker in markers] == [0.5, 2.0]
    assert warnings == (
        "markers.csv: 6 damaged rows were left out, among them row 3: not a marker: 'nan,F5,on'",
    )


def test_a_marker_that_lasts_comes_back_with_its_end(tmp_path):
    path = tmp_path / "markers.csv"
    writer = MarkerWriter(path)
    for marker in (
        Marker(1.0, "film", "F5", phase="begin"),
        Marker(2.0, "film", "F5"),
        Marker(3.0, "task", "F6", phase="begin"),
        Marker(4.0, "film", "F5", phase="end"),
    ):
        writer.write(marker)
    writer.close()
    assert path.read_text().splitlines()[1] == "1.000,F5,film,begin"
    lasting, moment, killed = read_markers(path)[0]
    assert (lasting.time_s, lasting.end_s, lasting.phase) == (1.0, 4.0, "")
    assert (moment, killed) == (Marker(2.0, "film", "F5"), Marker(3.0, "task", "F6"))


@pytest.mark.parametrize(
    "rows", ["4,F5,on,end\n", "4,F5,on,begin\n3,F5,on,end\n", "4,F5,on,begin\n5,F6,on,end\n"]
)
def test_what_ends_without_a_beginning_is_damaged(tmp_path, rows):
    path = tmp_path / "markers.csv"
    path.write_text("timestamp,key,text,phase\n" + rows + "9,F5,on,later\n9,F5,on\n")
    markers, warnings = read_markers(path, forgiving=True)
    assert [(m.time_s, m.end_s) for m in markers] == [(4.0, None)] * (len(markers))
    assert "3 damaged rows were left out" in warnings[0]
    assert "ends what did not begin" in warnings[0]


def test_a_marker_is_one_line_that_every_export_can_hold():
    marker = Marker(1.0, "a\x00b\n\tc\x1b\ud800\ufffe é😀", "\x07")
    assert marker.text == "a\ufffdb c\ufffd\ufffd\ufffd é😀"
    assert marker.key == "\ufffd"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/etc/passwd", "files.records"),
        ("../../records.csv", "files.video"),
        ("\\\\host\\share\\records.csv", "files.records"),
        ("C:records.csv", "files.markers"),
        ("", "files.video"),
        ("..", "files.records"),
        ("a\nb", "files.records"),
        ("x" * 256, "files.records"),
    ],
)
def test_names_cannot_lead_out_of_the_folder(tmp_path, name, path):
    about = {"format": 1, "files": {path.partition(".")[2]: name}}
    with pytest.raises(SourceError, match=f"session.json: {path}: must be the name of a file"):
        session_of(tmp_path, about)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"files": []}, "files: must be a table, got"),
        ({"files": {"parts": [{"start_s": -1}]}}, "files.parts.0.start_s: must be at least 0"),
        ({"files": {"parts": [{"start_s": 1e300}]}}, "files.parts.0.start_s: must be at most"),
        (
            {"files": {"records": "a.csv", "parts": [{"start_s": 1, "records": "a.csv"}]}},
            "files.parts: must be files that are named once",
        ),
        ({"settings": {"video": {"annotate": 1}}}, "settings.video.annotate: must be true or"),
        ({"state": None}, "state: must be a text, got null"),
        ({"faces": [{"id": 1, "name": "c" * 99}]}, "faces: must be a table, got a list$"),
        ({"files": {"parts": {"1": {}}}}, "files.parts: must be a list, got a table$"),
        (
            {"faces": {"1": {"colour": "pink"}}},
            "faces.1.colour: 'pink' is unknown; .*, black or white$",
        ),
        ({"faces": {"Ann": {}}}, "faces.Ann.*: must be a whole number, got 'Ann'"),
    ],
)
def test_a_value_of_another_kind_says_where(tmp_path, about, words):
    with pytest.raises(SourceError, match=f"session.json: {words}"):
        session_of(tmp_path, about)


def test_numbers_without_an_end_are_no_json(tmp_path):
    for text in ('{"format": 1, "x": NaN}', '{"format": 1, "x": 1e999}', "[" * 100_000):
        (tmp_path / "session.json").write_text(text)
        with pytest.raises(SourceError, match="is no JSON"):
            read_about(tmp_path)
