"""One frame in, one analysis out: detection, following, alignment, fusion, smoothing."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from engine.align import align, invert, similarity, template
from engine.assets import asset_path
from engine.detect import Detector, open_detector
from engine.errors import ConfigError, ModelError
from engine.fusion import Fusion, Reading
from engine.landmarks import five_points
from engine.manifest import load_manifest
from engine.reliability import probabilities_of, reliability_of
from engine.runtime import Device
from engine.scene import SceneCut
from engine.temporal import Smoother
from engine.track import Tracker, TrackerConfig
from engine.types import Analysis, Detection, Face, Floats, Frame, Image, Prediction

log = logging.getLogger(__name__)

MODELS: Final = {"poster-rt": "poster-rt.onnx"}

# A crop whose new landmarks ask for more than this is cut again before it is believed.
REALIGN_DEG: Final = 8.0
REALIGN_ZOOM: Final = 1.12
REALIGN_SHIFT: Final = 0.06  # of the crop's side


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerConfig:
    """What to run and how to follow faces.

    Attributes:
        model: Name in `MODELS`, or the path of an ONNX file with its manifest beside it.
        device: Where the networks run; only ``auto`` may fall back.
        detector: Name of a detector, see `engine.detect`.
        detector_model: Model file of a detector that needs one.
        detect_every: Frames between detector passes while faces are followed.
        min_face_px: Faces whose box is smaller than this, on its shorter side, are left out.
        max_faces: Most faces followed at once.
        smooth: Time constant of the smoothing, seconds; 0 turns it off.
    """

    model: str = "poster-rt"
    device: Device = "auto"
    detector: str = "fer"
    detector_model: str | None = None
    detect_every: int = 10
    min_face_px: int = 20
    max_faces: int = 8
    smooth: float = 0.25

    def __post_init__(self) -> None:
        if self.detect_every < 1:
            raise ConfigError(f"detect_every: must be at least 1, got {self.detect_every}")
        if self.min_face_px < 1:
            raise ConfigError(f"min_face: must be at least 1 pixel, got {self.min_face_px}")
        if self.max_faces < 1:
            raise ConfigError(f"max_faces: must be at least 1, got {self.max_faces}")
        if not 0 <= self.smooth < 60:
            raise ConfigError(f"smooth: must be 0 to 60 seconds, got {self.smooth}")


@dataclass(slots=True)
class _Clock:
    """Adds up the milliseconds of each stage of one frame."""

    times_ms: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.times_ms[stage] = self.times_ms.get(stage, 0.0) + 1000 * (now - self._since)
        self._since = now


class Analyzer:
    """The stages of one video, in order. Belongs to the thread that made it."""

    def __init__(self, detector: Detector, fusion: Fusion, config: AnalyzerConfig) -> None:
        self._detector = detector
        self._fusion = fusion
        self._config = config
        self._template = template(fusion.size, fusion.margin)
        self._smoother = Smoother(config.smooth)
        self._scene = SceneCut()
        self._tracker = Tracker(
            TrackerConfig(detect_every=config.detect_every, max_faces=config.max_faces)
        )

    @property
    def device(self) -> str:
        """What the cross-fusion network runs on."""
        return self._fusion.device

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
        self._detector.close()

    def analyze(self, frame: Frame) -> Analysis:
        """Find, follow and read the faces of the next frame.

        Raises:
            ModelError: Inference failed.
        """
        clock = _Clock()
        image, time_s = frame.image, frame.time_s
        size = image.shape[1], image.shape[0]
        if self._scene.cut(image):
            self._tracker.reset()
        detections: tuple[Detection, ...] | None = None
        new: list[Floats] = []
        if self._tracker.detection_due():
            detections = self._detect(image, clock)
            new = [detection.points for detection in self._tracker.new_faces(detections)]
        known = [five_points(landmarks) for landmarks in self._tracker.landmarks(time_s)]
        readings = self._read(image, known + new, clock)
        missing = self._tracker.missing(readings, size)
        if missing:
            if detections is None:
                detections = self._detect(image, clock)
            found = self._tracker.recovered(missing, detections, time_s)
            again = self._read(image, [detection.points for detection in found.values()], clock)
            for index, reading in zip(found, again, strict=True):
                readings[index] = reading
        tracks, order = self._tracker.update(time_s, size, readings)
        self._smoother.keep({track.id for track in tracks})
        predictions = tuple(
            self._predict(track.id, time_s, readings[index])
            for track, index in zip(tracks, order, strict=True)
        )
        clock.lap("track")
        return Analysis(frame, tuple(tracks), predictions, clock.times_ms)

    def _detect(self, image: Image, clock: _Clock) -> tuple[Detection, ...]:
        detections = self._detector.detect(image)
        clock.lap("detect")
        return detections

    def _read(self, image: Image, points: Sequence[Floats], clock: _Clock) -> list[Reading]:
        """Read every face; cut those again whose crop turned out to be off."""
        if not points:
            return []
        faces = [self._align(image, five) for five in points]
        clock.lap("align")
        readings = self._fusion.read(faces)
        clock.lap("fusion")
        off = [
            index
            for index, (face, reading) in enumerate(zip(faces, readings, strict=True))
            if self._is_off(face, reading)
        ]
        if off:
            again = [self._align(image, five_points(readings[index].landmarks)) for index in off]
            clock.lap("align")
            for index, reading in zip(off, self._fusion.read(again), strict=True):
                readings[index] = reading
            clock.lap("fusion")
        return readings

    def _align(self, image: Image, five: Floats) -> Face:
        return align(image, five, self._fusion.size, self._fusion.margin)

    def _is_off(self, face: Face, reading: Reading) -> bool:
        wanted = similarity(five_points(reading.landmarks), self._template)
        back = invert(face.matrix)
        linear = wanted[:, :2] @ back[:, :2]
        centre = np.full(2, (self._fusion.size - 1) / 2, np.float32)
        moved = linear @ centre + wanted[:, :2] @ back[:, 2] + wanted[:, 2]
        turn = np.degrees(np.arctan2(linear[1, 0], linear[0, 0]))
        zoom = float(np.hypot(linear[0, 0], linear[1, 0]))
        shift = float(np.abs(moved - centre).max()) / self._fusion.size
        return bool(
            abs(turn) > REALIGN_DEG
            or not 1 / REALIGN_ZOOM < zoom < REALIGN_ZOOM
            or shift > REALIGN_SHIFT
        )

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


def open_analyzer(config: AnalyzerConfig) -> Analyzer:
    """Load the networks a config names.

    Raises:
        ModelError: Unknown model, missing or damaged file, or a device that is not there.
        ConfigError: Unknown detector.
    """
    fusion = Fusion(load_manifest(_model_path(config.model)), config.device)
    detector = open_detector(
        config.detector,
        model_path=Path(config.detector_model) if config.detector_model else None,
        min_face_px=config.min_face_px,
        device=config.device,
    )
    return Analyzer(detector, fusion, config)


def _model_path(model: str) -> Path:
    if model in MODELS:
        return asset_path(MODELS[model])
    path = Path(model)
    if path.suffix != ".onnx":
        choices = ", ".join(sorted(MODELS))
        raise ModelError(f"model {model}: unknown; choose {choices}, or name an .onnx file")
    return path
