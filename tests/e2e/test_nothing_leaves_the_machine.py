"""The real commands, watched from outside: what they leave in HOME and which sockets they open."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.assets import asset_path

ROOT = Path(__file__).parents[2]
WATCHED_S = 30.0  # the telemetry of ONNX Runtime waits ten seconds before it looks anybody up
# Connections to these stay on the machine: sockets in the file system, and the kernel's own.
LOCAL = re.compile(r"AF_UNIX|AF_NETLINK")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("strace") is None and not os.environ.get("CI"),
        reason="strace is not installed",
    ),
]


def watch(tmp_path: Path, code: str, *arguments: str) -> tuple[list[str], list[str]]:
    """Run Python under strace for `WATCHED_S`; give the files left in HOME and the calls made."""
    home, log = tmp_path / "home", tmp_path / "calls"
    home.mkdir()
    kept = {"PATH", "LANG", "QT_QPA_PLATFORM"}
    environment = {key: value for key, value in os.environ.items() if key in kept}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", str(log)]
    process = subprocess.Popen(
        [*command, sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(WATCHED_S)
    if process.poll() is None:
        subprocess.run(["pkill", "-TERM", "-P", str(process.pid)], check=False)
    _, said = process.communicate(timeout=30)
    assert process.returncode in (0, 130, -signal.SIGTERM), said
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    calls = [line for line in log.read_text().splitlines() if "connect(" in line or "sin" in line]
    return left, [line for line in calls if not LOCAL.search(line)]


def test_fer_video_leaves_nothing_and_asks_nobody(tmp_path):
    # The session stays open to the end of the watch, as in a long film.
    code = (
        "import sys, time; from app.command.cli import main; code = main(sys.argv[1:]);"
        f"time.sleep({WATCHED_S}); sys.exit(code)"
    )
    clip = str(asset_path("demo.mp4"))
    arguments = ["--out", "out.mp4", "--records", "rows.csv", "--quiet"]
    assert watch(tmp_path, code, clip, *arguments) == ([], [])
    assert (tmp_path / "rows.csv").stat().st_size > 1000


def test_fer_app_leaves_its_settings_and_asks_nobody(tmp_path):
    code = "import sys; from app.window.desktop import main; sys.exit(main(sys.argv[1:]))"
    settings = tmp_path / "settings.toml"
    settings.write_text("[privacy]\nseen = true\n")
    clip = str(asset_path("demo.mp4"))
    arguments = ["--source", clip, "--settings", str(settings)]
    left, calls = watch(tmp_path, code, *arguments)
    assert left == [".config/fer-live/fer-app.conf"] or left == []
    assert calls == []
