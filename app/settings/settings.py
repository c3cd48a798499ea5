"""The application's settings: one frozen value, checked when made, kept in a TOML file."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import tomli_w
from pydantic import AfterValidator, Field

import engine.config
from app.session.folder import PartLimits
from app.session.options import TEXTS
from engine.analyze import AnalyzerConfig
from engine.config import Share, checked, read, unknown_keys
from engine.documents import read_toml
from engine.errors import ConfigError
from engine.files import write_text
from engine.folders import config_folder, recordings_folder
from engine.networks.models import Precision
from engine.networks.runtime import Device
from engine.types import UNCERTAIN_BELOW

ThemeName = Literal["system", "light", "dark"]
LanguageName = Literal["system", "en", "de"]
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
    "language": "view.language",
    "theme": "view.theme",
    "text_size": "view.text_size",
    "audible": "view.sound",
    "mirror": "view.mirror",
    "landmarks": "view.landmarks",
    "head_axes": "view.head_axes",
    "keys": "keys",
    "recording_folder": "recording.folder",
    "video": "recording.video",
    "records": "recording.records",
    "annotate": "recording.annotate",
    "clean": "recording.clean",
    "timeline": "recording.timeline",
    "blur": "recording.blur",
    "blur_whole": "recording.blur_whole",
    "sound": "recording.sound",
    "sheet": "recording.sheet",
    "limit_minutes": "recording.limit_minutes",
    "markers": "recording.markers",
    "part_minutes": "recording.part_minutes",
    "part_gb": "recording.part_gb",
    "osc": "outputs.osc.on",
    "osc_host": "outputs.osc.host",
    "osc_port": "outputs.osc.port",
    "udp": "outputs.udp.on",
    "udp_host": "outputs.udp.host",
    "udp_port": "outputs.udp.port",
    "lsl": "outputs.lsl.on",
    "lsl_name": "outputs.lsl.name",
    "lsl_network": "outputs.lsl.network",
    "hear_udp": "inputs.udp.on",
    "hear_udp_host": "inputs.udp.host",
    "hear_udp_port": "inputs.udp.port",
    "hear_lsl": "inputs.lsl.on",
    "hear_lsl_stream": "inputs.lsl.stream",
    "recent": "recent.sources",
    "recent_folder": "recent.folder",
    "seen_privacy": "privacy.seen",
}
_ENGINE: Final = AnalyzerConfig()  # its defaults are ours
_HEAD: Final = "# Settings of fer-app. Close the application before you edit this file.\n"


def _line(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _full(folder: Path) -> Path:
    _line(str(folder))
    if not folder.is_absolute():
        raise ValueError(f"must be a full path, got {str(folder)!r}")
    return folder


Line = Annotated[str, AfterValidator(_line)]
MarkerTexts = Annotated[tuple[str, ...], Field(min_length=len(TEXTS), max_length=len(TEXTS))]
Port = Annotated[int, Field(ge=1, le=65_535)]


@checked(names=KEYS)
class Settings:
    """Everything that the user may choose.

    Attributes:
        model: As in `engine.analyze.AnalyzerConfig`: a name or the path of a model file.
        device: Where the networks run; only ``auto`` may fall back.
        precision: What they calculate in; ``auto`` is what is faster here.
        detect_every: Frames between detector passes while faces are followed.
        smooth: Seconds that are averaged; 0 turns smoothing off.
        uncertain_below: Reliability, 0 to 1, below which a label counts as uncertain.
        max_faces: Most faces followed at once.
        min_face_px: Faces smaller than this, on the shorter side, are left out.
        language: Of the window; ``system`` follows the desktop. Holds from the next start on.
        theme: Colours of the window; ``system`` follows the desktop.
        text_size: Of the window's text, percent of the desktop's.
        audible: Play the sound of files.
        mirror: Show cameras as a mirror does.
        landmarks: Draw the 68 points.
        head_axes: Draw where heads point.
        keys: By the name of an action, the key that it has instead of its own.
        recording_folder: Where recordings go.
        video: Record the video.
        records: Record a row for each face in each frame.
        annotate: Draw boxes and labels into recorded videos.
        clean: Record a second video on which nothing is drawn.
        timeline: Draw the strip of valence and arousal and the class bars as well.
        blur: Blur faces in recorded videos and snapshots.
        blur_whole: Where they are blurred, blur all of a frame that may hold one nobody found.
        sound: Record sound too: that of the file, or the microphone's.
        sheet: Ask who is recorded before each recording.
        limit_minutes: A recording stops after this time; 0 records until told.
        markers: What the markers of the keys say.
        part_minutes: A recording that lasts longer goes on in other files.
        part_gb: So does one whose video or rows are larger, billion bytes; FAT32 takes no more
            than 4.29.
        osc: Send every analysis as OSC messages.
        osc_host: Where to.
        osc_port: Where to.
        udp: Send every analysis as JSON in UDP packets.
        udp_host: Where to.
        udp_port: Where to.
        lsl: Offer a stream to Lab Streaming Layer.
        lsl_name: Of that stream.
        lsl_network: Announce the stream, and look for that of markers, on the local network too,
            not on this machine alone.
        hear_udp: Record the texts that come by UDP as markers.
        hear_udp_host: Address of this machine to listen at; 127.0.0.1 hears this machine alone.
        hear_udp_port: Where to listen.
        hear_lsl: Record the texts of a Lab Streaming Layer stream as markers.
        hear_lsl_stream: Its name; its type is ``Markers``.
        recent: Sources that were opened last, the newest first, as `--source` names them.
        recent_folder: Folder that a file was opened from last; empty for none.
        seen_privacy: The first-run page was read.
    """

    model: Line = _ENGINE.model
    device: Device = _ENGINE.device
    precision: Precision = _ENGINE.precision
    detect_every: Annotated[int, Field(ge=1, le=1000)] = _ENGINE.detect_every
    smooth: Annotated[float, Field(ge=0, le=10)] = _ENGINE.smooth
    uncertain_below: Share = UNCERTAIN_BELOW
    max_faces: Annotated[int, Field(ge=1, le=64)] = _ENGINE.max_faces
    min_face_px: Annotated[int, Field(ge=1, le=2000)] = _ENGINE.min_face_px
    language: LanguageName = "system"
    theme: ThemeName = "system"
    text_size: Annotated[int, Field(ge=90, le=200)] = 100
    audible: bool = True
    mirror: bool = True
    landmarks: bool = False
    head_axes: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    recording_folder: Annotated[Path, AfterValidator(_full)] = field(
        default_factory=recordings_folder
    )
    video: bool = True
    records: bool = True
    annotate: bool = True
    clean: bool = False
    timeline: bool = True
    blur: bool = False
    blur_whole: bool = False
    sound: bool = False
    sheet: bool = False
    limit_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    markers: MarkerTexts = TEXTS
    part_minutes: Annotated[int, Field(ge=1, le=1440)] = 60
    part_gb: Annotated[float, Field(ge=0.1, le=1000)] = 4.0
    osc: bool = False
    osc_host: Line = "127.0.0.1"
    osc_port: Port = 9000
    udp: bool = False
    udp_host: Line = "127.0.0.1"
    udp_port: Port = 9001
    lsl: bool = False
    lsl_name: Line = "fer-live"
    lsl_network: bool = False
    hear_udp: bool = False
    hear_udp_host: Line = "127.0.0.1"
    hear_udp_port: Port = 9002
    hear_lsl: bool = False
    hear_lsl_stream: Line = "experiment"
    recent: tuple[str, ...] = ()
    recent_folder: str = ""
    seen_privacy: bool = False

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

    def part_limits(self) -> PartLimits:
        """Give when a recording goes on in other files."""
        return PartLimits(seconds=60.0 * self.part_minutes, size=round(1e9 * self.part_gb))


def values_of(settings: Settings) -> dict[str, Any]:
    """Give all fields by name."""
    return {name: getattr(settings, name) for name in KEYS}


def problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Check fields, and say by name what is wrong with each: for a form that shows all at once.

    Args:
        values: By the names of `Settings`' fields; those left out are not checked.
    """
    return engine.config.problems(Settings, values)


def range_of(name: str) -> tuple[float, float]:
    """Give the smallest and largest allowed value of a number."""
    return engine.config.range_of(Settings, name)


def settings_path() -> Path:
    """Say where the settings lie on this system."""
    return config_folder() / "settings.toml"


def load_settings(path: Path) -> Settings:
    """Read the settings; the defaults if there is no file yet.

    Raises:
        ConfigError: The file cannot be read, or a key or a value is wrong.
    """
    try:
        tables = read_toml(path, ConfigError, "mend or delete it")
    except ConfigError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return Settings()
        raise
    names = {key: name for name, key in KEYS.items()}
    found = dict(_flat(tables, frozenset(names)))
    if surplus := [key for key in found if key not in names]:
        table = surplus[0].rpartition(".")[0]
        beside = [key for key in surplus if key.rpartition(".")[0] == table]
        raise ConfigError(f"{path}: {unknown_keys(beside, _known(table))}")
    values = {names[key]: value for key, value in found.items()}
    try:
        return read(Settings, values)
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


def _known(table: str) -> list[str]:
    """List the keys and tables that a table may have."""
    start = table + "." if table else ""
    inside = [key[len(start) :].split(".")[0] for key in KEYS.values() if key.startswith(start)]
    return list(dict.fromkeys(inside))


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
