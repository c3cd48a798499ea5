import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.sources.screen import region_of
from engine.errors import ConfigError

ROOT = Path(__file__).parents[3]


def test_a_region_is_read():
    assert region_of("screen") is None
    assert region_of("screen:-10,0,640,480") == (-10, 0, 640, 480)


@pytest.mark.parametrize("name", ["screen:", "screen:1,2,3", "screen:0,0,31,100", "window"])
def test_what_is_no_region_is_refused(name):
    with pytest.raises(ConfigError, match="screen"):
        region_of(name)


@pytest.mark.skipif(
    shutil.which("Xvfb") is None, reason="Xvfb is missing (Debian: apt install xvfb)"
)
def test_a_real_screen_is_grabbed():
    read, write = os.pipe()
    arguments = ["Xvfb", "-displayfd", str(write), "-screen", "0", "400x300x24", "-noreset"]
    server = subprocess.Popen(arguments, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        display = f":{told.readline().strip()}"
    code = """
from app.sources.screen import Screen
for region in (None, (10, 20, 64, 48)):
    with Screen(region) as screen:
        frames = [screen.read(), screen.read()]
        print(frames[1].image.shape, frames[1].index, frames[1].time_s > frames[0].time_s)
try:
    Screen((9000, 9000, 64, 48))
except Exception as error:
    print(type(error).__name__)
"""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.terminate()
        server.wait(10)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["(300, 400, 3) 1 True", "(48, 64, 3) 1 True"], done.stderr
    assert lines[2] == "SourceError"


def test_without_a_screen_there_is_one_line():
    code = "from app.sources.screen import Screen\nScreen()"
    environment = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if sys.platform == "linux":
        assert "SourceError: screen" in done.stderr.splitlines()[-1]
