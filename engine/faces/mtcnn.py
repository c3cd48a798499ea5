"""The MTCNN cascade on the weights of facenet-pytorch, without that package's code.

facenet-pytorch 2.5 asks for torch below 2.3 and imports torchvision; its three weight files
need neither. torch is imported by name, when this detector is opened: the engine as such
knows no torch.

Source: Zhang et al. (2016), "Joint face detection and alignment using multitask cascaded
convolutional networks"; thresholds and box arithmetic of facenet-pytorch 2.5.3 (MIT).
"""

import importlib
import importlib.util
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ModelError
from engine.types import Floats, Image

NETWORKS: Final = ("pnet", "rnet", "onet")
THRESHOLDS: Final = (0.6, 0.7, 0.7)
PYRAMID: Final = 0.709  # each picture of the pyramid is this much smaller than the last
CELL: Final = 12  # side of what P-Net looks at, pixels
STRIDE: Final = 2

Faces = tuple[Floats, Floats, Floats]  # boxes (n, 4), scores (n,), points (n, 5, 2)


def find_weights(folder: Path | None) -> Path:
    """Find the folder of pnet.pt, rnet.pt and onet.pt: as given, or the package's own.

    Raises:
        ModelError: The files are nowhere.
    """
    if folder is None:
        spec = importlib.util.find_spec("facenet_pytorch")
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(
                "detector mtcnn: its weights are missing; "
                "pip install 'fer-live[mtcnn]' && pip install --no-deps facenet-pytorch"
            )
        folder = Path(spec.submodule_search_locations[0]) / "data"
    missing = [f"{name}.pt" for name in NETWORKS if not (folder / f"{name}.pt").is_file()]
    if missing:
        raise ModelError(f"detector mtcnn: {folder}: {', '.join(missing)} not there")
    return folder


class Mtcnn:
    """P-Net proposes, R-Net refuses, O-Net refines and places five points."""

    def __init__(self, folder: Path, device: str) -> None:
        """Load the three networks.

        Args:
            folder: Holds their weights.
            device: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            ModelError: torch is missing or has no such device, or a file is unfit.
        """
        try:
            self._torch: Any = importlib.import_module("torch")
        except ImportError as error:
            raise ModelError(
                "detector mtcnn: package torch is missing; pip install 'fer-live[mtcnn]'"
            ) from error
        cuda = bool(self._torch.cuda.is_available())
        if device not in ("auto", "cpu", "cuda") or (device == "cuda" and not cuda):
            raise ModelError(f"detector mtcnn: this torch cannot run on {device}")
        self._device = "cuda" if cuda and device != "cpu" else "cpu"
        self._weights = {name: self._load(folder / f"{name}.pt") for name in NETWORKS}

    def _load(self, path: Path) -> dict[str, Any]:
        try:
            state = self._torch.load(path, map_location=self._device, weights_only=True)
        except Exception as error:
            raise ModelError(f"detector mtcnn: {path}: cannot be loaded: {error}") from error
        return dict(state)

    def find(self, image: Image, min_face_px: float) -> Faces:
        """Find faces.

        Args:
            image: (H, W, 3) uint8, BGR.
            min_face_px: Side of the smallest face looked for.

        Returns:
            Boxes, scores and points in pixels of `image`, all float32.
        """
        rgb = np.ascontiguousarray(image[..., ::-1]).astype(np.float32)
        with self._torch.inference_mode():
            boxes = self._propose(rgb, min_face_px)
            boxes = self._refuse(rgb, boxes)
            return self._refine(rgb, boxes)

    def _propose(self, rgb: Floats, min_face_px: float) -> Floats:
        scale = CELL / min_face_px
        side = min(rgb.shape[:2]) * scale
        found = [np.zeros((0, 9), np.float32)]
        while side >= CELL:
            found.append(self._at_scale(rgb, scale))
            scale *= PYRAMID
            side *= PYRAMID
        rows = np.concatenate(found)
        rows = rows[_suppress(rows[:, :4], rows[:, 4], 0.7)]
        extent = np.tile(rows[:, 2:4] - rows[:, :2], 2)
        return _square(rows[:, :4] + rows[:, 5:] * extent)

    def _at_scale(self, rgb: Floats, scale: float) -> Floats:
        """Run P-Net on one size; rows of box, score and correction, (n, 9)."""
        size = (int(rgb.shape[1] * scale + 1), int(rgb.shape[0] * scale + 1))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        batch = np.asarray(small, np.float32)[None]
        x = self._layers("pnet", self._input(batch), pools=((2, 2), None, None))
        scores = self._conv("pnet", "conv4_1", x).softmax(1)[0, 1].cpu().numpy()
        shifts = self._conv("pnet", "conv4_2", x)[0].cpu().numpy()
        y, x_cell = np.nonzero(scores >= THRESHOLDS[0])
        corner = np.stack([x_cell, y], axis=1).astype(np.float32) * STRIDE + 1
        boxes = np.floor(np.concatenate([corner, corner + CELL - 1], axis=1) / scale)
        rows = np.concatenate(
            [boxes, scores[y, x_cell][:, None], shifts[:, y, x_cell].T], axis=1, dtype=np.float32
        )
        kept: Floats = rows[_suppress(rows[:, :4], rows[:, 4], 0.5)]
        return kept

    def _refuse(self, rgb: Floats, boxes: Floats) -> Floats:
        if not len(boxes):
            return boxes
        x = self._layers("rnet", self._crops(rgb, boxes, 24), pools=((3, 2), (3, 2), None))
        x = self._dense("rnet", 4, x)
        scores = self._linear("rnet", "dense5_1", x).softmax(1)[:, 1].cpu().numpy()
        shifts = self._linear("rnet", "dense5_2", x).cpu().numpy()
        sure = scores > THRESHOLDS[1]
        boxes, scores, shifts = boxes[sure], scores[sure], shifts[sure]
        kept = _suppress(boxes, scores, 0.7)
        return _square(_corrected(boxes[kept], shifts[kept]))

    def _refine(self, rgb: Floats, boxes: Floats) -> Faces:
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        pools = ((3, 2), (3, 2), (2, 2), None)
        x = self._dense("onet", 5, self._layers("onet", self._crops(rgb, boxes, 48), pools=pools))
        scores = self._linear("onet", "dense6_1", x).softmax(1)[:, 1].cpu().numpy()
        shifts = self._linear("onet", "dense6_2", x).cpu().numpy()
        places = self._linear("onet", "dense6_3", x).cpu().numpy()
        sure = scores > THRESHOLDS[2]
        boxes, scores, shifts, places = boxes[sure], scores[sure], shifts[sure], places[sure]
        extent = boxes[:, 2:] - boxes[:, :2] + 1
        unit = places.reshape(-1, 2, 5).transpose(0, 2, 1)  # all x, then all y
        points = unit * extent[:, None] + boxes[:, None, :2] - 1
        boxes = _corrected(boxes, shifts)
        kept = _suppress(boxes, scores, 0.7, over_smaller=True)
        return boxes[kept], scores[kept], points[kept].astype(np.float32)

    def _input(self, batch: Floats) -> Any:  # noqa: ANN401 - torch is not imported here
        scaled = (batch.transpose(0, 3, 1, 2) - 127.5) * 0.0078125
        return self._torch.from_numpy(np.ascontiguousarray(scaled)).to(self._device)

    def _crops(self, rgb: Floats, boxes: Floats, side: int) -> Any:  # noqa: ANN401 - see _input
        """Cut squares out, black outside the picture, and resize them."""
        batch = np.zeros((len(boxes), side, side, 3), np.float32)
        for k, box in enumerate(boxes.astype(int)):
            low, high = np.maximum(box[:2], 1) - 1, np.minimum(box[2:], rgb.shape[1::-1])
            if (high <= low).any():
                continue
            x0, y0, x1, y1 = (int(v) for v in (*low, *high))
            batch[k] = cv2.resize(rgb[y0:y1, x0:x1], (side, side), interpolation=cv2.INTER_AREA)
        return self._input(batch)

    def _conv(self, network: str, layer: str, x: Any) -> Any:  # noqa: ANN401 - see _input
        weights = self._weights[network]
        return self._torch.nn.functional.conv2d(
            x, weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        )

    def _linear(self, network: str, layer: str, x: Any) -> Any:  # noqa: ANN401 - see _input
        weights = self._weights[network]
        return self._torch.nn.functional.linear(
            x, weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        )

    def _layers(
        self,
        network: str,
        x: Any,  # noqa: ANN401 - see _input
        *,
        pools: tuple[tuple[int, int] | None, ...],
    ) -> Any:  # noqa: ANN401 - see _input
        """Run the convolutions, each with its slopes and perhaps a pool (size, stride)."""
        functional = self._torch.nn.functional
        for number, pool in enumerate(pools, 1):
            x = self._conv(network, f"conv{number}", x)
            x = functional.prelu(x, self._weights[network][f"prelu{number}.weight"])
            if pool:
                x = functional.max_pool2d(x, *pool, ceil_mode=True)
        return x

    def _dense(self, network: str, number: int, x: Any) -> Any:  # noqa: ANN401 - see _input
        """Flatten as the weights were made, columns first, and run one dense layer."""
        flat = x.permute(0, 3, 2, 1).flatten(1)
        slopes = self._weights[network][f"prelu{number}.weight"]
        flat = self._linear(network, f"dense{number}", flat)
        return self._torch.nn.functional.prelu(flat, slopes)


def _corrected(boxes: Floats, shifts: Floats) -> Floats:
    extent = np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)
    return (boxes + shifts * extent).astype(np.float32)


def _square(boxes: Floats) -> Floats:
    """Widen boxes to squares about the same centre."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def _suppress(
    boxes: Floats, scores: Floats, most: float, *, over_smaller: bool = False
) -> NDArray[np.intp]:
    """Choose boxes that overlap no better one by more than `most`, best first.

    Args:
        boxes: (n, 4).
        scores: (n,).
        most: Overlap allowed, of the union or of the smaller box.
        over_smaller: Measure by the smaller box.
    """
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    order = np.argsort(-scores)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, 2:], boxes[order, 2:])
        inside = np.prod(np.clip(high - low, 0, None), axis=1)
        smaller = np.minimum(area[best], area[order])
        whole = smaller if over_smaller else area[best] + area[order] - inside
        order = order[inside <= most * np.maximum(whole, 1e-6)]
    return np.array(kept, np.intp)
