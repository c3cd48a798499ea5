"""Thousands of cases of every reader, in processes of their own: a crash is told with its seed."""

import os
import re
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
CHUNK: Final = 500  # cases of one process
CHUNK_S: Final = 1800.0  # what a process may take; single cases have a limit of their own
ADDRESSES: Final = 6 * 2**30  # bytes of address space, of which readers of all kinds need 2.3
_SHARE: Final = re.compile(r"^CASES = (\d+)$", re.M)
_READER: Final = re.compile(r"^def (test_\w+)\(case\b", re.M)
_JUDGED: Final = re.compile(r"::test_\w+\[(\d+)\] (?:(PASSED|FAILED|ERROR))?")


@dataclass(slots=True)
class Count:
    """What came of one reader's cases.

    Attributes:
        judged: How many.
        failed: Seeds of those that the judge refused.
        died: Seeds of those that took their process with them.
        said: What the processes printed of these.
    """

    judged: int = 0
    failed: list[int] = field(default_factory=list)
    died: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def readers() -> dict[str, int]:
    """Give the tests of the folder that take a case, and the share of each."""
    found = {}
    for path in sorted(HERE.glob("test_*.py")):
        source = path.read_text("utf-8")
        for name in _READER.findall(source):
            found[f"{path.name}::{name}"] = int(_SHARE.findall(source)[0])
    return found


def chunks(total: int) -> Iterator[tuple[str, range]]:
    """Share the cases out."""
    shares = readers()
    for reader, share in shares.items():
        count = total * share // sum(shares.values())
        for first in range(0, count, CHUNK):
            yield reader, range(first, min(first + CHUNK, count))


def judged(reader: str, seeds: range, temp: Path) -> Count:
    """Judge cases in a process, and in another one those behind the one that killed it."""
    count = Count()
    while seeds:
        given = ["--fuzz-seeds", f"{seeds.start}:{seeds.stop}", f"--basetemp={temp}"]
        given += [
            "-v",
            "-m",
            "",
            "-p",
            "no:cacheprovider",
            "-o",
            "tmp_path_retention_policy=failed",
        ]
        command = [sys.executable, "-X", "faulthandler", "-m", "pytest", *given, str(HERE / reader)]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=CHUNK_S,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES)),
            )
            output = done.stdout
        except subprocess.TimeoutExpired as late:
            output = late.stdout or b""
        text = output.decode(errors="replace")
        verdicts = {int(seed): verdict for seed, verdict in _JUDGED.findall(text)}
        bad = [seed for seed, verdict in verdicts.items() if verdict in ("FAILED", "ERROR")]
        died = [seed for seed, verdict in verdicts.items() if not verdict]
        count.judged += len(verdicts)
        count.failed += bad
        count.died += died
        if bad or died or not verdicts:
            count.said.append(text[-20_000:])
        if not verdicts:
            raise AssertionError(text)
        seeds = range(max(verdicts) + 1, seeds.stop)
    return count


@pytest.mark.long
@pytest.mark.slow
def test_thousands_of_cases_of_every_reader(request, tmp_path, capsys):
    total = int(request.config.getoption("--fuzz-cases"))
    part, _, parts = str(request.config.getoption("--fuzz-part")).partition("/")
    work = list(chunks(total))[int(part) - 1 :: int(parts)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(
            pool.map(lambda job: judged(*job[1], tmp_path / str(job[0])), enumerate(work))
        )
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    sums: Counter[str] = Counter()
    for (reader, _), count in zip(work, counts, strict=True):
        sums[reader] += count.judged
    bad_ones = sum(len(count.failed) + len(count.died) for count in counts)
    lines = [
        f"{sums.total()} cases at {commit}, seeds from 0 on, part {part} of {parts}; "
        f"{bad_ones} judged ill:"
    ]
    lines += [f"  {reader}: {number}" for reader, number in sums.items()]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))
    bad = [
        f"{sys.executable} -m pytest tests/fuzz/{reader} --fuzz-seeds {seed}"
        for (reader, _), count in zip(work, counts, strict=True)
        for seed in (*count.failed, *count.died)
    ]
    said = "\n".join(text for count in counts for text in count.said)
    assert not bad, "\n".join([said, f"{len(bad)} cases; each again by", *bad])
