"""The values that flow between stages: frozen, one per stage, checked when made.

Coordinates are pixels of the source frame unless a name says otherwise: x right, y down,
an integer is a pixel's centre. Images are BGR uint8; a decoded picture keeps its planes until
somebody asks for one. Numbers are float32. Empty is shape ``(0, 4)``, never ``None``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.labels import EXPRESSIONS, Vocabulary

Image = NDArray[np.uint8]
Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

POINTS = 68
CLASSES = len(EXPRESSIONS)  # that every table has a column for
UNCERTAIN_BELOW = 0.3  # of reliability; what is below is called uncertain unless users say more


def _check(name: str, array: Floats, *shape: int | str) -> None:
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = (
            "(" + ", ".join(str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"
        )
        raise ValueError(f"{name}: expected {wanted}, got {array.shape}")
    if array.dtype != np.float32:
        raise ValueError(f"{name}: expected float32, got {array.dtype}")


def check_image(name: str, image: Image) -> None:
    """Raise ValueError unless `image` is (H, W, 3) uint8 with at least one pixel."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"{name}: expected (H, W, 3) uint8, got {image.shape} {image.dtype}")


class Decoded(Protocol):
    """A picture as it was decoded: what is asked for is converted, from its planes.

    All is upright and has square pixels. From any thread.
    """

    @property
    def width(self) -> int:
        """Columns, pixels."""
        ...

    @property
    def height(self) -> int:
        """Rows, pixels."""
        ...

    @property
    def image(self) -> Image:
        """The whole, (H, W, 3) uint8, BGR, read-only; converted once."""
        ...

    def gray(self) -> Gray:
        """Give the whole in gray, (H, W) uint8: OpenCV's, of what `image` would be."""
        ...

    def luma(self, step: int) -> Gray:
        """Give every `step`-th sample of every `step`-th row of luma."""
        ...

    def patch(self, x0: int, y0: int, x1: int, y1: int) -> Image:
        """Cut a region out, (y1 - y0, x1 - x0, 3) uint8, BGR; it must lie inside."""
        ...


Picture: TypeAlias = Image | Decoded


def whole(picture: Picture) -> Image:
    """Give all of a picture, (H, W, 3) uint8, BGR."""
    return picture if isinstance(picture, np.ndarray) else picture.image


def size_of(picture: Picture) -> tuple[int, int]:
    """Give a picture's width and height, pixels; nothing is converted."""
    if isinstance(picture, np.ndarray):
        return picture.shape[1], picture.shape[0]
    return picture.width, picture.height


def patch_of(picture: Picture, x0: int, y0: int, x1: int, y1: int) -> Image:
    """Cut a region out that lies inside, (y1 - y0, x1 - x0, 3) uint8, BGR."""
    if isinstance(picture, np.ndarray):
        return picture[y0:y1, x0:x1]
    return picture.patch(x0, y0, x1, y1)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        index: 0-based position in the source, counted from its first decoded frame.
        time_s: Presentation time in seconds, from the start of the source.
        picture: (H, W, 3) uint8, BGR, upright, read-only once it crosses a thread; or what was
            decoded.
        file: Name of a picture that stands for itself, perhaps empty: it has no time, and knows
            nothing of the frames before. None for a moment of a film.
    """

    index: int
    time_s: float
    picture: Picture
    file: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.picture, np.ndarray):
            check_image("image", self.picture)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8, BGR, upright; converted from what was decoded when first asked for."""
        return whole(self.picture)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels; nothing is converted."""
        return size_of(self.picture)

    @property
    def nbytes(self) -> int:
        """Memory that it takes at most, once all of it has been asked for."""
        width, height = self.size
        kept = 0 if isinstance(self.picture, np.ndarray) else 3  # planes of 8 bits at the most
        return (3 + kept) * width * height

    def lock(self) -> None:
        """Make the pixels read-only, in place: they cross a thread."""
        if isinstance(self.picture, np.ndarray):
            self.picture.flags.writeable = False


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A face found in one frame.

    Attributes:
        box: (4,) float32, x0 y0 x1 y1, may leave the frame.
        score: Detector confidence, 0 to 1.
        points: (5, 2) float32: subject's right eye, left eye, nose tip, right and left
            mouth corner (right = subject's right, so smaller x on an upright face).
    """

    box: Floats
    score: float
    points: Floats

    def __post_init__(self) -> None:
        _check("box", self.box, 4)
        _check("points", self.points, 5, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face that keeps its identity from frame to frame.

    Attributes:
        id: Never reused in a film, not even after the face is lost; from 1, in a picture that
            stands for itself too.
        box: (4,) float32, x0 y0 x1 y1, may leave the frame.
        landmarks: (68, 2) float32; order as in the model's manifest (iBUG 68).
        score: Presence of a face in the crop, 0 to 1, from the landmark network.
    """

    id: int
    box: Floats
    landmarks: Floats
    score: float

    def __post_init__(self) -> None:
        _check("box", self.box, 4)
        _check("landmarks", self.landmarks, POINTS, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A track's aligned crop: exactly what the model eats.

    Attributes:
        crop: (S, S, 3) uint8, BGR, upright and centred.
        matrix: (2, 3) float32, affine map from source pixels to crop pixels.
    """

    crop: Image
    matrix: Floats

    def __post_init__(self) -> None:
        check_image("crop", self.crop)
        _check("matrix", self.matrix, 2, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """What the landmark network saw in one crop.

    Attributes:
        face: The crop.
        landmarks: (68, 2) float32, pixels of the source frame.
        presence: 0 to 1, that the crop holds a well-centred face.
        maps: Feature maps (C, S, S), finest first: the fusion's landmark stream.
    """

    face: Face
    landmarks: Floats
    presence: float
    maps: tuple[Floats, ...]

    def __post_init__(self) -> None:
        _check("landmarks", self.landmarks, POINTS, 2)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The faces of a frame, ready to be read.

    Attributes:
        frame: The frame they are in.
        tracks: Faces present, ordered by id.
        sightings: One per track, same order.
        times_ms: Milliseconds spent per stage ("detect", "glance", "align", "landmarks",
            "track"); a stage that did not run is absent.
        left_out: Faces that were detected and are not followed: as many as may be are already.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    sightings: tuple[Sighting, ...]
    times_ms: Mapping[str, float]
    left_out: int = 0

    def __post_init__(self) -> None:
        if len(self.tracks) != len(self.sightings):
            wanted = f"one per track ({len(self.tracks)})"
            raise ValueError(f"sightings: expected {wanted}, got {len(self.sightings)}")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What one face shows in one frame.

    Attributes:
        track_id: The `Track` it belongs to.
        probabilities: (C,) float32, calibrated, sums to 1, in the order of `labels`; (0,) where
            the networks know no expressions.
        valence: -1 (unpleasant) to 1 (pleasant); None where the networks know none.
        arousal: -1 (calm) to 1 (excited); None as valence.
        reliability: 0 to 1, one minus the normalised entropy of `probabilities` (ARBEx, k(l)), or
            what the network itself says of it; None without expressions.
        labels: The C classes, in the order of `engine.labels.ordered`.
        derived: Valence and arousal follow from the classes: no network was taught them.
        measures: The networks' own numbers by name, such as ``quality``.
        shown: Index of the label; None is the most probable class. In films it stays until another
            class is clearly more probable (`engine.reading.temporal`).
    """

    track_id: int
    probabilities: Floats
    valence: float | None
    arousal: float | None
    reliability: float | None
    labels: tuple[str, ...] = EXPRESSIONS
    derived: bool = False
    measures: Mapping[str, float] = field(default_factory=dict)
    shown: int | None = None

    def __post_init__(self) -> None:
        _check("probabilities", self.probabilities, len(self.labels))
        if (self.valence is None) != (self.arousal is None):
            raise ValueError("valence, arousal: expected both or neither")
        if (self.reliability is None) != (not self.labels):
            raise ValueError("reliability: expected where there are classes, and only there")

    @property
    def index(self) -> int:
        """Place of `expression` in `labels`, which must not be empty."""
        return int(self.probabilities.argmax()) if self.shown is None else self.shown

    @property
    def expression(self) -> str:
        """The label; empty where the networks know no expressions."""
        return self.labels[self.index] if self.labels else ""

    @property
    def share(self) -> float:
        """Probability of `expression`; 0 where there is none."""
        return float(self.probabilities[self.index]) if self.labels else 0.0

    @property
    def behind(self) -> bool:
        """The label is kept while another class is more probable, as when a face changes."""
        return bool(self.labels) and self.share < float(self.probabilities.max())

    @property
    def vocabulary(self) -> Vocabulary:
        """What is said here."""
        return Vocabulary(self.labels, tuple(self.measures))


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """A frame with what was found in it.

    Attributes:
        frame: The frame analysed.
        tracks: Faces present, ordered by id.
        predictions: One per track, same order.
        times_ms: Milliseconds spent per stage, those of `Found` and "fusion"; a stage that did
            not run is absent.
        left_out: Faces that were detected and are not followed, as `Found` has it.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    predictions: tuple[Prediction, ...]
    times_ms: Mapping[str, float]
    left_out: int = 0

    def __post_init__(self) -> None:
        _check_predictions(self.tracks, self.predictions)


@dataclass(frozen=True, slots=True, eq=False)
class Compared(Analysis):
    """A frame as several systems read it; `predictions` are those of the first one.

    Attributes:
        systems: Their names.
        readings: Of each system one prediction per track, in the tracks' order.
        crops: (S, S, 3) uint8, BGR, the aligned crop of each track.
    """

    systems: tuple[str, ...] = ()
    readings: tuple[tuple[Prediction, ...], ...] = ()
    crops: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        if len(self.systems) != len(self.readings) or not self.systems:
            raise ValueError("readings: expected one of each system")
        if len(self.crops) != len(self.tracks):
            raise ValueError("crops: expected one per track")
        for predictions in (self.predictions, *self.readings):
            _check_predictions(self.tracks, predictions)

    def of(self, system: int) -> Analysis:
        """Give the frame as one of the systems, by its place, reads it."""
        readings = self.readings[system]
        return Analysis(self.frame, self.tracks, readings, self.times_ms, self.left_out)


def _check_predictions(tracks: Sequence[Track], predictions: Sequence[Prediction]) -> None:
    if [t.id for t in tracks] != [p.track_id for p in predictions]:
        raise ValueError("predictions: expected one per track, in the tracks' order")
