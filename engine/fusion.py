"""The cross-fusion network: crops in; expression, valence-arousal, landmarks, presence out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.align import invert, transform
from engine.errors import ModelError
from engine.labels import EXPRESSIONS
from engine.manifest import Manifest
from engine.preprocess import to_input
from engine.runtime import Device, Session
from engine.types import Face, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the network says of one crop, before smoothing and calibration.

    Attributes:
        logits: (8,) float32, order of `engine.labels.Expression`.
        valence_arousal: (2,) float32, -1 to 1.
        landmarks: (68, 2) float32, pixels of the source frame.
        presence: 0 to 1, that the crop holds a well-centred face.
    """

    logits: Floats
    valence_arousal: Floats
    landmarks: Floats
    presence: float


class Fusion:
    """The network with its manifest; belongs to the thread that made it.

    Attributes:
        size: Side of the crops it eats, pixels.
        margin: Framing of those crops, see `engine.align.align`.
        temperature: Of the calibrated softmax.
        device: What it runs on.
    """

    def __init__(self, manifest: Manifest, device: Device = "auto", threads: int = 0) -> None:
        """Load the network.

        Raises:
            ModelError: Not an expression network of this code base, or it cannot run.
        """
        manifest.expect("expression")
        if tuple(manifest.value("labels")) != EXPRESSIONS:
            raise ModelError(f"{manifest.name}: labels: expected {', '.join(EXPRESSIONS)}")
        self.size = int(manifest.value("input.size"))
        self.margin = float(manifest.value("input.margin"))
        self.temperature = float(manifest.value("temperature"))
        self._mean = _triple(manifest, "input.mean")
        self._std = _triple(manifest, "input.std")
        self._session = Session(manifest, device, threads)
        self.device = self._session.device

    def read(self, faces: Sequence[Face]) -> list[Reading]:
        """Run all faces of a frame as one batch.

        Raises:
            ModelError: Inference failed.
        """
        if not faces:
            return []
        batch = to_input([face.crop for face in faces], self._mean, self._std)
        logits, affect, points, presence = self._session.run({"crops": batch})
        pixels = points * self.size - 0.5
        there = 1.0 / (1.0 + np.exp(-presence))
        return [
            Reading(
                logits=logits[row],
                valence_arousal=affect[row],
                landmarks=transform(pixels[row], invert(face.matrix)),
                presence=float(there[row]),
            )
            for row, face in enumerate(faces)
        ]


def _triple(manifest: Manifest, key: str) -> tuple[float, float, float]:
    values = manifest.value(key)
    if not isinstance(values, list) or len(values) != 3:
        raise ModelError(f"{manifest.name}: {key}: expected three numbers, got {values!r}")
    return float(values[0]), float(values[1]), float(values[2])
