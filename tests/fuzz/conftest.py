"""One judge for every reader of strangers' files, and cases that a seed alone decides.

A case's number is its seed: `pytest tests/fuzz --fuzz-seeds 17 -k settings` makes and judges it
again, and leaves its files where pytest leaves them. `test_long.py` has all readers judged by
thousands of them.
"""

import importlib.util
import json
import resource
import signal
import sys
import traceback
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final, TypeVar

import av
import numpy as np
import pytest
from numpy.random import Generator

from app.session.records import read_records
from engine.errors import LINE_MAX, ConfigError, FerError, ModelError, SinkError, SourceError

T = TypeVar("T")

DOCUMENTED: Final = (
    0,
    *(kind.exit_code for kind in (ConfigError, SourceError, ModelError, SinkError)),
)
SHARE: Final = "CASES"  # what a module calls its share of the cases
TIME_S: Final = 20.0  # far above what any case needs on a busy machine
MEMORY_MIB: Final = 1024  # pictures may have 150 million pixels, decoded and as BGR


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutations = _load("mutations")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a `case` with as many seeds as its module says, or those given."""
    if "case" in metafunc.fixturenames:
        given = metafunc.config.getoption("--fuzz-seeds")
        first, _, behind = str(given or "").partition(":")
        seeds = range(getattr(metafunc.module, SHARE))
        if given:
            seeds = range(int(first), int(behind or int(first) + 1))
        metafunc.parametrize("case", seeds, indirect=True)


class HangError(BaseException):
    """A case took too long; nothing that it runs may catch this."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: where its files lie, and what decides them.

    Attributes:
        seed: The case's number.
        rng: Decides everything; the same seed gives the same case.
        folder: For what is read.
        out: For what is written.
        change: The module `mutations`.
    """

    seed: int
    rng: Generator
    folder: Path
    out: Path
    change: Any

    def put(self, name: str, content: bytes) -> Path:
        """Write a file to be read."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return choices[int(self.rng.integers(len(choices)))]

    def judge(self, read: Callable[[], T], *, memory_mib: float = MEMORY_MIB) -> T | None:
        """Have something read, as the one judge of every case.

        It must end in time and within bounds of memory; it may raise what a user can be told, in
        one line that names no file but those the user knows; and of what lies in `out`
        afterwards, everything has its own name and can be opened again.

        Returns:
            What `read` gave; None where it refused.
        """
        result = refused = None
        with _peak() as growth, _limit(TIME_S):
            try:
                result = read()
            except FerError as error:
                refused = error
        if refused is not None:
            check_line(str(refused))
            assert type(refused) is not FerError, f"an error without its own code: {refused}"
        assert growth() <= memory_mib, f"took {growth():.0f} MiB, more than {memory_mib}"
        check_files(self.out)
        return result

    def command(
        self, main: Callable[[Sequence[str]], int], argv: Sequence[str], said: Callable[[], str]
    ) -> int | None:
        """Have a command read something; `said` gives what it wrote to stderr.

        Returns:
            Its exit code: one that README lists.
        """
        code = self.judge(lambda: main(argv))
        lines = said()
        assert "Traceback" not in lines, lines
        assert code in DOCUMENTED, f"exit code {code}: {lines}"
        for line in lines.splitlines():
            check_line(line)
        if code:
            assert len([line for line in lines.splitlines() if ": warning: " not in line]) == 1, (
                lines
            )
        return code


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """Give a case, empty folders and a generator of its own."""
    reader = str(request.node.originalname)
    folders = [tmp_path / name for name in ("in", "out")]
    for folder in folders:
        folder.mkdir()
    rng = np.random.default_rng([request.param, zlib.crc32(reader.encode())])
    return Case(request.param, rng, *folders, mutations)


def check_line(message: str) -> None:
    """Refuse a message that is no single line for people."""
    assert message.strip(), "an error without a message"
    assert message.isprintable(), f"not one line of text: {message!r}"
    assert ".partial" not in message, f"names a file that only we know: {message}"
    assert len(message) <= LINE_MAX + 50, f"too long, {len(message)} characters: {message}"


def check_files(out: Path) -> None:
    """Refuse files that are left over, and those that cannot be opened again."""
    for path in sorted(out.rglob("*")):
        assert not path.name.startswith("."), f"left over: {path.name}"
        if path.is_file():
            reopen = REOPEN[path.suffix]
            reopen(path)


def _play(path: Path) -> None:
    """Decode the pictures, and read the sound: copied packets may be as bad as the source's."""
    with av.open(str(path)) as container:
        assert any(True for _ in container.decode(video=0)), f"{path.name}: no frame"
    with av.open(str(path)) as container:
        for _ in container.demux():
            pass


REOPEN: Final[Mapping[str, Callable[[Path], object]]] = {
    **dict.fromkeys((".mp4", ".mov", ".mkv"), _play),
    **dict.fromkeys((".csv", ".jsonl", ".ndjson", ".parquet"), read_records),
    ".json": lambda path: json.loads(path.read_text("utf-8")),
    ".eaf": ET.parse,
}


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """End what takes longer; what sits in native code is shown by pytest's faulthandler."""

    def late(number: int, frame: FrameType | None) -> None:
        where = "".join(traceback.format_stack(frame)[-4:])
        raise HangError(f"takes over {seconds:g} s:\n{where}")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _peak() -> Iterator[Callable[[], float]]:
    """Give what tells by how many MiB the process's memory grew, at the most."""
    if sys.platform != "linux":  # no peak that can be set back: the one of the whole run
        start = _most_mib()
        yield lambda: _most_mib() - start
        return
    Path("/proc/self/clear_refs").write_text("5")
    start = _status_mib("VmRSS")
    yield lambda: _status_mib("VmHWM") - start


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(name)


def _most_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
