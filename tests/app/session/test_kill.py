"""What `kill -9` leaves of a recording: a real process, killed."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.session.folder import read_about, read_markers
from app.session.review import open_review
from engine.video.opening import open_source

PROGRAM = """
import sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from app.session.folder import PartLimits
from app.session.recorder import Recorder
from app.session.recording import RecorderConfig
from engine.analyze import AnalyzerConfig
from engine.video.opening import SourceInfo
from engine.types import Analysis, Frame, Prediction, Track

info = SourceInfo(name="camera 0", path=None, width=320, height=240, fps=Fraction(25),
                  time_base=Fraction(1, 1000), frame_count=None, duration_s=None, live=True,
                  has_audio=False)
part = PartLimits(seconds=float(sys.argv[2]))
config = RecorderConfig(start_free=0, stop_free=0, part=part)
recorder = Recorder(Path(sys.argv[1]), info, AnalyzerConfig(), config)
box, points = np.array([50, 50, 150, 170], np.float32), np.zeros((68, 2), np.float32)
shares = np.full(8, 0.125, np.float32)
first = time.monotonic()
for index in range(100_000):
    now = time.monotonic() - first
    image = np.full((240, 320, 3), index % 256, np.uint8)
    image[:, : index % 320] //= 2
    recorder.add(Analysis(Frame(index, now, image), (Track(1, box, points, 1.0),),
                          (Prediction(1, shares, 0.1, 0.2, 0.5),), {}))
    if index % 25 == 0:
        recorder.mark(f"marker {index}")
    status = recorder.status()
    print(now, status.video_frames, status.message, flush=True)
    time.sleep(max(0, first + (index + 1) / 25 - time.monotonic()))
"""


@pytest.fixture
def killed(tmp_path):
    """Give `killed(part_s)`: the folder of a recording killed after four seconds, and when."""

    def record(part_s):
        root = Path(__file__).parents[3]
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(part_s)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        with process:
            for line in process.stdout:
                time_s, encoded, *_ = line.split(" ", 2)
                if float(time_s) > 4 and int(encoded) > 30:
                    break
            process.kill()
        assert process.returncode == -signal.SIGKILL
        (folder,) = tmp_path.iterdir()
        return folder, float(time_s)

    return record


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no kill -9")
def test_what_was_recorded_before_a_kill_is_readable(killed):
    folder, killed_s = killed(3600)
    assert read_about(folder)["state"] == "recording"
    with open_source(str(folder / "video.mp4")) as source:
        times = [frame.time_s for frame in source]
    assert len(times) > 25
    assert killed_s - times[-1] < 1.5  # half a second in a fragment, and what waited to be encoded
    text = (folder / "records.csv").read_text()
    rows = list(csv.DictReader(text[: text.rindex("\n")].splitlines()))
    assert killed_s - float(rows[-1]["timestamp"]) < 0.5
    assert [float(row["neutral"]) for row in rows] == [0.125] * len(rows)
    assert [marker.text for marker in read_markers(folder / "markers.csv")[0]][:4] == [
        "marker 0",
        "marker 25",
        "marker 50",
        "marker 75",
    ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no kill -9")
def test_a_kill_costs_nothing_of_the_parts_before_the_last(killed):
    folder, killed_s = killed(1.5)
    review = open_review(folder)
    starts = [part.start_s for part in review.footage]
    assert starts == pytest.approx([0, 1.5, 3.0], abs=0.3)
    ends = []
    for part in review.footage:
        with open_source(str(part.path)) as source:
            ends.append(part.start_s + max(frame.time_s for frame in source))
    assert ends[:2] == pytest.approx(starts[1:], abs=0.3)  # a frame or what was left out
    assert killed_s - ends[2] < 1.5
    assert killed_s - review.table.times[-1] < 0.5
    assert review.warnings[0].endswith("did not end well; kept what was written")
