"""One file with all networks of an analysis and their manifests: a zip, checked before use."""

import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.documents import is_file
from engine.errors import ModelError, SinkError
from engine.files import written
from engine.folders import cache_folder
from engine.networks.manifest import MANIFEST_MAX, NETWORK_MAX, check_network, parse_manifest
from engine.wording import shortened

SUFFIX: Final = ".fer"
INDEX: Final = "bundle.json"  # the member that says which network is which
FORMAT: Final = 1
KINDS: Final = ("detector", "landmarks", "expression")
MEMBERS: Final = 1 + 2 * len(KINDS)
GROWTH_MAX: Final = 100  # times that a member may grow; weights grow by a tenth
SMALL: Final = 2**26  # bytes up to which that does not matter
# What `zipfile` raises where the bytes are not as they should be.
DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
)
# No folders, no dots in front: a name that is a file's name on every system.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_-]{1,32})*\.onnx")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Networks of a bundle, unpacked beside each other, each with its manifest.

    Attributes:
        detector: ONNX file.
        landmarks: ONNX file.
        expression: ONNX file.
    """

    detector: Path
    landmarks: Path
    expression: Path


def open_bundle(path: Path, cache: Path | None = None) -> Bundle:
    """Check a bundle and unpack it, unless that was done before.

    Nothing in it is run or imported. What lies in the cache is used only if it is, byte for
    byte, what the bundle holds.

    Args:
        path: The bundle.
        cache: Folder to unpack to; the user's cache by default.

    Raises:
        ModelError: Missing, no bundle of this format, damaged, too large, or it cannot be
            unpacked.
    """
    with _opened(path) as archive:
        names = _index(archive, path)
        texts = {kind: _read(archive, path, _beside(names[kind]), MANIFEST_MAX) for kind in KINDS}
        manifests = {
            kind: parse_manifest(texts[kind], f"{path}: {_beside(names[kind])}") for kind in KINDS
        }
        _check_kinds(path, names, manifests)
        folder = (cache or cache_folder()) / "bundles" / _key(names, texts)
        for kind in KINDS:
            _unpack(archive, path, folder / names[kind], manifests[kind], texts[kind])
    return Bundle(**{kind: folder / names[kind] for kind in KINDS})


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip; translate what can go wrong while it is read and unpacked."""
    if not is_file(path):
        raise ModelError(f"{shortened(path)}: no such model file")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            yield archive
    except DAMAGED as error:
        raise ModelError(f"{path}: is no bundle or is damaged: {error}") from error
    except OSError as error:
        where = error.filename or path
        raise ModelError(f"{path}: {where}: {error.strerror or error}") from error
    except SinkError as error:
        raise ModelError(f"{path}: {error}") from error


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse what no bundle holds, by the directory of the zip alone."""
    infos = archive.infolist()
    names = {info.filename for info in infos}
    if INDEX not in names or len(infos) != MEMBERS or len(names) != MEMBERS:
        raise ModelError(f"{path}: is no bundle: expected {INDEX} and {MEMBERS - 1} more files")
    for info in infos:
        most = NETWORK_MAX if info.filename.endswith(".onnx") else MANIFEST_MAX
        if info.file_size > most:
            raise ModelError(
                f"{path}: {info.filename!r}: has {info.file_size} bytes, expected at most {most}"
            )
        if info.file_size > max(SMALL, GROWTH_MAX * info.compress_size):
            raise ModelError(
                f"{path}: {info.filename!r}: unpacks to more than {GROWTH_MAX} times its size; "
                "weights do not"
            )
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise ModelError(f"{path}: {info.filename!r}: neither stored nor deflated")


def _index(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """Give the file name of each kind of network."""
    try:
        index = json.loads(_read(archive, path, INDEX, MANIFEST_MAX))
        version, networks = index["format"], dict(index["networks"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: {INDEX}: cannot be read: {error!r}") from error
    if version != FORMAT:
        raise ModelError(
            f"{path}: {INDEX}: format {version!r}, this version of fer-live reads {FORMAT}; "
            "update fer-live or export the bundle again"
        )
    if sorted(networks) != sorted(KINDS):
        raise ModelError(f"{path}: {INDEX}: networks: expected {', '.join(KINDS)}")
    for kind, name in networks.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ModelError(f"{path}: {INDEX}: networks.{kind}: {name!r} is no name of a network")
    if len({name.lower() for name in networks.values()}) != len(KINDS):
        raise ModelError(f"{path}: {INDEX}: networks: two have the same name")
    return networks


def _check_kinds(
    path: Path, names: Mapping[str, str], manifests: Mapping[str, Mapping[str, Any]]
) -> None:
    """Check that each network is what the index says and that two belong together."""
    for kind, manifest in manifests.items():
        if manifest["kind"] != kind:
            where = f"{path}: {names[kind]}"
            raise ModelError(f"{where}: is a network of kind {manifest['kind']!r}, not {kind}")
    wanted = manifests["expression"].get("landmarks")
    if not isinstance(wanted, dict) or wanted.get("file") != names["landmarks"]:
        raise ModelError(
            f"{path}: {names['expression']}: belongs to another landmark network than "
            f"{names['landmarks']}; export the bundle again"
        )


def _read(archive: zipfile.ZipFile, path: Path, name: str, most: int) -> bytes:
    """Read a member; what it unpacks to is bounded whatever the directory says."""
    try:
        with archive.open(name) as member:
            content = member.read(most + 1)
    except KeyError as error:
        raise ModelError(f"{path}: {name}: missing") from error
    if len(content) > most:
        raise ModelError(f"{path}: {name}: has over {most} bytes")
    return content


def _unpack(
    archive: zipfile.ZipFile, path: Path, out: Path, manifest: Mapping[str, Any], text: bytes
) -> None:
    """Put a network and its manifest in the cache, unless they are there already."""
    if not _has(out, str(manifest["sha256"])):
        content = _read(archive, path, out.name, NETWORK_MAX)
        check_network(content, manifest, f"{path}: {out.name}")
        _write(out, content)
    beside = out.with_name(_beside(out.name))
    if not beside.is_file() or beside.read_bytes() != text:
        _write(beside, text)


def _has(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _write(path: Path, content: bytes) -> None:
    with written(path) as partial:
        partial.write_bytes(content)


def _key(names: Mapping[str, str], texts: Mapping[str, bytes]) -> str:
    """Name the folder after all that is in it: manifests hold the hashes of their networks."""
    digest = hashlib.sha256()
    for kind in KINDS:
        digest.update(hashlib.sha256(names[kind].encode()).digest())
        digest.update(hashlib.sha256(texts[kind]).digest())
    return digest.hexdigest()[:32]


def _beside(name: str) -> str:
    return Path(name).with_suffix(".json").name
