"""Engine files: what one was built for, whether it fits this machine, and building it again.

``X.engine`` belongs to the ``X.onnx`` beside it and is described by ``X.engine.json``: that
network's manifest, plus the key below, the build's settings and a signature.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from engine.config import Line, checked
from engine.errors import ConfigError, FerError, ModelError
from engine.files import PartialFile
from engine.networks.manifest import REQUIRED, Manifest, Sized, check_values, load_manifest
from engine.networks.tensorrt.build import (
    BuildConfig,
    Plan,
    build_plan,
    check_precision,
    load_tensorrt,
)
from engine.networks.tensorrt.cuda import Cuda
from engine.networks.tensorrt.signature import is_signed, sign

log = logging.getLogger(__name__)

SUFFIX: Final = ".engine"
TIMING: Final = ".timing"
# What stands in the description beside the network's own manifest.
KEY, BUILD, PLAN, CACHE, SIGNATURE = "key", "build", "engine_sha256", "timing_sha256", "signature"


@checked(KEY, kw_only=False)
class EngineKey:
    """What an engine fits: anything else about it, and it must be built again.

    Attributes:
        gpu: Name of the GPU.
        capability: Its compute capability.
        tensorrt: Version.
        precision: See `engine.networks.tensorrt.build.PRECISIONS`.
        onnx: SHA-256 of the graph.
    """

    gpu: Line
    capability: Line
    tensorrt: Line
    precision: Line
    onnx: Line

    def __str__(self) -> str:
        return (
            f"{self.gpu} ({self.capability}), TensorRT {self.tensorrt}, {self.precision}, "
            f"ONNX {self.onnx[:12]}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class LoadedEngine:
    """An engine that fits this machine.

    Attributes:
        manifest: Of the network; its path is the ONNX file, or the engine where that is gone.
        key: What it was built for.
        plan: Serialized.
    """

    manifest: Manifest
    key: EngineKey
    plan: bytes


def described_by(engine: Path) -> Path:
    """Give the path of an engine's description."""
    return engine.with_name(f"{engine.name}.json")


def precision_of(manifest: Manifest) -> str:
    """Give the precision of a network's graph."""
    return manifest.precision


def multiple_of(manifest: Manifest) -> int:
    """Give what height and width of a network's pictures are multiples of, pixels."""
    return manifest.read(Sized, "input").multiple if "input" in manifest.data else 1


def key_here(cuda: Cuda, precision: str, onnx: str) -> EngineKey:
    """Give the key of an engine that this machine builds.

    Raises:
        ModelError: TensorRT is not installed.
    """
    capability = ".".join(map(str, cuda.gpu.capability))
    return EngineKey(cuda.gpu.name, capability, load_tensorrt().__version__, precision, onnx)


def load_engine(engine: Path, cuda: Cuda) -> LoadedEngine:
    """Read an engine that fits this machine; build a stale one again from the ONNX file beside it.

    Raises:
        ModelError: It does not fit and cannot be built again; both keys are named.
    """
    graph = engine.with_suffix(".onnx")
    manifest = load_manifest(graph) if graph.is_file() else None
    card = _card(engine)
    if manifest is None:
        manifest = _from_card(engine, card)
    key = key_here(cuda, precision_of(manifest), manifest.sha256)
    plan = engine.read_bytes() if engine.is_file() else b""
    why = _stale(card, key, plan)
    if why is None:
        return LoadedEngine(manifest, key, plan)
    if manifest.path != graph:
        raise ModelError(f"{engine}: {why}; {graph.name} is not beside it to build it again from")
    log.warning("%s: %s; it is built again, which may take minutes", engine, why)
    try:
        return write_engine(manifest, engine, cuda, _build_of(card))
    except FerError as error:
        raise ModelError(f"{engine}: {why}; it cannot be built again: {error}") from error


def write_engine(
    manifest: Manifest,
    engine: Path,
    cuda: Cuda,
    config: BuildConfig,
    earlier: Path | None = None,
) -> LoadedEngine:
    """Build an engine of a network, with its description and timing cache beside it.

    Args:
        manifest: Of the ONNX file.
        engine: Where it goes; replaced if there.
        cuda: Finds the GPU.
        config: Sizes.
        earlier: Engine whose timing cache is used; `engine` by default.

    Raises:
        ModelError: TensorRT is missing or refuses the graph, or the GPU the precision.
        SinkError: Nothing can be written there.
    """
    key = key_here(cuda, precision_of(manifest), manifest.sha256)
    check_precision(key.precision, cuda.gpu)
    names = (engine.with_suffix(TIMING), engine, described_by(engine))
    parts: list[PartialFile] = []
    try:
        # Before the build: a folder that cannot be written to shows at once, not minutes later.
        parts.extend(PartialFile(path, endings=(path.suffix,), overwrite=True) for path in names)
        plan = build_plan(
            manifest.path.read_bytes(),
            config,
            name=manifest.path.name,
            precision=key.precision,
            multiple=multiple_of(manifest),
            timing=_timing_of(earlier or engine),
        )
        card = _new_card(manifest, key, config, plan)
        text = (json.dumps(card, indent=2) + "\n").encode()
        # The description last: what lies there unfinished fits no description.
        for part, content in zip(parts, (plan.timing, plan.engine, text), strict=True):
            _store(part, content)
    finally:
        for part in parts:
            part.discard()
    log.info("wrote %s (%.1f MB) for %s", engine, len(plan.engine) / 1e6, key)
    return LoadedEngine(manifest, key, plan.engine)


def _store(part: PartialFile, content: bytes) -> None:
    try:
        part.path.write_bytes(content)
    except OSError as error:
        raise part.failed(error) from error
    part.commit()


def _new_card(
    manifest: Manifest, key: EngineKey, config: BuildConfig, plan: Plan
) -> dict[str, Any]:
    card = {
        **manifest.data,
        KEY: asdict(key),
        BUILD: asdict(config),
        PLAN: hashlib.sha256(plan.engine).hexdigest(),
        CACHE: hashlib.sha256(plan.timing).hexdigest(),
    }
    return {**card, SIGNATURE: sign(_signed_part(card))}


def _signed_part(card: Mapping[str, Any]) -> bytes:
    return json.dumps({k: v for k, v in card.items() if k != SIGNATURE}, sort_keys=True).encode()


def _card(engine: Path) -> Mapping[str, Any]:
    """Read an engine's description; empty where there is none that can be read."""
    try:
        card = json.loads(described_by(engine).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return card if isinstance(card, dict) else {}


def _from_card(engine: Path, card: Mapping[str, Any]) -> Manifest:
    """Make the manifest of an engine whose ONNX file is not beside it."""
    if missing := [key for key in (*REQUIRED, KEY) if key not in card]:
        raise ModelError(f"{described_by(engine)}: {', '.join(missing)}: missing")
    check_values(card, str(described_by(engine)))
    return Manifest(engine, str(card["name"]), str(card["kind"]), str(card["sha256"]), card)


def _stale(card: Mapping[str, Any], wanted: EngineKey, plan: bytes) -> str | None:
    """Say why an engine must not be read; None where it may."""
    try:
        key = EngineKey(**card[KEY])
    except (KeyError, TypeError, ConfigError):
        return f"its description does not say what it was built for; here is {wanted}"
    if key != wanted:
        return f"was built for {key}; here is {wanted}"
    # Reading an engine is running code: a stranger's is built again, whatever it claims.
    if not is_signed(_signed_part(card), card.get(SIGNATURE)):
        return f"was not built by this user on this machine, though for {key}; here is {wanted}"
    if hashlib.sha256(plan).hexdigest() != card.get(PLAN):
        return f"is missing or damaged, built for {key}; here is {wanted}"
    return None


def _build_of(card: Mapping[str, Any]) -> BuildConfig:
    try:
        return BuildConfig(**card[BUILD])
    except (KeyError, TypeError, ConfigError):
        return BuildConfig()


def build_of(engine: Path) -> BuildConfig:
    """Give what an engine was built with; the defaults where its description does not say it."""
    return _build_of(_card(engine))


def _timing_of(engine: Path) -> bytes:
    """Give the timing cache beside an engine, if this user's build left it there."""
    card = _card(engine)
    try:
        timing = engine.with_suffix(TIMING).read_bytes()
    except OSError:
        return b""
    known = hashlib.sha256(timing).hexdigest() == card.get(CACHE)
    return timing if known and is_signed(_signed_part(card), card.get(SIGNATURE)) else b""
