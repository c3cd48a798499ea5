"""Every call on the way to the disk fails in turn: one line, and nothing that was there is lost."""

import csv
import itertools
import logging
from collections import Counter
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest

import app.command.job
from app.command.cli import main
from app.session.folder import new_folder, read_about, read_markers
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig, State
from engine.analyze import AnalyzerConfig
from engine.errors import SinkError
from engine.files import PartialFile, open_target, staged, write_text, written, written_folder
from engine.types import Analysis, Found

KINDS = ["make", "move", "sync", "write", "write, and all after it"]
NO_FACES = SimpleNamespace(
    find=lambda frame: Found(frame, (), (), {}),
    read=lambda several: [Analysis(found.frame, (), (), {}) for found in several],
    close=lambda: None,
    device="cpu",
    precision="fp32",
)


def grow(place, text):
    file = open_target(place, endings=[".txt"], overwrite=True, growing=False)
    try:
        file.path.write_text(text)
    except OSError as error:
        file.discard()
        raise file.failed(error) from error
    file.commit()


def fill(place, text):
    with place as inside:
        if inside.is_dir():
            (inside / "a").write_text(text)
        else:
            inside.write_text(text)


WRITERS = {
    "write_text": write_text,
    "written": lambda path, text: fill(written(path), text),
    "staged": lambda path, text: fill(staged(path), text),
    "PartialFile": lambda path, text: PartialFile(path, endings=[".txt"], overwrite=True).write(
        text
    ),
    "open_target": grow,
}


def refused(work, *arguments):
    """Give the message with which something is refused, or None."""
    try:
        work(*arguments)
    except SinkError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_file_is_the_old_one_or_the_new_one(tmp_path, each, hidden, write, kind):
    path = tmp_path / "a.txt"
    for failing in each(kind):
        path.write_text("old")
        with failing():
            error = refused(write, path, "new")
        assert path.read_text() == ("old" if error else "new")
        assert error is None or error.startswith(f"{path}: cannot be written: ")
        assert "\n" not in (error or "")
        assert hidden() == []


@pytest.mark.parametrize("kind", ["make", "move", "write"])
def test_folder_is_whole_or_not_there(tmp_path, each, hidden, kind):
    for number, failing in enumerate(each(kind)):
        path = tmp_path / str(number)
        with failing():
            error = refused(fill, written_folder(path), "new")
        assert path.exists() == (error is None)
        assert error or (path / "a").read_text() == "new"
        assert error is None or error.startswith(f"{path}: cannot be written: ")
        assert hidden() == []


@pytest.mark.parametrize("kind", KINDS)
def test_run_loses_nothing(make_clip, tmp_path, monkeypatch, each, hidden, frames_of, capsys, kind):
    clip = make_clip(sound=True)
    folder = tmp_path / "results"
    folder.mkdir()
    out, rows = folder / "out.mp4", folder / "rows.csv"
    for opener in ("open_finder", "open_reader"):
        monkeypatch.setattr(app.command.job, opener, lambda _: NO_FACES)
    words = [str(clip), "--out", str(out), "--records", str(rows), "--overwrite", "--quiet"]
    codes = Counter()
    for failing in each(kind):
        out.write_text("old video")
        rows.write_text("old rows")
        with failing():
            code = main(words)
        codes[code] += 1
        said = capsys.readouterr().err
        new = {out: out.read_bytes() != b"old video", rows: rows.read_bytes() != b"old rows"}
        assert not new[out] or frames_of(out) == 12
        assert not new[rows] or rows.read_text().startswith("frame,timestamp")
        if code == 0:
            assert (said, all(new.values())) == ("", True)
        else:
            assert len(said.splitlines()) == 1, said
            line = said.strip()
            assert code == 5, line
            assert line.startswith("fer-video: ")
            assert ": cannot be written: " in line
            assert [path for path in new if f"{path}" in line.partition("kept: ")[2]] == [
                path for path in new if new[path]
            ], line
        names = sorted(path.name for path in folder.iterdir() if path.suffix != ".json")
        assert names == ["out.mp4", "rows.csv"]
    assert codes[5] > 0
    assert hidden() == []


def record(root, info, make_analysis):
    clock = itertools.count(0, 0.04)
    config = RecorderConfig(start_free=0, stop_free=0)
    recorder = Recorder(root, info, AnalyzerConfig(), config, clock=lambda: next(clock))
    for index in range(6):
        image = np.full((120, 160, 3), 40 * index, np.uint8)
        faces = {1: ("happiness", 0.8, 0.4)}
        recorder.add(make_analysis(index, index / 25, faces, image=image))
    recorder.mark("seen", "F5")
    recorder.stop()
    assert recorder.join(30)
    return recorder.status()


@pytest.mark.parametrize("kind", KINDS)
def test_recording_keeps_what_it_wrote(
    tmp_path, make_analysis, camera_info, each, hidden, frames_of, caplog, kind
):
    caplog.set_level(logging.ERROR)
    ends = Counter()
    for failing in each(kind):
        with failing():
            status = record(tmp_path / "sessions", camera_info, make_analysis)
        ends[status.state] += 1
        assert status.state in (State.FINISHED, State.FAILED)
        assert (status.state is State.FAILED) == bool(status.message)
        assert status.message == "" or ": cannot be written: " in status.message
        assert "\n" not in status.message
        if status.folder is None:
            continue
        about = read_about(status.folder)
        if status.state is State.FINISHED:
            assert about["state"] == "finished"
            assert frames_of(status.folder / "video.mp4") == 6
            markers, _ = read_markers(status.folder / "markers.csv")
            assert [marker.text for marker in markers] == ["seen"]
        video, records = status.folder / "video.mp4", status.folder / "records.csv"
        assert not video.exists() or frames_of(video) > 0
        if records.exists():
            text = records.read_text()
            rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
            assert all(len(row) == len(rows[0]) for row in rows)
    assert caplog.records == []  # a bug would be logged with its traceback
    assert ends[State.FAILED] > 0
    new_folder(tmp_path / "sessions", datetime.now(), {"format": 1})
    assert hidden() == []
    for folder in (tmp_path / "sessions").iterdir():
        assert (folder / "session.json").exists()
