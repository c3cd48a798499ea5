"""Detectors of other projects, for users who have their models; nothing of theirs is bundled."""

import importlib
import re
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from engine.documents import is_file
from engine.errors import ModelError
from engine.faces.mtcnn import Mtcnn, find_weights
from engine.networks.outputs import answer
from engine.networks.runtime import Device
from engine.types import Detection, Floats, Image, Picture, whole
from engine.wording import shortened

SCORE_MIN: Final = 0.6
NMS_IOU: Final = 0.3
# The last release whose wheels, on all three systems, have no uploader of figures in them; nothing
# switches it off in later ones: https://github.com/google-ai-edge/mediapipe/issues/6291
MEDIAPIPE_QUIET: Final = "0.10.33"
GLANCE: Final = 320  # pixels of a frame's long side that a cheap look has
LONG_SIDE: Final = 1280  # larger frames are shrunk: these networks would take seconds


def shrink(image: Image, min_face_px: int, network_px: float) -> tuple[Image, float]:
    """Shrink a frame so that the smallest wanted face is the smallest the network sees.

    Returns:
        The picture and how many source pixels one of its pixels is.
    """
    long_side = max(image.shape[:2])
    ratio = max(1.0, min_face_px / network_px, long_side / LONG_SIDE)
    ratio = min(ratio, max(1.0, long_side / 320))
    if ratio == 1.0:
        return image, 1.0
    size = (round(image.shape[1] / ratio), round(image.shape[0] / ratio))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), ratio


def glance_with(
    detect: Callable[[Image], Sequence[Detection]], image: Image, min_face_px: int
) -> tuple[Detection, ...]:
    """Detect in a frame shrunk to `GLANCE` pixels, which costs such a network the least."""
    ratio = max(1.0, max(image.shape[:2]) / GLANCE)
    size = (max(1, round(image.shape[1] / ratio)), max(1, round(image.shape[0] / ratio)))
    small = image if ratio == 1.0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    back = np.float32(ratio)
    found = [
        Detection(box=one.box * back, score=one.score, points=one.points * back)
        for one in detect(np.asarray(small, np.uint8))
    ]
    return tuple(one for one in found if large_enough(one, min_face_px))


def large_enough(found: Detection, min_face_px: int) -> bool:
    """Say whether a box's shorter side is at least `min_face_px`."""
    return bool((found.box[2:] - found.box[:2]).min() >= min_face_px)


def _needs_file(name: str, model_path: Path | None, where: str) -> Path:
    if model_path is None:
        raise ModelError(f"detector {name}: needs --detector-model FILE: {where}")
    if not is_file(model_path):
        raise ModelError(f"detector {name}: {shortened(model_path)}: no such model file")
    return model_path


def _cpu_only(name: str, device: Device) -> None:
    if device not in ("auto", "cpu"):
        raise ModelError(f"detector {name}: runs on the CPU only, not on {device}")


class YunetDetector:
    """OpenCV's `FaceDetectorYN` with a YuNet model file of the user's."""

    name: Final = "yunet"

    def __init__(self, model_path: Path, min_face_px: int) -> None:
        """Load the model.

        Raises:
            ModelError: OpenCV cannot read the file as a YuNet model.
        """
        self._min_face_px, self._path = min_face_px, model_path
        # What it would say of a model goes to the terminal, past every log; errors are raised too.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(model_path), "", (320, 320), SCORE_MIN, NMS_IOU
            )
        except cv2.error as error:
            raise self._unfit("cannot be loaded", error) from error

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first.

        Raises:
            ModelError: The file is no YuNet model, or answers what is no face.
        """
        small, ratio = shrink(whole(picture), self._min_face_px, 10)
        self._network.setInputSize((small.shape[1], small.shape[0]))
        try:
            _, rows = self._network.detect(small)
        except cv2.error as error:
            raise self._unfit("is no YuNet model", error) from error
        if rows is None:
            return ()
        table = answer("detector yunet", [np.asarray(rows)], 0, (len(rows), 15))
        boxes = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1) * ratio
        points = table[:, 4:14].reshape(-1, 5, 2) * ratio
        found = [
            Detection(box=box.astype(np.float32), score=float(row[14]), points=five)
            for box, five, row in zip(boxes, points.astype(np.float32), table, strict=True)
        ]
        found.sort(key=lambda face: -face.score)
        return tuple(face for face in found if large_enough(face, self._min_face_px))

    def glance(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the larger faces of one frame."""
        return glance_with(self.detect, whole(picture), self._min_face_px)

    def _unfit(self, what: str, error: cv2.error) -> ModelError:
        why = (str(error.err) or str(error)).partition("\n")[0]
        return ModelError(f"detector yunet: {self._path}: {what}: {why}")

    def close(self) -> None:
        """Free the network."""
        del self._network


class MtcnnDetector:
    """MTCNN with the weights of the package facenet-pytorch."""

    name: Final = "mtcnn"

    def __init__(self, folder: Path, min_face_px: int, device: Device) -> None:
        self._cascade = Mtcnn(folder, device)
        self._min_face_px = min_face_px

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first."""
        small, ratio = shrink(whole(picture), self._min_face_px, 20)
        boxes, scores, points = self._cascade.find(small, max(12.0, self._min_face_px / ratio))
        found = [
            Detection(
                box=box * np.float32(ratio), score=float(score), points=five * np.float32(ratio)
            )
            for box, score, five in zip(boxes, scores, points, strict=True)
        ]
        found.sort(key=lambda face: -face.score)
        return tuple(found)  # the cascade starts at the smallest face

    def glance(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the larger faces of one frame."""
        return glance_with(self.detect, whole(picture), self._min_face_px)

    def close(self) -> None:
        """Free the networks."""
        del self._cascade


class MediapipeDetector:
    """MediaPipe's face detector (Tasks API) with a model file of the user's.

    It knows no mouth corners: they are placed from the eyes and the mouth's centre.
    """

    name: Final = "mediapipe"

    def __init__(self, model_path: Path, min_face_px: int) -> None:
        """Load the model.

        Raises:
            ModelError: The package is missing, or it cannot read the file.
        """
        self._min_face_px = min_face_px
        self._mediapipe = _import_mediapipe()
        tasks = self._mediapipe.tasks
        options = tasks.vision.FaceDetectorOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(model_path)),
            min_detection_confidence=0.5,
        )
        try:
            self._network = tasks.vision.FaceDetector.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"detector mediapipe: {model_path}: {error}") from error

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the faces of one frame, best first."""
        image = whole(picture)
        height, width = image.shape[:2]
        rgb = np.ascontiguousarray(image[..., ::-1])
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        found = []
        for face in self._network.detect(picture).detections:
            low = np.array([face.bounding_box.origin_x, face.bounding_box.origin_y], np.float32)
            extent = np.array([face.bounding_box.width, face.bounding_box.height], np.float32)
            marks = np.array([(k.x * width, k.y * height) for k in face.keypoints], np.float32)
            box = np.concatenate([low, low + extent])
            score = float(face.categories[0].score)
            found.append(Detection(box=box, score=score, points=five_of_four(marks[:4])))
        found.sort(key=lambda one: -one.score)
        return tuple(one for one in found if large_enough(one, self._min_face_px))

    def glance(self, picture: Picture) -> tuple[Detection, ...]:
        """Find the larger faces of one frame."""
        return glance_with(self.detect, whole(picture), self._min_face_px)

    def close(self) -> None:
        """Free the network."""
        self._network.close()


def five_of_four(marks: Floats) -> Floats:
    """Turn eyes, nose tip and mouth centre (4, 2) into the five points of a `Detection`."""
    right, left, nose, mouth = marks
    half = (left - right) * np.float32(0.4)  # half a mouth's width, as in `landmarks.TEMPLATE`
    return np.stack([right, left, nose, mouth - half, mouth + half]).astype(np.float32)


def _import_mediapipe() -> Any:  # noqa: ANN401 - no type information
    install = f"pip install --no-deps 'mediapipe<={MEDIAPIPE_QUIET}'"
    if _release("mediapipe") > _numbers(MEDIAPIPE_QUIET):
        raise ModelError(
            "detector mediapipe: this release tells its maker how it is used, and cannot be told "
            f"not to; {install}"
        )
    try:
        return importlib.import_module("mediapipe")
    except ImportError as error:
        raise ModelError(
            "detector mediapipe: package mediapipe cannot be imported "
            f"({error}); pip install 'fer-live[mediapipe]' && {install}"
        ) from error


def _release(package: str) -> tuple[int, ...]:
    """Give a package's release, or nothing where it is not installed."""
    try:
        return _numbers(metadata.version(package))
    except metadata.PackageNotFoundError:
        return ()


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:3])


def open_yunet(
    model_path: Path | None, min_face_px: int, device: Device, _threads: int
) -> YunetDetector:
    """Open OpenCV's YuNet.

    Raises:
        ModelError: No model file, one that OpenCV cannot read, or a device it does not run on.
    """
    _cpu_only("yunet", device)
    where = "face_detection_yunet_*.onnx of OpenCV's model zoo"
    return YunetDetector(_needs_file("yunet", model_path, where), min_face_px)


def open_mtcnn(
    model_path: Path | None, min_face_px: int, device: Device, _threads: int
) -> MtcnnDetector:
    """Open MTCNN; `model_path` is a folder with pnet.pt, rnet.pt and onet.pt.

    Raises:
        ModelError: torch or the weights are missing, or torch has no such device.
    """
    return MtcnnDetector(find_weights(model_path), min_face_px, device)


def open_mediapipe(
    model_path: Path | None, min_face_px: int, device: Device, _threads: int
) -> MediapipeDetector:
    """Open MediaPipe's face detector.

    Raises:
        ModelError: No package, no model file, an unfit one, or a device it does not run on.
    """
    _cpu_only("mediapipe", device)
    where = "a .tflite face detector of MediaPipe's model page"
    return MediapipeDetector(_needs_file("mediapipe", model_path, where), min_face_px)
