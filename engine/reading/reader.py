"""What found faces show: read by cross-fusion, smoothed over time, calibrated."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from engine.reading.fusion import Fusion, Reading
from engine.reading.reliability import probabilities_of, reliability_of
from engine.reading.temporal import Smoother
from engine.types import Analysis, Found, Prediction


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

    def close(self) -> None:
        """Free the network."""
        self._fusion.close()

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
        alone = found.frame.file is not None  # a picture has no past
        self._smoother.keep(set() if alone else {track.id for track in found.tracks})
        predictions = tuple(
            self._predict(track.id, found.frame.time_s, next(readings)) for track in found.tracks
        )
        times_ms = dict(found.times_ms)
        if predictions:
            times_ms["fusion"] = face_ms * len(predictions)
        return Analysis(found.frame, found.tracks, predictions, times_ms, found.left_out)

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
