"""Find faces in one frame: one small interface, our network, and optional other back ends."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError
from engine.faces.detectors import open_mediapipe, open_mtcnn, open_yunet
from engine.faces.preprocessing import levelled, padded, thinned
from engine.networks.manifest import DetectorFacts, Manifest, load_manifest
from engine.networks.models import choose_detector
from engine.networks.outputs import answer
from engine.networks.runtime import Device, open_session
from engine.types import Detection, Floats, Gray, Picture, size_of

Indices = NDArray[np.intp]

log = logging.getLogger(__name__)

# A frame is looked at twice. The fine look is at most FINE_MAX long, which costs two to three times
# a 640 x 360 frame, and no less than FINE_MIN where the frame has it; it looks for small faces.
FINE_MIN: Final = 640
FINE_MAX: Final = 960
ENLARGE_MAX: Final = 2.0
# Width of a face that the network hardly misses: on held-out frames it finds 70 % of faces of
# 18 to 24 pixels as they are, 87 % enlarged by a quarter, 98 % by a half.
FACE_SEEN_PX: Final = 24.0
# The coarse look adds a sixth to the cost and finds faces that fill the frame, whose parts the
# network takes for faces when it sees them large.
COARSE: Final = 320
# Sides of faces in network pixels that each look may report; they overlap.
FINE_FACES: Final = (0.0, 256.0)
COARSE_FACES: Final = (48.0, np.inf)
# A glance is one look at so many pixels, which makes 288 x 160 of 16:9. It costs a sixth of a whole
# detection, and finds 98 of 100 faces that are wider than a tenth of the long side.
GLANCE: Final = 284
INSIDE_MAX: Final = 0.7  # a box of which more lies in a better one is a part of that face


class Detector(Protocol):
    """Finds faces. Belongs to the thread that made it."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first.

        Args:
            picture: (H, W, 3) uint8, BGR, or what was decoded.
        """
        ...

    def glance(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces wider than a tenth of the long side, and perhaps others, at less cost.

        Args:
            picture: (H, W, 3) uint8, BGR, or what was decoded.
        """
        ...

    def close(self) -> None:
        """Free the network."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """One run of the network over a resized frame.

    Attributes:
        scale: Network pixels per frame pixel.
        smallest: Side of the smallest face it may report, network pixels.
        largest: Side of the largest face it may report, network pixels.
    """

    scale: float
    smallest: float
    largest: float


def looks_at(height: int, width: int, min_face_px: int) -> tuple[Look, ...]:
    """Choose the sizes at which to look at a frame: a fine one, and a coarse one below it."""
    long_side = max(height, width)
    wanted = max(long_side * FACE_SEEN_PX / min_face_px, min(long_side, FINE_MIN))
    fine = min(wanted, FINE_MAX, ENLARGE_MAX * long_side)
    if fine <= COARSE:  # a face that fills it is no larger than the coarse look shows faces
        return (Look(fine / long_side, 0.0, np.inf),)
    return (Look(fine / long_side, *FINE_FACES), Look(COARSE / long_side, *COARSE_FACES))


class FerDetector:
    """The detector trained in this repository: anchor-free, gray, strides 8, 16 and 32.

    Args:
        manifest: Of the network.
        min_face_px: Faces whose box is narrower or lower than this are not reported.
        device: Where to run.
        threads: Of the CPU; 0 is one per core.
        score_min: Of what is reported, 0 to 1; the manifest says by default.

    Raises:
        ModelError: Not a detector, or it cannot be loaded on `device`.
    """

    name: Final = "fer"

    def __init__(
        self,
        manifest: Manifest,
        min_face_px: int = 20,
        device: Device = "auto",
        threads: int = 0,
        score_min: float | None = None,
    ) -> None:
        manifest.expect("detector")
        facts = manifest.read(DetectorFacts)
        self._session = open_session(manifest, device, threads)
        self._name, self._min_face_px = manifest.name, min_face_px
        self._strides, self._pad = facts.strides, facts.input.pad
        self._score_min = facts.score_threshold if score_min is None else score_min
        self._nms_iou = facts.nms_iou

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first.

        Args:
            picture: (H, W, 3) uint8, BGR, or what was decoded.
        """
        gray = thinned(picture, max(size_of(picture)))[0]
        return self._found(gray, looks_at(gray.shape[0], gray.shape[1], self._min_face_px))

    def glance(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces wider than a tenth of the long side, and perhaps others, at less cost.

        Args:
            picture: (H, W, 3) uint8, BGR, or what was decoded.
        """
        # Averaging every pixel of a large frame would cost more than the network.
        gray, step = thinned(picture, 2 * GLANCE)
        look = Look(min(1.0, GLANCE / max(gray.shape)), 0.0, np.inf)
        return self._found(gray, (look,), step)

    def _found(self, gray: Gray, looks: Sequence[Look], step: int = 1) -> tuple[Detection, ...]:
        """Look at a picture; a pixel of it is `step` pixels of the frame."""
        several = [self._look(gray, look) for look in looks]
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*several, strict=True))
        kept = suppress(boxes, scores, self._nms_iou)
        if step > 1:
            middle = np.float32((step - 1) // 2)
            boxes, points = (pixels * np.float32(step) + middle for pixels in (boxes, points))
        return tuple(
            Detection(box=boxes[k], score=float(scores[k]), points=points[k])
            for k in kept
            if (boxes[k, 2:] - boxes[k, :2]).min() >= self._min_face_px
        )

    def close(self) -> None:
        """Free the network."""
        self._session.close()

    def _look(self, gray: Gray, look: Look) -> tuple[Floats, Floats, Floats]:
        """Run the network once; boxes, scores and points in pixels of `gray`."""
        height, width = gray.shape
        small = (max(1, round(width * look.scale)), max(1, round(height * look.scale)))
        if small != (width, height):
            kind = cv2.INTER_AREA if look.scale < 1 else cv2.INTER_LINEAR
            gray = np.asarray(cv2.resize(gray, small, interpolation=kind), np.uint8)
        picture = padded(levelled(gray), self._strides[-1], self._pad)
        outputs = self._session.run({"image": picture[None, None]})
        count = sum((picture.shape[0] // s) * (picture.shape[1] // s) for s in self._strides)
        scores, raw = (answer(self._name, outputs, k, (count, 14)[: k + 1]) for k in range(2))
        picked = np.flatnonzero(scores >= self._score_min)
        cells = cells_of(picked, picture.shape[0], picture.shape[1], self._strides)
        boxes, points = decode(raw[picked], cells)
        side = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        fits = (side >= look.smallest) & (side <= look.largest)
        # A pixel is its centre: x = (x_small + 0.5) * ratio - 0.5.
        ratio = np.array([width / small[0], height / small[1]], np.float32)
        boxes = (boxes[fits] + 0.5) * np.tile(ratio, 2) - 0.5
        return boxes, scores[picked][fits], (points[fits] + 0.5) * ratio - 0.5


def cells_of(picked: Indices, height: int, width: int, strides: tuple[int, ...]) -> Floats:
    """Locate cells of the network by their position in its output.

    Args:
        picked: (n,) positions.
        height: Of the network's input.
        width: Of the network's input.
        strides: In the output's order.

    Returns:
        (n, 3) float32: centre x, y and stride, pixels of the input.
    """
    cells = np.empty((len(picked), 3), np.float32)
    start = 0
    for stride in strides:
        rows, columns = height // stride, width // stride
        here = (picked >= start) & (picked < start + rows * columns)
        y, x = np.divmod(picked[here] - start, columns)
        cells[here] = np.stack(
            [(x + 0.5) * stride - 0.5, (y + 0.5) * stride - 0.5, 0 * x + stride], 1
        )
        start += rows * columns
    return cells


def decode(raw: Floats, cells: Floats) -> tuple[Floats, Floats]:
    """Turn the network's geometry into pixels.

    Args:
        raw: (n, 14): centre x y, log width and height, five points x y, in strides.
        cells: (n, 3), see `cells_of`.

    Returns:
        Boxes (n, 4) as x0 y0 x1 y1, and points (n, 5, 2), both float32.
    """
    origin, stride = cells[:, :2], cells[:, 2:]
    centre = origin + raw[:, :2] * stride
    half = np.exp(np.clip(raw[:, 2:4], -4, 5)) * stride / 2
    points = raw[:, 4:].reshape(-1, 5, 2) * stride[:, None] + origin[:, None]
    return np.concatenate([centre - half, centre + half], axis=1), points


def suppress(boxes: Floats, scores: Floats, iou_max: float) -> Indices:
    """Choose boxes that repeat no better one and are no part of one, best first.

    Args:
        boxes: (n, 4).
        scores: (n,).
        iou_max: Intersection over union above which two boxes are of one face.
    """
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    order = np.argsort(-scores, kind="stable")
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        repeats = shared > iou_max * (area[best] + area[order] - shared)
        order = order[~repeats & (shared <= INSIDE_MAX * area[order])]
    return np.array(kept, np.intp)


def open_fer(
    model_path: Path | None,
    min_face_px: int,
    device: Device,
    threads: int,
    score_min: float | None = None,
) -> FerDetector:
    """Open the shipped detector, in what is best here, or another of its kind.

    Raises:
        ModelError: Missing, damaged, or not for `device`.
    """
    if model_path is None:
        model_path, device = choose_detector("auto", device)
    return FerDetector(load_manifest(model_path), min_face_px, device, threads, score_min)


DETECTORS: Final[Mapping[str, Callable[[Path | None, int, Device, int], Detector]]] = {
    "fer": open_fer,
    "yunet": open_yunet,
    "mtcnn": open_mtcnn,
    "mediapipe": open_mediapipe,
}


def open_detector(
    name: str,
    *,
    model_path: Path | None = None,
    min_face_px: int = 20,
    device: Device = "auto",
    threads: int = 0,
    score_min: float | None = None,
) -> Detector:
    """Open a detector by name.

    Args:
        name: See `DETECTORS`.
        model_path: Model file; `yunet` and `mediapipe` need one.
        min_face_px: Faces whose box is narrower or lower than this are not reported.
        device: Where to run.
        threads: Of `fer` on a CPU, 0 for one per core; the others choose their own.
        score_min: Of `fer`: from which something is a face; None is what its manifest says. The
            others have their own.

    Raises:
        ConfigError: Unknown name.
        ModelError: A package or model file is missing or unfit, or has no such device.
    """
    if name not in DETECTORS:
        raise ConfigError(f"detector {name}: unknown; choose one of {', '.join(DETECTORS)}")
    if min_face_px < 1:
        raise ConfigError(f"min_face_px: must be at least 1, got {min_face_px}")
    if name == "fer" and score_min is not None:
        return open_fer(model_path, min_face_px, device, threads, score_min)
    return DETECTORS[name](model_path, min_face_px, device, threads)
