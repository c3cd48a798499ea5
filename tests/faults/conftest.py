"""Programs as the shell starts them, and what every test here asks of what they leave."""

import errno
import io
import itertools
import multiprocessing
import os
import random
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import av.error
import pytest

import engine.video.sink
from engine.video.opening import open_source

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SCRIPTS = {**PROJECT["scripts"], **PROJECT["gui-scripts"]}
MOST_CALLS = 300
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


class Forked:
    """A fork of a process that has what `fer-video` imports, as if `subprocess` had started it.

    Attributes:
        out: What it writes to stdout.
    """

    def __init__(self, argv, said):
        self._said, self.out = said, said.with_suffix(".out")
        given = (argv, str(self.out), str(said))
        settings = {"init_globals": {"ARGUMENTS": given}, "run_name": "forked"}
        script = str(Path(__file__).with_name("forked.py"))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["app.command.cli", "app.command.job"])
        self._process = context.Process(target=runpy.run_path, args=(script,), kwargs=settings)
        self._process.start()
        self.pid, self.kill = self._process.pid, self._process.kill

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout=None):
        self._process.join(timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired("forked", timeout)
        return "", self._said.read_text() if self._said.exists() else ""


@pytest.fixture
def fork(tmp_path_factory):
    """Give `fork(argv)`: a fork that is `fer-video`, or runs the script that is the first word."""
    folder, numbers = tmp_path_factory.mktemp("said"), itertools.count()
    return lambda argv: Forked([*map(str, argv)], folder / str(next(numbers)))


@pytest.fixture
def start(tmp_path_factory, fork):
    """Give `start(name, *arguments, before="", fresh=False)`: a console script.

    It is started by a shell where `before` says what that does first, where it shall be fresh
    (its first moments are what is tried), and where it is not `fer-video`; else it is a fork.
    """
    folder, running = tmp_path_factory.mktemp("bin"), []

    def run(name, *arguments, before="", cwd=ROOT, fresh=False):
        if name == "fer-video" and not (before or fresh):
            argv = [name, *map(str, arguments)]
            running.append(fork(argv))
            return Program(running[-1])
        module, _, function = SCRIPTS[name].partition(":")
        stub = folder / name
        if not stub.exists():  # a second process may be about to read it
            code = f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n"
            stub.write_text(code)
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


@pytest.fixture
def hidden(tmp_path):
    """Give `hidden()`: what lies in the test's folder that no user is meant to see."""
    return lambda: sorted(path.name for path in tmp_path.rglob(".*"))


@pytest.fixture
def frames_of():
    """Give `frames_of(path)`: how many frames of a video can be read."""

    def count(path):
        with open_source(str(path)) as video:
            return len(list(video))

    return count


# What may fail on the way to the disk: the one table.
CALLS = {
    "make": ("mkdir", "open"),
    "move": ("replace", "rename", "link"),
    "sync": ("fsync",),
    "write": (),  # Python's files and FFmpeg's
}
NUMBERS = {"make": errno.EACCES, "move": errno.EIO, "sync": errno.EIO, "write": errno.ENOSPC}


class Faults:
    """Counts the calls of one kind and lets the n-th one fail, and perhaps all after it.

    Attributes:
        count: Calls so far.
        fired: True once one has failed.
    """

    def __init__(self, folder, kind, number, *, rest=False):
        self.folder, self.kind, self.number, self.rest = folder, kind, number, rest
        self.count, self.fired = 0, False

    def hit(self, error=OSError):
        self.count += 1
        if self.count == self.number or (self.rest and self.count > self.number):
            self.fired = True
            code = NUMBERS[self.kind]
            raise error(code, os.strerror(code))

    def concerns(self, path):
        return isinstance(path, (str, Path)) and Path(path).is_relative_to(self.folder)

    def patch(self, monkeypatch):
        for name in CALLS[self.kind]:
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name)))
        if self.kind == "write":
            real_open, real_av = io.open, av.open
            monkeypatch.setattr(io, "open", lambda *a, **k: self._open(real_open, *a, **k))
            monkeypatch.setattr(
                engine.video.sink.av, "open", lambda *a, **k: self._video(real_av(*a, **k), *a, **k)
            )

    def _wrapped(self, name, real):
        def call(*arguments, **settings):
            writes = name != "open" or (len(arguments) > 1 and arguments[1] & os.O_CREAT)
            if writes and (name == "fsync" or self.concerns(arguments[0])):
                self.hit()
            return real(*arguments, **settings)

        return call

    def _open(
        self, real, file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **rest
    ):
        if not set(mode) & set("wxa+") or not self.concerns(file):
            return real(file, mode, buffering, encoding, errors, newline, **rest)
        binary = io.BufferedWriter(_Raw(file, mode.replace("b", "").replace("t", ""), self))
        return binary if "b" in mode else io.TextIOWrapper(binary, encoding, errors, newline)

    def _video(self, container, name, mode="r", **_):
        return _Container(container, self) if mode == "w" and isinstance(name, str) else container


class _Raw(io.FileIO):
    """A file whose n-th write to the system fails."""

    def __init__(self, file, mode, faults):
        super().__init__(file, mode)
        self._faults = faults

    def write(self, content):
        self._faults.hit()
        return super().write(content)


class _Container:
    """A muxer whose n-th call fails, as FFmpeg's do where it writes."""

    def __init__(self, container, faults):
        self._container, self._faults = container, faults

    def __getattr__(self, name):
        return getattr(self._container, name)

    def start_encoding(self):
        self._faults.hit(av.error.FFmpegError)
        self._container.start_encoding()

    def mux(self, packets):
        self._faults.hit(av.error.FFmpegError)
        self._container.mux(packets)

    def close(self):
        try:
            self._faults.hit(av.error.FFmpegError)
        finally:
            self._container.close()


@pytest.fixture
def each(monkeypatch, tmp_path):
    """Give `each(kind)`: a round for every call of a kind; entered, that one call fails.

    Kinds are those of CALLS; with ", and all after it" the calls after that one fail too.
    """

    def rounds(kind):
        kind, _, rest = kind.partition(",")
        for number in range(1, MOST_CALLS):
            faults = Faults(tmp_path, kind, number, rest=bool(rest))
            yield partial(in_place, faults)
            if not faults.fired:
                assert number > 1, f"never does a {kind}"
                return
        raise AssertionError("no end")

    @contextmanager
    def in_place(faults):
        with monkeypatch.context() as patch:
            faults.patch(patch)
            yield

    return rounds
