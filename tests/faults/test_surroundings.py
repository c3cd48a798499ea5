"""Full disks, closed streams, folders that go, clocks that jump, two runs at once."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import app.session.files
import app.session.recorder
from app.session.folder import new_folder, read_about
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig, State
from engine.analyze import AnalyzerConfig

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")

DEMO = "assets/demo.mp4"
MORE = [pytest.mark.long, pytest.mark.slow]


def words(folder, *more, seconds=0.4):
    out = ("--out", folder / "out.mp4", "--records", folder / "rows.csv")
    return DEMO, "--duration", seconds, *out, *more


def one_line(said, program="fer-video"):
    assert len(said.splitlines()) == 1, said
    assert said.startswith(f"{program}: "), said
    return said


# --- full disks


@pytest.mark.parametrize(
    "blocks", [0, 8, *(pytest.param(blocks, marks=MORE) for blocks in (1, 2, 4, 16, 24, 28, 32))]
)
def test_full_disk_is_one_line_and_costs_nothing_that_was_there(start, tmp_path, hidden, blocks):
    """No file may grow beyond so many kilobytes: for libraries too, that is a disk that is full."""
    (tmp_path / "out.mp4").write_text("old video")
    (tmp_path / "rows.csv").write_text("old rows")
    program = start("fer-video", *words(tmp_path, "--overwrite"), before=f"ulimit -f {blocks};")
    code, said = program.end()
    assert code == 5, said
    line = one_line(said)
    assert "out.mp4: cannot be written: " in line or "rows.csv: cannot be written: " in line
    assert (tmp_path / "out.mp4").read_text() == "old video"
    kept = "kept: " in line
    assert kept == ((tmp_path / "rows.csv").read_bytes() != b"old rows")
    names = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json")
    assert names == ["out.mp4", "rows.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_link_to_a_device_is_refused(start, tmp_path):
    (tmp_path / "rows.csv").symlink_to("/dev/full")
    program = start("fer-video", DEMO, "--records", tmp_path / "rows.csv", "--overwrite")
    code, said = program.end()
    assert code == 5
    assert one_line(said).endswith("rows.csv: is a device or a pipe; name a file\n")
    assert (tmp_path / "rows.csv").is_symlink()


# --- streams that are closed, full or gone


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize(
    ("streams", "code"),
    [
        ("<&- >&- 2>&-", 5),
        ("<&- 2>&-", 0),
        ("2>/dev/full", 0),
        (">/dev/full", 5),
        (">&-", 5),
        pytest.param("2>&-", 0, marks=MORE),
        pytest.param("2> >(true)", 0, marks=MORE),
        pytest.param(">/dev/full 2>&1", 5, marks=MORE),
    ],
)
def test_streams_cost_no_output(start, tmp_path, frames_of, streams, code):
    program = start("fer-video", *words(tmp_path, "--json"), before=f"exec {streams};")
    ended, said = program.end()
    assert ended == code, said
    assert frames_of(tmp_path / "out.mp4") == 10
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 11
    if code == 5 and "2>" not in streams:
        why = "it is closed" if streams == ">&-" else "No space left on device"
        assert said == f"fer-video: standard output: cannot be written: {why}\n"


def test_closed_streams_do_not_give_their_numbers_to_files(tmp_path):
    """What a library prints would go into the file that got the number of stderr."""
    code = f"""
import os, sys
from engine.command import run_command
def run(_):
    with open({str(tmp_path / "a")!r}, "w"):
        os.write(1, b"a banner")
        os.write(2, b"a banner")
sys.exit(run_command("fer-x", run, []))
"""
    done = subprocess.run(
        ["bash", "-c", f'exec <&- >&- 2>&-; exec {sys.executable} -c "$0"', code],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "a").read_text() == ""


# --- folders that go while they are written to


def until(condition, limit_s=60):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def test_folder_that_is_removed_meanwhile_is_one_line(start, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    program = start("fer-video", *words(folder, "--quiet", seconds=2))
    until(lambda: list(folder.glob(".*.partial/out.mp4")))
    shutil.rmtree(folder)
    code, said = program.end()
    assert code == 5, said
    assert ": cannot be written: No such file or directory" in one_line(said)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def record(tmp_path, make_analysis, camera_info):
    """Give `record(before_stop)`, a recording of twelve frames, and what it says at the end."""

    def run(before_stop=lambda folder: None):
        config = RecorderConfig(start_free=0, stop_free=0)
        recorder = Recorder(tmp_path / "sessions", camera_info, AnalyzerConfig(), config)
        until(lambda: recorder.status().state is not State.STARTING)
        for index in range(12):
            recorder.add(make_analysis(index, index / 25, {1: ("happiness", 0.8, 0.4)}))
        before_stop(recorder.status().folder)
        recorder.stop()
        assert recorder.join(30)
        return recorder.status()

    return run


def remove(folder):
    """Remove a folder in which somebody still makes files: one may come between two steps."""
    for _ in range(200):
        with suppress(OSError):
            shutil.rmtree(folder)
        if not folder.exists():
            return
        time.sleep(0.01)


def test_recording_whose_folder_is_removed_says_so(record, caplog):
    status = record(remove)
    assert status.state is State.FAILED
    assert str(status.folder) in status.message
    assert "Traceback" not in caplog.text
    assert record().state is State.FINISHED  # the next one makes the folder again


# --- clocks that jump


@pytest.mark.parametrize("jump_s", [-86_400.0, -3.0, 0.0, 3.0, 30 * 86_400.0])
def test_clock_that_jumps_costs_no_recording(record, monkeypatch, tmp_path, frames_of, jump_s):
    now, calls = datetime.now().astimezone(), []

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            calls.append(jump_s)
            return now + timedelta(seconds=jump_s * len(calls))

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump_s * len(calls))
    for module in (app.session.recorder, app.session.files):
        monkeypatch.setattr(module, "datetime", Jumping)
    folders = []
    for _ in range(3):
        status = record()
        assert status.state is State.FINISHED, status.message
        folders.append(status.folder)
        assert frames_of(status.folder / "video.mp4") == 12
        with (status.folder / "records.csv").open() as file:
            times = [float(row["timestamp"]) for row in csv.DictReader(file)]
        assert times == sorted(times)
        assert len(times) == 12
    assert len(set(folders)) == 3
    assert calls


def test_clock_that_goes_back_never_reuses_a_folder(tmp_path):
    later, sooner = datetime(2026, 11, 27, 3, 0, 0), datetime(2026, 11, 27, 2, 59, 59)
    about = {"format": 1, "state": "recording"}
    folders = [
        new_folder(tmp_path, now, {**about, "turn": turn})
        for turn, now in enumerate([sooner, later, sooner, later])
    ]
    assert [read_about(folder)["turn"] for folder in folders] == [0, 1, 2, 3]


# --- two runs at once


def judge_pair(folder, frames_of, more, ends):
    """Check what two runs onto one output left; give their exit codes."""
    for code, said in ends:
        assert code in (0, 5), said
        assert "Traceback" not in said
        assert len(said.splitlines()) <= 1, said
    assert any(code == 0 for code, _ in ends), ends
    frames = frames_of(folder / "out.mp4")
    assert frames in (10, 15)
    rows = (folder / "rows.csv").read_text().splitlines()
    codes = sorted(code for code, _ in ends)
    names = {path.name for path in folder.iterdir()}
    if codes == [0, 5]:  # one was refused: both outputs are the other's
        assert len(rows) == frames + 1
        assert names - {"out-2.mp4", "rows-2.csv"} == {"out.mp4", "rows.csv", "rows.csv.json"}
        assert ("rows-2.csv" in names) == any("this one is" in said for _, said in ends)
    else:  # the same moment, and --overwrite
        assert names == {"out.mp4", "rows.csv", "rows.csv.json"}
        assert "--overwrite" in more
    return codes


@pytest.mark.parametrize("more", [(), ("--overwrite",)], ids=["", "overwrite"])
def test_second_run_is_refused_while_the_first_lives(start, tmp_path, frames_of, more):
    first = start("fer-video", *words(tmp_path, "--quiet", *more, seconds=0.6))
    until(lambda: list(tmp_path.glob(".*.partial/rows.csv")))
    first.process.send_signal(signal.SIGSTOP)  # it lives, and is not over before the second is
    second = start("fer-video", *words(tmp_path, "--quiet", *more))
    code, said = second.end()
    assert code == 5
    assert one_line(said).endswith(
        "rows.csv: another run is writing it; wait or choose another name\n"
    )
    first.process.send_signal(signal.SIGCONT)
    assert first.end() == (0, "")
    assert frames_of(tmp_path / "out.mp4") == 15


@pytest.mark.parametrize(
    ("pairs", "more"),
    [
        pytest.param(1, ("--overwrite",), id="1"),
        pytest.param(9, (), id="9", marks=MORE),
        pytest.param(9, ("--overwrite",), id="9 overwrite", marks=MORE),
    ],
)
def test_two_runs_at_once_leave_one_of_them_whole(
    start, tmp_path, frames_of, chance, report, pairs, more
):
    seen = []
    for number in range(pairs):
        folder = tmp_path / str(number)
        folder.mkdir()
        runs = []
        for seconds in chance.sample([0.4, 0.6], 2):
            runs.append(start("fer-video", *words(folder, "--quiet", *more, seconds=seconds)))
            time.sleep(chance.choice([0, 0, 0.01, 0.1]))
        seen.append(judge_pair(folder, frames_of, more, [run.end() for run in runs]))
    report(f"{pairs} pairs onto one output{' '.join(['', *more])}: exit codes {json.dumps(seen)}")
