"""Every network on every device, with every number of threads and batch: what it costs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from engine.config import Natural, Positive, checked
from engine.errors import ConfigError, ModelError
from engine.networks.runtime import Device
from engine.types import Floats
from export.bench.memory import is_measurable, peak_growth
from export.bench.peak import SIDES, matrix_product
from export.bench.rounds import take_turns
from export.bench.workload import Workload, WorkloadSession

PERCENTILES: Final = (50, 95, 99)
Tracked = Callable[[int, str], Iterable[int]]


@checked()
class NetworksConfig:
    """What to run the networks on.

    Attributes:
        devices: Where; only ``auto`` may fall back.
        threads: Of a network on a CPU; 0 is one per core.
        batches: Faces or pictures of a call.
        rounds: Timed calls of each case.
        warm_up: Calls of each case before.
        seed: Of inputs and orders.
    """

    devices: Annotated[tuple[Device, ...], Field(min_length=1)] = ("auto",)
    threads: Annotated[tuple[Natural, ...], Field(min_length=1)] = (1, 2)
    batches: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1, 2, 4, 8)
    rounds: Positive = 200
    warm_up: Natural = 5
    seed: Natural = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """What a device does at best with a number of threads.

    Attributes:
        device: What the matrix product really ran on.
        threads: Of the CPU.
        side: Of the square matrices that were fastest.
        gmac_per_s: Of the fastest call.
    """

    device: str
    threads: int
    side: int
    gmac_per_s: float

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCost:
    """What one network costs in one case.

    Attributes:
        name: Of the workload.
        precision: Of the workload.
        device: What it really ran on.
        threads: Of the CPU.
        batch: Faces or pictures of a call.
        calls: That were timed.
        best_ms: Fastest call.
        p50_ms: Median of the calls.
        p95_ms: 95th percentile.
        p99_ms: 99th percentile.
        each_ms: `p50_ms` by face or picture.
        per_s: Faces or pictures a second, over all calls.
        peak_share: Multiply-accumulates a second of the fastest call, as a share of the fastest
            matrix product's on the same threads; both of them are the least disturbed. None where
            no matrix product runs.
        memory_mib: Growth of a process that opens and runs it; None where none can be measured.
    """

    name: str
    precision: str
    device: str
    threads: int
    batch: int
    calls: int
    best_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    each_ms: float
    per_s: float
    peak_share: float | None
    memory_mib: float | None

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Networks:
    """What was measured of all networks.

    Attributes:
        workloads: The networks.
        rows: Their figures.
        peaks: What the machine does at best.
        left_out: One line for each case that there is not.
    """

    workloads: tuple[Workload, ...]
    rows: tuple[NetworkCost, ...]
    peaks: tuple[Peak, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A network on a device, ready for a batch."""

    workload: Workload
    asked: Device
    threads: int
    batch: int
    session: WorkloadSession

    @property
    def device(self) -> str:
        """What it really runs on."""
        return " + ".join(dict.fromkeys(self.session.devices))


def measure_networks(
    workloads: Sequence[Workload], config: NetworksConfig, tracked: Tracked
) -> Networks:
    """Time all cases round by round, then measure each one's memory in a process of its own.

    Args:
        workloads: What to measure.
        config: How.
        tracked: `tracked(count, what)` gives the steps of a progress bar.

    Raises:
        ConfigError: No network takes any of the batches.
        ModelError: A device is missing, or a network cannot be opened or run.
    """
    left_out = tuple(_unfit(workloads, config.batches))
    if len(left_out) == len(workloads) * len(config.batches):
        raise ConfigError(f"--batches: nothing is left to be measured: {'; '.join(left_out)}")
    with TemporaryDirectory(prefix="fer-bench.") as folder:
        squares = [matrix_product(Path(folder), side, config.seed) for side in SIDES]
        cases = _cases(workloads, config, config.batches)
        products, no_peaks = _products(squares, config)
        every = [*cases, *products]
        work = [partial(c.session.run, c.workload.feed(c.batch, config.seed)) for c in every]
        rounds = tracked(config.rounds, "timing")
        times_ms = take_turns(work, rounds=rounds, warm_up=config.warm_up, seed=config.seed)
    peaks = _peaks(products, times_ms[len(cases) :])
    rows = []
    for _, case, row in zip(tracked(len(cases), "memory"), cases, times_ms, strict=False):
        memory = _memory(case, config.seed)
        rows.append(row_of(case, row, peaks.get((case.asked, case.threads)), memory))
    left_out = (*left_out, *no_peaks)
    return Networks(tuple(workloads), tuple(rows), tuple(peaks.values()), left_out)


def _unfit(workloads: Sequence[Workload], batches: Sequence[int]) -> Iterable[str]:
    for workload in workloads:
        for batch in batches:
            if not workload.takes(batch):
                yield f"{workload.name} takes no batch of {batch}"


def _cases(
    workloads: Sequence[Workload], config: NetworksConfig, batches: Sequence[int]
) -> list[Case]:
    """Open every network once for each device and number of threads."""
    cases = []
    for device, threads, workload in product(config.devices, config.threads, workloads):
        fit = [batch for batch in batches if workload.takes(batch)]
        if fit:
            session = WorkloadSession(workload, device, threads)
            cases += [Case(workload, device, threads, batch, session) for batch in fit]
    return cases


def _products(squares: Sequence[Workload], config: NetworksConfig) -> tuple[list[Case], list[str]]:
    """Open the matrix products; say where none runs, such as where only engines do."""
    cases, refused = list[Case](), list[str]()
    for device in config.devices:
        try:
            cases += _cases(squares, replace(config, devices=(device,)), SIDES)
        except ModelError as error:
            refused.append(f"no peak of {device}: {error}")
    return cases, refused


def _memory(case: Case, seed: int) -> float | None:
    if not is_measurable():
        return None
    return peak_growth(case.workload, case.asked, case.threads, case.batch, seed)


def _peaks(products: Sequence[Case], times_ms: Floats) -> dict[tuple[Device, int], Peak]:
    """Give the fastest matrix product for each device asked for and number of threads."""
    peaks = dict[tuple[Device, int], Peak]()
    for case, row in zip(products, times_ms, strict=True):
        key, rate = (case.asked, case.threads), _rate(case, row)
        if key not in peaks or rate > peaks[key].gmac_per_s:
            peaks[key] = Peak(
                device=case.device, threads=case.threads, side=case.batch, gmac_per_s=rate
            )
    return peaks


def _rate(case: Case, times_ms: Floats) -> float:
    """Give thousand million multiply-accumulates a second of the fastest call."""
    return 1000 * case.workload.gmac * case.batch / float(times_ms.min())


def row_of(
    case: Case, times_ms: Floats, peak: Peak | None, memory_mib: float | None
) -> NetworkCost:
    """Work out the figures of one case from the times of its calls."""
    p50, p95, p99 = (float(x) for x in np.percentile(times_ms, PERCENTILES))
    return NetworkCost(
        name=case.workload.name,
        precision=case.workload.precision,
        device=case.device,
        threads=case.threads,
        batch=case.batch,
        calls=len(times_ms),
        best_ms=float(times_ms.min()),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        each_ms=p50 / case.batch,
        per_s=1000 * case.batch * len(times_ms) / float(times_ms.sum(dtype=np.float64)),
        peak_share=_rate(case, times_ms) / peak.gmac_per_s if peak else None,
        memory_mib=memory_mib,
    )
