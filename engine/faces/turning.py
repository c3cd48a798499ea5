"""People who lie, and cameras held sideways: the frame is turned until faces are upright."""

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np

from engine.faces.alignment import invert, transform
from engine.faces.detection import suppress
from engine.faces.landmarks import five_points
from engine.types import Detection, Floats, Frame, Image

Detect = Callable[[Image], Sequence[Detection]]

# Degrees by which faces may be turned clockwise. A network that finds them up to 45 degrees and
# more needs no ways between these.
OTHERS: Final = (90, -90, 180)
# Without a face for so long, a film is looked at turned, one way at a time, so often.
WHILE_S: Final = 1.0
EVERY_S: Final = 0.2
ROUNDING_S: Final = 1e-3  # of times in files
KEPT_S: Final = 3.0  # after a turned face was seen last, frames are looked at its way too
# Three more looks find three times as many things that are no face. Of 592 held-out backgrounds 11
# had one with a presence of 0.5, 3 with 0.9, which 98 of 100 faces on a side have.
PRESENCE_MIN: Final = 0.9
SAME_IOU: Final = 0.4  # of boxes of one face, found in two ways


def seen_turned(detect: Detect, image: Image, ways: Sequence[int]) -> tuple[Detection, ...]:
    """Find the faces that are turned some ways; one that is between two of them comes once.

    Args:
        detect: Finds upright faces.
        image: (H, W, 3) uint8, BGR.
        ways: Degrees by which faces are turned clockwise.

    Returns:
        Faces of `image`; their first point is the subject's right eye still.
    """
    several = [one for way in ways for one in _seen(detect, image, way)]
    return tuple(several) if len(ways) < 2 else tuple(_best(several))


def without(turned: Sequence[Detection], upright: Sequence[Detection]) -> tuple[Detection, ...]:
    """Leave out what is more likely an upright face: in the dark, any crop may seem to hold one."""
    return tuple(one for one in _best([*upright, *turned]) if any(one is it for it in turned))


def _best(several: Sequence[Detection]) -> list[Detection]:
    if len(several) < 2:
        return list(several)
    boxes = np.stack([one.box for one in several])
    scores = np.array([one.score for one in several], np.float32)
    return [several[index] for index in suppress(boxes, scores, SAME_IOU)]


def _seen(detect: Detect, image: Image, way: int) -> list[Detection]:
    if way == 0:
        return list(detect(image))
    turned, matrix = turn_back(image, way)
    back = invert(matrix)
    return [
        Detection(
            box=_box_back(found.box, back),
            score=found.score,
            points=transform(found.points, back),
        )
        for found in detect(turned)
    ]


def turn_back(image: Image, way: int) -> tuple[Image, Floats]:
    """Turn a whole picture so that faces that are turned clockwise by `way` degrees are upright.

    Returns:
        The picture, as large as it must be, and the (2, 3) map of `image`'s pixels to its own.
    """
    height, width = image.shape[:2]
    cos, sin = (round(float(f(np.radians(way))), 9) for f in (np.cos, np.sin))
    size = (
        round(abs(cos) * width + abs(sin) * height),
        round(abs(sin) * width + abs(cos) * height),
    )
    linear = np.array([[cos, sin], [-sin, cos]])
    middle, target = np.array([width - 1, height - 1]) / 2, (np.array(size) - 1) / 2
    matrix = np.hstack([linear, (target - linear @ middle)[:, None]]).astype(np.float32)
    turned = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), matrix


def _box_back(box: Floats, back: Floats) -> Floats:
    """Move a box by a rotation: the extent of the turned ellipse inscribed in it."""
    centre = transform((box[:2] + box[2:])[None] / np.float32(2), back)[0]
    reach = np.sqrt((back[:, :2] ** 2) @ ((box[2:] - box[:2]) / 2) ** 2)
    return np.concatenate([centre - reach, centre + reach]).astype(np.float32)


def way_of(landmarks: Floats) -> int:
    """Say which of the ways a face of 68 points is turned nearest to; 0 is upright."""
    right, left = five_points(landmarks)[:2]
    across, down = (left - right).tolist()
    turned = np.degrees(np.arctan2(down, across))
    return min((0, *OTHERS), key=lambda way: abs((turned - way + 180) % 360 - 180))


class Turns:
    """Decides which ways to turn a frame: none where upright faces are found."""

    def __init__(self) -> None:
        self._ways: tuple[int, ...] = ()
        self._seen_s = self._looked_s = self._now_s = 0.0
        self._next = 0

    def begin(self, frame: Frame) -> tuple[int, ...]:
        """Say which ways, besides upright, the faces of the frames before were turned."""
        if frame.file is not None or frame.index == 0 or frame.time_s < self._now_s:
            self._ways, self._seen_s, self._looked_s = (), frame.time_s, frame.time_s
        self._now_s = frame.time_s
        if frame.time_s - self._seen_s > KEPT_S:
            self._ways = ()
        return self._ways

    def others(self, frame: Frame) -> tuple[int, ...]:
        """Say which ways to try in a frame in which no face was found; perhaps none yet."""
        if frame.file is not None:
            return OTHERS
        now_s = frame.time_s + ROUNDING_S
        if now_s - self._seen_s < WHILE_S or now_s - self._looked_s < EVERY_S:
            return ()
        self._looked_s = frame.time_s
        way = OTHERS[self._next]
        self._next = (self._next + 1) % len(OTHERS)
        return (way,)

    def note(self, time_s: float, faces: Sequence[Floats]) -> None:
        """Remember the faces of a frame, (68, 2) each."""
        if faces:
            self._seen_s = time_s
            self._ways = tuple(sorted({way_of(face) for face in faces} - {0}))
