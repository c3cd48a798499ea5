"""What is installed: versions, models and devices, for a methods section or a report of a bug."""

import platform
from typing import Any, Final

from engine.assets import asset_path
from engine.installed import versions_of
from engine.networks.manifest import Manifest, load_manifest
from engine.networks.models import DETECTOR, choose, shipped
from engine.networks.ort import onnxruntime
from engine.networks.runtime import PROVIDERS
from engine.reading.fusion import landmarks_of

_PACKAGES: Final = (
    "fer-live",
    "av",
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python-headless",
    "pillow",
    "pillow-heif",
    "pyarrow",
)


def about() -> dict[str, Any]:
    """Say what is installed here; no name of a user, a computer or a folder is in it.

    Returns:
        ``versions``: of Python and the packages that matter, by name; ``system``: its kind and
        processor's architecture; ``devices``: what ONNX Runtime can run on here; ``chosen``: the
        precision that ``auto`` means here and why, by model; ``models``: name, kind, precision and
        SHA-256 of every network, by file.

    Raises:
        ModelError: A file of a model is missing or damaged.
    """
    available = onnxruntime.get_available_providers()
    return {
        "versions": {"python": platform.python_version(), **versions_of(_PACKAGES)},
        "system": f"{platform.system()} {platform.machine()}",
        "devices": [name for name, provider in PROVIDERS.items() if provider in available],
        "chosen": {name: choose(name).why for name in shipped()},
        "models": {
            manifest.path.name: {
                "name": manifest.name,
                "kind": manifest.kind,
                "precision": manifest.precision,
                "sha256": manifest.sha256,
            }
            for manifest in _networks()
        },
    }


def _networks() -> list[Manifest]:
    found = [load_manifest(asset_path(file)) for file in DETECTOR.values()]
    for files in shipped().values():
        for file in files.values():
            expression = load_manifest(asset_path(file))
            found += [landmarks_of(expression), expression]
    return found
