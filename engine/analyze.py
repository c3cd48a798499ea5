"""One frame in, one analysis out: faces are found, then read, smoothed and calibrated."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from engine.errors import ConfigError
from engine.faces.detection import open_detector
from engine.faces.finder import Finder
from engine.faces.landmarker import Landmarker
from engine.faces.tracking import TrackerConfig
from engine.networks.manifest import Manifest
from engine.networks.models import PRECISIONS, Chosen, Precision, choose
from engine.networks.runtime import Device
from engine.reading.fusion import Fusion, Reading, landmarks_of
from engine.reading.reliability import probabilities_of, reliability_of
from engine.reading.temporal import Smoother
from engine.types import Analysis, Found, Frame, Prediction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerConfig:
    """What to run and how to follow faces.

    Attributes:
        model: Name in `engine.networks.models.MODELS`, the path of an ONNX file with its manifest
            beside it, or that of a bundle (``.fer``), whose detector is then what `fer` means.
        device: Where the networks run; only ``auto`` may fall back.
        precision: Of the expression network and its landmark network; ``auto`` is int8 where that
            is faster, see `engine.networks.models`.
        detector: Name of a detector, see `engine.faces.detection`.
        detector_model: Model file of a detector that needs one.
        detect_every: Frames between detector passes while faces are followed.
        min_face_px: Faces whose box is smaller than this, on its shorter side, are left out.
        max_faces: Most faces followed at once.
        smooth: Time constant of the smoothing, seconds; 0 turns it off.
        threads: Of each network on a CPU; 0 is one per core.
    """

    model: str = "poster-rt"
    device: Device = "auto"
    precision: Precision = "auto"
    detector: str = "fer"
    detector_model: str | None = None
    detect_every: int = 10
    min_face_px: int = 20
    max_faces: int = 8
    smooth: float = 0.25
    threads: int = 0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ConfigError(f"precision: {self.precision}: unknown; choose {known}")
        if self.detect_every < 1:
            raise ConfigError(f"detect_every: must be at least 1, got {self.detect_every}")
        if self.min_face_px < 1:
            raise ConfigError(f"min_face: must be at least 1 pixel, got {self.min_face_px}")
        if self.max_faces < 1:
            raise ConfigError(f"max_faces: must be at least 1, got {self.max_faces}")
        if not 0 <= self.smooth < 60:
            raise ConfigError(f"smooth: must be 0 to 60 seconds, got {self.smooth}")


class Reader:
    """Reads what found faces show, over time. Belongs to the thread that made it."""

    def __init__(self, fusion: Fusion, smooth: float) -> None:
        self._fusion = fusion
        self._smoother = Smoother(smooth)

    @property
    def device(self) -> str:
        """What the cross-fusion network runs on."""
        return self._fusion.device

    @property
    def precision(self) -> str:
        """What the cross-fusion network calculates in."""
        return self._fusion.precision

    def read(self, several: Sequence[Found]) -> list[Analysis]:
        """Read the faces of the next frames, all in one network call.

        Raises:
            ModelError: Inference failed.
        """
        started = time.perf_counter()
        sightings = [sighting for found in several for sighting in found.sightings]
        images = [found.frame.image for found in several for _ in found.sightings]
        readings = iter(self._fusion.read(sightings, images))
        face_ms = 1000 * (time.perf_counter() - started) / max(1, len(sightings))
        return [self._analysis(found, readings, face_ms) for found in several]

    def _analysis(self, found: Found, readings: Iterator[Reading], face_ms: float) -> Analysis:
        """Smooth and calibrate one frame's share of the readings."""
        self._smoother.keep({track.id for track in found.tracks})
        predictions = tuple(
            self._predict(track.id, found.frame.time_s, next(readings)) for track in found.tracks
        )
        times_ms = dict(found.times_ms)
        if predictions:
            times_ms["fusion"] = face_ms * len(predictions)
        return Analysis(found.frame, found.tracks, predictions, times_ms)

    def _predict(self, track_id: int, time_s: float, reading: Reading) -> Prediction:
        logits, affect = self._smoother.smooth(track_id, time_s, reading)
        probabilities = probabilities_of(logits, self._fusion.temperature)
        return Prediction(
            track_id=track_id,
            probabilities=probabilities,
            valence=float(np.clip(affect[0], -1, 1)),
            arousal=float(np.clip(affect[1], -1, 1)),
            reliability=reliability_of(probabilities),
        )


class Analyzer:
    """Finder and reader in turn. Belongs to the thread that made it."""

    def __init__(self, finder: Finder, reader: Reader) -> None:
        self._finder = finder
        self._reader = reader

    @property
    def device(self) -> str:
        """What the cross-fusion network runs on."""
        return self._reader.device

    def __enter__(self) -> "Analyzer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the networks."""
        self._finder.close()

    def analyze(self, frame: Frame) -> Analysis:
        """Find, follow and read the faces of the next frame.

        Raises:
            ModelError: Inference failed.
        """
        (analysis,) = self._reader.read([self._finder.find(frame)])
        return analysis


def open_finder(config: AnalyzerConfig) -> Finder:
    """Load the networks that find and follow faces.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
        ConfigError: Unknown detector.
    """
    chosen = _chosen(config)
    landmarks = landmarks_of(chosen.expression)
    landmarker = Landmarker(landmarks, chosen.device, config.threads)
    detector = open_detector(
        config.detector,
        model_path=_detector_path(config, chosen),
        min_face_px=config.min_face_px,
        device=config.device,
        threads=config.threads,
    )
    tracking = TrackerConfig(detect_every=config.detect_every, max_faces=config.max_faces)
    return Finder(detector, landmarker, tracking)


def open_reader(config: AnalyzerConfig) -> Reader:
    """Load the network that reads expressions.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
    """
    chosen = _chosen(config)
    log.info("%s: %s", config.model, chosen.why)
    fusion = Fusion(chosen.expression, chosen.device, config.threads)
    return Reader(fusion, config.smooth)


def open_analyzer(config: AnalyzerConfig) -> Analyzer:
    """Load all networks a config names.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
        ConfigError: Unknown detector.
    """
    return Analyzer(open_finder(config), open_reader(config))


def model_of(config: AnalyzerConfig) -> Manifest:
    """Say which expression network a config names, its file checked; nothing is loaded.

    Raises:
        ModelError: Unknown model, missing or damaged file.
    """
    return _chosen(config).expression


def _chosen(config: AnalyzerConfig) -> Chosen:
    return choose(config.model, config.precision, config.device)


def _detector_path(config: AnalyzerConfig, chosen: Chosen) -> Path | None:
    """Give the detector's file, unless it is the shipped one."""
    if config.detector_model:
        return Path(config.detector_model)
    return chosen.detector if config.detector == "fer" else None
