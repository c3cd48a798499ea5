"""The real program on a screen of its own (Xvfb), a file as its camera."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings.settings import Settings, save_settings
from engine.assets import asset_path

ROOT = Path(__file__).parent.parent.parent
DRIVER = Path(__file__).parent / "drive_app.py"

needs_screen = pytest.mark.skipif(
    shutil.which("Xvfb") is None, reason="Xvfb is missing (Debian: apt install xvfb)"
)


@pytest.fixture
def screen():
    """Give DISPLAY of a screen of 1280 x 800."""
    read, write = os.pipe()
    arguments = [
        "Xvfb",
        "-displayfd",
        str(write),
        "-screen",
        "0",
        "1280x800x24",
        "-nolisten",
        "tcp",
    ]
    server = subprocess.Popen(arguments, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


@pytest.fixture
def drive(tmp_path, screen):
    def driven(*arguments, theme="dark"):
        settings = tmp_path / "settings.toml"
        recordings = tmp_path / "recordings"
        chosen = Settings(seen_privacy=True, theme=theme, recording_folder=recordings)
        save_settings(settings, chosen)
        environment = {
            **os.environ,
            "DISPLAY": screen,
            "QT_QPA_PLATFORM": "xcb",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, str(DRIVER), str(tmp_path), "--settings", str(settings)]
        done = subprocess.run(
            [*command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,  # the driver gives up before
            check=False,
        )
        seen = tmp_path / "seen.json"
        return done, json.loads(seen.read_text()) if seen.exists() else {}

    return driven


@needs_screen
@pytest.mark.slow
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_record_stop_review_and_export(drive, tmp_path, theme):
    demo = str(asset_path("demo.mp4"))
    done, seen = drive("--source", demo, "--as-camera", theme=theme)
    assert done.returncode == 0, (seen, done.stderr[-3000:])
    assert "error" not in seen
    assert "gave_up" not in seen
    assert seen["faces"] >= 1
    assert seen["tracks"] >= 1
    assert seen["device"]
    assert {"session.json"} <= set(seen["recorded"])
    for ending in (".csv", ".eaf", ".vtt"):
        assert (tmp_path / f"export{ending}").stat().st_size > 0
    for name in ("live", "recording", "review"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    assert "Traceback" not in done.stderr
    assert "QThread" not in done.stderr


@needs_screen
@pytest.mark.slow
def test_sigterm_closes_the_window_and_leaves_with_130(tmp_path, screen):
    settings = tmp_path / "settings.toml"
    save_settings(settings, Settings(seen_privacy=True, recording_folder=tmp_path / "r"))
    environment = {**os.environ, "DISPLAY": screen, "QT_QPA_PLATFORM": "xcb"}
    environment["PYTHONPATH"] = str(ROOT)
    demo = str(asset_path("demo.mp4"))
    command = [
        sys.executable,
        "-m",
        "app.window.desktop",
        "--settings",
        str(settings),
        "--source",
        demo,
    ]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as program:
        for line in program.stderr:  # until the networks are loaded
            if "poster-rt" in line:
                break
        program.terminate()
        assert program.wait(20) == 130
        assert "Traceback" not in program.stderr.read()
