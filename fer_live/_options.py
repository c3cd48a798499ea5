"""What the functions take: options as the engine's configs have them, paths, switches."""

import inspect
import os
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypedDict, get_args

from app.command.soft import OverlayKind
from engine.analyze import AnalyzerConfig
from engine.config import Positive, checked
from engine.errors import ConfigError
from engine.faces.blur import Kind
from engine.networks.models import Precision
from engine.networks.runtime import Device
from engine.video.audio import Audio
from engine.video.encoders import Codec, Preset
from engine.video.opening import SourceConfig
from engine.wording import VALUE_MAX, shortened, shown


class PictureOptions(TypedDict, total=False):
    """What matters to a single picture.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``; only ``auto`` may fall back.
        precision: ``auto``, ``fp32`` or ``int8``.
        detector: ``fer``, ``yunet``, ``mtcnn`` or ``mediapipe``.
        detector_model: Model file of a detector that needs one.
        min_face_px: Smallest face to look for, pixels; 20.
        max_faces: Most faces; 8.
        upright: Where no face is found, look at it turned and stretched too; True.
        threads: Of each network on a CPU; 0 shares out the cores.
        max_network_mib: What each network may take of a CPU's memory for a call, MiB; 2048.
    """

    device: Device
    precision: Precision
    detector: str
    detector_model: str | None
    min_face_px: int
    max_faces: int
    upright: bool
    threads: int
    max_network_mib: int


class VideoOptions(PictureOptions, total=False):
    """What matters to a video: every field of `AnalyzerConfig`.

    Attributes:
        model: ``poster-rt``, the path of an ONNX file or bundle, or several with commas.
        detect_every: Frames between two detections; 10.
        relink: Give a face that comes back, also after a cut, the id of the one it looks like.
        faces: People in the whole film, where that is known: no more ids than these; None. With 1,
            there is one id for the whole film.
        smooth: Seconds that are averaged; 0.25, 0 for none.
    """

    model: str
    detect_every: int
    relink: bool
    faces: int | None
    smooth: float


class SourceOptions(TypedDict, total=False):
    """Which part of a source is read, and how: what of `SourceConfig` is no matter of cameras.

    Attributes:
        start: Seconds to leave out at the beginning; 0.
        duration: Seconds to read from there; None for all.
        live: Leave frames out rather than wait for the reader, also of a source that has an end.
        sequence: The pictures of a folder are a film of 25 frames a second, whose faces are
            followed; else each stands for itself, in its own size.
        max_megapixels: Largest picture of a file or stream; None for 150, in videos 36.
    """

    start: float
    duration: float | None
    live: bool
    sequence: bool
    max_megapixels: float | None


class FilmOptions(VideoOptions, SourceOptions, total=False):
    """What `stream`, `table` and `annotate` share."""


_FIELDS: Final = {"start": "start_s", "duration": "duration_s"}  # others have their own names


def configs_of(
    function: Callable[..., object], given: Mapping[str, Any]
) -> tuple[SourceConfig, AnalyzerConfig]:
    """Make the engine's configurations of the `FilmOptions` that a caller gave.

    Args:
        function: What was called.
        given: Options by name.

    Raises:
        ConfigError: An option is unknown or its value is not allowed.
    """
    check_known(function, given)
    part, rest = dict[str, Any](), dict[str, Any]()
    for name, value in given.items():
        if name in SourceOptions.__annotations__:
            part[_FIELDS.get(name, name)] = value
        else:
            rest[name] = value
    return SourceConfig(**part), AnalyzerConfig(**rest)


def check_known(function: Callable[..., object], given: Collection[str]) -> None:
    """Refuse options that a function does not have, all at once.

    Args:
        function: What was called; its ``**options`` say what they may be.
        given: Their names.

    Raises:
        ConfigError: One is unknown.
    """
    known = _names_of(function)
    unknown = [name for name in given if name not in known]
    if not unknown:
        return
    near = [match for name in unknown for match in get_close_matches(name, known, 1)]
    hint = f"did you mean {', '.join(dict.fromkeys(near))}? " if near else ""
    listed = ", ".join(shortened(name, VALUE_MAX) for name in unknown)
    what = "unknown option" if len(unknown) == 1 else "unknown options"
    raise ConfigError(f"{listed}: {what}; {hint}known here: {', '.join(known)}")


def _names_of(function: Callable[..., object]) -> list[str]:
    """List what may be given to a function by name: its options, and its own optional arguments."""
    parameters = inspect.signature(function).parameters.values()
    (options,) = (each.annotation for each in parameters if each.kind is each.VAR_KEYWORD)
    own = [each.name for each in parameters if each.default is not each.empty]
    return [*get_args(options)[0].__annotations__, *own]


@checked()
class Switches:
    """Checks the arguments that no configuration of the engine checks.

    Attributes:
        rgb: Images are RGB.
        landmarks: Draw and record the landmarks.
        timeline: Draw the valence-arousal strip.
        overwrite: Replace existing files.
        progress: Show a bar.
        audio: What becomes of the sound.
        overlay: How the overlay is written.
        blur: What faces are covered with.
        keep: Ids of faces that stay bare.
        pad: Margin around a covered face.
        codec: Of a film.
        preset: Of its encoder.
        crf: Of its encoder.
    """

    rgb: bool = False
    landmarks: bool = False
    timeline: bool = True
    overwrite: bool = False
    progress: bool = False
    audio: Audio = "copy"
    overlay: OverlayKind | None = None
    blur: Kind | None = None
    keep: tuple[Positive, ...] | None = None
    pad: float | None = None
    codec: Codec | None = None
    preset: Preset | None = None
    crf: int | None = None


def path_of(name: str, value: object) -> Path:
    """Give a path that a caller gave.

    Args:
        name: What messages call it.
        value: What was given.

    Raises:
        ConfigError: It is no path, or an empty text, which would be the current folder.
    """
    if not isinstance(value, str | os.PathLike) or isinstance(text := os.fspath(value), bytes):
        raise ConfigError(f"{name}: expected a path, got {shown(value)}")
    if not text:
        raise ConfigError(f"{name}: is empty; is a variable unset?")
    if "\0" in text:
        raise ConfigError(f"{name}: no path has a zero byte, got {shown(text)}")
    return Path(text)
