"""What the functions take: options as `engine.analyze.AnalyzerConfig` has them, paths, switches."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypedDict

from engine.analyze import AnalyzerConfig
from engine.config import checked, shown
from engine.errors import ConfigError
from engine.networks.models import Precision
from engine.networks.runtime import Device
from engine.video.audio import Audio


class PictureOptions(TypedDict, total=False):
    """What matters to a single picture.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``; only ``auto`` may fall back.
        precision: ``auto``, ``fp32`` or ``int8``.
        detector: ``fer``, ``yunet``, ``mtcnn`` or ``mediapipe``.
        detector_model: Model file of a detector that needs one.
        min_face_px: Smallest face to look for, pixels; 20.
        max_faces: Most faces; 8.
        upright: Where no face is found, look at the turned picture too; True.
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
        model: ``poster-rt``, or the path of an ONNX file or bundle.
        detect_every: Frames between two detections; 10.
        relink: Give a face that comes back, also after a cut, the id of the one it looks like.
        smooth: Time constant of the smoothing, seconds; 0.25, 0 for none.
    """

    model: str
    detect_every: int
    relink: bool
    smooth: float


def config_of(given: Mapping[str, Any], known: type, **fixed: Any) -> AnalyzerConfig:  # noqa: ANN401 - any option
    """Make the engine's configuration of what a caller gave.

    Args:
        given: Options by name.
        known: The `TypedDict` that lists those allowed.
        fixed: What the caller cannot choose.

    Raises:
        ConfigError: An option is unknown or its value is not allowed.
    """
    names = known.__annotations__
    for name in given.keys() - names.keys():
        near = get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(f"{name}: unknown option; {hint}known here: {', '.join(names)}")
    return AnalyzerConfig(**given, **fixed)


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
    """

    rgb: bool = False
    landmarks: bool = False
    timeline: bool = True
    overwrite: bool = False
    progress: bool = False
    audio: Audio = "copy"


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
