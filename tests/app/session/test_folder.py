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
        assert read_markers(path) == markers[:count]
    writer.close()


def test_a_cut_off_last_marker_is_left_out(tmp_path):
    path = tmp_path / "markers.csv"
    path.write_text("timestamp,key,text\n1.000,F5,on\n2.000,F6,of")
    assert read_markers(path) == [Marker(1.0, "on", "F5")]


@pytest.mark.parametrize("text", ["", "a,b\n", "timestamp,key,text\nsoon,F5,on\n"])
def test_other_files_are_no_markers(tmp_path, text):
    path = tmp_path / "markers.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=r"markers\.csv"):
        read_markers(path)
