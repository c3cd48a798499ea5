"""An expression network: crops in, poster-rt's landmark maps too; what it says of them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.faces.preprocessing import batch_of, crops_for
from engine.labels import VALENCE_AROUSAL
from engine.networks.manifest import ExpressionFacts, Manifest, Maps, Pair, load_manifest
from engine.networks.outputs import answer
from engine.networks.runtime import Device, open_session
from engine.reading.offers import AFFECT, LOGITS, offer_of
from engine.reading.reliability import Temperature, probabilities_of
from engine.types import Face, Floats, Image, Picture, Sighting

PLACES: Final[Mapping[str, tuple[float, float]]] = {
    expression.label: place for expression, place in VALENCE_AROUSAL.items()
}
AS_FOLLOWED: Final = ("landmarks", None)  # crops of the landmark network
PROBED: Final = 4  # faces that a network is asked about at once
APART: Final = 0.02  # what an answer may change by with the other faces, of its size
NOTHING: Final[Floats] = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What networks say of one crop, before smoothing and calibration.

    Attributes:
        logits: (C,) float32, in the order of the labels; (0,) without expressions.
        valence_arousal: (2,) float32, -1 to 1; (0,) where there are none.
        measures: (M,) float32, the networks' own numbers, in the order of their names.
        temperature: That calibrates the logits, by the quality of the picture.
    """

    logits: Floats
    valence_arousal: Floats
    measures: Floats = field(default_factory=NOTHING.copy)
    temperature: float = 1.0


class Fusion:
    """The network with its manifest; belongs to the thread that made it.

    Attributes:
        offer: What it says of a face.
        temperature: Of the calibrated softmax, on clean pictures.
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
        if facts.landmarks.maps and (facts.input.align, facts.input.template) != AS_FOLLOWED:
            raise ModelError(
                f"{manifest.name}: input.align: reads maps of the landmark network, which are of "
                "faces turned upright; train it with data.align = landmarks"
            )
        offer_of(manifest)  # what cannot be is said before anything is loaded
        self.temperature, self._input = facts.temperature or 1.0, facts.input
        self._temperature = Temperature(self._name, self.temperature, facts.picture_quality)
        self._derived = facts.derived_affect
        self._maps = facts.landmarks.maps
        self._session = open_session(manifest, device, threads)
        try:
            self.offer = offer_of(manifest, self._session.outputs)
            if not (facts.apart or self._maps):
                self._check_apart()
        except ModelError:
            self._session.close()
            raise
        self._order = [facts.labels.index(label) for label in self.offer.labels]
        self._places = np.array([PLACES.get(x, (0, 0)) for x in self.offer.labels], np.float32)
        self.device = self._session.device
        self.precision = manifest.precision

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the logits that `read` gives."""
        return self.offer.labels

    @property
    def derived(self) -> bool:
        """Whether valence and arousal follow from the classes: nobody annotated them."""
        return self._derived or (not self.offer.affect and self.offer.derivable)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of its own numbers."""
        return self.offer.measures

    def close(self) -> None:
        """Free the network."""
        self._session.close()

    def read(self, sightings: Sequence[Sighting], images: Sequence[Picture]) -> list[Reading]:
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
        count = len(sightings)
        outputs = self._run(inputs, count)
        logits = affect = np.zeros((count, 0), np.float32)
        if self._order:
            logits = self._said(LOGITS, outputs, (count, len(self._order)))[:, self._order]
        temperatures = [self._temperature.of(sighting) for sighting in sightings]
        if self.offer.affect:
            affect = self._said(AFFECT, outputs, (count, 2))
        elif self.derived:  # where the classes it takes for likely lie
            likely = probabilities_of(logits, np.array(temperatures, np.float32))
            affect = likely @ self._places
        own = [self._said(name, outputs, (count,)) for name in self.measures]
        measures = np.stack(own, 1) if own else np.zeros((count, 0), np.float32)
        return [
            Reading(logits[row], affect[row], measures[row], temperature)
            for row, temperature in enumerate(temperatures)
        ]

    def _check_apart(self) -> None:
        """Refuse a network whose answer for a face depends on the others of the batch.

        Raises:
            ModelError: It does: a face would show something else when somebody joins.
        """
        count, form = self._input.batch or PROBED, self._input
        if count == 1:
            return
        shape = (2, count, 1 if form.colour == "gray" else 3, form.size, form.size)
        bytes_in = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        one, other = bytes_in if form.dtype == "uint8" else bytes_in.astype(np.float32) / 64 - 2
        other[0] = one[0]
        if not form.batch:
            other = other[:1]
        for name, mine, theirs in zip(
            self._session.outputs,
            *(self._session.run({"crops": x}) for x in (one, other)),
            strict=True,
        ):
            most = APART * max(1.0, float(np.abs(mine[:1]).max(initial=0)))
            if mine[:1].shape == theirs[:1].shape and np.abs(mine[:1] - theirs[:1]).max() > most:
                raise ModelError(
                    f"{self._name}: its {name} of a face depends on the other faces of the batch, "
                    "so that it would change with who is there; train it with "
                    'attention_scope = "sample"'
                )

    def _run(
        self, inputs: Mapping[str, NDArray[np.generic]], count: int
    ) -> list[NDArray[np.float32]]:
        """Run any number of faces, also on a graph that takes so many at once and no others."""
        fixed = self._input.batch
        if not fixed:
            return self._session.run(inputs)
        parts = []
        for first in range(0, count, fixed):
            rows = np.minimum(np.arange(first, first + fixed), count - 1)  # the last one again
            parts.append(self._session.run({name: x[rows] for name, x in inputs.items()}))
        return [np.concatenate(outputs)[:count] for outputs in zip(*parts, strict=True)]

    def _said(
        self, output: str, outputs: Sequence[NDArray[np.float32]], shape: tuple[int, ...]
    ) -> Floats:
        names = list(self._session.outputs)
        if output not in names:
            raise ModelError(f"{self._name}: gives no {output}, but {', '.join(names)}")
        return answer(self._name, outputs, names.index(output), shape)

    def _crops(self, faces: Sequence[Face], images: Sequence[Picture]) -> list[Image]:
        if self._maps:  # made from these very crops
            return [face.crop for face in faces]
        return crops_for(images, faces, self._input)


def shared_landmarks(manifests: Sequence[Manifest]) -> int:
    """Say whose landmark network several expression networks, at least one, share.

    Those that read its maps need their own; the others only need to know where a face is.

    Returns:
        The place of that expression network.

    Raises:
        ModelError: Two read the maps of different landmark networks.
    """
    readers = [
        place for place, manifest in enumerate(manifests) if manifest.read(Maps, "landmarks").maps
    ]
    pairs = {place: manifests[place].read(Pair, "landmarks") for place in readers}
    for place in readers:
        if pairs[place].sha256 != pairs[readers[0]].sha256:
            one, other = manifests[readers[0]], manifests[place]
            raise ModelError(
                f"model {one.name}, {other.name}: read different landmark networks, "
                f"{pairs[readers[0]].file} and {pairs[place].file}; choose --precision fp32, "
                "or run them one after the other"
            )
    return readers[0] if readers else 0


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
