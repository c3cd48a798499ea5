"""What found faces show: read by cross-fusion, smoothed over time, calibrated."""

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from engine.reading.fusion import Reading
from engine.reading.offers import CONFIDENCE
from engine.reading.reliability import probabilities_of, reliability_of
from engine.reading.temporal import Smoother
from engine.types import Analysis, Found, Picture, Prediction, Sighting


class Networks(Protocol):
    """A `Fusion`, or `Several`."""

    @property
    def temperature(self) -> float:
        """Of the calibrated softmax."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes; none without expressions."""

    @property
    def derived(self) -> bool:
        """Whether valence and arousal follow from the classes."""

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the networks' own numbers."""

    @property
    def device(self) -> str:
        """What they run on."""

    @property
    def precision(self) -> str:
        """What they calculate in."""

    def read(self, sightings: Sequence[Sighting], images: Sequence[Picture]) -> list[Reading]:
        """Read faces."""

    def close(self) -> None:
        """Free the networks."""


class Reader:
    """Reads what found faces show, over time. Belongs to the thread that made it."""

    def __init__(self, fusion: Networks, smooth: float) -> None:
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
        images = [found.frame.picture for found in several for _ in found.sightings]
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
        others = np.concatenate([reading.valence_arousal, reading.measures])
        labels, probabilities = self._fusion.labels, reading.logits
        if labels:
            probabilities = probabilities_of(reading.logits, reading.temperature)
        probabilities, others, shown = self._smoother.smooth(
            track_id, time_s, probabilities, others
        )
        affect, own = np.split(np.clip(others, -1, 1), [len(reading.valence_arousal)])
        measures = dict(zip(self._fusion.measures, own.tolist(), strict=True))
        reliability = measures.pop(CONFIDENCE, None)
        if labels and reliability is None:
            reliability = reliability_of(probabilities)
        if self._fusion.derived and reliability is not None:
            affect = affect * np.float32(max(reliability, 0.0))  # unsure of the class: no place
        valence, arousal = affect.tolist() or (None, None)
        return Prediction(
            track_id=track_id,
            probabilities=probabilities,
            valence=valence,
            arousal=arousal,
            reliability=None if reliability is None else max(reliability, 0.0),
            labels=labels,
            derived=self._fusion.derived,
            measures=measures,
            shown=shown,
        )
