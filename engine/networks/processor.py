"""What this machine's processor can do."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# Flags of /proc/cpuinfo, those of Arm last.
FAST_INT8: Final[Mapping[str, str]] = {
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "asimddp": "arm dotprod",
}
CPUINFO: Final = Path("/proc/cpuinfo")


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux; elsewhere all of them
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def supports_fast_int8(cpuinfo: Path = CPUINFO) -> tuple[bool, str]:
    """Tell whether this processor adds up products of bytes in one instruction, and why.

    Without, int8 takes three instructions for it and gains less: measured on AVX2, one thread,
    landmark-net ran 1.3 times and poster-rt 1.2 times as fast as in float32.

    Returns:
        The answer, and its reason in two or three words, such as ``no VNNI``.
    """
    machine = platform.machine().lower()
    if platform.system() == "Darwin" and machine == "arm64":
        return True, "arm dotprod"  # every processor that Apple sells with this name
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    pairs = [line.partition(":") for line in text.splitlines()]
    cores = [set(flags.split()) for key, _, flags in pairs if key.strip() in ("flags", "Features")]
    if not cores:
        return False, f"unknown: {platform.system()} does not say what the processor can do"
    every = set.intersection(*cores)  # a big core may have what a small one lacks
    found = next((name for flag, name in FAST_INT8.items() if flag in every), None)
    return found is not None, found or _lacking(machine)


def _lacking(machine: str) -> str:
    return "no dotprod" if machine in ("aarch64", "arm64", "armv7l") else "no VNNI"
