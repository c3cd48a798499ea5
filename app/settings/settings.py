"""The application's settings: one frozen value, checked when made, kept in a TOML file."""

import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import tomli_w

from engine.analyze import AnalyzerConfig
from engine.errors import ConfigError
from engine.files import write_text
from engine.folders import config_folder, recordings_folder
from engine.networks.models import Precision
from engine.networks.runtime import Device

ThemeName = Literal["system", "light", "dark"]
THEMES: Final[tuple[ThemeName, ...]] = ("system", "light", "dark")

# Where each field lies in the file, and what messages call it.
KEYS: Final[Mapping[str, str]] = {
    "model": "analysis.model",
    "device": "analysis.device",
    "precision": "analysis.precision",
    "detect_every": "analysis.detect_every",
    "smooth": "analysis.smooth",
    "uncertain_below": "analysis.uncertain_below",
    "max_faces": "analysis.max_faces",
    "min_face_px": "analysis.min_face_px",
    "theme": "view.theme",
    "mirror": "view.mirror",
    "landmarks": "view.landmarks",
    "head_axes": "view.head_axes",
    "recording_folder": "recording.folder",
    "blur": "recording.blur",
    "osc": "outputs.osc.on",
    "osc_host": "outputs.osc.host",
    "osc_port": "outputs.osc.port",
    "udp": "outputs.udp.on",
    "udp_host": "outputs.udp.host",
    "udp_port": "outputs.udp.port",
    "lsl": "outputs.lsl.on",
    "lsl_name": "outputs.lsl.name",
    "seen_privacy": "privacy.seen",
}
_ENGINE: Final = AnalyzerConfig()  # its defaults are ours
_HEAD: Final = "# Settings of fer-app. Close the application before you edit this file.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the user may choose.

    Attributes:
        model: As in `engine.analyze.AnalyzerConfig`: a name or the path of a model file.
        device: Where the networks run; only ``auto`` may fall back.
        precision: What they calculate in; ``auto`` is what is faster here.
        detect_every: Frames between detector passes while faces are followed.
        smooth: Time constant of the smoothing, seconds; 0 turns it off.
        uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
        max_faces: Most faces followed at once.
        min_face_px: Faces smaller than this, on the shorter side, are left out.
        theme: Colours of the window; ``system`` follows the desktop.
        mirror: Show cameras as a mirror does.
        landmarks: Draw the 68 points.
        head_axes: Draw where heads point.
        recording_folder: Where recordings go.
        blur: Make faces unrecognisable in recorded videos.
        osc: Send every analysis as OSC messages.
        osc_host: Where to.
        osc_port: Where to.
        udp: Send every analysis as JSON in UDP packets.
        udp_host: Where to.
        udp_port: Where to.
        lsl: Offer a stream to Lab Streaming Layer.
        lsl_name: Of that stream.
        seen_privacy: The first-run page was read.
    """

    model: str = _ENGINE.model
    device: Device = _ENGINE.device
    precision: Precision = _ENGINE.precision
    detect_every: int = _ENGINE.detect_every
    smooth: float = _ENGINE.smooth
    uncertain_below: float = 0.3
    max_faces: int = _ENGINE.max_faces
    min_face_px: int = _ENGINE.min_face_px
    theme: ThemeName = "system"
    mirror: bool = True
    landmarks: bool = False
    head_axes: bool = False
    recording_folder: Path = field(default_factory=recordings_folder)
    blur: bool = False
    osc: bool = False
    osc_host: str = "127.0.0.1"
    osc_port: int = 9000
    udp: bool = False
    udp_host: str = "127.0.0.1"
    udp_port: int = 9001
    lsl: bool = False
    lsl_name: str = "fer-live"
    seen_privacy: bool = False

    def __post_init__(self) -> None:
        for name, message in problems(values_of(self)).items():
            raise ConfigError(f"{KEYS[name]}: {message}")

    def analyzer(self) -> AnalyzerConfig:
        """Give what the engine needs of this."""
        return AnalyzerConfig(
            model=self.model,
            device=self.device,
            precision=self.precision,
            detect_every=self.detect_every,
            min_face_px=self.min_face_px,
            max_faces=self.max_faces,
            smooth=self.smooth,
        )


_TYPES: Final = typing.get_type_hints(Settings)


def values_of(settings: Settings) -> dict[str, Any]:
    """Give all fields by name."""
    return {name: getattr(settings, name) for name in KEYS}


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Check fields, and say by name what is wrong with each: for a form that shows all at once.

    Args:
        values: By the names of `Settings`' fields; those left out are not checked.
    """
    return {
        name: message
        for name, value in values.items()
        if (message := _wrong_type(name, value) or _wrong_value(name, value))
    }


def _wrong_type(name: str, value: object) -> str:
    wanted = _TYPES[name]
    if typing.get_origin(wanted) is Literal:
        choices = typing.get_args(wanted)
        return "" if value in choices else f"must be one of {', '.join(choices)}, got {value!r}"
    if wanted is float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if number else f"must be a number, got {value!r}"
    words = {bool: "true or false", int: "a whole number", str: "a text", Path: "a path"}
    right = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
    return "" if right else f"must be {words[wanted]}, got {value!r}"


def _wrong_value(name: str, value: Any) -> str:  # noqa: ANN401 - of the field's type
    least, most = _RANGES.get(name, (None, None))
    if least is not None and not least <= value <= most:
        return f"must be from {least:g} to {most:g}, got {value:g}"
    if name in ("model", "osc_host", "udp_host", "lsl_name") and not value.strip():
        return "must not be empty"
    if isinstance(value, str | Path) and not str(value).isprintable():
        return "must be one line without control characters"
    if name == "recording_folder" and not value.is_absolute():
        return f"must be a full path, got {str(value)!r}"
    return ""


_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "detect_every": (1, 1000),
    "smooth": (0, 10),
    "uncertain_below": (0, 1),
    "max_faces": (1, 64),
    "min_face_px": (1, 2000),
    "osc_port": (1, 65535),
    "udp_port": (1, 65535),
}


def range_of(name: str) -> tuple[float, float]:
    """Give the smallest and largest allowed value of a number."""
    return _RANGES[name]


def settings_path() -> Path:
    """Say where the settings lie on this system."""
    return config_folder() / "settings.toml"


def load_settings(path: Path) -> Settings:
    """Read the settings; the defaults if there is no file yet.

    Raises:
        ConfigError: The file cannot be read, or a key or a value is wrong.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}; mend or delete it") from error
    names = {key: name for name, key in KEYS.items()}
    values: dict[str, Any] = {}
    for key, value in _flat(tables, frozenset(names)):
        if key not in names:
            raise ConfigError(f"{path}: {key}: unknown key; known here: {_known(key)}")
        name = names[key]
        values[name] = Path(value) if _TYPES[name] is Path and isinstance(value, str) else value
    try:
        return Settings(**values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _flat(
    table: Mapping[str, Any], known: frozenset[str], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    """List a table's values with their dotted paths."""
    for name, value in table.items():
        key = prefix + name
        inside = any(other.startswith(key + ".") for other in known)
        if isinstance(value, dict) and inside:
            yield from _flat(value, known, key + ".")
        else:
            yield key, value


def _known(key: str) -> str:
    """List what would have been right beside an unknown key."""
    table = key.rpartition(".")[0]
    start = table + "." if table else ""
    inside = [
        other[len(start) :].split(".")[0] for other in KEYS.values() if other.startswith(start)
    ]
    return ", ".join(dict.fromkeys(inside))


def save_settings(path: Path, settings: Settings) -> None:
    """Write the settings beside `path` and rename: a failure leaves the last ones.

    Raises:
        SinkError: The folder or the file cannot be written.
    """
    write_text(path, as_toml(settings))


def as_toml(settings: Settings) -> str:
    """Write the settings as the file holds them."""
    tables: dict[str, Any] = {}
    for name, value in values_of(settings).items():
        *path, key = KEYS[name].split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[key] = str(value) if isinstance(value, Path) else value
    return f"{_HEAD}\n{tomli_w.dumps(tables)}"
