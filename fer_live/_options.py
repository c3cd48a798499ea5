"""Options of the functions: names and defaults of `engine.analyze.AnalyzerConfig`."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypedDict

from engine.analyze import AnalyzerConfig
from engine.errors import ConfigError
from engine.networks.models import Precision
from engine.networks.runtime import Device


class PictureOptions(TypedDict, total=False):
    """What matters to a single picture.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``; only ``auto`` may fall back.
        precision: ``auto``, ``fp32`` or ``int8``.
        detector: ``fer``, ``yunet``, ``mtcnn`` or ``mediapipe``.
        detector_model: Model file of a detector that needs one.
        min_face_px: Smallest face to look for, pixels; 20.
        max_faces: Most faces; 8.
        threads: Of each network on a CPU; 0 shares out the cores.
        max_network_mib: What each network may take of a CPU's memory for a call, MiB; 2048.
    """

    device: Device
    precision: Precision
    detector: str
    detector_model: str | None
    min_face_px: int
    max_faces: int
    threads: int
    max_network_mib: int


class VideoOptions(PictureOptions, total=False):
    """What matters to a video: every field of `AnalyzerConfig`.

    Attributes:
        model: ``poster-rt``, or the path of an ONNX file or bundle.
        detect_every: Frames between two detections; 10.
        smooth: Time constant of the smoothing, seconds; 0.25, 0 for none.
    """

    model: str
    detect_every: int
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
