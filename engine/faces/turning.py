"""People who lie, sideways cameras, wrong pixel shapes: frames are turned and stretched back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from engine.faces.alignment import invert, transform
from engine.faces.detection import suppress
from engine.faces.landmarks import five_points
from engine.types import Detection, Floats, Frame, Image, Picture, whole

Detect = Callable[[Picture], Sequence[Detection]]

STRETCH: Final = 1.5  # between 4:3 and 16:9, of pictures that do not say their pixels' shape


@dataclass(frozen=True, slots=True)
class Way:
    """How a picture may show its faces.

    Attributes:
        turn_deg: Degrees by which they are turned clockwise.
        stretch: Their width over their height, of what these are on an upright face.
    """

    turn_deg: int = 0
    stretch: float = 1.0


UPRIGHT: Final = Way()
# A network that finds faces turned up to 45 degrees and more needs no ways between these.
TURNED: Final = (Way(90), Way(-90), Way(180))
STRETCHED: Final = (Way(stretch=1 / STRETCH), Way(stretch=STRETCH))
OTHERS: Final = (*TURNED, *STRETCHED)
# Distance of the eyes over that from the eyes to the mouth: from 0.9 to 1.2 on a face that looks
# into the camera, less where it is shown narrow, or looks aside.
NARROW_MAX: Final = 0.85
WIDE_MIN: Final = 1.3
# Without a face for so long, a film is looked at turned, one way at a time, so often.
WHILE_S: Final = 1.0
EVERY_S: Final = 0.2
ROUNDING_S: Final = 1e-3  # of times in files
KEPT_S: Final = 3.0  # after a turned face was seen last, frames are looked at its way too
# More looks find more things that are no face: of 296 held-out backgrounds 3 have a find, none has
# one whose score times its presence is so high; of 510 faces shown other ways 447 are found without
# and 445 with it.
SURE_MIN: Final = 0.6
SAME_IOU: Final = 0.4  # of boxes of one face, found in two ways


def seen_turned(detect: Detect, picture: Picture, ways: Sequence[Way]) -> tuple[Detection, ...]:
    """Find the faces that are shown some ways; one that is between two of them comes once.

    Args:
        detect: Finds upright faces.
        picture: (H, W, 3) uint8, BGR, or what was decoded.
        ways: To look for.

    Returns:
        Faces of the picture; their first point is the subject's right eye still.
    """
    several = [one for way in ways for one in _seen(detect, picture, way)]
    return tuple(several) if len(ways) < 2 else tuple(_best(several))


def without(turned: Sequence[Detection], upright: Sequence[Detection]) -> tuple[Detection, ...]:
    """Leave out what is more likely an upright face: in the dark, any crop may seem to hold one."""
    return tuple(one for one in _best([*upright, *turned]) if any(one is it for it in turned))


def is_surely(found: Detection, presence: float) -> bool:
    """Say whether a find in another way than upright is a face.

    Args:
        found: By the detector.
        presence: That the landmark network gives it.
    """
    return found.score * presence >= SURE_MIN


def _best(several: Sequence[Detection]) -> list[Detection]:
    if len(several) < 2:
        return list(several)
    boxes = np.stack([one.box for one in several])
    scores = np.array([one.score for one in several], np.float32)
    return [several[index] for index in suppress(boxes, scores, SAME_IOU)]


def _seen(detect: Detect, picture: Picture, way: Way) -> list[Detection]:
    if way == UPRIGHT:
        return list(detect(picture))
    turned, matrix = turn_back(whole(picture), way)
    back = invert(matrix)
    return [
        replace(found, box=_box_back(found.box, back), points=transform(found.points, back))
        for found in detect(turned)
    ]


def turn_back(image: Image, way: Way) -> tuple[Image, Floats]:
    """Turn or stretch a whole picture so that faces that are shown one way are upright.

    Returns:
        The picture, as large as it must be, and the (2, 3) map of `image`'s pixels to its own.
    """
    height, width = image.shape[:2]
    cos, sin = (round(float(f(np.radians(way.turn_deg))), 9) for f in (np.cos, np.sin))
    linear = np.array([[cos, sin], [-sin, cos]]) @ np.diag([1.0, way.stretch])
    if way.stretch < 1:  # nothing is shrunk: small faces would be lost
        linear /= way.stretch
    across, down = np.abs(linear) @ [width, height]
    size = (round(float(across)), round(float(down)))
    middle, target = np.array([width - 1, height - 1]) / 2, (np.array(size) - 1) / 2
    matrix = np.hstack([linear, (target - linear @ middle)[:, None]]).astype(np.float32)
    turned = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), matrix


def _box_back(box: Floats, back: Floats) -> Floats:
    """Move a box by a linear map: the extent of what becomes of the ellipse inscribed in it."""
    centre = transform((box[:2] + box[2:])[None] / np.float32(2), back)[0]
    reach = np.sqrt((back[:, :2] ** 2) @ ((box[2:] - box[:2]) / 2) ** 2)
    return np.concatenate([centre - reach, centre + reach]).astype(np.float32)


def turn_of(landmarks: Floats) -> Way:
    """Say which of the ways a face of 68 points is turned nearest to, upright or `TURNED`."""
    right, left = five_points(landmarks)[:2]
    across, down = (left - right).tolist()
    turned = np.degrees(np.arctan2(down, across))
    return min((UPRIGHT, *TURNED), key=lambda way: abs((turned - way.turn_deg + 180) % 360 - 180))


def stretch_of(landmarks: Floats) -> Way:
    """Say which of `STRETCHED` a face of 68 points may be shown, or upright where it is neither."""
    right, left, _, *mouth = five_points(landmarks)
    eyes, down = left - right, np.mean(mouth, axis=0) - (right + left) / 2
    # The part of `down` that is at right angles to the eyes.
    ratio = float(eyes @ eyes) / max(abs(float(eyes[0] * down[1] - eyes[1] * down[0])), 1e-6)
    narrow, wide = STRETCHED
    return narrow if ratio < NARROW_MAX else wide if ratio > WIDE_MIN else UPRIGHT


class Turns:
    """Decides which ways to look at a frame: only as it is where faces are found so."""

    def __init__(self) -> None:
        self._ways: tuple[Way, ...] = ()
        self._tried: tuple[Way, ...] = ()
        self._seen_s = self._looked_s = self._now_s = 0.0
        self._next = 0

    def begin(self, frame: Frame) -> tuple[Way, ...]:
        """Say which ways, besides upright, the frames before showed their faces."""
        if frame.file is not None or frame.index == 0 or frame.time_s < self._now_s:
            self._ways, self._seen_s, self._looked_s = (), frame.time_s, frame.time_s
        self._now_s = frame.time_s
        if frame.time_s - self._seen_s > KEPT_S:
            self._ways = ()
        self._tried = self._ways
        return self._ways

    def others(self, frame: Frame) -> tuple[Way, ...]:
        """Say which ways to try in a frame in which no face was found; perhaps none yet."""
        if frame.file is not None:
            return OTHERS
        now_s = frame.time_s + ROUNDING_S
        if now_s - self._seen_s < WHILE_S or now_s - self._looked_s < EVERY_S:
            return ()
        self._looked_s = frame.time_s
        self._tried = (OTHERS[self._next],)
        self._next = (self._next + 1) % len(OTHERS)
        return self._tried

    def note(self, time_s: float, faces: Sequence[Floats]) -> None:
        """Remember the faces of a frame, (68, 2) each."""
        if faces:
            self._seen_s = time_s
            turns = {turn_of(face) for face in faces}
            # Many a face that looks aside is narrow: it is stretched if it was found so.
            narrow = map(stretch_of, faces) if self._tried else ()
            stretched = set(self._tried).intersection(narrow)
            self._ways = tuple(way for way in OTHERS if way in turns | stretched)
