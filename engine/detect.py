"""Find faces in one frame: one small interface, our network, and optional other back ends."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.assets import asset_path
from engine.detect_backends import open_mediapipe, open_mtcnn, open_yunet
from engine.errors import ConfigError, FerError, ModelError
from engine.manifest import Manifest, load_manifest
from engine.runtime import Device, Session
from engine.types import Detection, Floats, Image

Indices = NDArray[np.intp]

log = logging.getLogger(__name__)

# Sides of the picture the network sees. 640 costs a few milliseconds and finds what a talking
# head needs; up to 1280 is spent where `min_face_px` asks for faces that 640 would not show.
LONG_SIDE: Final = 640
LONG_SIDE_MAX: Final = 1280
FACE_SEEN_PX: Final = 10.0  # width of the smallest face the network is taught


class Detector(Protocol):
    """Finds faces. Belongs to the thread that made it."""

    @property
    def name(self) -> str:
        """What the user calls it."""
        ...

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first.

        Args:
            image: (H, W, 3) uint8, BGR.
        """
        ...

    def close(self) -> None:
        """Free the network."""
        ...


def working_scale(height: int, width: int, min_face_px: int) -> float:
    """Say by how much to shrink a frame before looking for faces, at most 1."""
    long_side = max(height, width)
    wanted = np.clip(long_side * FACE_SEEN_PX / min_face_px, LONG_SIDE, LONG_SIDE_MAX)
    return float(min(1.0, wanted / long_side))


class FerDetector:
    """The detector trained in this repository: anchor-free, gray, strides 8, 16 and 32.

    Args:
        manifest: Of the network.
        min_face_px: Faces whose box is narrower or lower than this are not reported.
        device: Where to run.

    Raises:
        ModelError: Not a detector, or it cannot be loaded on `device`.
    """

    name: Final = "fer"

    def __init__(self, manifest: Manifest, min_face_px: int = 20, device: Device = "auto") -> None:
        manifest.expect("detector")
        self._session = Session(manifest, device)
        self._min_face_px = min_face_px
        self._strides = tuple(int(stride) for stride in manifest.value("strides"))
        self._pad = int(manifest.value("input.pad"))
        self._score_min = float(manifest.value("score_threshold"))
        self._nms_iou = float(manifest.value("nms_iou"))

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first.

        Args:
            image: (H, W, 3) uint8, BGR.
        """
        gray, ratio = self._fitted(image)
        scores, raw = self._session.run({"image": gray[None, None]})
        picked = np.flatnonzero(scores >= self._score_min)
        boxes, points = decode(
            raw[picked], cells_of(picked, gray.shape[0], gray.shape[1], self._strides)
        )
        kept = suppress(boxes, scores[picked], self._nms_iou)
        # A pixel is its centre: x = (x_small + 0.5) * ratio - 0.5.
        boxes = (boxes[kept] + 0.5) * np.tile(ratio, 2) - 0.5
        points = (points[kept] + 0.5) * ratio - 0.5
        found = zip(boxes, scores[picked][kept], points, strict=True)
        return tuple(
            Detection(box=box, score=float(score), points=five)
            for box, score, five in found
            if min(box[2] - box[0], box[3] - box[1]) >= self._min_face_px
        )

    def close(self) -> None:
        """Free the network."""
        del self._session

    def _fitted(self, image: Image) -> tuple[Image, Floats]:
        """Shrink, turn gray and pad; give the picture and source pixels per network pixel."""
        height, width = image.shape[:2]
        scale = working_scale(height, width, self._min_face_px)
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if scale < 1:  # one channel: a third of the work
            gray = cv2.resize(gray, small, interpolation=cv2.INTER_AREA)
        block = self._strides[-1]
        right, below = -small[0] % block, -small[1] % block
        if right or below:
            gray = cv2.copyMakeBorder(
                gray, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(self._pad,)
            )
        ratio = np.array([width / small[0], height / small[1]], np.float32)
        return np.asarray(gray, np.uint8), ratio


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
    """Choose boxes that overlap no better one by more than `iou_max`, best first."""
    corner = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(corner.tolist(), scores.tolist(), 0.0, iou_max)
    return np.asarray(kept, np.intp).reshape(-1)


def open_fer(model_path: Path | None, min_face_px: int, device: Device) -> FerDetector:
    """Open the shipped detector, or another of its kind.

    Raises:
        ModelError: Missing, damaged, or not for `device`.
    """
    try:
        path = model_path or asset_path("fer-detector.onnx")
    except FerError as error:
        raise ModelError(str(error)) from error
    return FerDetector(load_manifest(path), min_face_px, device)


DETECTORS: Final[Mapping[str, Callable[[Path | None, int, Device], Detector]]] = {
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
) -> Detector:
    """Open a detector by name.

    Args:
        name: See `DETECTORS`.
        model_path: Model file; `yunet` and `mediapipe` need one.
        min_face_px: Faces whose box is narrower or lower than this are not reported.
        device: Where to run.

    Raises:
        ConfigError: Unknown name.
        ModelError: A package or model file is missing or unfit, or has no such device.
    """
    if name not in DETECTORS:
        raise ConfigError(f"detector {name}: unknown; choose one of {', '.join(DETECTORS)}")
    if min_face_px < 1:
        raise ConfigError(f"min_face_px: must be at least 1, got {min_face_px}")
    return DETECTORS[name](model_path, min_face_px, device)
