"""Accuracy and cost of systems, the measured ones beside those that others state."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from export.bench.networks import NetworkCost, Networks
from export.bench.workload import Workload

Kind = Literal["measured", "here", "published"]
Start = Literal["nothing", "ImageNet", "faces", "not stated"]
Look = Literal["measured", "here", "nothing", "ImageNet", "faces", "not stated"]
TABLE: Final = Path(__file__).with_name("published.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSystem:
    """One system in the plot and in its table; None is not stated.

    Attributes:
        name: What the reader sees.
        kind: ``measured`` now, trained ``here`` before, or ``published`` by others.
        start: What a published one starts from: ``faces`` is a face-recognition network.
        accuracy: On FER+'s test split, percent.
        accuracy_source: Who states it.
        parameters: Millions.
        gmac: Of a face.
        ms: Of a face, one at a time, on this machine.
        cost_source: Who states `parameters` and `gmac`.
    """

    name: str
    kind: Kind
    accuracy: float
    accuracy_source: str
    parameters: float | None = None
    gmac: float | None = None
    ms: float | None = None
    cost_source: str = ""
    start: Start = "not stated"

    @property
    def look(self) -> Look:
        """What it is drawn as: a published one by what it starts from."""
        return self.start if self.kind == "published" else self.kind

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)


def stated_systems(path: Path = TABLE) -> list[ComparedSystem]:
    """Read what others state, and what was trained here before."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["system"]
    return [ComparedSystem(**table) for table in tables]


def measured_systems(networks: Networks) -> list[ComparedSystem]:
    """Give the workloads whose manifests state an accuracy, with the time of one face."""
    return [
        ComparedSystem(
            name=_name(workload),
            kind="measured",
            accuracy=100 * workload.accuracy,
            accuracy_source="its manifest",
            parameters=workload.parameters / 1e6,
            gmac=workload.gmac,
            ms=_one_face_ms(networks.rows, workload.name, workload.precision),
            cost_source="its manifest; multiply-accumulates of its graph where that has none",
        )
        for workload in networks.workloads
        if workload.accuracy is not None
    ]


def _name(workload: Workload) -> str:
    """Give the network's name with its precision, unless it says that itself."""
    name = workload.manifests[-1].name
    return name if name.endswith(workload.precision) else f"{name} {workload.precision}"


def _one_face_ms(rows: Sequence[NetworkCost], name: str, precision: str) -> float | None:
    """Give the shortest median of a call with one face, of all devices and threads."""
    ours = [row for row in rows if (row.name, row.precision, row.batch) == (name, precision, 1)]
    return min((row.p50_ms for row in ours), default=None)
