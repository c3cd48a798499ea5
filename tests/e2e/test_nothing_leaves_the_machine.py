"""The real commands, watched from outside: what they leave in HOME and which sockets they open."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from engine.assets import asset_path

ROOT = Path(__file__).parents[2]
TOOLS = Path(__file__).with_name("drive_tools.py")
# Once ONNX Runtime is loaded, whose telemetry waits ten seconds before it looks anybody up.
WATCHED_S = 16.0
LOADING_S = 60.0
# Connections to these stay on the machine: sockets in the file system, and the kernel's own.
LOCAL = re.compile(r"AF_UNIX|AF_NETLINK")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("strace") is None and not os.environ.get("CI"),
        reason="strace is not installed",
    ),
]


class Watched:
    """A program under strace, with an empty HOME and nothing of the environment that says CI."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder, self.home, self.log = folder, folder / "home", folder / "calls"
        self.home.mkdir(parents=True)
        kept = {"PATH", "LANG", "QT_QPA_PLATFORM"}
        environment = {key: value for key, value in os.environ.items() if key in kept}
        environment |= {"HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        calls = "trace=bind,connect,sendto,sendmsg,sendmmsg"
        strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", calls, "-o", str(self.log)]
        self._process = subprocess.Popen(
            [*strace, sys.executable, *arguments],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def loads(self, library: str) -> None:
        """Wait until it has a library."""
        tracer, until = self._process.pid, time.monotonic() + LOADING_S
        children = Path(f"/proc/{tracer}/task/{tracer}/children")
        while time.monotonic() < until and self._process.poll() is None:
            for child in children.read_text().split():
                with suppress(FileNotFoundError):  # strace tries something out first
                    if library in Path(f"/proc/{child}/maps").read_text():
                        return
            time.sleep(0.05)
        raise AssertionError(f"{self.folder.name}: does not load {library}")

    def end(self, *, stop: bool = True) -> tuple[list[str], list[str]]:
        """Stop it, or wait for its end; give the files left in HOME and the calls made."""
        if stop and self._process.poll() is None:
            subprocess.run(["pkill", "-TERM", "-P", str(self._process.pid)], check=False)
        _, said = self._process.communicate(timeout=30 if stop else 240)
        assert self._process.returncode in (0, 130, -signal.SIGTERM), said
        files = (path for path in self.home.rglob("*") if path.is_file())
        calls = [line for line in self.log.read_text().splitlines() if "sa_family" in line]
        left = sorted(str(path.relative_to(self.home)) for path in files)
        return left, [line for line in calls if not LOCAL.search(line)]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """`fer-video`, whose process stays to the end of the watch as in a long film, and `fer-app`.

    And the commands that train, judge and export, one after the other.
    """
    folder, clip = tmp_path_factory.mktemp("watched"), str(asset_path("demo.mp4"))
    video = (
        "import sys, time; from app.command.cli import main; code = main(sys.argv[1:]);"
        f"time.sleep({WATCHED_S}); sys.exit(code)"
    )
    window = "import sys; from app.window.desktop import main; sys.exit(main(sys.argv[1:]))"
    settings = folder / "settings.toml"
    settings.write_text("[privacy]\nseen = true\n")
    outputs = ("--out", "out.mp4", "--records", "rows.csv", "--quiet")
    programs = {
        "video": Watched(folder / "video", "-c", video, clip, *outputs),
        "window": Watched(
            folder / "window", "-c", window, "--source", clip, "--settings", str(settings)
        ),
        "tools": Watched(folder / "tools", str(TOOLS), str(WATCHED_S)),
    }
    for program in programs.values():
        program.loads("onnxruntime_pybind11_state")
    time.sleep(WATCHED_S)
    return {
        name: (program.folder, program.end(stop=name != "tools"))
        for name, program in programs.items()
    }


def test_fer_video_leaves_nothing_and_asks_nobody(watched):
    folder, seen = watched["video"]
    assert seen == ([], [])
    assert (folder / "rows.csv").stat().st_size > 1000


def test_fer_app_leaves_its_settings_and_asks_nobody(watched):
    left, calls = watched["window"][1]
    assert left in ([], [".config/fer-live/fer-app.conf"])  # where the window was
    assert calls == []


def test_commands_of_training_and_export_leave_a_font_cache_and_ask_nobody(watched):
    folder, (left, calls) = watched["tools"]
    assert calls == []
    # Of matplotlib, which draws the reports: the fonts that the system has.
    assert [name for name in left if not name.startswith(".cache/matplotlib/fontlist-")] == []
    for made in ("runs/tiny/model.safetensors", "runs/reports/tiny/report.md", "tiny.onnx"):
        assert (folder / made).is_file()
