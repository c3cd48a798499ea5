"""The expression network: crops in, poster-rt's landmark maps too; logits, valence-arousal out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.faces.alignment import recut
from engine.faces.preprocessing import batch_of
from engine.labels import EXPRESSIONS, VALENCE_AROUSAL
from engine.networks.manifest import ExpressionFacts, Manifest, Pair, load_manifest
from engine.networks.outputs import answer
from engine.networks.runtime import Device, open_session
from engine.reading.reliability import probabilities_of
from engine.types import Face, Floats, Image, Sighting

# The logit of an expression that the network does not know: no temperature makes it probable.
UNKNOWN: Final = -1e6
PLACES: Final = np.array(list(VALENCE_AROUSAL.values()), np.float32)


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
        precision: What it calculates in: ``fp32``, ``fp16`` or ``int8``.
    """

    def __init__(self, manifest: Manifest, device: Device = "auto", threads: int = 0) -> None:
        """Load the network.

        Raises:
            ModelError: Not an expression network of this code base, or it cannot run.
        """
        manifest.expect("expression")
        facts = manifest.read(ExpressionFacts)
        self._name = manifest.name
        self._places = _places(self._name, facts.labels)
        self.temperature, self._input = facts.temperature, facts.input
        self._maps = facts.landmarks.maps
        self._session = open_session(manifest, device, threads)
        self.device = self._session.device
        self.precision = manifest.precision

    def close(self) -> None:
        """Free the network."""
        self._session.close()

    def read(self, sightings: Sequence[Sighting], images: Sequence[Image]) -> list[Reading]:
        """Run all faces, of one frame or several, as one batch.

        Args:
            sightings: The faces.
            images: The frame each was seen in.

        Raises:
            ModelError: Inference failed.
        """
        if not sightings:
            return []
        faces = [sighting.face for sighting in sightings]
        inputs = {"crops": batch_of(self._crops(faces, images), self._input)}
        if any(len(sighting.maps) < len(self._maps) for sighting in sightings):
            raise ModelError(f"{self._name}: reads {', '.join(self._maps)}, more than there are")
        for level, name in enumerate(self._maps):
            inputs[name] = np.stack([sighting.maps[level] for sighting in sightings])
        outputs, count = self._session.run(inputs), len(sightings)
        logits = np.full((count, len(EXPRESSIONS)), UNKNOWN, np.float32)
        logits[:, self._places] = self._said("logits", outputs, (count, len(self._places)))
        if "valence_arousal" in self._session.outputs:
            affect = self._said("valence_arousal", outputs, (count, 2))
        else:  # where the classes it takes for likely lie
            affect = probabilities_of(logits, self.temperature) @ PLACES
        return [Reading(logits[row], affect[row]) for row in range(len(sightings))]

    def _said(
        self, output: str, outputs: Sequence[NDArray[np.float32]], shape: tuple[int, ...]
    ) -> Floats:
        names = list(self._session.outputs)
        if output not in names:
            raise ModelError(f"{self._name}: gives no {output}, but {', '.join(names)}")
        return answer(self._name, outputs, names.index(output), shape)

    def _crops(self, faces: Sequence[Face], images: Sequence[Image]) -> list[Image]:
        if self._maps:  # made from these very crops
            return [face.crop for face in faces]
        pairs = zip(faces, images, strict=True)
        return [recut(image, face, self._input.size, self._input.margin) for face, image in pairs]


def _places(name: str, labels: Sequence[str]) -> list[int]:
    """Give the index in `EXPRESSIONS` of each class of a network."""
    for label in labels:
        if label not in EXPRESSIONS:
            raise ModelError(f"{name}: labels: {label} is none of {', '.join(EXPRESSIONS)}")
    if len(set(labels)) != len(labels) or len(labels) < 2:
        raise ModelError(f"{name}: labels: expected several, each once, got {list(labels)}")
    return [EXPRESSIONS.index(label) for label in labels]


def landmarks_of(manifest: Manifest) -> Manifest:
    """Load the manifest of the landmark network that a fusion network was trained on.

    Raises:
        ModelError: It is not beside the fusion network, or is another one.
    """
    manifest.expect("expression")
    pair = manifest.read(Pair, "landmarks")
    found = load_manifest(manifest.path.parent / pair.file)
    if found.sha256 != pair.sha256:
        raise ModelError(
            f"{found.path}: is not the landmark network that {manifest.name} was trained on; "
            "get both files from one place"
        )
    return found
