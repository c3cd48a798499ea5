"""How much memory a network takes: growth of a process of its own."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from engine.errors import ModelError
from engine.networks.runtime import Device
from export.bench.workload import Workload, WorkloadSession

STATUS: Final = Path("/proc/self/status")
CLEAR: Final = Path("/proc/self/clear_refs")
RESET_PEAK: Final = "5"  # Linux, proc(5): the peak becomes what there is now
CALLS: Final = 3


def is_measurable() -> bool:
    """Tell whether this system says what a process takes: Linux and macOS do."""
    return STATUS.is_file() or sys.platform == "darwin"


def peak_growth(
    workload: Workload, device: Device, threads: int, batch: int, seed: int = 0
) -> float:
    """Give MiB by which a fresh process grows, at most, while it opens and runs networks.

    Memory of a GPU does not count.

    Raises:
        ModelError: They cannot be opened or run, or the process died.
    """
    # A child of a large process would start with its parent's peak: "spawn" starts a small one.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_grown, workload, device, threads, batch, seed).result()
        except BrokenProcessPool as error:
            raise ModelError(
                f"{workload.name}: batch {batch} on {device}: the process that measures memory "
                "died; is there enough of it?"
            ) from error


def _grown(workload: Workload, device: Device, threads: int, batch: int, seed: int) -> float:
    feed = workload.feed(batch, seed)
    before = _baseline()
    session = WorkloadSession(workload, device, threads)
    for _ in range(CALLS):
        session.run(feed)
    return max(0, _peak() - before) / 2**20


def _baseline() -> int:
    """Give what the process takes now, bytes; from here on the peak is counted."""
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:  # not Linux, or not allowed: count from the peak so far
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    """Give the most that the process has taken, bytes."""
    if STATUS.is_file():
        return _status("VmHWM")
    import resource  # there is none on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(key: str) -> int:
    for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise ModelError(f"{os.fspath(STATUS)}: does not state {key}")
