"""ONNX Runtime, imported here and nowhere else: quiet, bounded, its telemetry off.

From 1.29 on, the vendor's wheels write a device's id into the user's folders and look up an event
server unless `ORT_DISABLE_TELEMETRY` is set before the import; ``disable_telemetry_events()`` comes
too late. On Windows that variable means nothing to them: events go to the system, which may pass
them on, until that function is called. This is the one place in `engine` that writes to the
environment. A value that the user has set stays.
"""

import importlib
import logging
import os
import re
import sys
from types import ModuleType
from typing import Final

from engine.errors import ModelError

__all__ = [
    "MEMORY_MIB",
    "allow_memory",
    "bounded_options",
    "onnxruntime",
    "quiet_options",
    "reason",
    "submodule",
]

log = logging.getLogger(__name__)

SWITCH: Final = "ORT_DISABLE_TELEMETRY"
MEMORY_MIB: Final = 2048  # of one network at work; the shipped ones take 16 for 8 faces
_NOTHING: Final = 4  # severity from which its own log writes to stderr: what ends the process
_REASON_MAX: Final = 200  # characters
# What its errors say where memory ends: the arena's limit, or the system's.
_OUT_OF_MEMORY: Final = ("Available memory of", "Failed to allocate memory", "bad_alloc")

if "onnxruntime" in sys.modules and SWITCH not in os.environ:
    log.warning(
        "onnxruntime was imported before fer-live could switch its telemetry off; set %s=1", SWITCH
    )
os.environ.setdefault(SWITCH, "1")

import onnxruntime  # noqa: E402, TID251 - after the switch, and only here

if sys.platform == "win32" and os.environ[SWITCH] == "1":
    onnxruntime.disable_telemetry_events()
onnxruntime.set_default_logger_severity(_NOTHING)  # what goes wrong is raised as well


def submodule(name: str) -> ModuleType:
    """Import a part of ONNX Runtime that it does not bring along, such as ``quantization``."""
    return importlib.import_module(f"onnxruntime.{name}")


def quiet_options() -> "onnxruntime.SessionOptions":
    """Give options of a session that writes nothing to stderr: what goes wrong is raised."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _NOTHING
    return options


def bounded_options() -> "onnxruntime.SessionOptions":
    """Give `quiet_options` of a session that `allow_memory` counts for."""
    options = quiet_options()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # It calculates what depends on no input while it loads, and nobody counts that. Graphs that
    # were simplified when they were exported lose nothing.
    options.add_session_config_entry("optimization.disable_specified_optimizers", "ConstantFolding")
    return options


def allow_memory(mib: int) -> None:
    """Limit what each network that is opened from now on may take on the CPU.

    That is what a call holds at once, outputs and all that lies between. It is counted before it
    is allocated, by ONNX Runtime, which keeps one limit for a process.

    Args:
        mib: Most of a network, MiB.

    Raises:
        ModelError: This release of ONNX Runtime cannot change the limit.
    """
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    arena = onnxruntime.OrtArenaCfg(mib << 20, -1, -1, -1)
    try:
        onnxruntime.create_and_register_allocator(memory, arena)
    except RuntimeError as error:  # before 1.23: once in a process, and that was on import
        if mib != MEMORY_MIB:
            version = onnxruntime.__version__
            raise ModelError(
                f"max_network_mib: onnxruntime {version} cannot change it; install 1.23 or newer"
            ) from error


def reason(error: Exception) -> str:
    """Give what an error of ONNX Runtime says in one line, without codes and source files."""
    text = " ".join(str(error).split()) or type(error).__name__
    if "PosixThread" in text:
        return "no more threads can be started; allow more (ulimit -u, ulimit -v)"
    if any(words in text for words in _OUT_OF_MEMORY):
        return (
            "it wants more memory than there is or than a network may take; "
            "--max-network-mib N allows more"
        )
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"/\S+\.(?:cc|h):\d+ (?:[^()]*\([^()]*\) )?", "", text).strip()
    return text if len(text) <= _REASON_MAX else f"{text[:_REASON_MAX]}…"


allow_memory(MEMORY_MIB)
