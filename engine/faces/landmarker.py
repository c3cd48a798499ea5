"""The landmark network: crops in; 68 points, presence and the fusion's feature maps out."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from engine.errors import ModelError
from engine.faces.alignment import invert, transform
from engine.faces.landmarks import five_points
from engine.faces.preprocessing import batch_of
from engine.networks.manifest import LandmarkFacts, Manifest
from engine.networks.outputs import answer
from engine.networks.runtime import Device, open_session
from engine.types import Face, Sighting

FLAT: Final = (
    2.0  # gray levels; where a crop strays less there is nothing, whatever the network says
)
FAR: Final = 100.0  # sides of a crop; no landmark of a face in it lies so far outside
SMALL: Final = 1e-4  # sides of a crop; five points that lie closer are no face, and have no turn


class Landmarker:
    """The network with its manifest; belongs to the thread that made it.

    Attributes:
        size: Side of the crops it eats, pixels.
        margin: Framing of those crops, see `engine.faces.alignment.align`.
    """

    def __init__(self, manifest: Manifest, device: Device = "auto", threads: int = 0) -> None:
        """Load the network.

        Raises:
            ModelError: Not a landmark network of this code base, or it cannot run.
        """
        manifest.expect("landmarks")
        self._name = manifest.name
        self._input = manifest.read(LandmarkFacts).input
        if (self._input.align, self._input.template) != ("landmarks", None):
            raise ModelError(
                f"{self._name}: input.align: a landmark network follows faces that are turned "
                "upright, to the engine's own template; export it again"
            )
        self.size, self.margin = self._input.size, self._input.margin
        self._session = open_session(manifest, device, threads)

    def close(self) -> None:
        """Free the network."""
        self._session.close()

    def locate(self, faces: Sequence[Face]) -> list[Sighting]:
        """Run all crops as one batch.

        Raises:
            ModelError: Inference failed.
        """
        if not faces:
            return []
        batch = batch_of([face.crop for face in faces], self._input)
        outputs, count = self._session.run({"crops": batch}), len(faces)
        points = answer(self._name, outputs, 0, (count, 68, 2), FAR)
        presence = answer(self._name, outputs, 1, (count,))
        maps = outputs[2:]
        if any(np.shape(stack)[:1] != (count,) for stack in maps):
            raise ModelError(f"{self._name}: its maps are not one for each of {count} faces")
        if np.ptp(five_points(points), axis=1).max(axis=-1).min() < SMALL:
            raise ModelError(f"{self._name}: landmarks of a face coincide; the model is damaged")
        pixels = points * self.size - 0.5
        there = 1.0 / (1.0 + np.exp(-np.clip(presence, -80, 80)))  # e^89 has no float32
        there[[float(cv2.meanStdDev(face.crop)[1].max()) < FLAT for face in faces]] = 0.0
        return [
            Sighting(
                face=face,
                landmarks=transform(pixels[row], invert(face.matrix)),
                presence=float(there[row]),
                maps=tuple(stack[row] for stack in maps),
            )
            for row, face in enumerate(faces)
        ]
