"""Signals at every moment of every program's life: one line, exit code 130, nothing left."""

import itertools
import signal
import sys
import time

import pytest

from engine.video.opening import open_source

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

PROGRAMS = {
    "fer-video": ("assets/demo.mp4", "--records", "{}/rows.csv", "--out", "{}/out.mp4"),
    "fer-app": ("--settings", "{}/settings.toml"),
    "fer-train": ("training/recipes/detector.toml", "--out", "{}/run"),
    "fer-eval": ("{}",),
    "fer-export": ("{}/none.onnx",),
    "fer-bench": ("--parts", "networks", "--out", "{}/bench"),
}
HEARD = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def one(start, folder, name, number, moment_s):
    """Send a signal so long after the start; False where the program was over by then."""
    folder.mkdir()
    program = start(name, *(word.format(folder) for word in PROGRAMS[name]), fresh=True)
    program.listens()
    program.at(moment_s)
    if program.process.poll() is not None:
        return False
    program.process.send_signal(number)
    code, said = program.end()
    where = f"{name}, {number.name} after {moment_s} s: {code}, {said}"
    # The platform without a screen says so when a window is shown.
    lines = [line for line in said.splitlines() if "propagateSizeHints" not in line]
    assert code == 130, where
    if "what was done is kept" in lines[0]:  # it was at work already, on a fast machine
        return True
    assert len(lines) == 1, where
    assert lines[0].startswith(f"{name}: interrupted"), where
    assert list(folder.iterdir()) == [], where
    return True


@pytest.mark.parametrize("name", PROGRAMS)
def test_signal_soon_after_the_start_is_one_line(start, tmp_path, name):
    assert one(start, tmp_path / "first", name, signal.SIGINT, 0.1)
    one(start, tmp_path / "later", name, signal.SIGTERM, 0.6)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_signal_at_any_moment_is_one_line(start, tmp_path, name, report):
    moments = [step / 10 for step in range(1, 21)]
    sent = 0
    for number, (moment_s, kind) in enumerate(zip(moments, itertools.cycle(HEARD), strict=False)):
        sent += one(start, tmp_path / str(number), name, kind, moment_s)
    assert sent > 5
    report(f"{sent} signals to {name}, 0.1 to 2 s after its start: all one line and 130")


def under_way(program, folder, limit_s=60):
    """Wait until there is video in the file, not only its header."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        assert program.process.poll() is None, program.end()
        if any(path.stat().st_size > 20_000 for path in folder.glob(".*.partial/out.mp4")):
            return
        time.sleep(0.02)
    raise AssertionError("writes nothing")


MORE = [pytest.mark.long, pytest.mark.slow]


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=() if n == signal.SIGHUP else MORE) for n in HEARD]
)
def test_signal_finishes_the_files(start, tmp_path, number):
    program = start("fer-video", *(word.format(tmp_path) for word in PROGRAMS["fer-video"]))
    under_way(program, tmp_path)
    program.process.send_signal(number)
    code, said = program.end()
    assert code == 130
    assert said.startswith("fer-video: interrupted; what was done is kept\n")
    with open_source(str(tmp_path / "out.mp4")) as video:
        frames = len(list(video))
    assert 0 < frames < 250
    rows = (tmp_path / "rows.csv").read_text().splitlines()
    assert int(rows[-1].partition(",")[0]) == frames - 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.mp4",
        "rows.csv",
        "rows.csv.json",
    ]


@pytest.mark.parametrize(
    "gap_s", [0.05, *(pytest.param(gap_s, marks=MORE) for gap_s in (0.0, 0.2, 0.4, 0.8))]
)
def test_second_signal_leaves_whole_files_or_none(start, tmp_path, gap_s):
    (tmp_path / "rows.csv").write_text("old")
    words = [word.format(tmp_path) for word in PROGRAMS["fer-video"]]
    program = start("fer-video", *words, "--overwrite")
    under_way(program, tmp_path)
    program.process.send_signal(signal.SIGINT)
    time.sleep(gap_s)
    program.process.send_signal(signal.SIGTERM)
    code, said = program.end()
    assert code == 130, said
    assert "Traceback" not in said
    assert "nothing was kept" not in said
    names = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json")
    assert names in (["rows.csv"], ["out.mp4", "rows.csv"]), said
    if "out.mp4" in names:
        with open_source(str(tmp_path / "out.mp4")) as video:
            assert list(video)
    rows = (tmp_path / "rows.csv").read_text()
    assert rows == "old" or rows.endswith("\n")
