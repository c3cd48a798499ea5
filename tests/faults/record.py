"""Record synthetic frames into a folder until told to stop, or killed.

    python tests/faults/record.py FOLDER [SECONDS]

Not a test: the tests beside it start it in a process of its own. It says "recording" once there is
something to lose, and at the end how it ended.
"""

import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.session.recorder import Recorder
from app.session.recording import RecorderConfig, State
from engine.analyze import AnalyzerConfig
from engine.types import Analysis, Frame, Prediction, Track
from engine.video.opening import SourceInfo

INFO = SourceInfo(
    name="camera 0",
    path=None,
    width=320,
    height=240,
    fps=Fraction(25),
    time_base=Fraction(1, 1000),
    frame_count=None,
    duration_s=None,
    live=True,
    has_audio=False,
)


def say(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def analysis(index, now_s):
    image = np.full((240, 320, 3), index % 256, np.uint8)
    image[:, : index % 320] //= 2
    box, points = np.array([50, 50, 150, 170], np.float32), np.zeros((68, 2), np.float32)
    face = Prediction(1, np.full(8, 0.125, np.float32), 0.1, 0.2, 0.5)
    return Analysis(Frame(index, now_s, image), (Track(1, box, points, 1.0),), (face,), {})


def record(root, seconds):
    recorder = Recorder(root, INFO, AnalyzerConfig(), RecorderConfig(start_free=0, stop_free=0))
    first, index = time.monotonic(), 0
    while (now_s := time.monotonic() - first) < seconds and not recorder.status().over:
        recorder.add(analysis(index, now_s))
        if index % 25 == 0:
            recorder.mark(f"marker {index}")
        index += 1
        if recorder.status().state is State.RECORDING:
            say("recording")
        time.sleep(max(0.0, first + index / 25 - time.monotonic()))
    recorder.stop()
    recorder.join()
    return recorder.status()


if __name__ == "__main__":
    say("begun")
    ended = record(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 60.0)
    say(f"{ended.state.value} {ended.message}")
    sys.exit(0 if ended.state is State.FINISHED else 5)
