"""How fast a model is on a device of this machine, measured on pictures of noise."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.analyze import (
    AnalyzerConfig,
    open_config_detector,
    open_config_fusion,
    open_config_landmarker,
)
from engine.faces.landmarker import Landmarker
from engine.networks.ort import onnxruntime
from engine.networks.runtime import DEVICES, PROVIDERS, Device
from engine.reading.reader import Networks
from engine.types import Face, Image

WARM: Final = 3  # calls that are not counted: the first ones allocate
CALLS: Final = 40
MOST_S: Final = 1.5  # a stage is not measured for longer
_FRAME: Final = (720, 1280, 3)


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of one call, milliseconds.

    Attributes:
        device: What the expression network really ran on.
        detect_ms: The detector, on a 720p picture.
        landmarks_ms: The landmark network, on one face.
        expression_ms: The expression network, on one face.
    """

    device: str
    detect_ms: float
    landmarks_ms: float
    expression_ms: float

    def fps(self, detect_every: int) -> float:
        """Give the frames with one face that could be analysed a second, one stage at a time.

        Args:
            detect_every: Frames between detector passes.
        """
        return 1000 / (self.detect_ms / detect_every + self.landmarks_ms + self.expression_ms)


@dataclass(frozen=True, slots=True)
class FaceSpeed:
    """Medians of one face, milliseconds.

    Attributes:
        device: What the expression network really ran on.
        landmarks_ms: The landmark network, which every face is followed by.
        expression_ms: The expression network.
    """

    device: str
    landmarks_ms: float
    expression_ms: float

    @property
    def face_ms(self) -> float:
        """What a face costs in a frame."""
        return self.landmarks_ms + self.expression_ms


def available_devices() -> tuple[Device, ...]:
    """List what may be asked for here; ``auto`` and ``cpu`` always may."""
    here = onnxruntime.get_available_providers()
    return tuple(device for device in DEVICES if device == "auto" or PROVIDERS[device] in here)


def measure_speed(
    config: AnalyzerConfig,
    stopped: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Speed | None:
    """Load the networks of a config and time them; takes seconds, so not in the GUI's thread.

    Args:
        config: Says which networks, where, and with how many threads.
        stopped: Asked before every call; True ends the measurement.
        clock: Gives seconds.

    Returns:
        The medians; None if it was stopped.

    Raises:
        FerError: A model or the device is not there.
    """
    picture = np.full(_FRAME, 128, np.uint8)  # noise looks like many faces to a detector
    with (
        closing(open_config_detector(config)) as detector,
        closing(open_config_landmarker(config)) as landmarker,
        closing(open_config_fusion(config)) as fusion,
    ):
        detect_ms = _median_ms(lambda: detector.detect(picture), stopped, clock)
        face = _measured(landmarker, fusion, stopped, clock)
    if detect_ms is None or face is None:
        return None
    return Speed(face.device, detect_ms, face.landmarks_ms, face.expression_ms)


def measure_face(
    config: AnalyzerConfig, *, clock: Callable[[], float] = time.perf_counter
) -> FaceSpeed:
    """Load the networks that every face is shown to, and time them.

    Raises:
        ModelError: A model or the device is not there, or a network fails.
    """
    with (
        closing(open_config_landmarker(config)) as landmarker,
        closing(open_config_fusion(config)) as fusion,
    ):
        speed = _measured(landmarker, fusion, lambda: False, clock)
    if speed is None:
        raise RuntimeError("measure_face: nobody stopped it")
    return speed


def _measured(
    landmarker: Landmarker,
    fusion: Networks,
    stopped: Callable[[], bool],
    clock: Callable[[], float],
) -> FaceSpeed | None:
    """Time the networks of a face; None if stopped."""
    picture = np.full(_FRAME, 128, np.uint8)
    crop = _noise((landmarker.size, landmarker.size, 3))
    face = Face(crop, np.array([[1, 0, 0], [0, 1, 0]], np.float32))
    sightings = landmarker.locate([face])
    stages: Sequence[Callable[[], object]] = (
        lambda: landmarker.locate([face]),
        lambda: fusion.read(sightings, [picture]),
    )
    medians = [_median_ms(stage, stopped, clock) for stage in stages]
    found = [median for median in medians if median is not None]
    return FaceSpeed(fusion.device, *found) if len(found) == len(stages) else None


def _noise(shape: tuple[int, int, int]) -> Image:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _median_ms(
    call: Callable[[], object], stopped: Callable[[], bool], clock: Callable[[], float]
) -> float | None:
    """Time a call; None if stopped."""
    times: list[float] = []
    began = clock()
    for index in range(WARM + CALLS):
        if stopped():
            return None
        start = clock()
        call()
        now = clock()
        if index >= WARM:
            times.append(now - start)
        if times and now - began > MOST_S:
            break
    return 1000 * float(np.median(times))
