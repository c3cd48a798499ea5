"""ONNX Runtime, imported here and nowhere else: its telemetry is switched off just before.

From 1.29 on, the vendor's wheels write a device's id into the user's folders and look up an event
server unless `ORT_DISABLE_TELEMETRY` is set before the import; ``disable_telemetry_events()`` comes
too late. On Windows that variable means nothing to them: events go to the system, which may pass
them on, until that function is called. This is the one place in `engine` that writes to the
environment. A value that the user has set stays.
"""

import importlib
import logging
import os
import sys
from types import ModuleType
from typing import Final

__all__ = ["onnxruntime", "submodule"]

log = logging.getLogger(__name__)

SWITCH: Final = "ORT_DISABLE_TELEMETRY"

if "onnxruntime" in sys.modules and SWITCH not in os.environ:
    log.warning(
        "onnxruntime was imported before fer-live could switch its telemetry off; set %s=1", SWITCH
    )
os.environ.setdefault(SWITCH, "1")

import onnxruntime  # noqa: E402, TID251 - after the switch, and only here

if sys.platform == "win32" and os.environ[SWITCH] == "1":
    onnxruntime.disable_telemetry_events()


def submodule(name: str) -> ModuleType:
    """Import a part of ONNX Runtime that it does not bring along, such as ``quantization``."""
    return importlib.import_module(f"onnxruntime.{name}")
