"""Where numbers come from: one dictionary, the same in everything that is written of a run.

It says what a methods section asks for, and names no folder, user or computer.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from engine.analyze import AnalyzerConfig, networks_of
from engine.errors import SourceError
from engine.files import PartialFile
from engine.installed import commit, versions_of
from engine.networks.models import names_of
from engine.record import ORIGIN, beside, import_arrow
from engine.standard import is_standard
from engine.video.opening import SourceInfo, shown_source
from engine.video.sink import LONG_TAG
from engine.wording import PURPOSE

FORMAT: Final = 1
HASHED_MAX: Final = 4 << 30  # bytes; hashing a larger file would take many seconds
PACKAGES: Final = (
    *("fer-live", "av", "numpy", "onnxruntime", "onnxruntime-gpu"),
    *("opencv-python-headless", "pyarrow"),
)
WHEN: Final = "made"
# What is known only once a run is over; a film has its tags before its first frame.
AT_THE_END: Final = ("device", "precision", "frames")

Origin = dict[str, Any]


def origin_of(
    info: SourceInfo,
    config: AnalyzerConfig,
    options: Mapping[str, Any],
    sources: Mapping[str, Any],
) -> Origin:
    """Say what a run that begins now reads, with what, and how.

    Args:
        info: The source.
        config: What analyses it.
        options: What else was asked for, all of it, as plain values.
        sources: Which network each output comes from.

    Returns:
        Plain values; `AT_THE_END` come with `completed`.

    Raises:
        ModelError: A file of a network is missing or damaged.
    """
    origin: Origin = {
        "format": FORMAT,
        WHEN: datetime.now().astimezone().isoformat(timespec="seconds"),
        "purpose": PURPOSE,
        "commit": commit(),
        "versions": {"python": platform.python_version(), **versions_of(PACKAGES), **_libraries()},
        "input": {
            "name": name_of(info),
            "size": _size(info),
            "sha256": _digest(info),
            "width": info.width,
            "height": info.height,
            "fps": float(info.fps) if info.fps else None,
            "live": info.live,
        },
        "networks": [
            {
                "name": manifest.name,
                "kind": manifest.kind,
                "precision": manifest.precision,
                "sha256": manifest.sha256,
            }
            for manifest in networks_of(config)
        ],
        "sources": dict(sources),
        "options": {"analyzer": _analyzer(config), **plain(options)},
    }
    return {name: plain(value) for name, value in origin.items()}


def completed(
    origin: Origin, *, device: str | None, precision: str | None, frames: Mapping[str, int]
) -> Origin:
    """Add what is known once a run is over.

    Args:
        origin: As `origin_of` gave it.
        device: What the analysis ran on.
        precision: What the expression network calculated in.
        frames: How many were ``seen``, ``analysed``, ``faceless`` (analysed, no face) and
            ``dropped``.
    """
    return origin | {"device": device, "precision": precision, "frames": dict(frames)}


def name_of(info: SourceInfo) -> str:
    """Name a source without its folder, and a stream without the computer it comes from."""
    if info.path is not None:
        return info.path.name.encode("utf-8", "backslashreplace").decode()  # it may be no text
    scheme, found, _ = shown_source(info.name).partition("://")
    return f"{scheme} stream" if found else info.name


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name what differs between two origins, dotted and with both values; the time may differ."""
    first, second = _flat(one), _flat(other)
    return [
        f"{name}: {first.get(name, 'nothing')}, {second.get(name, 'nothing')}"
        for name in sorted(first.keys() | second.keys())
        if name != WHEN and first.get(name) != second.get(name)
    ]


def origin_in(tags: Mapping[str, str]) -> Origin | None:
    """Give where a film comes from, as its tags say; None where they do not."""
    for name, text in tags.items():
        if name.lower() in (ORIGIN, LONG_TAG):
            with suppress(ValueError):
                origin = json.loads(text)
                if isinstance(origin, dict) and "format" in origin:
                    return origin
    return None


def keeps_beside(rows: Path) -> bool:
    """Say whether these rows have a file beside them that says where they come from."""
    return not is_standard(rows) and rows.suffix.lower() != ".parquet"


class OriginFile:
    """The file beside rows of text; it has its name once it is closed."""

    def __init__(self, rows: Path, *, overwrite: bool) -> None:
        """Check the target and create the file.

        Args:
            rows: Beside which it lies.
            overwrite: Replace one that exists.

        Raises:
            SinkError: It exists and may not be replaced, or cannot be written.
        """
        self.path = beside(rows)
        self._file = PartialFile(self.path, endings=(".json",), overwrite=overwrite)
        self._origin: Mapping[str, Any] | None = None

    def describe(self, origin: Mapping[str, Any]) -> None:
        """Take what it is to say."""
        self._origin = origin

    def close(self) -> None:
        """Write it and put it in its place; where there is nothing to say, leave nothing.

        Raises:
            SinkError: It cannot be written.
        """
        origin, self._origin = self._origin, None
        if origin is None:
            self._file.discard()
            return
        said = json.dumps(origin, indent=2, ensure_ascii=False, allow_nan=False)
        self._file.write(said + "\n")

    def discard(self) -> None:
        """Give up: leave the target as it was."""
        self._file.discard()


def read_origin(rows: Path) -> Origin:
    """Read where rows come from, out of a Parquet file or of the file beside rows of text.

    Raises:
        ConfigError: Parquet's library is not installed.
        SourceError: There is nothing of the kind, or it cannot be read.
    """
    lacking = f"{rows}: does not say where its rows come from"
    if not rows.exists():
        raise SourceError(f"{rows}: no such file")
    try:
        if rows.suffix.lower() == ".parquet":
            arrow = import_arrow(f"{rows}: Parquet")
            metadata = arrow.parquet.read_metadata(rows).metadata or {}
            if ORIGIN.encode() not in metadata:
                raise SourceError(f"{lacking}: written by an older version, or another program")
            said = metadata[ORIGIN.encode()].decode()
        elif beside(rows).is_file():
            said = beside(rows).read_text(encoding="utf-8")
        else:
            raise SourceError(f"{lacking}: {beside(rows).name} is not beside it")
        origin = json.loads(said)
    except (OSError, ValueError) as error:  # Arrow's errors are some of these
        why = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise SourceError(f"{rows}: where its rows come from cannot be read: {why}") from error
    if not isinstance(origin, dict) or origin.get("format") != FORMAT:
        raise SourceError(f"{lacking} in a form that this version knows")
    return origin


def text_of(origin: Mapping[str, Any]) -> str:
    """Give an origin as JSON on one line."""
    return json.dumps(origin, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:  # noqa: ANN401 - any nesting
    """Give nested values as JSON knows them; of paths the last name."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Fraction):
        return float(value)
    return value


def _analyzer(config: AnalyzerConfig) -> dict[str, Any]:
    """Give a config's values; of files that are named, the name alone."""
    files = {"model": ",".join(map(_last, names_of(config.model)))}
    if config.detector_model:
        files["detector_model"] = _last(config.detector_model)
    return {**plain(asdict(config)), **files}


def _last(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _libraries() -> dict[str, str]:
    import av
    import cv2

    libraries = {
        f"ffmpeg {name}": ".".join(map(str, version))
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat", "libswscale")
    }
    return {**libraries, "opencv": cv2.__version__}


def _size(info: SourceInfo) -> int | None:
    if info.path is None or info.live or not info.path.is_file():
        return None
    return info.path.stat().st_size


def _digest(info: SourceInfo) -> str | None:
    """Hash the file; None where there is none, or a huge one."""
    size = _size(info)
    if info.path is None or size is None or size > HASHED_MAX:
        return None
    try:
        with info.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{info.path}: cannot be read: {error.strerror or error}") from error


def _flat(value: Any, name: str = "") -> dict[str, Any]:  # noqa: ANN401 - any nesting
    if isinstance(value, Mapping):
        parts = ((f"{name}.{key}" if name else str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        parts = ((f"{name}[{place}]", item) for place, item in enumerate(value))
    else:
        return {name: value}
    return {key: leaf for part, item in parts for key, leaf in _flat(item, part).items()}
