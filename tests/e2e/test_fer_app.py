"""The real program in a window on a screen of its own (Xvfb)."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.assets import asset_path

ROOT = Path(__file__).parents[2]
SIZE = (1280, 800)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed"),
]


@pytest.fixture
def screen(tmp_path):
    """A screen of 1280x800; gives its number and the folder that its picture is a file in."""
    folder = tmp_path / "screen"
    folder.mkdir()
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [
            *("Xvfb", "-displayfd", str(writing), "-nolisten", "tcp", "-fbdir", str(folder)),
            *("-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"),
        ],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    assert number, "Xvfb did not start"
    yield number, folder / "Xvfb_screen0"
    server.terminate()
    server.wait(10)


def shot(path):
    """Read what is on the screen, (H, W, 3), BGR: the end of an XWD file."""
    content = path.read_bytes()
    pixels = np.frombuffer(content[-SIZE[0] * SIZE[1] * 4 :], np.uint8)
    return pixels.reshape(SIZE[1], SIZE[0], 4)[..., :3]


def test_it_opens_a_file_shows_it_and_closes_when_told(screen, tmp_path):
    number, picture = screen
    settings = tmp_path / "settings.toml"
    settings.write_text("[privacy]\nseen = true\n[view]\ntheme = 'dark'\n")
    environment = {
        **os.environ,
        "DISPLAY": f":{number}",
        "QT_QPA_PLATFORM": "xcb",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
    }
    program = [sys.executable, "-m", "app.desktop", "--settings", str(settings)]
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        running = subprocess.Popen(
            [*program, "--source", str(asset_path("demo.mp4"))],
            env=environment,
            cwd=tmp_path,
            stderr=file,
        )
        try:
            started = time.monotonic()
            # The demo's spacesuit is orange; nothing of the window is.
            while not _orange(shot(picture)) and time.monotonic() - started < 40:
                assert running.poll() is None, log.read_text()
                time.sleep(0.2)
            seen = shot(picture)
            assert _orange(seen), "the file is not on the screen"
            cv2.imwrite(str(tmp_path / "window.png"), seen)
        finally:
            told = time.monotonic()
            running.send_signal(signal.SIGTERM)
            code = running.wait(20)
    assert code == 0, log.read_text()
    assert time.monotonic() - told < 5
    assert "Traceback" not in log.read_text()


def _orange(picture):
    blue, green, red = (picture[..., channel].astype(int) for channel in range(3))
    return ((red > 180) & (green > 60) & (green < 140) & (blue < 90)).sum() > 2000
