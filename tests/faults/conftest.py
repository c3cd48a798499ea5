"""Programs as the shell starts them, and what every test here asks of what they leave."""

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SCRIPTS = {**PROJECT["scripts"], **PROJECT["gui-scripts"]}
SEED = int(os.environ.get("FER_FAULTS_SEED", "14"))
REPORT = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[REPORT] = []


def pytest_terminal_summary(terminalreporter, config):
    if lines := config.stash.get(REPORT, []):
        commit = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
        terminalreporter.section(f"faults: seed {SEED}, commit {commit or 'unknown'}")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def report(request):
    """Give `report(line)`: what is shown at the end of the session."""
    return request.config.stash[REPORT].append


@pytest.fixture
def chance(request):
    """Chance of the test's own, the same in every run with the same seed."""
    return random.Random(f"{SEED} {request.node.name}")


class Program:
    """A running program."""

    def __init__(self, process):
        self.process = process
        self.begun = time.monotonic()

    def listens(self, limit_s=60):
        """Wait until its first statement is behind it: Python itself does not handle SIGTERM."""
        status = Path(f"/proc/{self.process.pid}/status")
        until = time.monotonic() + limit_s
        while time.monotonic() < until and self.process.poll() is None:
            caught = re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.MULTILINE)
            if caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1:
                return
            time.sleep(0.005)
        raise AssertionError(f"does not listen to signals: {self.end()}")

    def at(self, moment_s):
        """Wait until so long after its start."""
        time.sleep(max(0.0, self.begun + moment_s - time.monotonic()))

    def end(self, limit_s=60):
        """Wait for it; give its exit code and what it said, without the progress."""
        try:
            _, said = self.process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said = self.process.communicate()[1] + "\nHANGS"
        return self.process.returncode, said


@pytest.fixture
def start(tmp_path_factory):
    """Give `start(name, *arguments, before="")`: a console script, in a shell."""
    folder, running = tmp_path_factory.mktemp("bin"), []

    def run(name, *arguments, before="", cwd=ROOT):
        module, _, function = SCRIPTS[name].partition(":")
        stub = folder / name
        stub.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
        command = shlex.join([sys.executable, str(stub), *map(str, arguments)])
        process = subprocess.Popen(
            ["bash", "-c", f"{before} exec {command}"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"},
            # A job in the background of a shell would ignore them, and so would its children.
            preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in HEARD],
        )
        running.append(process)
        return Program(process)

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
            process.communicate()


HEARD = [
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__
]


def hidden(folder):
    """Give what lies there that no user is meant to see."""
    return sorted(path.name for path in folder.rglob(".*"))
