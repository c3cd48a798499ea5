"""The JSON file that travels with every weight file and says how to feed it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ModelError

REQUIRED = ("name", "kind", "architecture", "sha256", "opset", "commit", "licence", "metrics")


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """What is known of one ONNX file.

    Attributes:
        path: The ONNX file, its bytes checked against `sha256`.
        name: Name users see.
        kind: ``detector``, ``landmarks`` or ``expression``.
        sha256: Of the ONNX file.
        data: Every key of the JSON file.
    """

    path: Path
    name: str
    kind: str
    sha256: str
    data: Mapping[str, Any]

    def value(self, dotted: str) -> Any:  # noqa: ANN401 - JSON
        """Look a key up, such as ``input.size``.

        Raises:
            ModelError: The manifest does not state it.
        """
        node: Any = self.data
        for key in dotted.split("."):
            if not isinstance(node, Mapping) or key not in node:
                raise ModelError(f"{self.path.with_suffix('.json').name}: {dotted}: missing")
            node = node[key]
        return node

    def expect(self, kind: str) -> None:
        """Raise ModelError unless the network is of this kind."""
        if self.kind != kind:
            raise ModelError(f"{self.path.name}: is a network of kind {self.kind}, not {kind}")


def load_manifest(path: Path) -> Manifest:
    """Read and check the manifest of an ONNX file.

    Args:
        path: The ``.onnx`` file; the manifest lies beside it as ``.json``.

    Raises:
        ModelError: Either file is missing, the JSON is malformed or incomplete, or the bytes
            of the ONNX file are not those that the manifest describes.
    """
    beside = path.with_suffix(".json")
    if not path.is_file():
        raise ModelError(f"{path}: no such model file")
    try:
        data = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{beside}: the model's manifest cannot be read: {error}") from error
    missing = [key for key in REQUIRED if not isinstance(data, dict) or key not in data]
    if missing:
        raise ModelError(f"{beside}: {', '.join(missing)}: missing")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != data["sha256"]:
        raise ModelError(
            f"{path}: sha256 is {digest[:12]}…, its manifest says {str(data['sha256'])[:12]}…; "
            "the file is damaged or was changed: get it again"
        )
    return Manifest(path, str(data["name"]), str(data["kind"]), digest, data)
