"""One file with all networks of an analysis and their manifests, for `fer-video --model`."""

import json
import logging
import zipfile
from pathlib import Path
from typing import Final

from engine.assets import asset_path
from engine.errors import ConfigError
from engine.files import folder_beside, written
from engine.networks.bundle import FORMAT, INDEX, NAME, SUFFIX, open_bundle
from engine.networks.manifest import Manifest, load_manifest
from engine.reading.fusion import landmarks_of

log = logging.getLogger(__name__)

DETECTOR: Final = "fer-detector.onnx"
# The first moment that a zip can state, so that the same networks make the same bytes.
MOMENT: Final = (1980, 1, 1, 0, 0, 0)
UNIX: Final = 3  # what the zip says it was made on, wherever that was
READABLE: Final = 0o100644 << 16  # a file that its owner may write and everybody may read


def write_bundle(expression: Path, out: Path, detector: Path | None = None) -> None:
    """Write an expression network, its landmark network and a detector as one file.

    The networks are stored as they are: weights hardly shrink, and what a compressor gives
    depends on its version.

    Args:
        expression: ONNX file, manifest and landmark network beside it.
        out: The bundle, ``.fer``.
        detector: ONNX file with its manifest beside it; the shipped one by default.

    Raises:
        ConfigError: `out` does not end in ``.fer``, or two networks have the same file name.
        ModelError: A network is missing, damaged or of another kind, or the bundle is none that
            the engine opens.
        SinkError: It cannot be written.
    """
    if out.suffix != SUFFIX:
        raise ConfigError(f"{out}: a bundle's name ends in {SUFFIX}")
    networks = networks_of(expression, detector)
    names = {kind: manifest.path.name for kind, manifest in networks.items()}
    members = {INDEX: _index(names)}
    for manifest in networks.values():
        for path in (manifest.path, manifest.path.with_suffix(".json")):
            members[path.name] = path.read_bytes()
    with written(out) as partial:
        with zipfile.ZipFile(partial, "w") as archive:
            for name in sorted(members):
                info = zipfile.ZipInfo(name, MOMENT)
                info.create_system, info.external_attr = UNIX, READABLE
                archive.writestr(info, members[name])
        with folder_beside(out) as cache:
            open_bundle(partial, cache)
    log.info("wrote %s (%.1f MB): %s", out, out.stat().st_size / 1e6, ", ".join(names.values()))


def networks_of(expression: Path, detector: Path | None = None) -> dict[str, Manifest]:
    """Load the manifests of all networks that an expression network works with, by kind.

    Args:
        expression: ONNX file, manifest and landmark network beside it.
        detector: ONNX file with its manifest beside it; the shipped one by default.

    Raises:
        ConfigError: Two have the same file name, or one has a name that no bundle may hold.
        ModelError: One is missing, damaged or of another kind.
    """
    finds, reads = load_manifest(detector or asset_path(DETECTOR)), load_manifest(expression)
    networks = {"detector": finds, "landmarks": landmarks_of(reads), "expression": reads}
    for kind, manifest in networks.items():
        manifest.expect(kind)
        if not NAME.fullmatch(manifest.path.name):
            raise ConfigError(
                f"{manifest.path}: rename it: letters, digits, - and _, ending in .onnx"
            )
    if len({manifest.path.name.lower() for manifest in networks.values()}) < len(networks):
        names = ", ".join(str(manifest.path) for manifest in networks.values())
        raise ConfigError(f"{names}: two have the same file name; rename one")
    return networks


def _index(names: dict[str, str]) -> bytes:
    return (json.dumps({"format": FORMAT, "networks": names}, indent=2) + "\n").encode()
