"""The cross-fusion network: crops and their landmark maps in; expression, valence-arousal out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import ModelError
from engine.labels import EXPRESSIONS
from engine.landmarker import normalisation
from engine.manifest import Manifest, load_manifest
from engine.preprocess import to_input
from engine.runtime import Device, Session
from engine.types import Floats, Sighting


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the network says of one crop, before smoothing and calibration.

    Attributes:
        logits: (8,) float32, order of `engine.labels.Expression`.
        valence_arousal: (2,) float32, -1 to 1.
    """

    logits: Floats
    valence_arousal: Floats


class Fusion:
    """The network with its manifest; belongs to the thread that made it.

    Attributes:
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
        self.temperature = float(manifest.value("temperature"))
        self._mean, self._std = normalisation(manifest)
        self._maps = [str(name) for name in manifest.value("landmarks.maps")]
        self._session = Session(manifest, device, threads)
        self.device = self._session.device

    def read(self, sightings: Sequence[Sighting]) -> list[Reading]:
        """Run all faces, of one frame or several, as one batch.

        Raises:
            ModelError: Inference failed.
        """
        if not sightings:
            return []
        crops = [sighting.face.crop for sighting in sightings]
        inputs = {"crops": to_input(crops, self._mean, self._std)}
        for level, name in enumerate(self._maps):
            inputs[name] = np.stack([sighting.maps[level] for sighting in sightings])
        logits, affect = self._session.run(inputs)
        return [Reading(logits[row], affect[row]) for row in range(len(sightings))]


def landmarks_of(manifest: Manifest) -> Manifest:
    """Load the manifest of the landmark network that a fusion network was trained on.

    Raises:
        ModelError: It is not beside the fusion network, or is another one.
    """
    manifest.expect("expression")
    found = load_manifest(manifest.path.parent / str(manifest.value("landmarks.file")))
    if found.sha256 != manifest.value("landmarks.sha256"):
        raise ModelError(
            f"{found.path}: is not the landmark network that {manifest.name} was trained on; "
            "get both files from one place"
        )
    return found
