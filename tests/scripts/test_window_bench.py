import itertools
import json
import os
import subprocess
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError
from scripts.benches.window import Measurements, Plan, SyntheticCamera, figures


def test_the_camera_gives_frames_at_its_rate_with_the_wanted_size():
    with SyntheticCamera(Plan(width=320, height=240, fps=50, faces=2)) as camera:
        frames = list(itertools.islice(camera, 4))
    assert [frame.image.shape for frame in frames] == [(240, 320, 3)] * 4
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx([0.02] * 3)
    assert camera.read() is None


@pytest.mark.parametrize(
    "wrong", [{"faces": 0}, {"faces": 5}, {"seconds": 1.0}, {"fps": 0}, {"width": 10}]
)
def test_a_plan_that_cannot_be_measured_is_refused(wrong):
    with pytest.raises(ConfigError, match="--"):
        Plan(**wrong)


def test_figures_are_those_of_what_was_taken():
    taken = Measurements(
        latencies_ms=array("f", [10, 20, 30, 40]),
        pictures=60,
        blocked_ms=[17.0, 40.0],
        busy_ms=[3.0, 18.0],
        memory=[(0.0, 100.0), (1.0, 110.0)],
        first_picture_s=0.5,
        from_s=10.0,
        until_s=12.0,
        dropped=3,
    )
    found = figures(Plan(), taken, 0.25, ["fer-show"])
    assert found["latency_p50_ms"] == 25.0
    assert found["latency_growth_ms"] == 20.0
    assert found["picture_fps"] == 30.0
    assert found["analysis_fps"] == 2.0
    assert found["blocked_over_16_ms"] == 2
    assert found["busy_over_16_ms"] == 1
    assert found["memory_mib"].split(", ")[0] == "100"
    assert found["memory_mib"].split(", ")[-1] == "110"
    assert found["threads_left"] == "fer-show"


def test_a_film_is_named_in_the_figures():
    found = figures(Plan(clip=Path("films/a.mp4")), Measurements(), 0.25, [])
    assert found["camera"] == "a.mp4"


@pytest.mark.slow
def test_a_window_that_is_left_alone_hardly_works():
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-m", "scripts.benches.window", "--idle", "--seconds", "4", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    found = json.loads(done.stdout)
    assert found["idle_s"] == 4.0
    assert 0 < found["cpu_percent_of_a_core"] < 10  # 1 is wanted; the machine may be busy
