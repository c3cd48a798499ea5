"""The machine and the code in words: enough to compare, nothing that tells whose it is."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from engine.installed import commit
from engine.networks.ort import onnxruntime
from engine.networks.processor import cores

CPUINFO: Final = Path("/proc/cpuinfo")
# Flags of /proc/cpuinfo that decide how fast a network runs, and what they are called.
INSTRUCTIONS: Final = {
    "avx": "AVX",
    "fma": "FMA",
    "avx2": "AVX2",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "amx_int8": "AMX-INT8",
    "amx_bf16": "AMX-BF16",
    "asimd": "NEON",
    "asimddp": "dot product",
    "i8mm": "I8MM",
    "bf16": "BF16",
    "sve": "SVE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where, when and with what something was measured.

    Attributes:
        processor: As it calls itself.
        cores: That the process may use.
        instructions: Sets of them that matter here; empty where the system does not say.
        system: Operating system and architecture.
        python: Version.
        onnxruntime: Version.
        providers: Of ONNX Runtime.
        commit: Of the checkout, ``unknown`` outside of one.
        version: Of the project.
        date: UTC.
        load: Mean number of processes that wanted a core in the minute before; None unknown.
        note: What else there is to know.
    """

    processor: str
    cores: int
    instructions: tuple[str, ...]
    system: str
    python: str
    onnxruntime: str
    providers: tuple[str, ...]
    commit: str
    version: str
    date: str
    load: float | None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give everything by name, ready for JSON."""
        return asdict(self)

    def in_words(self) -> str:
        """Say it in a few lines."""
        sets = ", ".join(self.instructions) or "instruction sets unknown"
        load = "unknown" if self.load is None else f"{self.load:.1f}"
        lines = [
            f"{self.date}, fer-live {self.version}, commit {self.commit}.",
            f"{self.processor}, cores in use: {self.cores} ({sets}); {self.system};",
            f"onnxruntime {self.onnxruntime}, Python {self.python}; load {load} at the start.",
        ]
        return "\n".join([*lines, self.note] if self.note else lines)


def this_machine(note: str = "") -> Machine:
    """Look at this machine."""
    return Machine(
        processor=_processor(_cpuinfo()),
        cores=cores(),
        instructions=_instructions(_cpuinfo()),
        system=f"{platform.system()} {platform.machine()}".strip() or "unknown system",
        python=platform.python_version(),
        onnxruntime=onnxruntime.__version__,
        providers=tuple(onnxruntime.get_available_providers()),
        commit=commit(),
        version=metadata.version("fer-live"),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        load=round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        note=note,
    )


def _cpuinfo() -> Sequence[str]:
    try:
        return CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()


def _processor(cpuinfo: Sequence[str]) -> str:
    names = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    return next(iter(names), platform.processor()) or "unknown processor"


def _instructions(cpuinfo: Sequence[str]) -> tuple[str, ...]:
    """Name what every core has; x86 lists `flags`, Arm `Features`."""
    lines = [line for line in cpuinfo if line.startswith(("flags", "Features"))]
    flags = [set(line.partition(":")[2].split()) for line in lines]
    every = set.intersection(*flags) if flags else set()
    return tuple(name for flag, name in INSTRUCTIONS.items() if flag in every)
