"""Making faces unrecognisable, for recordings of people who do not want to be known."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from engine.types import Analysis, Floats, Image

MARGIN: Final = 0.35  # of the box on each side: hair, ears and chin tell people apart too
BLOCKS: Final = 5  # what is left of a face is an average over this many squares a side
AHEAD_S: Final = 0.5  # more than ten frames, the detector's usual pace, at 25 frames a second
HOLD_S: Final = 1.0  # a face that is not found for a moment is still there


def blur_faces(image: Image, boxes: Sequence[Floats]) -> Image:
    """Blur the inside of boxes, and a margin around them.

    The part is averaged down to `BLOCKS` squares a side before it is drawn smooth again, so that no
    filter brings the face back.

    Args:
        image: (H, W, 3) uint8, BGR; never written to.
        boxes: Each (4,) float32, x0 y0 x1 y1, pixels of `image`, may leave it.

    Returns:
        (H, W, 3) uint8, BGR, a new array.
    """
    picture = image.copy()
    height, width = image.shape[:2]
    for box in boxes:
        x0, y0, x1, y1 = (float(value) for value in box)
        side_x, side_y = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
        left, top = max(0, int(x0 - side_x)), max(0, int(y0 - side_y))
        right, bottom = min(width, int(x1 + side_x) + 1), min(height, int(y1 + side_y) + 1)
        if left >= right or top >= bottom:
            continue  # wholly outside
        part = picture[top:bottom, left:right]
        squares = cv2.resize(part, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
        size = (right - left, bottom - top)
        smooth = cv2.resize(squares, size, interpolation=cv2.INTER_LINEAR)
        oval = np.zeros((bottom - top, right - left), np.uint8)
        centre, half = (size[0] // 2, size[1] // 2), (size[0] // 2 + 1, size[1] // 2 + 1)
        cv2.ellipse(oval, centre, half, 0, 0, 360, 255, -1)
        # The oval goes through the corners' inside; the box itself is always covered.
        _cover(oval, (x0 - left, y0 - top, x1 - left, y1 - top))
        cv2.copyTo(smooth, oval, part)
    return picture


def _cover(mask: Image, box: tuple[float, float, float, float]) -> None:
    """Set the box in `mask`, in place."""
    x0, y0, x1, y1 = box
    mask[max(0, int(y0)) : max(0, int(y1) + 1), max(0, int(x0)) : max(0, int(x1) + 1)] = 255


@dataclass(slots=True, eq=False)
class _Held:
    """A frame that waits, and the places to blur in it."""

    analysis: Analysis
    boxes: list[Floats]


class FaceBlur:
    """Blurs a video's faces, also shortly before they are found and after they are lost.

    Frames are held back for a moment: where a face is new, it was most likely in the frames before
    as well, since the detector does not look at every frame.
    """

    def __init__(self, hold_s: float = HOLD_S, ahead_s: float = AHEAD_S) -> None:
        """Start with no frame.

        Args:
            hold_s: How long a face's last place stays blurred, seconds.
            ahead_s: How long before it is first seen a face's place is blurred, seconds; frames
                are held back for as long, in memory.
        """
        self._hold_s, self._ahead_s = hold_s, ahead_s
        self._seen: dict[int, tuple[float, Floats]] = {}
        self._held: deque[_Held] = deque()

    def push(self, analysis: Analysis) -> list[Analysis]:
        """Take the next frame, and give those that are ready, blurred, in order."""
        now_s = analysis.frame.time_s
        self._seen = {
            face: seen for face, seen in self._seen.items() if 0 <= now_s - seen[0] <= self._hold_s
        }
        for track in analysis.tracks:
            if track.id not in self._seen:
                for held in self._held:
                    held.boxes.append(track.box)
            self._seen[track.id] = (now_s, track.box)
        self._held.append(_Held(analysis, [box for _, box in self._seen.values()]))
        ready = []
        while now_s - self._held[0].analysis.frame.time_s >= self._ahead_s:
            ready.append(_blurred(self._held.popleft()))
            if not self._held:
                break
        return ready

    def flush(self) -> list[Analysis]:
        """Give the frames that were held back, blurred, in order."""
        rest = [_blurred(held) for held in self._held]
        self._held.clear()
        return rest


def _blurred(held: _Held) -> Analysis:
    frame = held.analysis.frame
    return replace(held.analysis, frame=replace(frame, image=blur_faces(frame.image, held.boxes)))
