"""Several expression networks as one: the same crops, each output from the first that has it."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing

import numpy as np

from engine.reading.fusion import NOTHING, Fusion, Reading
from engine.reading.offers import choose_outputs
from engine.types import Picture, Sighting


class Several:
    """Networks that read the same faces; belongs to the thread that made it.

    Attributes:
        temperature: Of the network with the classes.
        labels: Its classes.
        derived: Valence and arousal follow from them: no network was taught any.
        measures: Names of the networks' own numbers.
        device: What they run on.
        precision: What they calculate in.
    """

    def __init__(self, fusions: Sequence[Fusion]) -> None:
        """Choose what each is asked for; they are closed with this, also if that fails.

        Raises:
            ModelError: One has nothing that those before it lack.
        """
        self._fusions = tuple(fusions)
        with ExitStack() as opened:
            for fusion in self._fusions:
                opened.enter_context(closing(fusion))
            self._choice = choose_outputs([fusion.offer for fusion in self._fusions])
            opened.pop_all()
        classes = self._choice.expression
        self.temperature = 1.0 if classes is None else self._fusions[classes].temperature
        self.labels = () if classes is None else self._fusions[classes].labels
        affect = self._choice.affect
        self.derived = affect is not None and self._fusions[affect].derived
        self.measures = tuple(self._choice.measures)
        self.device = _all(fusion.device for fusion in self._fusions)
        self.precision = _all(fusion.precision for fusion in self._fusions)

    def close(self) -> None:
        """Free the networks."""
        with ExitStack() as opened:
            for fusion in self._fusions:
                opened.enter_context(closing(fusion))

    def read(self, sightings: Sequence[Sighting], images: Sequence[Picture]) -> list[Reading]:
        """Run all faces, of one frame or several, as one batch of each network.

        Args:
            sightings: The faces.
            images: The frame each was seen in.

        Raises:
            ModelError: Inference failed.
        """
        said = [fusion.read(sightings, images) for fusion in self._fusions]
        return [self._joined(readings) for readings in zip(*said, strict=True)]

    def _joined(self, readings: Sequence[Reading]) -> Reading:
        classes, affect = self._choice.expression, self._choice.affect
        own = [
            readings[place].measures[self._fusions[place].measures.index(name)]
            for name, place in self._choice.measures.items()
        ]
        return Reading(
            NOTHING if classes is None else readings[classes].logits,
            NOTHING if affect is None else readings[affect].valence_arousal,
            np.array(own, np.float32),
            1.0 if classes is None else readings[classes].temperature,
        )


def _all(said: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(said))
