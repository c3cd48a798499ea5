"""`kill -9` at random moments: what has its name is whole, and the next run leaves nothing else."""

import csv
import json
import signal
import time
from pathlib import Path

import pytest

from app.session.folder import read_about, read_markers
from engine.files import write_text

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no kill -9")

ROOT = Path(__file__).parents[2]
KILLS = [
    pytest.param(5, id="5"),
    pytest.param(50, id="50", marks=[pytest.mark.long, pytest.mark.slow]),
]


@pytest.mark.parametrize("kills", KILLS)
def test_killed_runs_leave_the_old_files_or_the_new_ones_whole(
    start, tmp_path, chance, report, hidden, frames_of, kills
):
    out, rows = tmp_path / "out.mp4", tmp_path / "rows.csv"
    old = {out: b"an old video", rows: b"old rows"}
    words = ("assets/demo.mp4", "--duration", 0.6, "--out", out, "--records", rows, "--overwrite")
    fresh = kills > 5  # else all that comes after Python's own start and the imports
    start("fer-video", "--version", fresh=fresh).end()  # what comes first begins the server too
    whole = start("fer-video", *words, fresh=fresh)
    assert whole.end()[0] == 0
    took_s = time.monotonic() - whole.begun
    counts = {"partial": 0, "old": 0, "new": 0}
    for number in range(kills):
        for path, content in old.items():
            path.write_bytes(content)
        program = start("fer-video", *words, fresh=fresh)
        program.at((number + chance.random()) / kills * took_s)  # anywhere, and everywhere
        program.process.kill()
        code, said = program.end()
        assert code in (0, -signal.SIGKILL), said
        counts["partial"] += bool(hidden())
        kept = out.read_bytes() == old[out]
        counts["old" if kept else "new"] += 1
        assert kept or frames_of(out) == 15
        assert rows.read_bytes() == old[rows] or rows.read_text().count("\n14,") > 0
        assert kept or rows.read_bytes() != old[rows], "the video was written and its rows not"
        write_text(tmp_path / "next.txt", "the next write into this folder")
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["next.txt", "out.mp4", "rows.csv", "rows.csv.json"]
    assert counts["partial"] > 0, "no kill came while anything was written"
    report(f"{kills} kills of a run within {took_s:.1f} s: {json.dumps(counts)}")


@pytest.fixture
def begin_recording(fork, tmp_path):
    """Give `begin_recording(*seconds)`: a process that is about to record."""

    def begin(*seconds):
        process = fork([Path(__file__).with_name("record.py"), tmp_path, *seconds])
        until = time.monotonic() + 60
        while not process.out.exists() or "begun\n" not in process.out.read_text():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        return process

    return begin


def judge_recording(folder, frames_of):
    """Check that all that a killed recording left can be read; count the video's frames."""
    assert read_about(folder)["state"] == "recording"
    if (folder / "markers.csv").exists() and (folder / "markers.csv").stat().st_size:
        read_markers(folder / "markers.csv")
    if (folder / "records.csv").exists():
        text = (folder / "records.csv").read_text()
        for row in csv.DictReader(text[: text.rfind("\n") + 1].splitlines()):
            assert float(row["neutral"]) == 0.125
    video = folder / "video.mp4"
    if not video.exists() or video.stat().st_size < 10_000:  # not one fragment yet
        return 0
    return frames_of(video)


@pytest.mark.parametrize("kills", KILLS)
def test_killed_recordings_can_be_read_and_leave_nothing_hidden(
    begin_recording, tmp_path, chance, report, hidden, frames_of, kills
):
    partials = 0
    for _ in range(kills):
        process = begin_recording()
        time.sleep(chance.uniform(0.0, 1.0) ** 2 * 2.5)  # oftener in its first moments
        process.kill()
        said = process.communicate()[1]
        assert said == ""
        partials += bool(hidden())
    last = begin_recording("0.5")
    said = last.communicate(timeout=60)[1]
    assert (last.returncode, said) == (0, ""), last.out.read_text()
    assert hidden() == []
    *killed, finished = sorted(tmp_path.iterdir())
    assert read_about(finished)["state"] == "finished"
    frames = [judge_recording(folder, frames_of) for folder in killed]
    assert max(frames) > 0
    report(
        f"{kills} kills of a recording: {len(killed)} had begun, {partials} left a partial, "
        f"videos of {min(frames)} to {max(frames)} frames"
    )
