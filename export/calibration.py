"""Real faces for reduced precision: training crops to calibrate on, validation to judge by."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError, SourceError
from engine.faces.alignment import align
from engine.faces.landmarker import Landmarker
from engine.faces.preprocessing import batch_of, crops_for, levelled, padded
from engine.labels import EXPRESSIONS
from engine.networks.manifest import CropInput, Manifest, Maps, load_manifest
from engine.networks.ort import onnxruntime
from engine.reading.fusion import landmarks_of
from engine.types import Face, Floats, Image, Sighting
from training.data.faces import Split
from training.data.landmark_cache import Pictures, locate
from training.data.pictures import without_copies
from training.data.registry import read_dataset
from training.data.table import FaceTable
from training.data.targets import valence_arousal
from training.detector.evaluate import PAD, whole
from training.detector.model import STRIDES
from training.detector.packs import Pack, Packs
from training.evaluation.metrics import affect_metrics
from training.evaluation.served import reader_of

log = logging.getLogger(__name__)

Feed = Mapping[str, NDArray[np.generic]]  # one batch: an array per input of a graph

COUNT: Final = 256  # crops
BATCH: Final = 16
SEED: Final = 0
KINDS: Final = ("expression", "landmarks")
# Of a detector: pictures, and how much larger they are shown.
PICTURES: Final = (
    (Pack.FRAME, 2.0), (Pack.FRAME, 1.0), (Pack.PORTRAIT, 1.0), (Pack.BACKGROUND, 1.0)
)  # fmt: skip
EACH: Final = 12  # of these


def calibration_feeds(
    model: Path,
    root: Path,
    cache: Path,
    *,
    count: int = COUNT,
    batch: int = BATCH,
    threads: int = 1,
) -> list[Feed]:
    """Cut training faces the way the engine does and make a network's inputs of them.

    The faces are FER+'s training split without what lies in the other two splits as well, drawn
    once and for all; where the network reads the landmark network's maps, these are made by the
    one beside it.

    Args:
        model: The ONNX file, its manifest beside it.
        root: Folder with the data packs.
        cache: Folder for decoded data.
        count: Faces.
        batch: Faces of a feed; a network of a fixed batch has its own.
        threads: Of the landmark network.

    Returns:
        Feeds of `batch` faces each; the last is not filled up but left out.

    Raises:
        ModelError: The network takes no aligned crops, or cannot be opened.
        SourceError: FER+ is missing or broken, or holds too few faces.
        SinkError: The cache cannot be written.
    """
    inputs = open_inputs(model, threads)
    try:
        faces = training_faces(root, cache, count)
    except SourceError as error:
        raise SourceError(f"int8 is calibrated on the training faces of FER+: {error}") from error
    batch = inputs.form.batch or batch
    starts = range(0, len(faces) - batch + 1, batch)
    if not starts:
        raise SourceError(f"FER+: {len(faces)} training faces are no feed of {batch}")
    crops = aligned(inputs.landmarker, faces)
    log.info("calibrating %s on %d training faces", model.name, len(starts) * batch)
    return [inputs.feed(crops[first : first + batch]) for first in starts]


def detector_feeds(packs: Packs) -> list[Feed]:
    """Give training pictures as a detector takes them, one a feed, in the sizes of its looks."""
    rng = np.random.default_rng(SEED)
    feeds: list[Feed] = []
    for pack, scale in PICTURES:
        among = packs.select(pack, held=False)
        for index in np.sort(rng.choice(among, min(len(among), EACH), replace=False)).tolist():
            gray = levelled(whole(packs, index, scale).image)
            feeds.append({"image": padded(gray, STRIDES[-1], PAD)[None, None]})
    return feeds


def training_faces(root: Path, cache: Path, count: int = COUNT) -> FaceTable:
    """Draw majority-labelled faces of FER+'s training split, the same ones every time.

    Raises:
        SourceError: FER+ is missing or broken.
        SinkError: The cache cannot be written.
    """
    splits: tuple[Split, ...] = ("train", "valid", "test")
    train, *others = (read_dataset("ferplus", root, split, cache) for split in splits)
    train = without_copies(train, others, cache)
    chosen = np.random.default_rng(SEED).permutation(len(train))[:count]
    return train.at(np.sort(chosen))


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A picture and the face that was cut from it.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        face: Its aligned crop.
    """

    image: Image
    face: Face


def aligned(landmarker: Landmarker, pictures: Pictures) -> list[Crop]:
    """Find the face of every picture and cut it, as the engine follows faces."""
    points = locate(reader_of(landmarker), pictures)
    images = [pictures.image(row) for row in range(len(pictures))]
    return [Crop(image, align(image, at)) for image, at in zip(images, points, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What a network wants to be fed.

    Attributes:
        manifest: Of the network.
        landmarker: That finds the faces, and makes the maps where there are any.
        form: Of its crops.
        maps: Names of the landmark network's maps that it reads.
    """

    manifest: Manifest
    landmarker: Landmarker
    form: CropInput
    maps: tuple[str, ...]

    def feed(self, crops: Sequence[Crop]) -> Feed:
        """Make one batch."""
        images, faces = [crop.image for crop in crops], [crop.face for crop in crops]
        cut = crops_for(images, faces, self.form)
        feed = {"crops": batch_of(cut, self.form)}
        seen = self.landmarker.locate(faces) if self.maps else []
        return {**feed, **_maps(self.maps, seen)}


def _maps(names: Sequence[str], seen: Sequence[Sighting]) -> Feed:
    return {name: np.stack([face.maps[level] for face in seen]) for level, name in enumerate(names)}


def open_inputs(model: Path, threads: int = 1) -> Inputs:
    """Read what a network wants from its manifest; open the landmark network it goes with.

    Raises:
        ModelError: It takes no aligned crops, or a file is missing or damaged.
    """
    manifest = load_manifest(model)
    if manifest.kind not in KINDS:
        raise ModelError(
            f"{model}: a network of kind {manifest.kind} takes no aligned crops; "
            f"int8 is for those of kind {' and '.join(KINDS)}"
        )
    own = manifest.kind == "landmarks"
    return Inputs(
        manifest,
        Landmarker(manifest if own else landmarks_of(manifest), "cpu", threads),
        manifest.read(CropInput, "input"),
        () if own else manifest.read(Maps, "landmarks").maps,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Accuracy on labelled faces, with another file in the place of a network.

    Attributes:
        inputs: Of the expression network.
        crops: The faces.
        labels: (N,) their classes, order of `engine.labels.Expression`.
        threads: Of a network.
        affect: (N, 2) their valence and arousal, for networks that say nothing else.
    """

    inputs: Inputs
    crops: Sequence[Crop]
    labels: NDArray[np.intp]
    threads: int = 1
    affect: Floats | None = None

    @property
    def by(self) -> str:
        """Name what is judged: ``accuracy``, or ``ccc`` where a network knows no classes."""
        return "accuracy" if self.inputs.manifest.value("labels") else "ccc"

    def fusion(self, path: Path) -> float:
        """Judge this file as the expression network.

        Returns:
            The accuracy, 0 to 1, or the mean concordance of valence and arousal, -1 to 1.
        """
        if self.by == "accuracy":
            return self._accuracy(self.answers(path))
        if self.affect is None:
            raise ValueError("affect: expected where a network says valence and arousal alone")
        said = self._said(path, None, "valence_arousal")
        return affect_metrics(said, self.affect[: len(said)]).score

    def landmarks(self, path: Path) -> float:
        """Give the accuracy, 0 to 1, with this file making the maps; crops stay as they are.

        Raises:
            ModelError: The expression network reads no maps.
        """
        if not self.inputs.maps:
            raise ModelError(f"{self.inputs.manifest.name}: reads no maps of a landmark network")
        return self._accuracy(self.answers(self.inputs.manifest.path, path))

    def answers(self, fusion: Path, landmarks: Path | None = None) -> NDArray[np.intp]:
        """Give the class that two files say each face shows, (N,).

        Args:
            fusion: The expression network.
            landmarks: Makes the maps; None is the landmark network that belongs to it.
        """
        said = self._said(fusion, landmarks, "logits").argmax(axis=1)
        labels = [EXPRESSIONS.index(str(label)) for label in self.inputs.manifest.value("labels")]
        return np.asarray(np.array(labels)[said], np.intp)

    def _said(self, fusion: Path, landmarks: Path | None, output: str) -> Floats:
        reader, maps = _session(fusion, self.threads), list(self.inputs.maps)
        maker = None if landmarks is None else _session(landmarks, self.threads)
        size = self.inputs.form.batch or BATCH
        said = []
        for first in range(0, self._judged, size):
            feed = dict(self.inputs.feed(self.crops[first : first + size]))
            if maker is not None:
                feed.update(zip(maps, maker.run(maps, {"crops": feed["crops"]}), strict=True))
            said.append(reader.run([output], feed)[0])
        return np.asarray(np.concatenate(said), np.float32)

    @property
    def _judged(self) -> int:
        """Faces that are asked for: a network of a fixed batch takes no part of one."""
        batch = self.inputs.form.batch
        return len(self.crops) - (len(self.crops) % batch if batch else 0)

    def _accuracy(self, answers: NDArray[np.intp]) -> float:
        return float(np.mean(answers == self.labels[: len(answers)]))


def validation_judge(
    model: Path, root: Path, cache: Path, *, count: int = 0, threads: int = 1
) -> Judge:
    """Load FER+'s majority-labelled validation faces, once for many files to be judged on.

    Args:
        model: The expression network's ONNX file, its manifest beside it.
        root: Folder with the data packs.
        cache: Folder for decoded data.
        count: Faces, evenly spread over the split; 0 is all.
        threads: Of a network.

    Raises:
        ModelError: The network cannot be opened, or reads no expressions.
        SourceError, SinkError: As `training_faces`.
    """
    inputs = open_inputs(model, threads)
    inputs.manifest.expect("expression")
    faces = validation_faces(root, cache, count)
    crops, affect = aligned(inputs.landmarker, faces), valence_arousal(faces.shares)
    return Judge(inputs, crops, faces.labels, threads, affect)


def validation_faces(root: Path, cache: Path, count: int = 0) -> FaceTable:
    """Give majority-labelled faces of FER+'s validation split.

    Args:
        root: Folder with the data packs.
        cache: Folder for decoded data.
        count: Faces, evenly spread over the split; 0 is all.

    Raises:
        SourceError, SinkError: As `training_faces`.
    """
    faces = read_dataset("ferplus", root, "valid", cache)
    if not count:
        return faces
    return faces.at(np.linspace(0, len(faces) - 1, min(count, len(faces))).astype(int))


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
