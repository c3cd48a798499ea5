"""Making faces unrecognisable, for recordings of people who do not want to be known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from engine.types import Analysis, Floats, Image

MARGIN: Final = 0.35  # of the box on each side: hair, ears and chin tell people apart too
BLOCKS: Final = 5  # what is left of a face is an average over this many squares a side
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


class FaceBlur:
    """Blurs a video's faces, also where a face is missed for a moment."""

    def __init__(self, hold_s: float = HOLD_S) -> None:
        """Take how long a face's last place stays blurred after it was seen, seconds."""
        self._hold_s = hold_s
        self._seen: dict[int, tuple[float, Floats]] = {}

    def blur(self, analysis: Analysis) -> Analysis:
        """Give the analysis with a blurred picture; analyses are to come in order."""
        now_s = analysis.frame.time_s
        self._seen = {
            face: seen for face, seen in self._seen.items() if 0 <= now_s - seen[0] <= self._hold_s
        }
        self._seen |= {track.id: (now_s, track.box) for track in analysis.tracks}
        image = blur_faces(analysis.frame.image, [box for _, box in self._seen.values()])
        return replace(analysis, frame=replace(analysis.frame, image=image))
